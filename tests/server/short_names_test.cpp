// Names that the README and the headers use in the library's own namespace.
#include <utility>

#include <troupe/node.hpp>
#include <troupe/troupe.hpp>

#include <catch2/catch.hpp>

#include <type_traits>

namespace {

template <class Short, class Whole>
constexpr bool same = std::is_same_v<Short, Whole>;

static_assert(same<troupe::behind_policy, troupe::actors::behind_policy>);
static_assert(same<troupe::binary_value, troupe::protocol::binary_value>);
static_assert(same<troupe::claims,
                   troupe::actors::claims> && same<troupe::claims_ptr, troupe::actors::claims_ptr>);
static_assert(same<troupe::codec, troupe::protocol::codec>);
static_assert(same<troupe::connection_state, troupe::actors::connection_state>);
static_assert(same<troupe::drain_kind, troupe::actors::drain_kind>);
static_assert(same<troupe::handshake, troupe::actors::handshake>);
static_assert(same<troupe::http_reply, troupe::transport::http_reply>);
static_assert(same<troupe::http_request, troupe::transport::http_request>);
static_assert(same<troupe::http_response, troupe::transport::http_response>);
static_assert(same<troupe::jwt_options, troupe::transport::jwt_options>);
static_assert(
  same<troupe::list_view,
       troupe::protocol::list_view> && same<troupe::map_view, troupe::protocol::map_view>);
static_assert(same<troupe::list_writer, troupe::protocol::list_writer>);
static_assert(same<troupe::log_level,
                   troupe::protocol::log_level> && same<troupe::logger, troupe::protocol::logger>);
static_assert(same<troupe::object_writer, troupe::protocol::object_writer>);
static_assert(same<troupe::observer_options, troupe::actors::observer_options>);
static_assert(same<troupe::publish_result, troupe::actors::publish_result>);
static_assert(same<troupe::raw_value, troupe::protocol::raw_value>);
static_assert(same<troupe::room_event, troupe::actors::room_event>);
static_assert(same<troupe::session_key, troupe::actors::session_key>);
static_assert(same<troupe::upgrade_decision, troupe::transport::upgrade_decision>);
static_assert(same<troupe::value_view, troupe::protocol::value_view>);

} // namespace

TEST_CASE("a handle that was made by nobody is usable with short names alone") {
  troupe::room_handle nobody;

  CHECK(nobody.publish("said", {{"v", troupe::raw_value{troupe::codec::json, "1"}}})
        == troupe::publish_result::gone);
}
