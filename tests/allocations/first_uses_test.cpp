// What a thread allocates at first uses. The process would end if memory were short at that moment.
#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/event.hpp>
#include <troupe/protocol/frame.hpp>
#include <troupe/protocol/prepare_thread.hpp>
#include <troupe/protocol/value_encoder.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <thread>

using namespace troupe::protocol;

namespace {

thread_local int registered = 0;

} // namespace

extern "C" int __real___cxa_thread_atexit(void (*end)(void*), void* object, void* library);
/// Replaces the function that registers destructors of thread-local objects. For these the C
/// library allocates memory, and ends the process if there is none.
extern "C" int __wrap___cxa_thread_atexit(void (*end)(void*), void* object, void* library) {
  ++registered;
  return __real___cxa_thread_atexit(end, object, library);
}

TEST_CASE("a thread that is prepared registers no destructor at its first message") {
  int before = 0, after = 0;
  shared_bytes small;
  std::thread{[&] {
    prepare_thread();
    before = registered;
    const auto text = std::string(1000, 'x');
    const field fields[] = {{"text", text}};
    small = deflated_frame(encode_frame(codec::json, "said", fields, nullptr), nullptr);
    const auto now = iso_8601({});
    const message_event said{"r", "u", 1, now, body_field::text, {codec::json, "\"a\""}};
    (void)message_frame(encoding::v1_msgpack, said, nullptr);
    value_encoder values;
    values.encode(codec::json, [](object_writer& out) { out.field("text", "hello"); });
    after = registered;
  }}.join();

  CHECK(small.size() < 100);
  CHECK(before > 0); // the wrapper sees registrations
  CHECK(after == before);
}
