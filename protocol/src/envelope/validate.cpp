#include "envelope/validate.hpp"

#include "envelope/check.hpp"
#include "json/json_scanner.hpp"
#include "msgpack/msgpack_scanner.hpp"
#include "text/path.hpp"
#include "text/unicode.hpp"

#include <troupe/protocol/command.hpp>

#include <utility>

namespace troupe::protocol {

std::string_view sentence(payload_rule rule) noexcept {
  switch (rule) {
    case payload_rule::none: break;
    case payload_rule::depth: return "nested too deeply";
    case payload_rule::lone_surrogate: return "half of a surrogate pair is no text";
    case payload_rule::number_range: return "numbers must be finite";
    case payload_rule::extension: return "extension types do not exist in JSON";
    case payload_rule::key_type: return "keys must be strings";
    case payload_rule::proto_key: return "this key is not allowed";
    case payload_rule::bin_key: return "$bin must be the only key and hold canonical base64";
  }
  return "not allowed";
}

namespace {

/// Repeats a scan that `payload_checker` refused, to tell where.
class path_tracer {
public:
  static constexpr bool trusted = false;

  explicit path_tracer(field_table& fields) : checker_(fields) {}

  [[nodiscard]] payload_rule broken_rule() const noexcept { return checker_.broken_rule(); }
  [[nodiscard]] const document_path& path() const noexcept { return path_; }

  scan_status begin(const char* at, bool map) {
    const auto status = checker_.begin(at, map);
    if (status == scan_status::ok)
      path_.begin(map);
    return status;
  }

  scan_status end(const char* behind, bool map) {
    path_.end();
    return checker_.end(behind, map);
  }

  template <class Token>
  scan_status key(const Token& token) {
    std::string storage;
    path_.key(text_of(token, storage));
    return checker_.key(token);
  }

  template <class Token>
  scan_status scalar(const Token& token) {
    const auto status = checker_.scalar(token);
    if (status == scan_status::ok)
      path_.scalar();
    return status;
  }

  scan_status broken(payload_rule rule) noexcept { return checker_.broken(rule); }

private:
  payload_checker checker_;
  document_path path_;
};

/// Finds the value of one key of the outermost map: the first one, or the last one.
class field_finder {
public:
  static constexpr bool trusted = true;
  enum class which : bool { first, last };

  field_finder(std::string_view key, which w) : wanted_(key), which_(w) {}

  [[nodiscard]] std::string_view value() const noexcept { return value_; }

  scan_status begin(const char* at, bool) noexcept {
    if (depth_ == 1)
      value_start_ = at;
    ++depth_;
    return scan_status::ok;
  }

  scan_status end(const char* behind, bool) noexcept {
    if (--depth_ == 1 && found_)
      return take({value_start_, static_cast<std::size_t>(behind - value_start_)});
    return scan_status::ok;
  }

  template <class Token>
  scan_status key(const Token& token) {
    if (depth_ == 1)
      found_ = text_of(token, storage_) == wanted_;
    return scan_status::ok;
  }

  template <class Token>
  scan_status scalar(const Token& token) noexcept {
    return depth_ == 1 && found_ ? take(token.raw) : scan_status::ok;
  }

  scan_status broken(payload_rule) noexcept { return scan_status::ok; }

private:
  scan_status take(std::string_view value) noexcept {
    value_ = value;
    return which_ == which::first ? scan_status::stopped : scan_status::ok;
  }

  std::string_view wanted_;
  which which_;
  std::string_view value_;
  std::string storage_;
  const char* value_start_ = nullptr;
  std::size_t depth_ = 0;
  bool found_ = false;
};

/// Looks at the first key of the outermost map.
class first_key_reader {
public:
  static constexpr bool trusted = true;

  [[nodiscard]] bool is_bin() const noexcept { return is_bin_; }

  scan_status begin(const char*, bool) noexcept {
    return ++depth_ == 1 ? scan_status::ok : scan_status::stopped;
  }
  scan_status end(const char*, bool) noexcept { return scan_status::stopped; }

  template <class Token>
  scan_status key(const Token& token) {
    std::string storage;
    is_bin_ = text_of(token, storage) == bin_key;
    return scan_status::stopped;
  }

  template <class Token>
  scan_status scalar(const Token&) noexcept {
    return scan_status::stopped;
  }

  scan_status broken(payload_rule) noexcept { return scan_status::ok; }

private:
  std::size_t depth_ = 0;
  bool is_bin_ = false;
};

/// Stops behind the first value.
class value_measurer {
public:
  static constexpr bool trusted = true;

  /// Where the value ends; null if none has ended.
  [[nodiscard]] const char* end() const noexcept { return end_; }

  scan_status begin(const char*, bool) noexcept {
    ++depth_;
    return scan_status::ok;
  }
  scan_status end(const char* behind, bool) noexcept {
    return --depth_ == 0 ? stop(behind) : scan_status::ok;
  }

  template <class Token>
  scan_status key(const Token&) noexcept {
    return scan_status::ok;
  }

  template <class Token>
  scan_status scalar(const Token& token) noexcept {
    return depth_ == 0 ? stop(token.raw.data() + token.raw.size()) : scan_status::ok;
  }

  scan_status broken(payload_rule) noexcept { return scan_status::ok; }

private:
  scan_status stop(const char* behind) noexcept {
    end_ = behind;
    return scan_status::stopped;
  }

  std::size_t depth_ = 0;
  const char* end_ = nullptr;
};

/// Hands over each element of the outermost array.
class element_visitor {
public:
  static constexpr bool trusted = true;

  element_visitor(bool (*visit)(void*, std::string_view), void* context)
    : visit_(visit), context_(context) {}

  scan_status begin(const char* at, bool) noexcept {
    if (depth_ == 1)
      start_ = at;
    ++depth_;
    return scan_status::ok;
  }

  scan_status end(const char* behind, bool) {
    return --depth_ == 1 ? hand_over({start_, static_cast<std::size_t>(behind - start_)})
                         : scan_status::ok;
  }

  template <class Token>
  scan_status key(const Token&) noexcept {
    return scan_status::ok;
  }

  template <class Token>
  scan_status scalar(const Token& token) {
    return depth_ == 1 ? hand_over(token.raw) : scan_status::ok;
  }

  scan_status broken(payload_rule) noexcept { return scan_status::ok; }

private:
  scan_status hand_over(std::string_view element) {
    return visit_(context_, element) ? scan_status::ok : scan_status::stopped;
  }

  bool (*visit_)(void*, std::string_view);
  void* context_;
  const char* start_ = nullptr; ///< of the open element
  std::size_t depth_ = 0;
};

/// Hands over each entry of the outermost map.
class entry_visitor {
public:
  static constexpr bool trusted = true;

  entry_visitor(bool (*visit)(void*, std::string, std::string_view), void* context)
    : visit_(visit), context_(context) {}

  scan_status begin(const char* at, bool) noexcept {
    if (depth_ == 1)
      start_ = at;
    ++depth_;
    return scan_status::ok;
  }

  scan_status end(const char* behind, bool) {
    return --depth_ == 1 ? hand_over({start_, static_cast<std::size_t>(behind - start_)})
                         : scan_status::ok;
  }

  template <class Token>
  scan_status key(const Token& token) {
    std::string storage;
    if (depth_ == 1)
      key_ = text_of(token, storage);
    return scan_status::ok;
  }

  template <class Token>
  scan_status scalar(const Token& token) {
    return depth_ == 1 ? hand_over(token.raw) : scan_status::ok;
  }

  scan_status broken(payload_rule) noexcept { return scan_status::ok; }

private:
  scan_status hand_over(std::string_view value) {
    return visit_(context_, std::move(key_), value) ? scan_status::ok : scan_status::stopped;
  }

  bool (*visit_)(void*, std::string, std::string_view);
  void* context_;
  std::string key_;             ///< of the open value
  const char* start_ = nullptr; ///< likewise
  std::size_t depth_ = 0;
};

template <class Handler>
scan_status scan(codec source, std::string_view bytes, std::size_t max_depth, Handler& handler) {
  if (source == codec::json)
    return json_scanner{bytes, max_depth, handler}.run();
  return msgpack_scanner{bytes, max_depth, handler}.run();
}

/// Scans once more to tell where the first payload rule was broken.
document_failure explain_refusal(codec source, std::string_view bytes, std::size_t max_depth) {
  constexpr std::size_t max_path_bytes = 200;
  field_table unused;
  path_tracer tracer{unused};
  const auto status = scan(source, bytes, max_depth, tracer);
  const auto rule = status == scan_status::too_deep ? payload_rule::depth : tracer.broken_rule();
  const bool in_envelope = rule == payload_rule::key_type && tracer.path().depth() == 1;
  auto detail = tracer.path().to_string(max_path_bytes);
  detail.append(detail.empty() ? "" : ": ").append(sentence(rule));
  return {in_envelope ? errc::bad_request : errc::bad_payload, std::move(detail)};
}

document_failure malformed(codec source, scan_status status) {
  if (source == codec::msgpack)
    return {errc::undecodable, "not one MessagePack document"};
  return {errc::malformed,
          status == scan_status::too_deep ? "nested too deeply" : "not one JSON document"};
}

/// Says why a document was refused. `fields` gets the fields that can be read nevertheless.
document_failure refuse(codec source, std::string_view bytes, const message_limits& limits,
                        scan_status status, field_table& fields) {
  const bool deep_json = source == codec::json && status == scan_status::too_deep;
  if (status == scan_status::malformed || deep_json)
    return malformed(source, status);
  fields = {};
  field_collector collector{fields};
  const auto lenient = scan(source, bytes, limits.max_depth, collector);
  if (lenient == scan_status::malformed
      || (lenient == scan_status::too_deep && source == codec::json))
    return malformed(source, lenient);
  return explain_refusal(source, bytes, limits.max_depth);
}

} // namespace

document_failure validate(codec source, std::string_view bytes, const message_limits& limits,
                          field_table& fields) {
  if (source == codec::json && !is_utf8(bytes))
    return {errc::undecodable, "not UTF-8"};
  payload_checker checker{fields};
  if (const auto status = scan(source, bytes, limits.max_depth, checker); status != scan_status::ok)
    return refuse(source, bytes, limits, status, fields);
  if (!checker.is_map())
    return {errc::bad_request, "a message is a map"};
  if (fields.has_duplicates())
    return {errc::bad_request, "a field is there twice"};
  return {};
}

bool is_value(codec source, std::string_view bytes) {
  return is_value_within(source, bytes, max_supported_depth - 1);
}

bool is_value_within(codec source, std::string_view bytes, std::size_t max_depth) {
  if (source == codec::json && !is_utf8(bytes))
    return false;
  field_table unused;
  payload_checker checker{unused};
  return scan(source, bytes, max_depth, checker) == scan_status::ok;
}

std::string_view find_field(codec source, std::string_view map, std::string_view key) {
  field_finder finder{key, field_finder::which::first};
  const auto status = scan(source, map, max_supported_depth, finder);
  return status == scan_status::stopped ? finder.value() : std::string_view{};
}

std::string_view find_last_field(codec source, std::string_view map, std::string_view key) {
  field_finder finder{key, field_finder::which::last};
  const auto status = scan(source, map, max_supported_depth, finder);
  return status == scan_status::ok ? finder.value() : std::string_view{};
}

bool is_bin_object(std::string_view object) {
  first_key_reader reader;
  (void)scan(codec::json, object, max_supported_depth, reader);
  return reader.is_bin();
}

std::size_t first_value_bytes(codec source, std::string_view bytes) {
  value_measurer measurer;
  const auto status = scan(source, bytes, max_supported_depth, measurer);
  return status == scan_status::stopped ? static_cast<std::size_t>(measurer.end() - bytes.data())
                                        : 0;
}

bool scan_elements(codec source, std::string_view array,
                   bool (*visit)(void* context, std::string_view element), void* context) {
  element_visitor visitor{visit, context};
  return scan(source, array, max_supported_depth, visitor) == scan_status::ok;
}

bool scan_entries(codec source, std::string_view map,
                  bool (*visit)(void* context, std::string key, std::string_view value),
                  void* context) {
  entry_visitor visitor{visit, context};
  return scan(source, map, max_supported_depth, visitor) == scan_status::ok;
}

} // namespace troupe::protocol
