# Finds the core of CAF, as CAF::core, and its CAF_VERSION: with TROUPE_CAF_1 the 1.x that
# CMAKE_PREFIX_PATH names, by its own config; else Debian's 0.17, which ships none. The one is never
# taken for the other, wherever it is installed.
if(TROUPE_CAF_1)
  find_package(CAF CONFIG QUIET COMPONENTS core)
  if(NOT TARGET CAF::core OR CAF_VERSION VERSION_LESS 1)
    message(FATAL_ERROR "TROUPE_CAF_1 is ON, but CMAKE_PREFIX_PATH names no installation of CAF 1.x")
  endif()
  return()
endif()
find_library(CAF_CORE_LIBRARY caf_core)
find_path(CAF_INCLUDE_DIR caf/config.hpp)
set(CAF_VERSION "")
if(EXISTS "${CAF_INCLUDE_DIR}/caf/config.hpp")
  file(STRINGS "${CAF_INCLUDE_DIR}/caf/config.hpp" caf_digits REGEX "^#define CAF_VERSION [0-9]+$")
  if(caf_digits MATCHES "([0-9]+)$") # 10,000 times major, 100 times minor, patch: 1706
    set(caf_digits "${CMAKE_MATCH_1}")
    math(EXPR CAF_VERSION_MAJOR "${caf_digits} / 10000")
    math(EXPR CAF_VERSION_MINOR "${caf_digits} / 100 % 100")
    math(EXPR CAF_VERSION_PATCH "${caf_digits} % 100")
    set(CAF_VERSION "${CAF_VERSION_MAJOR}.${CAF_VERSION_MINOR}.${CAF_VERSION_PATCH}")
  endif()
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CAF REQUIRED_VARS CAF_CORE_LIBRARY CAF_INCLUDE_DIR
                                  VERSION_VAR CAF_VERSION)
if(CAF_FOUND AND NOT TARGET CAF::core)
  add_library(CAF::core UNKNOWN IMPORTED)
  set_target_properties(CAF::core PROPERTIES IMPORTED_LOCATION "${CAF_CORE_LIBRARY}"
                                             INTERFACE_INCLUDE_DIRECTORIES "${CAF_INCLUDE_DIR}")
endif()
