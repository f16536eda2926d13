# cmake -DFILES=<path in the page>=<file>;… -DOUTPUT=<source file> -P embed.cmake
# Writes a source file that holds the files (see embedded_page.hpp).
set(definitions "")
set(entries "")
set(index 0)
foreach(pair IN LISTS FILES)
  string(REGEX MATCH "^([^=]*)=(.*)$" _ "${pair}")
  set(name "${CMAKE_MATCH_1}")
  set(source "${CMAKE_MATCH_2}")
  file(SIZE "${source}" size)
  file(READ "${source}" bytes HEX)
  string(REGEX REPLACE "(..)" "\\\\x\\1" bytes "${bytes}")
  string(APPEND definitions "constexpr char file_${index}[] = \"${bytes}\";\n")
  string(APPEND entries "  {\"${name}\", {file_${index}, ${size}}},\n")
  math(EXPR index "${index} + 1")
endforeach()

file(WRITE "${OUTPUT}.new" "#include \"support/embedded_page.hpp\"

#include <array>

namespace troupe::examples {

namespace {

${definitions}
constexpr std::array<embedded_file, ${index}> files{{
${entries}}};

} // namespace

std::span<const embedded_file> embedded_page() noexcept { return files; }

} // namespace troupe::examples
")
file(RENAME "${OUTPUT}.new" "${OUTPUT}")
