# What `cmake --install` installs for programs that use the library: its config for find_package, its
# description for pkg-config. Both are found wherever the folder is moved.
include(CMakePackageConfigHelpers)

install(TARGETS troupe EXPORT troupe)
install(EXPORT troupe NAMESPACE troupe:: FILE troupe-targets.cmake DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/troupe")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/troupe-config-version.cmake" COMPATIBILITY SameMinorVersion)
configure_file(transport/cmake/troupe-config.cmake.in troupe-config.cmake @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/troupe-config.cmake" actors/cmake/FindCAF.cmake
              "${PROJECT_BINARY_DIR}/troupe-config-version.cmake"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/troupe")

# Debian's CAF has no description of its own, so that its folders are named here; pkg-config leaves
# out those that every compiler knows.
find_package(CAF MODULE REQUIRED)
file(RELATIVE_PATH TROUPE_PREFIX_FROM_PC "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" TROUPE_PREFIX_FROM_PC "${TROUPE_PREFIX_FROM_PC}")
configure_file(transport/cmake/troupe.pc.in troupe.pc.caf @ONLY)
file(GENERATE OUTPUT "${PROJECT_BINARY_DIR}/$<CONFIG>/troupe.pc" INPUT "${PROJECT_BINARY_DIR}/troupe.pc.caf")
install(FILES "${PROJECT_BINARY_DIR}/$<CONFIG>/troupe.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
