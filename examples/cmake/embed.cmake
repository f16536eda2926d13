# cmake -DFOLDER=<folder> -DFILES=<names below it> -DOUTPUT=<source file> -P embed.cmake
# Writes a source file that holds the files (see embedded_page.hpp).
set(definitions "")
set(entries "")
set(index 0)
foreach(name IN LISTS FILES)
  file(SIZE "${FOLDER}/${name}" size)
  file(READ "${FOLDER}/${name}" bytes HEX)
  string(REGEX REPLACE "(..)" "\\\\x\\1" bytes "${bytes}")
  string(APPEND definitions "constexpr char file_${index}[] = \"${bytes}\";\n")
  string(APPEND entries "  {\"${name}\", {file_${index}, ${size}}},\n")
  math(EXPR index "${index} + 1")
endforeach()

file(WRITE "${OUTPUT}.new" "#include \"chat/embedded_page.hpp\"

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
