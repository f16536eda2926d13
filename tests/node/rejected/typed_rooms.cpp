// What must not compile, one `CASE` each; 0 compiles. `rejected.py` says why each is refused.
#include <utility>

#include <troupe/typed_room.hpp>

CAF_BEGIN_TYPE_ID_BLOCK(rejected, 5000)
CAF_ADD_ATOM(rejected, rejected, a_atom, "a")
CAF_ADD_ATOM(rejected, rejected, b_atom, "b")
CAF_END_TYPE_ID_BLOCK(rejected)

using namespace rejected;
using namespace std::chrono_literals;
using board = troupe::compat::typed_actor<caf::result<std::string>(a_atom)>;
using talk = troupe::compat::typed_actor<caf::result<int>(a_atom, int), caf::result<void>(b_atom)>;

struct room : troupe::typed_room<talk> {
  handlers actor_handlers() override {
#if CASE == 1 // a handler is missing
    return {[](a_atom, int n) { return n; }};
#elif CASE == 2 // a handler of another message
    return {[](a_atom, double n) { return int(n); }, [](b_atom) {}};
#elif CASE == 3 // a handler with another answer
    return {[](a_atom, int) { return std::string{}; }, [](b_atom) {}};
#elif CASE == 4 // one more handler than messages
    return {[](a_atom, int n) { return n; }, [](b_atom){}, [](b_atom, int) {}};
#elif CASE == 5 // a handler that keeps something for itself
    return {[n = 0](a_atom, int) mutable { return ++n; }, [](b_atom) {}};
#elif CASE == 6 // a promise of another answer
    return {[this](a_atom, int) { return promise<std::string>(); }, [](b_atom) {}};
#else
    return {[](a_atom, int n) { return n; }, [](b_atom) {}};
#endif
  }

  void on_create(troupe::actors::room_context&) override {
    auto hears = [](const std::string&) {};
    auto fails = [](const caf::error&) {};
#if CASE == 7 // a question that the other actor does not take
    ask(other, 1s, b_atom_v).then(hears, fails);
#elif CASE == 8  // the answer's handler takes another value
    ask(other, 1s, a_atom_v).then([](int){}, fails);
#elif CASE == 9  // the answer's handler returns something
    ask(other, 1s, a_atom_v).then([](const std::string&) { return 1; }, fails);
#elif CASE == 10 // an error that nobody hears
    ask(other, 1s, a_atom_v).then(hears);
#elif CASE == 11 // an answer that nobody awaits
    ask(other, 1s, a_atom_v);
#elif CASE == 12 // a message that the other actor does not take
    tell(other, b_atom_v);
#elif CASE == 13 // a watcher of something else
    watch(other, [](int){});
#else
    ask(other, 1s, a_atom_v).then(hears, fails);
    tell(other, a_atom_v);
    watch(other, fails);
#endif
  }

  board other;
};

void use(caf::event_based_actor* self, talk found, const troupe::rooms_actor& rooms) {
#if CASE == 14 // a message that the room does not take
  troupe::compat::send(self, found, a_atom_v, std::string{});
#elif CASE == 15 // a room's answer to a search, as another interface
  troupe::find_room<room>(self, rooms, "r", 1s).then([](board) {}, [](const caf::error&) {});
#else
  troupe::compat::send(self, found, a_atom_v, 1);
  troupe::find_room<room>(self, rooms, "r", 1s).then([](talk) {}, [](const caf::error&) {});
#endif
}

std::unique_ptr<room> make() { return std::make_unique<room>(); }
