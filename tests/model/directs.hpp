#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace troupe::model {

/// What clients have said to users outside of rooms, by the number of the command.
struct direct_log {
  struct said {
    std::string client; ///< who says it
    std::string to;     ///< a user
    bool was_acked = false;
    bool was_away = false; ///< it was answered that nobody is there
  };
  std::map<int, said> all;

  [[nodiscard]] int last() const { return all.empty() ? 0 : all.rbegin()->first; }
};

/// The directs of one session, as those who have had it were told them.
class heard_directs {
public:
  /// `since`: the last direct that was said before the session was surely there.
  void begin(int since) { since_ = since; }

  /// Returns what is wrong with hearing direct `number` as the `seq`-th of the session; nothing if
  /// that is right.
  [[nodiscard]] std::string hear(std::uint64_t seq, int number);

  /// The number of the latest that anybody has heard.
  [[nodiscard]] std::uint64_t last() const { return by_seq_.empty() ? 0 : by_seq_.rbegin()->first; }
  /// Returns what is wrong in the end. `is_there`: a client of the session is there and has been
  /// told all.
  [[nodiscard]] std::vector<std::string> complaints(const direct_log& log, const std::string& user,
                                                    bool is_there) const;

private:
  int since_ = 0;
  std::map<std::uint64_t, int> by_seq_;
  std::set<int> numbers_;
};

} // namespace troupe::model
