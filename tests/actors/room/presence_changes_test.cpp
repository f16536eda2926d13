#include "room/presence_changes.hpp"

#include <catch2/catch.hpp>

#include <optional>
#include <string>

using namespace troupe::actors;

namespace {

constexpr std::optional<std::uint64_t> absent{};
constexpr std::optional<std::uint64_t> with_one{1}, with_two{2};

/// Changes as one text: `+` joined, `-` left, `~` changed.
std::string text_of(const presence_changes& all) {
  std::string text;
  for (auto& [user, c] : all.all())
    text += (!c.now ? "-" : c.is_known() ? "~" : "+") + user;
  return text;
}

} // namespace

TEST_CASE("changes of a user are one, from what it was to what it is") {
  presence_changes all;
  all.note("ann", absent, with_one, {}, false);
  all.note("ann", with_one, with_two, {}, false);
  all.note("bob", with_one, absent, leave_reason::kicked, false);
  all.note("eve", with_one, absent, {}, false);
  all.note("eve", absent, with_two, {}, false);

  CHECK(text_of(all) == "+ann-bob~eve");
  CHECK(all.all().find("bob")->second.reason == leave_reason::kicked);
}

TEST_CASE("what is undone is no change") {
  presence_changes all;
  all.note("came", absent, with_one, {}, false);
  all.note("came", with_one, absent, {}, false);
  all.note("went", with_one, absent, {}, false);
  all.note("went", absent, with_one, {}, false);
  all.note("changed", with_one, with_two, {}, false);
  all.note("changed", with_two, with_one, {}, false);

  CHECK(all.empty());
}

TEST_CASE("what is undone after a list has shown it is told, as it is now") {
  presence_changes all;
  all.note("came", absent, with_one, {}, false);
  all.note("went", with_one, absent, {}, false);
  all.note("changed", with_one, with_two, {}, false);
  all.note_list("reader");
  all.note("came", with_one, absent, {}, false);
  all.note("went", absent, with_one, {}, false);
  all.note("changed", with_two, with_one, {}, false);
  all.note("later", absent, with_one, {}, false);
  all.note("later", with_one, absent, {}, false);

  CHECK(text_of(all) == "-came+changed+went");
}

TEST_CASE("a list that a user gets shows itself to itself alone") {
  presence_changes all;
  all.note("ann", absent, with_one, {}, false);
  all.note_list("ann");
  all.note("ann", with_one, absent, {}, false);
  CHECK(all.empty());

  all.note("ann", absent, with_one, {}, false);
  all.note_list("bob");
  all.note_list("ann");
  all.note("ann", with_one, absent, {}, false);
  CHECK(text_of(all) == "-ann");
  all.drop_told(all.all().end());

  all.note("bob", with_one, with_two, {},
           false); // one of its sessions has this list, another goes on
  all.note_list("bob");
  all.note("bob", with_two, with_one, {}, false);
  CHECK(text_of(all) == "+bob");
}

TEST_CASE("what a session has brought itself it is told again if another one undoes it") {
  presence_changes all;
  all.note("ann", with_one, with_two, {}, true);
  all.note("ann", with_two, with_one, {}, true);
  all.note("bob", with_one, with_two, {}, false); // a session has left, and with it its profile
  all.note("bob", with_two, with_one, {}, true);

  CHECK(text_of(all) == "+ann");
}

TEST_CASE("what was told in part counts as shown, and the rest stays") {
  presence_changes all;
  for (auto* user : {"a", "b", "c"})
    all.note(user, absent, with_one, {}, false);

  all.drop_told(all.all().find("b"));
  CHECK(text_of(all) == "+b+c");
  all.note("c", with_one, absent, {}, false);

  CHECK(text_of(all) == "+b-c");
}
