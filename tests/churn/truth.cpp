#include "truth.hpp"

#include <array>
#include <charconv>
#include <iostream>

namespace troupe::churn {
namespace {

constexpr std::size_t most_complaints_shown = 30;

/// Characters that the two codecs encode differently, or that need care in one of them.
constexpr std::array<std::string_view, 8> fragments{"x",  "é", "\"", "\\",
                                                    "앤", "😀", "\n", "plain text "};

/// Mostly short, now and then long enough for each length of frame header and for more than one
/// segment.
std::string padding_for(publication_id p) {
  auto mixed = p * 2'654'435'761U;
  auto count = p % 500 == 0 ? 4'000 : p % 20 == 0 ? 60 : mixed % 8;
  std::string padding;
  for (unsigned i = 0; i < count; ++i)
    padding += fragments[(mixed >> 8 ^ i * 7) % fragments.size()];
  return padding;
}

std::size_t hash_of(std::string_view text) { return std::hash<std::string_view>{}(text) | 1U; }

std::string place_text(const room_log& log, std::uint64_t seq) {
  return "seq " + std::to_string(seq) + " of room " + std::to_string(log.room) + " in epoch "
       + log.epoch;
}

} // namespace

truth::truth(unsigned rooms) {
  for (unsigned i = 0; i < rooms; ++i) {
    names_.push_back((i % 3 == 0 ? "방 " : i % 3 == 1 ? "room:" : "r\\") + std::to_string(i));
    rooms_by_name_.emplace(names_.back(), i);
  }
}

// -- rooms and users ------------------------------------------------------------------------------

unsigned truth::room_named(std::string_view name) const {
  auto i = rooms_by_name_.find(name);
  return i == rooms_by_name_.end() ? rooms() : i->second;
}

user_number truth::user_named(std::string_view user_id) {
  if (auto i = users_by_name_.find(user_id); i != users_by_name_.end())
    return i->second;
  lives_of_users_.push_back(0);
  return users_by_name_[std::string{user_id}] =
           static_cast<user_number>(lives_of_users_.size() - 1);
}

life_id truth::begin_life() {
  users_of_lives_.push_back(0);
  return static_cast<life_id>(users_of_lives_.size() - 1);
}

void truth::identify(life_id life, user_number user) {
  auto& known_user = users_of_lives_[life];
  auto& known_life = lives_of_users_[user];
  if ((known_user != 0 && known_user != user) || (known_life != 0 && known_life != life))
    return complain(life, "a user id that is not its own");
  known_user = user;
  known_life = life;
}

// -- what is said ---------------------------------------------------------------------------------

std::string truth::publish(life_id by, unsigned room, bool echo, bool refused) {
  auto id = static_cast<publication_id>(said_.size());
  auto text = std::to_string(id) + ' ' + padding_for(id);
  said_.push_back({by, room, echo, false, refused, hash_of(text)});
  return text;
}

// -- what is heard --------------------------------------------------------------------------------

room_log* truth::log_of(unsigned room, std::string_view epoch) {
  auto i = logs_.find(epoch);
  if (i == logs_.end())
    i = logs_.emplace(epoch, std::make_unique<room_log>(room_log{room, std::string{epoch}, {}}))
          .first;
  if (i->second->room == room)
    return i->second.get();
  complain("two rooms have the epoch " + std::string{epoch});
  return nullptr;
}

publication_id truth::heard(std::string_view text) const {
  publication_id p = 0;
  auto end = std::from_chars(text.data(), text.data() + text.size(), p);
  return end.ec == std::errc{} && p > 0 && p < said_.size() && said_[p].text_hash == hash_of(text)
         ? p
         : 0;
}

void truth::place(publication_id p, room_log& log, std::uint64_t seq) {
  if (seq == 0 || seq > said_.size())
    return complain(place_text(log, seq) + ": more than was ever said");
  if (log.said.size() <= seq)
    log.said.resize(seq + 1);
  auto& here = log.said[seq];
  if (here != 0 && here != p)
    complain(place_text(log, seq) + " is publication " + std::to_string(here) + " for one and "
             + std::to_string(p) + " for another");
  here = p;
  auto& it = said_[p];
  if (it.log && it.log != &log)
    complain("publication " + std::to_string(p) + " lies in two epochs");
  it.log = &log;
  place(p, seq);
}

void truth::place(publication_id p, std::uint64_t seq) {
  auto& it = said_[p];
  if (it.seq != 0 && it.seq != seq)
    complain("publication " + std::to_string(p) + " has seq " + std::to_string(it.seq) + " and seq "
             + std::to_string(seq));
  if (it.refused)
    complain("publication " + std::to_string(p) + " came from no member and was stored");
  it.seq = seq;
}

void truth::check_stamp(publication_id p, user_number sender, std::string_view timestamp) {
  auto& it = said_[p];
  identify(it.by, sender);
  if (timestamp.empty())
    return; // clients without subprotocol get no timestamp
  auto hash = hash_of(timestamp);
  if (it.timestamp_hash != 0 && it.timestamp_hash != hash)
    complain("publication " + std::to_string(p) + " has two timestamps");
  it.timestamp_hash = hash;
}

void truth::excuse_later(life_id life, const room_log& log, std::uint64_t from, std::uint64_t to) {
  for (; from < to; ++from)
    gaps_.push_back({life, &log, from});
}

void truth::keep_run(life_id life, std::vector<publication_id> run) {
  if (run.size() > 1)
    runs_.emplace_back(life, std::move(run));
}

// -- once nothing moves ---------------------------------------------------------------------------

void truth::settle() {
  for (auto& [epoch, log] : logs_)
    check_order(*log);
  for (auto& g : std::exchange(gaps_, {}))
    settle_gap(g);
  for (auto [life, p] : std::exchange(strays_, {}))
    if (!said_[p].anywhere)
      complain(life, "publication " + std::to_string(p) + " in another room than it was said in");
  for (auto& [life, run] : std::exchange(runs_, {}))
    check_run(life, run);
  // Publications without echo that nobody has placed.
  std::map<std::pair<life_id, unsigned>, std::size_t> silent;
  for (auto& p : said_)
    if (!p.echo && !p.refused && !p.log)
      ++silent[{p.by, p.room}];
  std::map<std::pair<life_id, unsigned>, std::size_t> unheard;
  for (auto& [where, places] : std::exchange(unheard_, {}))
    unheard[{where.first, where.second->room}] += places;
  for (auto& [where, places] : unheard)
    if (places > silent[where])
      complain(where.first, std::to_string(places) + " seqs of room " + std::to_string(where.second)
                              + " were skipped; nobody has got them, and at most "
                              + std::to_string(silent[where]) + " are its own without echo");
}

void truth::settle_gap(const gap& g) {
  auto p = g.log->at(g.seq);
  if (p == 0)
    ++unheard_[{g.life, g.log}];
  else if (said_[p].by != g.life || said_[p].echo)
    complain(g.life, place_text(*g.log, g.seq) + " was skipped (publication " + std::to_string(p)
                       + " of life " + std::to_string(said_[p].by) + ")");
}

/// Checks that between the first and the last publication that a client got of a room, it got every
/// one that anybody got, except its own without echo.
void truth::check_run(life_id life, const std::vector<publication_id>& run) {
  const publication* before = nullptr;
  for (auto id : run) {
    auto& p = said_[id];
    if (p.anywhere)
      continue;
    if (!p.log || (before && before->log != p.log)) {
      if (p.log)
        complain(life, "publication " + std::to_string(id) + " came in a stay of another epoch");
      continue;
    }
    if (before && p.seq <= before->seq)
      complain(life, place_text(*p.log, p.seq) + " again or late");
    for (auto seq = before ? before->seq + 1 : p.seq; seq < p.seq; ++seq)
      if (auto& missed = said_[p.log->at(seq)];
          missed.by != 0 && !missed.anywhere && (missed.by != life || missed.echo))
        complain(life, place_text(*p.log, seq) + " was skipped");
    before = &p;
  }
}

/// Checks that the room kept the order of each sender.
void truth::check_order(const room_log& log) {
  std::unordered_map<life_id, publication_id> last;
  for (auto p : log.said)
    if (p != 0)
      if (auto& before = last[said_[p].by]; std::exchange(before, p) > p)
        complain(said_[p].by,
                 "publication " + std::to_string(p) + " was ordered after a later one");
}

// -- complaints -----------------------------------------------------------------------------------

void truth::complain(std::string what) {
  if (++complaints_ <= most_complaints_shown)
    std::cout << "complaint: " << what << std::endl;
}

void truth::complain(life_id life, const std::string& what) {
  complain("life " + std::to_string(life) + ": " + what);
}

} // namespace troupe::churn
