#include <utility>

#include "lasting.hpp"

#include "client.hpp"

#include <algorithm>

namespace troupe::model {

lasting_session::lasting_session(client& first, std::string user, std::string id, std::string text)
  : user_(std::move(user)),
    id_(std::move(id)),
    holder_(&first),
    holders_{&first},
    names_{first.name()},
    strings_{{std::move(text), string_state::good}} {}

void lasting_session::claim(client& by, const std::string& text) {
  doubt(text);
  auto is_open = [](auto& c) { return c.is_open; };
  auto is_alone = std::none_of(claims_.begin(), claims_.end(), is_open);
  claims_.push_back({&by, text, true, is_alone});
  names_.push_back(by.name());
}

/// All strings but one are unsure, unless they are gone.
void lasting_session::doubt(const std::string& but) {
  for (auto& [text, state] : strings_)
    if (text != but && state == string_state::good)
      state = string_state::unsure;
}

void lasting_session::taken(client& by, const std::string& own) {
  auto alone = is_alone(by);
  if (auto* c = claim_of(by))
    c->is_open = false;
  holder_ = &by;
  is_holder_sure_ = alone;
  holders_.push_back(&by);
  strings_[own] = alone ? string_state::good : string_state::unsure;
}

void lasting_session::refused(const client& by) {
  if (auto* c = claim_of(by))
    c->is_open = false;
  std::erase(names_, by.name());
}

/// What is sent along with a `resume` may be read by the server behind `resumed`.
void lasting_session::commanded(const client& by) {
  auto* c = claim_of(by);
  if (!c)
    return;
  if (auto& state = strings_[c->text]; state == string_state::good)
    state = string_state::unsure;
}

/// If nobody else claims it, all former strings are used up: each leads to the last one by which it
/// was taken over, and that is forgotten.
void lasting_session::answered(const client& by) {
  if (!claim_of(by) || !is_alone(by))
    return;
  for (auto& [text, state] : strings_)
    state = text == by.resume_string() ? state : string_state::gone;
}

void lasting_session::claimed_together() {
  auto is_open = [](auto& c) { return c.is_open; };
  if (std::count_if(claims_.begin(), claims_.end(), is_open) > 1)
    for (auto& c : claims_)
      c.by->claimed_early();
}

void lasting_session::settle() {
  for (auto& c : claims_)
    if (c.is_open && c.by->gone()) {
      c.is_open = false;
      c.is_lost = true;
    }
}

void lasting_session::ended_with(const client& by) {
  auto is_last = claims_.empty() || is_alone(by);
  for (auto& [text, state] : strings_)
    if (state != string_state::gone)
      state = is_last ? string_state::gone : string_state::unsure;
}

void lasting_session::expired() {
  for (auto& [text, state] : strings_)
    state = string_state::gone;
}

bool lasting_session::is_claimed_by_another(const client& than) const {
  return std::any_of(claims_.begin(), claims_.end(), [&](auto& c) { return c.by != &than; });
}

/// Clients are numbered in the order in which they connect.
bool lasting_session::was_claimed_by_newer(const client& than) const {
  auto number = [](const client& c) { return std::stoi(c.name().substr(1)); };
  return std::any_of(claims_.begin(), claims_.end(),
                     [&](auto& c) { return number(*c.by) > number(than); });
}

lasting_session::string_state lasting_session::state_of(const std::string& text) const {
  auto i = strings_.find(text);
  return i == strings_.end() ? string_state::gone : i->second;
}

std::vector<std::string> lasting_session::strings() const {
  std::vector<std::string> all;
  for (auto is_good : {true, false})
    for (auto& [text, state] : strings_)
      if ((state == string_state::good) == is_good)
        all.push_back(text);
  return all;
}

bool lasting_session::is_alone(const client& by) const {
  return !claims_.empty() && claims_.back().by == &by && claims_.back().is_alone;
}

bool lasting_session::follows_holder(const client& by) const {
  auto behind =
    std::find_if(claims_.begin(), claims_.end(), [&](auto& c) { return c.by == holder_; });
  auto from = behind == claims_.end() ? claims_.begin() : behind;
  return is_holder_sure_ && is_alone(by)
      && std::none_of(from, claims_.end(), [](auto& c) { return c.is_lost; });
}

bool lasting_session::had(const std::string& client_name) const {
  return std::find(names_.begin(), names_.end(), client_name) != names_.end();
}

bool lasting_session::began_with(const std::string& client_name) const {
  return names_.front() == client_name;
}

lasting_session::claimed* lasting_session::claim_of(const client& by) {
  auto i = std::find_if(claims_.begin(), claims_.end(), [&](auto& c) { return c.by == &by; });
  return i == claims_.end() ? nullptr : &*i;
}

} // namespace troupe::model
