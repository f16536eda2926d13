#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace troupe::model {

/// A message that a room has accepted under an id.
struct accepted_message {
  std::string id;
  int number = 0;      ///< of its command
  bool is_sure = true; ///< whether the session that comes back surely has it
};

/// The ids of messages that one room has accepted, session by session. Of each the room knows the
/// last 64 again, for as long as its session is in the room, and once it has come back.
///
/// `begin_*` and `part` follow the members of the room; the rest asks what it knows.
class known_ids {
public:
  static constexpr std::size_t most = 64;

  /// A client joins by that command.
  void begin_anew(const std::string& client, int number) { stays_[client].push_back({number, {}}); }
  /// A client comes back to the place of another one.
  void begin_after(const std::string& client, const std::string& former) {
    come_back(client, all_of(former));
  }
  /// A client comes back by a session that had lost its connection.
  void begin_again(const std::string& client, const std::string& session) {
    come_back(client, departed_[session]);
    departed_.erase(session);
  }
  /// A client has lost its connection, or its place. `is_sure`: it surely has that session.
  void part(const std::string& client, const std::string& session, bool is_sure) {
    auto all = all_of(client);
    if (all.empty())
      return;
    for (auto& m : all)
      m.is_sure &= is_sure;
    if (is_sure)
      return void(departed_[session] = std::move(all));
    auto& before = departed_[session];
    before.insert(before.end(), all.begin(), all.end());
    doubt(session);
  }
  /// The session has joined anew: nobody promises that it has lost what it had before.
  void doubt(const std::string& session) {
    if (auto i = departed_.find(session); i != departed_.end())
      for (auto& m : i->second)
        m.is_sure = false;
  }

  /// A message of that client was accepted.
  void add(const std::string& client, const std::string& id, int number) {
    stays_[client].back().all.push_back({id, number});
  }
  /// The message that command `number` of that client repeats by its id; nothing: it repeats none.
  [[nodiscard]] std::optional<accepted_message> first_of(const std::string& client, int number,
                                                         const std::string& id) const {
    auto i = stays_.find(client);
    if (i == stays_.end() || id.empty())
      return std::nullopt;
    auto in = std::find_if(i->second.rbegin(), i->second.rend(),
                           [&](auto& s) { return s.begun_by < number; });
    if (in == i->second.rend())
      return std::nullopt;
    auto& all = in->all;
    auto own = all.begin() + static_cast<std::ptrdiff_t>(in->brought);
    auto end = std::find_if(own, all.end(), [&](auto& m) { return m.number >= number; });
    for (auto known = most; end != all.begin() && known > 0; --known)
      if (--end; end->id == id)
        return *end;
    return std::nullopt;
  }

private:
  struct stay {
    int begun_by = 0;        ///< its command
    std::size_t brought = 0; ///< how many of them it has brought along
    std::vector<accepted_message> all;
  };
  void come_back(const std::string& client, std::vector<accepted_message> all) {
    auto brought = all.size();
    stays_[client].push_back({0, brought, std::move(all)});
  }
  [[nodiscard]] std::vector<accepted_message> all_of(const std::string& client) const {
    auto i = stays_.find(client);
    return i == stays_.end() ? std::vector<accepted_message>{} : i->second.back().all;
  }

  std::map<std::string, std::deque<stay>> stays_;
  std::map<std::string, std::vector<accepted_message>> departed_; ///< by session
};

} // namespace troupe::model
