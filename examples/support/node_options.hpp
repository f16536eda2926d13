#pragma once

#include "option_table.hpp"

#include <troupe/transport/server.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace troupe::examples {

/// What the options say of tokens, before the files are read.
struct token_options {
  std::optional<std::filesystem::path> secret_file;
  std::vector<std::pair<std::string, std::filesystem::path>> key_files; ///< by kid
  transport::jwt_options jwt{.profile = transport::jwt_profile::seed, .keys = {}, .issuer = {}, .audience = {}};

  /// Reads the files, if any are named. Errors: `std::runtime_error` that names the file.
  void apply_to(server_options& options) const;
};

/// The options that all nodes have. Each stores into `options` or `tokens`, which hold the defaults and must outlive the table.
[[nodiscard]] option_table node_options(server_options& options, token_options& tokens);

} // namespace troupe::examples
