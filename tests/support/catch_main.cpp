#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>

/// Suppresses what the undefined-behaviour sanitizer finds in CAF's headers, which cannot be fixed
/// here.
extern "C" const char* __ubsan_default_options() {
  return "suppressions=" TROUPE_SOURCE_DIR "/tests/support/ubsan.supp";
}
