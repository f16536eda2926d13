#include <utility>

#include "directs.hpp"

#include "client.hpp"

#include <algorithm>

namespace troupe::model {

std::string heard_directs::hear(std::uint64_t seq, int number) {
  auto [at, is_new] = by_seq_.try_emplace(seq, number);
  if (!is_new && at->second != number)
    return "hears two directs as the " + std::to_string(seq) + "th";
  if (is_new && !numbers_.insert(number).second)
    return "hears direct " + std::to_string(number) + " twice";
  return {};
}

/// Those that have a number and were not heard were told to a connection that ended, and were not
/// asked for again or not kept.
std::vector<std::string> heard_directs::complaints(const direct_log& log, const std::string& user,
                                                   bool is_there) const {
  std::vector<std::string> all;
  std::map<std::string, int> last_of;
  for (auto& [seq, number] : by_seq_) {
    auto& said = log.all.at(number);
    if (said.was_away)
      all.push_back("hears direct " + std::to_string(number) + ", which reached nobody");
    if (number < std::exchange(last_of[said.client], number))
      all.push_back("hears the directs of " + said.client + " out of order");
  }
  auto unheard = last() - by_seq_.size();
  std::string missing;
  for (auto& [number, said] : log.all)
    if (is_there && number > since_ && said.to == user && said.was_acked
        && !numbers_.contains(number) && unheard-- == 0)
      return all.push_back("does not hear direct " + std::to_string(number)), all;
  return all;
}

// -- clients --------------------------------------------------------------------------------------

void client::direct(const std::string& user, int number, bool ref) {
  oracle_.directs.all[number] = {name(), user};
  send({command::kind::direct, "direct", number, {}, ref},
       R"(,"to":")" + user + R"(","text":")" + std::to_string(number) + '"');
}

/// Without `ref` a refusal may be that of another direct.
void client::on_direct_answer(const command& c, const frame_fields& f) {
  auto& said = oracle_.directs.all.at(c.number);
  said.was_acked = f.type == "ack";
  auto is_away = f.code == "user_away";
  said.was_away = is_away && c.ref;
  if (f.type == "ack" && (!f.room.empty() || f.seq))
    complain("the ack of a direct names a room or a position");
  if (f.type == "error" && !is_away)
    complain("a direct was refused by " + f.code);
}

/// Returns its number; nothing if it is not for this client.
std::optional<int> client::number_of_direct(const frame_fields& f) {
  auto number = std::atoi(f.text.c_str());
  auto said = oracle_.directs.all.find(number);
  if (said == oracle_.directs.all.end() || said->second.to != user_id()
      || oracle_.user_of(said->second.client) != f.user)
    return complain("hears a direct that is not for it: " + f.text), std::nullopt;
  ++oracle_.seen["direct"];
  return number;
}

void v1_client::on_direct(const frame_fields& f) {
  auto number = number_of_direct(f);
  auto may_jump = std::exchange(directs_may_jump_, false);
  if (!number)
    return;
  if (!f.seq || (*f.seq != direct_at_ + 1 && !(may_jump && *f.seq > direct_at_)))
    complain("hears direct " + f.text + " behind the " + std::to_string(direct_at_) + "th");
  direct_at_ = f.seq.value_or(0);
  if (auto wrong = lasting_->directs().hear(direct_at_, *number); !wrong.empty())
    complain(wrong);
}

/// A session keeps 32.
void v1_client::on_directs_resumed(const frame_fields& f, const resume_claim& claim) {
  if (f.direct.empty() == claim.directs.has_value())
    return complain("its resumed tells of directs, and it did not ask, or the other way round");
  directs_may_jump_ = !claim.directs;
  direct_at_ = 0;
  if (!claim.directs)
    return lasting_->directs().begin(oracle_.directs.last()); // what it has missed is lost
  auto& told = f.direct.front();
  auto seen = *claim.directs, latest = told.seq.value_or(0);
  auto has_all = seen <= latest && latest - seen <= 32;
  if (told.recovered != has_all)
    complain("its directs behind the " + std::to_string(seen) + "th of " + std::to_string(latest)
             + (has_all ? " are lost" : " are all there"));
  if (lasting_->is_alone(*this) && latest < lasting_->directs().last())
    complain("its resumed knows of fewer directs than it has heard");
  ++oracle_.seen[has_all ? "directs recovered" : "directs lost"];
  if (!has_all)
    lasting_->directs().begin(oracle_.directs.last());
  directs_may_jump_ = !has_all;
  direct_at_ = std::min(seen, latest);
}

void v1_client::settle_directs() {
  auto is_there = !gone() && !is_resuming() && &lasting_->holder() == this;
  if (is_there || lasting_->began_with(name()))
    for (auto& wrong : lasting_->directs().complaints(oracle_.directs, lasting_->user(), is_there))
      complain(wrong);
}

void plain_client::on_direct(const frame_fields& f) {
  auto number = number_of_direct(f);
  if (!number)
    return;
  if (f.seq)
    complain("hears a direct with a position");
  if (*number <= std::exchange(last_direct_of_[oracle_.directs.all[*number].client], *number))
    complain("hears direct " + f.text + " twice or out of order");
}

} // namespace troupe::model
