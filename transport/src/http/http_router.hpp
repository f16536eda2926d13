#pragma once

#include "http/http_answer.hpp"
#include "http/static_files.hpp"

#include <troupe/actors/node.hpp>
#include <troupe/transport/http.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace troupe::transport {

/// The path of a request about the whole server, `OPTIONS *` (RFC 9110, 9.3.7).
inline constexpr std::string_view whole_server = "*";

/// Answers requests that are not upgrades: from built-in probes, routes and files. Fixed while the
/// server runs.
///
/// Thread: any for `answer`; everything else before the server starts.
class http_router {
public:
  struct probes {
    bool shown = true; ///< `/healthz`, `/readyz` and `/metrics` are answered here
    const std::atomic<bool>* ready = nullptr;
    const actors::node* node = nullptr;
    std::string metrics_type{};
    std::function<std::string()> metrics{}; ///< makes the figures, which costs
  };

  /// Gives the answer to the request, and may wait for a disk meanwhile. Uses nothing of the
  /// router. Thread: any. Throws as `static_files::serve`.
  using file_handler = std::function<http_answer(const http_request&, http_time now)>;

  /// Methods as `Allow` lists them, each once; HEAD beside GET. Those that are added outlive it.
  class method_list {
  public:
    void add(std::string_view method);
    [[nodiscard]] const std::string& text() const noexcept { return text_; }

  private:
    std::string text_;
    std::vector<std::string_view> listed_;
  };

  /// An answer, or the handler that will give one.
  using outcome = std::variant<http_response, late_http_handler, file_handler>;

  void set_probes(probes p) { probes_ = std::move(p); }
  /// See `static_files`.
  void set_files(const std::filesystem::path& folder,
                 std::shared_ptr<file_windows> windows = nullptr) {
    files_ = std::make_shared<const static_files>(folder, std::move(windows));
  }
  /// Origins whose pages may read answers; `*`: all.
  void set_cors_origins(std::vector<std::string> origins) { cors_origins_ = std::move(origins); }

  /// Adds a route. `pattern`: segments; `:name` stands for any one, a last `*` for the rest. Routes
  /// without either go first, then the patterns in the order given. Errors: `std::invalid_argument`
  /// if another route or a probe has the pattern already.
  void add(std::string method, const std::string& pattern, http_handler handler);
  void add_late(std::string method, const std::string& pattern, late_http_handler handler);

  /// Whether an earlier pattern takes every path of this one, so that this one would never answer.
  [[nodiscard]] bool hides(const std::string& method, const std::string& pattern) const;

  /// Whether there are files, and this pattern would take the path of each: none would be served.
  [[nodiscard]] bool hides_files(const std::string& method, const std::string& pattern) const;

  /// Answers `request`, or returns the handler that will; sets `request.params`. A method that
  /// neither HTTP's own list nor any route has is 501; one that has no route at a path that has
  /// others is 405 with `Allow`. `OPTIONS` without a route of its own is 204 with `Allow`, at `/`
  /// also if nothing is there: health checks ask for that. Throws what the handler throws.
  [[nodiscard]] outcome answer(http_request& request) const;

  /// Adds the headers of CORS to an answer to `request`.
  void allow_origin(const http_request& request, http_response& response) const;

private:
  struct route {
    std::string method;
    std::vector<std::string> pattern; ///< segments
    std::variant<http_handler, late_http_handler> handler;
    [[nodiscard]] bool is_literal() const;
    [[nodiscard]] bool is_of_the_same(const route& other) const;
    [[nodiscard]] bool covers(const route& other) const;
  };

  void insert(route r, const std::string& pattern);
  [[nodiscard]] const route* find(std::string_view method, http_request& request) const;
  [[nodiscard]] bool is_implemented(std::string_view method) const;
  [[nodiscard]] method_list all_methods() const;
  [[nodiscard]] method_list allowed_methods(const http_request& request, bool has_file) const;
  [[nodiscard]] http_response answer_with_methods(const http_request& request, bool has_file) const;
  [[nodiscard]] outcome answer_without_route(const http_request& request) const;
  [[nodiscard]] http_response figures(const http_request& request) const;
  [[nodiscard]] std::optional<http_response> built_in(const http_request& request) const;
  [[nodiscard]] bool is_cors_origin(std::string_view origin) const;
  [[nodiscard]] bool is_preflight(const http_request& request) const;

  probes probes_;
  std::shared_ptr<const static_files> files_; ///< null: there are none
  std::vector<std::string> cors_origins_;
  std::vector<route> routes_; ///< literal ones first
};

} // namespace troupe::transport
