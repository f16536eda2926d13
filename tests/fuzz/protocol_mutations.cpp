// Damages valid messages, and checks the decoder's guarantees for those that it still accepts.
//
//   protocol_mutations [mutations per codec] [seed]
//
// Writes one line for each JSON text to stdout, so that another parser can judge it. Texts are in
// base64. `+` marks an accepted text, followed by what it becomes by way of MessagePack; `-` marks
// one that the decoder calls no JSON. The seed for a replay and the figures go to stderr.

#include "mutator.hpp"
#include "vectors.hpp"

#include <troupe/protocol/command.hpp>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <random>

using namespace troupe;
using protocol::codec;

namespace {

constexpr protocol::message_limits limits{.max_message_bytes = 0};

/// A copy in an allocation of exactly its size, so that a sanitizer sees every read past its end.
class exact_copy {
public:
  explicit exact_copy(std::string_view bytes)
    : bytes_(new char[bytes.size()]), size_(bytes.size()) {
    bytes.copy(bytes_.get(), size_);
  }
  [[nodiscard]] std::string_view view() const { return {bytes_.get(), size_}; }

private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_;
};

struct figures {
  std::size_t mutations = 0;
  std::size_t accepted = 0;
  std::size_t faults = 0;
};

[[nodiscard]] protocol::decode_failure decoded(codec source, std::string_view message) {
  const exact_copy copy{message};
  const auto result = protocol::decode(source, copy.view(), limits);
  return result ? protocol::decode_failure{protocol::errc::ok, {}, {}, {}, {}} : result.error();
}

[[nodiscard]] bool is_accepted(codec source, std::string_view message) {
  return decoded(source, message).code == protocol::errc::ok;
}

/// Whether a refusal says that the text is no JSON at all. Text that nests too deeply may be JSON.
[[nodiscard]] bool denies_json(const protocol::decode_failure& failure) {
  return failure.code == protocol::errc::undecodable
      || (failure.code == protocol::errc::malformed && failure.detail != "nested too deeply");
}

[[nodiscard]] std::string transcoded(codec from, std::string_view message, codec to) {
  const exact_copy copy{message};
  std::string out;
  protocol::transcode(from, copy.view(), to, out);
  return out;
}

void report(figures& seen, std::string_view promise, std::string_view message) {
  ++seen.faults;
  std::cerr << "not so: " << promise << ": " << test::to_base64(message) << '\n';
}

/// The corpus in codec `source`: the valid messages, and one message for every valid payload.
std::vector<std::string> corpus_of(codec source) {
  std::vector<std::string> out;
  const test::vector_file messages{"valid_messages.json"};
  for (auto row : messages.rows("messages"))
    out.push_back(source == codec::json ? test::text(row, "json").value()
                                        : test::bytes(row, "msgpack").value());
  const auto add_payload = [&](std::string_view json) {
    const auto message = std::string{R"({"type":"message","data":)"}.append(json).append("}");
    out.push_back(transcoded(codec::json, message, source));
  };
  const test::vector_file payloads{"payloads.json"};
  for (auto row : payloads.rows("payloads")) {
    add_payload(test::text(row, "json").value());
    for (const auto& other : test::texts(row, "jsonAlso"))
      add_payload(other);
  }
  return out;
}

/// Whether another strict parser accepts the text, apart from numbers that it cannot represent.
bool simdjson_takes(std::string_view text) {
  static simdjson::dom::parser parser;
  const auto error = parser.parse(simdjson::padded_string{text}).error();
  return error == simdjson::SUCCESS || error == simdjson::NUMBER_ERROR;
}

void check_json(std::string_view message, figures& seen) {
  if (!simdjson_takes(message))
    report(seen, "accepted JSON is JSON", message);
  const auto msgpack = transcoded(codec::json, message, codec::msgpack);
  const auto back = transcoded(codec::msgpack, msgpack, codec::json);
  if (!is_accepted(codec::msgpack, msgpack))
    report(seen, "accepted JSON is accepted as MessagePack", message);
  else if (!is_accepted(codec::json, back))
    report(seen, "accepted JSON is accepted when it comes back", message);
  else if (transcoded(codec::json, back, codec::msgpack) != msgpack)
    report(seen, "accepted JSON is the same there and back", message);
  std::cout << "+ " << test::to_base64(message) << ' ' << test::to_base64(back) << '\n';
}

void check_msgpack(std::string_view message, figures& seen) {
  const auto json = transcoded(codec::msgpack, message, codec::json);
  if (!simdjson_takes(json))
    report(seen, "accepted MessagePack becomes JSON", message);
  else if (!is_accepted(codec::json, json))
    report(seen, "accepted MessagePack is accepted as JSON", message);
  else if (transcoded(codec::msgpack, transcoded(codec::json, json, codec::msgpack), codec::json)
           != json)
    report(seen, "accepted MessagePack is the same there and back", message);
  std::cout << "+ " << test::to_base64(json) << ' ' << test::to_base64(json) << '\n';
}

figures run(codec source, std::uint64_t seed, std::size_t mutations) {
  test::mutator mutator{seed, corpus_of(source)};
  figures seen;
  for (; seen.mutations < mutations; ++seen.mutations) {
    const auto message = mutator.next();
    const auto failure = decoded(source, message);
    seen.accepted += failure.code == protocol::errc::ok;
    if (failure.code != protocol::errc::ok && source == codec::json && denies_json(failure))
      std::cout << "- " << test::to_base64(message) << '\n';
    else if (failure.code == protocol::errc::ok && source == codec::json)
      check_json(message, seen);
    else if (failure.code == protocol::errc::ok)
      check_msgpack(message, seen);
  }
  return seen;
}

} // namespace

int main(int argc, char** argv) {
  const std::size_t mutations = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000;
  const std::uint64_t seed =
    argc > 2 ? std::strtoull(argv[2], nullptr, 10) : std::random_device{}();
  std::ios::sync_with_stdio(false);
  std::cerr << "seed " << seed << '\n';
  bool good = true;
  for (auto source : {codec::json, codec::msgpack}) {
    const auto seen = run(source, seed, mutations);
    std::cerr << (source == codec::json ? "json: " : "msgpack: ") << seen.mutations
              << " mutations, " << seen.accepted << " accepted, " << seen.faults << " faults\n";
    // Few accepted mutations would prove little.
    good = good && seen.faults == 0 && seen.accepted * 50 >= seen.mutations;
  }
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
