#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::test {

/// Makes damaged copies of a corpus. The same seed makes the same copies.
class mutator {
public:
  mutator(std::uint64_t seed, std::vector<std::string> corpus)
    : random_(seed), corpus_(std::move(corpus)) {}

  /// One text of the corpus after one to four flips, deletions, insertions, splices and cuts.
  [[nodiscard]] std::string next();

private:
  [[nodiscard]] std::size_t below(std::size_t bound) { return bound == 0 ? 0 : random_() % bound; }
  [[nodiscard]] const std::string& any() { return corpus_[below(corpus_.size())]; }
  /// A short piece of a text of the corpus.
  [[nodiscard]] std::string_view piece();
  void mutate(std::string& text);

  std::mt19937_64 random_;
  std::vector<std::string> corpus_;
};

} // namespace troupe::test
