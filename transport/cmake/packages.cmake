# Debian packages, one for each component: `cpack --preset release`.
#
# Those of a program depend on the packages of the shared libraries that it needs, which
# dpkg-shlibdeps finds. libtroupe-dev depends on what a program needs to be compiled and linked with
# it. It holds static libraries, into which code of others' headers has been compiled: so each of
# those has to be of the series (the first two numbers of its version) that it was compiled with.

# troupe_in_series(<out> <package>...): appends to a list what of these packages is depended on.
function(troupe_in_series out)
  set(all "${${out}}")
  foreach(name IN LISTS ARGN)
    execute_process(COMMAND dpkg-query --show --showformat "\${Version}" "${name}"
                    OUTPUT_VARIABLE version ERROR_QUIET RESULT_VARIABLE failed)
    if(failed OR NOT version MATCHES "^(([0-9]+:)?[0-9]+)\\.([0-9]+)")
      message(STATUS "No Debian packages: ${name} is not one here")
      return()
    endif()
    math(EXPR next "${CMAKE_MATCH_3} + 1")
    list(APPEND all "${name} (>= ${CMAKE_MATCH_1}.${CMAKE_MATCH_3})" "${name} (<< ${CMAKE_MATCH_1}.${next}~)")
  endforeach()
  set(${out} "${all}" PARENT_SCOPE)
endfunction()

find_program(TROUPE_DPKG_QUERY dpkg-query)
if(NOT TROUPE_DPKG_QUERY OR TROUPE_CAF_1) # Debian has no CAF 1.x to depend on
  return()
endif()

# The config takes no other CAF than the very one that the library was built with.
math(EXPR next "${CAF_VERSION_PATCH} + 1")
set(needed "libcaf-dev (>= ${CAF_VERSION})" "libcaf-dev (<< ${CAF_VERSION_MAJOR}.${CAF_VERSION_MINOR}.${next}~)")
troupe_in_series(needed libboost-dev libssl-dev zlib1g-dev libsimdjson-dev libspdlog-dev prometheus-cpp-dev)
list(LENGTH needed count)
if(NOT count EQUAL 14)
  return()
endif()
list(JOIN needed ", " CPACK_DEBIAN_TROUPE_DEV_PACKAGE_DEPENDS)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME troupe)
set(CPACK_PACKAGE_CONTACT "The maintainers of Troupe <maintainers@troupe.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL troupe_dev)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)

# troupe_package(<component> <package> <section> <what it is>)
macro(troupe_package component name section description)
  string(TOUPPER "${component}" upper)
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME "${name}")
  set(CPACK_DEBIAN_${upper}_PACKAGE_SECTION "${section}")
  set(CPACK_COMPONENT_${upper}_DESCRIPTION "${description}")
  install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/${name}" RENAME copyright COMPONENT ${component})
endmacro()

# troupe_program_package(<component> <package> <what it is>)
macro(troupe_program_package component name description)
  list(APPEND CPACK_COMPONENTS_ALL ${component})
  troupe_package(${component} ${name} net "${description}")
  set(CPACK_DEBIAN_${upper}_PACKAGE_SHLIBDEPS ON)
endmacro()

troupe_package(troupe_dev libtroupe-dev libdevel "${PROJECT_DESCRIPTION}: the library")
set(CPACK_DEBIAN_TROUPE_DEV_PACKAGE_SUGGESTS "cmake, pkg-config")
if(TROUPE_BUILD_EXAMPLES)
  troupe_program_package(troupe_nodes troupe-nodes "${PROJECT_DESCRIPTION}: nodes for chat, rooms, echo and files")
endif()
if(TROUPE_BUILD_BENCH)
  troupe_program_package(troupe_bench troupe-bench "${PROJECT_DESCRIPTION}: a load to measure them with")
endif()

include(CPack)
