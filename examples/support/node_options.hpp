#pragma once

#include "option_table.hpp"

#include <troupe/transport/server.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::examples {

/// The options about tokens, before their files are read.
struct token_options {
  std::optional<std::string> secret_file;
  std::vector<std::pair<std::string, std::string>> key_files; ///< by kid
  std::string given; ///< an option that means nothing without tokens, as `--name`; it needs a key
  transport::jwt_options jwt{
    .profile = transport::jwt_profile::lenient, .keys = {}, .issuer = {}, .audience = {}};

  /// Reads the files, if any are named, and stores their keys in `options`. Errors:
  /// `std::runtime_error` that names the file, or the option that lacks one: a node that has an
  /// option about tokens never starts without asking for tokens.
  void apply_to(server_options& options) const;
};

/// The options that all nodes have. Each stores into `options` or `tokens`, which hold the defaults
/// and must outlive the table.
[[nodiscard]] option_table node_options(server_options& options, token_options& tokens);

/// The library's sentence about one of its options, with the command line's name for it.
[[nodiscard]] std::string with_option_names(std::string_view sentence);

/// Refuses options that would do nothing without another. Errors: `std::runtime_error` that names
/// both.
void check_together(const server_options& options);

} // namespace troupe::examples
