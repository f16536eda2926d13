#include <utility>

#include "server/http_session.hpp"

#include "auth/jwt_authorizer.hpp"
#include "http/http_message.hpp"
#include "server/http_session_late.hpp"
#include "text/http_text.hpp"

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/read_size.hpp>

#include <algorithm>
#include <chrono>
#include <exception>

namespace troupe::transport {

using boost::system::error_code;

/// Runs `f`. An exception ends this session only.
template <class F>
void http_session::contained(F&& f) noexcept {
  try {
    f();
  } catch (...) {
    protocol::report_exception(*settings_.sessions.log, *settings_.sessions.counters, "http");
    end();
  }
}

/// Wraps a completion handler, which keeps the session alive. If the handler is lost, the session
/// ends.
template <class F>
auto http_session::guarded(F f) {
  return guarded_handler{shared_from_this(), std::move(f)};
}

/// Ends the session. The exception of the lost operation may still be on its way to `contained`, or
/// to the loop.
void http_session::lose_handler() noexcept {
  if (loop_.entrance()->is_open()) // otherwise the loop ends, and all its sessions with it
    end();
}

http_session::http_session(owned_descriptor accepted, const boost::asio::ip::address& peer,
                           actors::event_loop& loop, http_settings& settings,
                           counted_socket counted)
  : pending_socket(loop),
    accepted_(std::move(accepted)),
    settings_(settings),
    pending_sockets_(settings.pending),
    counted_(std::move(counted)),
    peer_(peer),
    is_from_proxy_(is_in(peer, settings.trusted_proxies)),
    is_proxy_(is_from_proxy_),
    reader_(settings.request_limits()) {
  buffer_.max_size(settings.max_header_bytes() + settings.max_body_bytes());
}

http_session::~http_session() {
  set_under_way(false);
  pending_sockets_->leave(*this);
}

void http_session::enter() { pending_sockets_->enter(shared_from_this(), {peer_, is_proxy_}); }

void http_session::set_under_way(bool is_under_way) noexcept {
  if (std::exchange(is_under_way_, is_under_way) != is_under_way)
    settings_.under_way += is_under_way ? 1 : -1;
}

void http_session::start() {
  contained([&] {
    if (accepted_.get() < 0)
      return; // it gave its place to another socket
    if (settings_.proxy_protocol && is_from_proxy_) {
      open();
      read_proxy();
    } else {
      shake_hands();
    }
  });
}

void http_session::open() {
  stream_.emplace(polled_socket{std::move(accepted_), loop_}, settings_.tls, traffic().http);
  stream_->socket().set_owner(*this);
}

void http_session::end() {
  accepted_ = owned_descriptor{};
  if (is_open()) {
    stream_->count(0, 0);
    error_code ignored; // the descriptor is gone even after an error
    stream_->socket().close(ignored);
  }
  if (lingering_)
    lingering_->close();
  pending_sockets_->leave(*this);
  set_under_way(false);
  deadline_.cancel();
  auto held = writer_.cancel();
  window_ = {};
  late_.reset();
  deciding_.reset();
  auto self = std::move(self_);
}

void http_session::on_loop_end() noexcept {
  auto held = writer_.cancel();
  auto self = std::move(self_);
}

void http_session::end_if_idle() {
  auto is_idle = is_open() && stage_ == stage::idle && buffer_.size() == 0;
  if (is_idle && stream_->socket().unread_bytes() == 0) // else a request comes, and is the last
    contained([this] { end_and_say_so(); });
}

void http_session::on_deadline() {
  contained([&] {
    if (late_)
      end_late_answer();
    else if (deciding_)
      end_late_decision();
    else if (lingering_)
      await_silence();
    else if (has_progressed())
      await_body();
    else if (stage_ == stage::idle || stage_ == stage::header || stage_ == stage::body)
      end_and_say_so();
    else
      end();
  });
}

void http_session::end_late_answer() {
  if (late_->taken) // the answer was given in time; this loop is late
    return loop_.arm(deadline_, settings_.request_deadline());
  late_.reset();
  settings_.sessions.counters->count(protocol::counter::handler_errors, "http");
  respond({plain_answer(504, "The answer takes too long.")});
}

// -- before the first request ---------------------------------------------------------------------

/// Reads the header byte by byte, so that it takes nothing of what follows (perhaps TLS).
void http_session::read_proxy() {
  if (!deadline_.armed())
    loop_.arm(deadline_, settings_.request_deadline());
  boost::asio::async_read(stream_->socket(), buffer_.prepare(1),
                          guarded([this](error_code ec, std::size_t n) { on_proxy_bytes(ec, n); }));
}

void http_session::on_proxy_bytes(error_code ec, std::size_t n) {
  if (ec)
    return end();
  traffic().http.received.add(n); // before TLS, if there is any
  buffer_.commit(n);
  auto data = buffer_.data();
  auto header = read_proxy_header({static_cast<const char*>(data.data()), data.size()});
  if (header.state == proxy_header::status::incomplete)
    return read_proxy();
  if (header.state == proxy_header::status::malformed) {
    settings_.sessions.counters->count(protocol::counter::handshakes_rejected, "proxy_header");
    return end();
  }
  buffer_.consume(header.bytes);
  if (header.source) {
    peer_ = *header.source;
    is_proxy_ = is_in(peer_, settings_.trusted_proxies);
    pending_sockets_->count_for(*this, {peer_, is_proxy_});
  }
  shake_hands();
}

void http_session::shake_hands() {
  if (settings_.tls && !is_proxy_ && !settings_.handshakes->admit(peer_, loop_.now())) {
    settings_.sessions.counters->count(protocol::counter::handshakes_rejected, "tls_rate_per_ip");
    return end();
  }
  if (!stream_)
    open();
  if (!stream_->is_tls())
    return read_request();
  loop_.arm(deadline_, settings_.tls_deadline());
  stream_->async_handshake(guarded([this](error_code ec) {
    if (!ec)
      return read_request();
    settings_.sessions.counters->count(protocol::counter::handshakes_rejected, "tls");
    end();
  }));
}

// -- requests -------------------------------------------------------------------------------------

void http_session::read_request() {
  if (buffer_.size() == 0 && buffer_.capacity() > settings_.max_header_bytes())
    buffer_.shrink_to_fit(); // a body has made it large
  reader_.begin();
  if (stage_ == stage::opening) {
    loop_.arm(deadline_, settings_.request_deadline());
    if (stream_->is_tls())
      pending_sockets_->note_waiting(*this);
    return read_on();
  }
  stage_ = stage::idle;
  set_under_way(buffer_.size() > 0);
  loop_.arm(deadline_, settings_.keep_alive());
  if (is_proxy_)
    pending_sockets_->count_for(*this, {peer_, true}); // the next request will name its client
  pending_sockets_->note_waiting(*this);
  read_on();
}

/// Ends a connection that waits for a request, or for more of it. With TLS the peer is told, and
/// the read that waits ends with its answer (RFC 9112, 9.8).
void http_session::end_and_say_so() {
  if (!stream_->is_tls())
    return end();
  stage_ = stage::answering;
  loop_.arm(deadline_, settings_.tls_deadline());
  stream_->async_shutdown(guarded([this](error_code) { end(); }));
}

void http_session::on_input() {
  auto self = std::move(self_);
  contained([this] { lingering_ ? throw_input_away() : await_bytes(); });
}

/// Waits without an operation where the socket tells of input: an idle connection holds none then.
void http_session::await_bytes() {
  if (!is_open())
    return;
  if (!stream_->is_tls() && !stream_->socket().may_have_input()) {
    self_ = shared_from_this();
    return stream_->socket().await_input();
  }
  constexpr std::size_t most_at_once = 64 * 1024;
  stream_->async_read_some(buffer_.prepare(boost::beast::read_size(buffer_, most_at_once)),
                           guarded([this](error_code ec, std::size_t n) { on_bytes(ec, n); }));
}

void http_session::on_bytes(error_code ec, std::size_t n) {
  if (!is_open())
    return;
  if (ec && stage_ == stage::body)
    return refuse({400, "This request is not whole.", "request"});
  if (ec || stage_ == stage::answering) // or the peer was told of the end
    return end();
  buffer_.commit(n);
  progress_ += n;
  read_on();
}

/// Reads of the request what has come.
void http_session::read_on() {
  auto before = buffer_.size();
  auto status = reader_.read(buffer_);
  stream_->count(before - buffer_.size(), 0);
  if (reader_.has_begun() && stage_ < stage::header)
    note_begin();
  switch (status) {
    case request_reader::status::needs_more: return await_bytes();
    case request_reader::status::has_header: return on_header();
    case request_reader::status::has_request: return answer(reader_.release());
    case request_reader::status::is_refused: break;
  }
  auto& why = reader_.refusal();
  refuse({why.status, std::string{why.text}, why.label});
}

/// Notes that a request has begun: the server awaits its end before it stops.
void http_session::note_begin() {
  if (stage_ == stage::idle)
    loop_.arm(deadline_, settings_.request_deadline());
  stage_ = stage::header;
  set_under_way(true);
}

void http_session::on_header() {
  keep_alive_ = persists(reader_.request());
  count_for_client();
  if (is_for_https(reader_.request()) && !stream_->is_tls() && !is_from_proxy_)
    return refuse({421, "What https names needs TLS.", "request"});
  if (wants_upgrade(reader_.request()))
    return upgrade();
  await_body();
  if (awaits_continue(reader_.request()) && !reader_.is_done() && buffer_.size() == 0)
    say_continue();
  else
    read_on();
}

/// The client may wait for this before it sends the body (RFC 9110, 10.1.1).
void http_session::say_continue() {
  constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
  boost::asio::async_write(*stream_, boost::asio::buffer(go_on.data(), go_on.size()),
                           guarded([this](error_code ec, std::size_t n) {
                             stream_->count(0, n);
                             if (ec)
                               end();
                             else
                               await_bytes();
                           }));
}

/// Gives the body time for its next part.
void http_session::await_body() {
  stage_ = stage::body;
  progress_ = 0;
  loop_.arm(deadline_, settings_.request_deadline());
}

/// Whether enough of a body has come since its deadline was set.
bool http_session::has_progressed() const {
  return stage_ == stage::body && !reader_.is_done() && progress_ >= reader_.least_progress();
}

/// Behind a trusted proxy, counts the socket for the client that sent this request.
void http_session::count_for_client() {
  if (is_proxy_)
    pending_sockets_->count_for(
      *this, {client_of(reader_.request(), peer_, settings_.trusted_proxies), false});
}

/// Hands the socket to a WebSocket session, or answers why not.
void http_session::upgrade() {
  auto request = reader_.release();
  auto descriptor = stream_->socket().native_handle();
  if (descriptor >= settings_.descriptors_scarce_from
      && are_in_use_below(settings_.descriptors_scarce_from, descriptor))
    return refuse(too_many_connections("descriptors", 5));
  auto wanted = examine_upgrade(settings_, request, peer_);
  if (!wanted)
    return refuse(wanted.error());
  auto decision = decide(settings_, wanted->request, wanted->client, loop_.now());
  if (decision.status == 0 && settings_.authorize_later)
    return decide_later(std::move(request), std::move(*wanted), std::move(decision.claims));
  auto admitted =
    admit_upgrade(settings_, request, std::move(*wanted), std::move(decision), loop_.now());
  if (!admitted)
    return refuse(admitted.error());
  become_websocket(request, std::move(*admitted));
}

/// Asks the application, which decides later. Nothing is read meanwhile.
void http_session::decide_later(http_request_message request, wanted_upgrade wanted,
                                actors::claims_ptr proved) {
  stage_ = stage::answering;
  wanted.request.claims = proved;
  deciding_ = std::make_shared<late_decision>(loop_, weak_from_this(), std::move(request),
                                              std::move(wanted), std::move(proved));
  self_ = shared_from_this();
  loop_.arm(deadline_, settings_.handler_deadline());
  pending_sockets_->note_answering(*this);
  auto line = std::make_shared<decision_line>(deciding_);
  auto asked = deciding_; // the decision may come within the hook
  try {
    settings_.authorize_later(asked->wanted.request, upgrade_reply{line});
  } catch (...) {
    line->decision = nullptr;
    if (!asked->taken)
      return take_decision({}, std::current_exception());
    protocol::report_exception(*settings_.sessions.log, *settings_.sessions.counters,
                               "authorize_upgrade");
  }
}

void http_session::take_decision(upgrade_decision decision, const std::exception_ptr& failure) {
  auto self = std::move(self_);
  auto asked = std::move(deciding_);
  contained([&] {
    if (!is_open())
      return;
    if (failure) {
      try {
        std::rethrow_exception(failure);
      } catch (...) {
        protocol::report_exception(*settings_.sessions.log, *settings_.sessions.counters,
                                   "authorize_upgrade");
      }
      decision = upgrade_decision::refuse(500, "This server has failed.");
    }
    auto& wanted = asked->wanted;
    decision = within(std::move(decision), std::move(asked->proved));
    note_refusal(settings_, decision, wanted.request, wanted.client, loop_.now());
    auto admitted =
      admit_upgrade(settings_, asked->message, std::move(wanted), std::move(decision), loop_.now());
    if (!admitted)
      return refuse(admitted.error());
    become_websocket(asked->message, std::move(*admitted));
  });
}

void http_session::end_late_decision() {
  if (deciding_->taken) // it was given in time; this loop is late
    return loop_.arm(deadline_, settings_.request_deadline());
  auto self = std::move(self_);
  deciding_.reset();
  settings_.sessions.counters->count(protocol::counter::handler_errors, "authorize_upgrade");
  refuse({504, "The decision takes too long.", "auth"});
}

/// Hands the socket over.
void http_session::become_websocket(const http_request_message& request,
                                    admitted_upgrade admitted) {
  deadline_.cancel();
  pending_sockets_->leave(*this);
  std::string leftover{static_cast<const char*>(buffer_.data().data()), buffer_.size()};
  auto make_channel = [&] { return stream_->become_channel(leftover, traffic().websocket); };
  std::make_shared<websocket_session>(make_channel, loop_, settings_.sessions,
                                      std::move(admitted.lease), std::move(counted_))
    ->start(request, admitted.subprotocol, std::move(admitted.info), leftover);
}

// -- answers --------------------------------------------------------------------------------------

void http_session::answer(const http_request_message& message) {
  stage_ = stage::answering;
  auto target = std::string_view{message.target().data(), message.target().size()};
  auto path = target == whole_server ? std::string{target} : decode_path(target);
  request_ = std::make_shared<http_request>(
    request_of(message, path.value_or(""), client_of(message, peer_, settings_.trusted_proxies)));
  if (!path)
    return respond({plain_answer(400, "The path is malformed.")});
  try {
    loop_.concerns(request_->method + ' ' + request_->path, "http");
    auto outcome = settings_.router.answer(*request_);
    if (auto* response = std::get_if<http_response>(&outcome))
      respond({std::move(*response)});
    else if (auto* handler = std::get_if<late_http_handler>(&outcome))
      answer_later(*handler);
    else
      answer_from_file(std::move(std::get<http_router::file_handler>(outcome)));
  } catch (...) {
    report_failure();
    if (late_ && late_->taken)
      return; // the handler gave an answer before it threw; that is on its way
    late_.reset();
    respond({plain_answer(500, "This server has failed.")});
  }
}

/// Reports the exception that is handled.
void http_session::report_failure() noexcept {
  protocol::report_exception(*settings_.sessions.log, *settings_.sessions.counters, "http",
                             request_->path);
}

void http_session::await_answer() {
  late_ = std::make_shared<late_answer>(loop_, weak_from_this());
  self_ = shared_from_this();
  loop_.arm(deadline_, settings_.handler_deadline());
  pending_sockets_->note_answering(*this);
}

void http_session::answer_later(const late_http_handler& handler) {
  await_answer();
  auto line = std::make_shared<answer_line>(late_);
  try {
    handler(*request_, http_reply{line});
  } catch (...) {
    line->answer = nullptr;
    throw;
  }
}

void http_session::answer_from_file(http_router::file_handler handler) {
  if (begin_file(std::move(handler)))
    return;
  late_.reset();
  respond({too_many_files()});
}

/// Returns false if too many requests wait for the disk. The work owns all that it uses: it may end
/// after this session, and after the server.
bool http_session::begin_file(http_router::file_handler handler) {
  await_answer();
  return settings_.files->begin(
    [late = late_, handler = std::move(handler),
     request = std::shared_ptr<const http_request>{request_},
     now = loop_.wall_now()] { late->take_from([&] { return handler(*request, now); }); },
    counted_as(boost::asio::ip::make_address(request_->remote_address), true));
}

void http_session::take_late(http_answer answer, const std::exception_ptr& failure) {
  late_.reset();
  contained([&] {
    if (!is_open())
      return;
    if (!failure)
      return respond(std::move(answer));
    try {
      std::rethrow_exception(failure);
    } catch (...) {
      report_failure();
    }
    respond({plain_answer(500, "This server has failed.")});
  });
}

void http_session::refuse(const refused_request& why) {
  stage_ = stage::answering;
  has_input_ = true; // the client may still be sending
  settings_.sessions.counters->count(protocol::counter::handshakes_rejected, why.label);
  auto response = plain_answer(why.status, why.text);
  response.headers = why.headers;
  send({std::move(response)}, reader_.is_head(buffer_), false);
}

/// Answers the request at hand.
void http_session::respond(http_answer answer) {
  settings_.router.allow_origin(*request_, answer.response);
  auto keep_alive = keep_alive_ && !settings_.closing.load(std::memory_order_relaxed);
  send(std::move(answer), request_->method == "HEAD", keep_alive);
  request_.reset(); // a client that does not read keeps no more than the answer
}

void http_session::send(http_answer answer, bool head, bool keep_alive) {
  if (auto fault = fault_of(answer.response); !fault.empty()) {
    settings_.sessions.counters->count(protocol::counter::handler_errors, "http");
    settings_.sessions.log->write(protocol::log_level::error, "http", fault);
    answer = {plain_answer(500, "This server has failed.")};
  }
  keep_alive_ = keep_alive;
  window_ = std::move(answer.window);
  deadline_.cancel();
  pending_sockets_->note_answering(*this);
  auto message = message_of(std::move(answer.response), head, keep_alive, loop_.wall_now());
  if (answer.file)
    message.content_length(answer.file->range.bytes);
  writer_.send(*stream_, std::move(message), head ? nullptr : std::move(answer.file),
               settings_.sessions.deadlines.write);
}

/// Reads the next request, unless the server has begun to stop meanwhile and none has come.
void http_session::on_answer_sent() {
  self_.reset();
  window_ = {};
  auto stops = settings_.closing.load(std::memory_order_relaxed) && buffer_.size() == 0;
  if (keep_alive_ && !stops)
    read_request();
  else
    linger();
}

void http_session::on_answer_broken() noexcept {
  if (std::current_exception())
    protocol::report_exception(*settings_.sessions.log, *settings_.sessions.counters, "http");
  end();
}

/// Shuts the output, and throws away what still comes until the peer ends or the deadline, so that
/// the peer can read the answer.
void http_session::linger() {
  if (!is_open())
    return;
  std::string unread;
  lingering_.reset(new channel{stream_->become_channel(unread, traffic().http)});
  lingering_->set_owner(*this);
  lingering_->shut_output();
  linger_until_ = loop_.now() + settings_.request_deadline();
  await_silence();
  throw_input_away();
}

/// A server that stops awaits the end of what still comes: input that meets a closed socket makes
/// the peer's system throw the answer away. Ends the session at the deadline.
void http_session::await_silence() {
  constexpr std::chrono::milliseconds silence{500};
  auto left = linger_until_ - loop_.now();
  if (left <= actors::steady_time::duration::zero())
    return end();
  set_under_way(std::exchange(has_input_, false) || lingering_->undelivered_bytes() > 0);
  loop_.arm(deadline_, std::min(left, decltype(left){silence}));
}

/// A part of it at a time. It is kept meanwhile: nothing else holds it.
void http_session::throw_input_away() {
  self_ = shared_from_this();
  if (thrown_away_ >= most_thrown_away)
    return; // to end at once would reset the connection; its time does
  auto thrown = lingering_->throw_input_away(*this);
  if (!thrown)
    return end();
  if (*thrown == 0)
    return;
  thrown_away_ += *thrown;
  has_input_ = thrown_away_ < most_thrown_away;
  set_under_way(has_input_);
}

} // namespace troupe::transport
