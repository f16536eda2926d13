#pragma once

#include "directs.hpp"

#include <map>
#include <string>
#include <vector>

namespace troupe::model {

class client;

/// One session of the protocol, as clients may know it: who has had it, and which of its strings
/// still names it. Several connections may claim it at once.
///
/// A string stays good until a client that was given the session by it has said a command. Of two
/// claims at once nobody outside knows which comes first, so strings become unsure then.
class lasting_session {
public:
  enum class string_state { good, unsure, gone };

  /// The session that connection `first` has begun.
  lasting_session(client& first, std::string user, std::string id, std::string text);

  /// A client of its user claims it by `text`.
  void claim(client& by, const std::string& text);
  /// The client was told that it has it; `own` names it now.
  void taken(client& by, const std::string& own);
  /// The client was told that it does not have it.
  void refused(const client& by);
  /// Of those who claim it now another one may get it: what they have said may be lost.
  void claimed_together();
  /// The client that has it, or claims it, says a command.
  void commanded(const client& by);
  /// The client that has it was answered a command.
  void answered(const client& by);
  /// Nothing is under way any more: claims of clients that are gone have had their effect.
  void settle();
  /// The server has ended it with the connection of that client.
  void ended_with(const client& by);

  /// Something has been done that may end it: the node drains, or its client breaks a rule.
  void may_end() { doubt({}); }
  /// It was not taken up in time.
  void expired();

  [[nodiscard]] string_state state_of(const std::string& text) const;
  /// Its strings, the good ones first.
  [[nodiscard]] std::vector<std::string> strings() const;
  /// Whether the claim of that client is the last one, and all before it were answered by then.
  [[nodiscard]] bool is_alone(const client& by) const;
  /// Whether that is so, and what it claims comes from the `holder`: nobody can have had it between
  /// the two.
  [[nodiscard]] bool follows_holder(const client& by) const;
  [[nodiscard]] bool is_claimed_by_another(const client& than) const;
  /// Whether a connection that was opened later has claimed it.
  [[nodiscard]] bool was_claimed_by_newer(const client& than) const;

  /// Whether that client has had it, or may have had it.
  [[nodiscard]] bool had(const std::string& client_name) const;
  /// Who has had it, or may have had it.
  [[nodiscard]] const std::vector<std::string>& names() const noexcept { return names_; }
  /// Whether that client has begun it.
  [[nodiscard]] bool began_with(const std::string& client_name) const;
  /// Who was told last that it has it.
  [[nodiscard]] client& holder() const noexcept { return *holder_; }
  /// Those who were told that they have it.
  [[nodiscard]] const std::vector<client*>& holders() const noexcept { return holders_; }
  [[nodiscard]] const std::string& user() const noexcept { return user_; }
  [[nodiscard]] heard_directs& directs() noexcept { return directs_; }
  /// The `clientId`.
  [[nodiscard]] const std::string& id() const noexcept { return id_; }

private:
  struct claimed {
    client* by;
    std::string text;
    bool is_open = true;
    bool is_alone = true; ///< no other one was open when it was made
    bool is_lost = false; ///< its client was gone before it was answered
  };
  [[nodiscard]] claimed* claim_of(const client& by);
  void doubt(const std::string& but);

  std::string user_;
  std::string id_;
  heard_directs directs_;
  client* holder_;
  bool is_holder_sure_ = true; ///< no other claim was under way when it took the session over
  std::vector<client*> holders_;
  std::vector<std::string> names_; ///< of clients, the one that has begun it first
  std::vector<claimed> claims_;
  std::map<std::string, string_state> strings_;
};

} // namespace troupe::model
