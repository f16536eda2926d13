# Finds the core of CAF: the package's own config where it has one (1.x, in CMAKE_PREFIX_PATH), else
# Debian's 0.17, which ships none. With TROUPE_CAF_1 it has to be 1.x. Defines CAF::core.
find_package(CAF CONFIG QUIET COMPONENTS core)
if(TROUPE_CAF_1 AND (NOT TARGET CAF::core OR CAF_VERSION VERSION_LESS 1))
  message(FATAL_ERROR "TROUPE_CAF_1 is ON, but CMAKE_PREFIX_PATH names no installation of CAF 1.x")
endif()
if(NOT TARGET CAF::core)
  find_library(CAF_CORE_LIBRARY caf_core)
  find_path(CAF_INCLUDE_DIR caf/all.hpp)
  include(FindPackageHandleStandardArgs)
  find_package_handle_standard_args(CAF REQUIRED_VARS CAF_CORE_LIBRARY CAF_INCLUDE_DIR)
  if(CAF_FOUND)
    add_library(CAF::core UNKNOWN IMPORTED)
    set_target_properties(CAF::core PROPERTIES IMPORTED_LOCATION "${CAF_CORE_LIBRARY}"
                                               INTERFACE_INCLUDE_DIRECTORIES "${CAF_INCLUDE_DIR}")
  endif()
endif()
