#include "crowd.hpp"

#include "node_process.hpp"

#include <algorithm>
#include <unordered_set>

namespace troupe::churn {
namespace {

using namespace std::chrono_literals;

constexpr int wait_ms = 20;
constexpr auto settle_limit = 30s;

} // namespace

void crowd::run(std::chrono::milliseconds time,
                const std::function<void(std::size_t)>& each_second) {
  auto end = clock::now() + time;
  auto next_report = clock::now() + 1s;
  while (clock::now() < end) {
    fill();
    for (auto& v : visitors_)
      v->act();
    around_.poller.run(wait_ms);
    if (clock::now() < next_report)
      continue;
    each_second(open());
    next_report += 1s;
  }
}

void crowd::fill() {
  for (auto& v : visitors_)
    if (!v || v->gone())
      v = std::make_unique<visitor>(around_);
}

void crowd::settle(const node_process& node) {
  if (quiet("waits for")) {
    await_gauges(node);
    say_goodbye();
  }
  for (auto& v : visitors_)
    v->go();
  until([](auto& v) { return v.gone(); }, "waits for the end of its connection");
  visitors_.clear();
  around_.what_is_true.settle();
}

void crowd::say_goodbye() {
  for (auto& v : visitors_)
    v->join_again();
  if (!quiet("has joined again and waits for"))
    return;
  check_agreement();
  for (auto& v : visitors_)
    if (around_.chance.chance(50))
      v->leave_all();
  quiet("leaves and waits for");
}

bool crowd::quiet(std::string_view what) {
  return until([](auto& v) { return v.calm(); }, what);
}

bool crowd::until(const std::function<bool(const visitor&)>& holds, std::string_view what) {
  auto end = clock::now() + settle_limit;
  auto all = [&] {
    return std::all_of(visitors_.begin(), visitors_.end(), [&](auto& v) { return holds(*v); });
  };
  while (!all() && clock::now() < end)
    around_.poller.run(wait_ms);
  for (auto& v : visitors_)
    if (!holds(*v))
      around_.what_is_true.complain(v->what_it_read().life(),
                                    std::string{what} + v->what_it_read().owed_text());
  return all();
}

void crowd::await_gauges(const node_process& node) {
  std::size_t memberships = 0;
  for (auto& v : visitors_)
    memberships += v->rooms_held();
  auto agrees = [&](auto& m) {
    return m.at("troupe_connections") == static_cast<double>(open())
        && m.at("troupe_members") == static_cast<double>(memberships);
  };
  if (node.until(20s, agrees))
    return;
  auto m = node.metrics();
  auto whole = [](double n) { return std::to_string(static_cast<std::int64_t>(n)); };
  around_.what_is_true.complain("the node has " + whole(m["troupe_connections"])
                                + " connections and " + whole(m["troupe_members"])
                                + " members, not " + std::to_string(open()) + " and "
                                + std::to_string(memberships));
}

std::size_t crowd::open() const {
  return static_cast<std::size_t>(
    std::count_if(visitors_.begin(), visitors_.end(), [](auto& v) { return v && !v->gone(); }));
}

// -- agreement ------------------------------------------------------------------------------------

void crowd::check_agreement() {
  for (unsigned room = 0; room < around_.what_is_true.rooms(); ++room) {
    std::vector<const reader*> members;
    for (auto& v : visitors_)
      if (!v->gone() && v->in(room))
        members.push_back(&v->what_it_read());
    check_room(room, members);
  }
}

/// Checks that all members are in the same incarnation and at the same seq, and know of each other.
void crowd::check_room(unsigned room, const std::vector<const reader*>& members) {
  const stay* first = nullptr;
  for (auto* who : members) {
    if (who->plain())
      continue;
    auto* s = who->stay_in(room);
    if (!s) {
      around_.what_is_true.complain(who->life(), "is not in room " + std::to_string(room)
                                                   + " that it has joined");
      continue;
    }
    if (!first)
      first = s;
    if (s->log != first->log || s->next != first->next)
      around_.what_is_true.complain(
        who->life(), "is in room " + std::to_string(room) + " in epoch " + s->log->epoch
                       + " at seq " + std::to_string(s->next) + ", another in " + first->log->epoch
                       + " at " + std::to_string(first->next));
    check_present(room, *who, members);
  }
}

void crowd::check_present(unsigned room, const reader& who,
                          const std::vector<const reader*>& members) {
  auto& truth = around_.what_is_true;
  auto& mine = *who.stay_in(room);
  std::unordered_set<user_number> here;
  for (auto* other : members) {
    auto user = truth.user_of(other->life());
    here.insert(user);
    auto* theirs = other->stay_in(room);
    if (other == &who || !theirs || theirs->joined <= mine.joined)
      continue; // only a later position proves that it came later
    if (auto i = mine.present.find(user); i == mine.present.end() || !i->second)
      truth.complain(who.life(), "was not told that life " + std::to_string(other->life())
                                   + " came into room " + std::to_string(room));
  }
  for (auto [user, present] : mine.present)
    if (present && truth.life_of(user) != 0 && !here.contains(user))
      truth.complain(who.life(), "was not told that life " + std::to_string(truth.life_of(user))
                                   + " left room " + std::to_string(room));
}

} // namespace troupe::churn
