#!/usr/bin/env bash
# tests/package/run.sh BUILD_FOLDER
# Uses the library as others do: installed somewhere, and as a part of another project's build. Checks that the public headers of
# each layer compile alone, and that no layer reaches above itself. BUILD_FOLDER is built; all work goes to a folder below it.
# With TROUPE_LONG=1 the other project builds and runs the whole library.
set -euo pipefail

if (($# != 1)) || [[ ! -f $1/CMakeCache.txt ]]; then
  echo "tests/package/run.sh: expected a build folder" >&2
  exit 2
fi
build=$(realpath "$1")
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
repository=$(realpath "$here/../..")
work=$build/package

say() { printf '== %s\n' "$*"; }
fail() { printf 'tests/package/run.sh: %s\n' "$*" >&2; exit 1; }
from_cache() { sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt"; }

build_type=$(from_cache CMAKE_BUILD_TYPE)
settings=(-G "$(from_cache CMAKE_GENERATOR)" "-DCMAKE_BUILD_TYPE=$build_type")
for name in CMAKE_CXX_COMPILER CMAKE_CXX_COMPILER_LAUNCHER CMAKE_CXX_FLAGS "CMAKE_CXX_FLAGS_${build_type^^}"; do
  settings+=("-D$name=$(from_cache "$name")")
done

others=$(from_cache CMAKE_PREFIX_PATH) # where the build has found CAF, if not where Debian has it

# configure FOLDER BUILD_FOLDER [SETTING]...
configure() {
  local from=$1 to=$2
  shift 2
  cmake -S "$from" -B "$to" "${settings[@]}" "$@" >"$to.log" 2>&1 || { cat "$to.log"; fail "$from cannot be configured"; }
}

# -- installed ------------------------------------------------------------------------------------------------------------

# The package is moved after its installation: it must not know where it was made.
use_installed() {
  say "using the installed package"
  rm -rf "$work/prefix" "$work/moved" "$work/installed"
  cmake --install "$build" --prefix "$work/prefix" >"$work/install.log" 2>&1 \
    || { cat "$work/install.log"; fail "cannot be installed"; }
  mv "$work/prefix" "$work/moved"
  if grep -rlF -e "$repository" -e "$build" "$work/moved" --include='*.cmake' --include='*.hpp'; then
    fail "these installed files name the folder that they come from"
  fi
  diff <(cd "$repository" && find protocol/include actors/include transport/include -name '*.hpp' | cut -d/ -f3- | sort) \
       <(cd "$work/moved/include" && find . -name '*.hpp' | cut -d/ -f2- | sort) || fail "not every public header is installed"
  configure "$here/installed" "$work/installed" "-DCMAKE_PREFIX_PATH=$work/moved;$others"
  cmake --build "$work/installed"
  timeout 60 "$work/installed/serves"
  use_by_pkg_config
  refuses_another_caf
  for program in "$work"/moved/bin/*; do
    timeout 60 "$program" --help >/dev/null || fail "$program does not run where it is installed"
  done
}

# All say the version that the header says; one number for the library and its client in JavaScript.
use_by_pkg_config() {
  local version compiler
  version=$(sed -n 's/^#define TROUPE_VERSION_[A-Z]* \([0-9]*\)$/\1/p' "$work/moved/include/troupe/version.hpp" | paste -sd.)
  [[ $(from_cache CMAKE_PROJECT_VERSION) == "$version" ]] || fail "the build does not say version $version"
  grep -q "^  \"version\": \"$version\",$" "$repository/transport/js/package.json" \
    || fail "the client in JavaScript is not of version $version"
  if ! command -v pkg-config >/dev/null; then
    say "there is no pkg-config: its description is not looked at"
    return
  fi
  export PKG_CONFIG_PATH
  PKG_CONFIG_PATH=$(dirname "$(find "$work/moved" -name troupe.pc)")
  [[ $(pkg-config --modversion troupe) == "$version" ]] || fail "pkg-config does not say version $version"
  read -ra compiler <<<"$(from_cache CMAKE_CXX_COMPILER_LAUNCHER) $(from_cache CMAKE_CXX_COMPILER)"
  # shellcheck disable=SC2046 # the flags are words
  "${compiler[@]}" -std=c++20 $(pkg-config --cflags troupe) -c "$here/serves.cpp" -o "$work/by_pkg_config.o"
  # shellcheck disable=SC2046
  "$(from_cache CMAKE_CXX_COMPILER)" "$work/by_pkg_config.o" -o "$work/by_pkg_config" $(pkg-config --libs troupe) \
    ${others:+"-Wl,-rpath,$others/lib"}
  timeout 60 "$work/by_pkg_config"
}

refuses_another_caf() {
  local other=$work/other_caf
  mkdir -p "$other/caf"
  echo '#define CAF_VERSION 1500' >"$other/caf/config.hpp"
  [[ $(from_cache TROUPE_CAF_1) == OFF ]] || return 0
  if cmake -S "$here/installed" -B "$work/refused" "${settings[@]}" "-DCMAKE_PREFIX_PATH=$work/moved" \
    "-DCAF_INCLUDE_DIR=$other" >"$work/refused.log" 2>&1; then
    fail "the package takes another version of CAF than it was built with"
  fi
  grep -q 'troupe was built with CAF 0\.17\..*this is CAF 0\.15\.0' "$work/refused.log" \
    || { cat "$work/refused.log"; fail "the package does not say which CAF it was built with"; }
}

# The project of actors/EMBEDDING.md, as its reader builds it with the installed package.
follow_guide() {
  say "following actors/EMBEDDING.md"
  rm -rf "$work/guide"
  cmake "-DDOCUMENT=$repository/actors/EMBEDDING.md" "-DWALK=$work/guide" \
    -P "$repository/tests/guide/blocks.cmake"
  configure "$work/guide" "$work/guide/build" "-DCMAKE_PREFIX_PATH=$work/moved;$others"
  cmake --build "$work/guide/build"
  timeout 60 "$work/guide/build/arena_test"
}

# -- as a part ------------------------------------------------------------------------------------------------------------

use_embedded() {
  say "using the library in another project's build"
  local whole=OFF
  [[ ${TROUPE_LONG:-} != 1 ]] || whole=ON
  configure "$here/embedded" "$work/embedded" "-DTROUPE_FOLDER=$repository" "-DWHOLE=$whole" \
    "-DCMAKE_PREFIX_PATH=$others"
  cmake --build "$work/embedded" --target speaks embeds
  cmake --install "$work/embedded" --prefix "$work/embedder" >/dev/null
  [[ ! -e $work/embedder ]] || fail "a project that uses the library installs it along with itself"
  "$work/embedded/speaks"
  if [[ $whole == ON ]]; then
    cmake --build "$work/embedded" --target serves
    timeout 60 "$work/embedded/serves"
  fi
}

check_headers() {
  say "compiling each public header alone, with its layer's interface"
  cmake --build "$work/embedded" --target all_verify_interface_header_sets
}

# -- layers ---------------------------------------------------------------------------------------------------------------

# names_none_of LAYER PATTERN: no file of the layer includes what matches, as an extended regular expression.
names_none_of() {
  local line="^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]($2)"
  if grep -rnE "$line" "$repository/$1" --include='*.hpp' --include='*.cpp'; then
    fail "$1 includes what is not its business"
  fi
}

# reaches_none_of LAYER PATTERN INCLUDE_FOLDER...: the layer's public headers, with all that they include, are free of it.
reaches_none_of() {
  local layer=$1 pattern=$2 header folder
  shift 2
  local folders=(${others:+-I "$others/include"})
  for folder in "$@"; do
    folders+=(-I "$repository/$folder/include")
  done
  : >"$work/$layer.cpp"
  while IFS= read -r header; do
    printf '#include "%s"\n' "$header" >>"$work/$layer.cpp"
  done < <(find "$repository/$layer/include" -name '*.hpp' | sort)
  "$(from_cache CMAKE_CXX_COMPILER)" -std=c++20 -M "${folders[@]}" "$work/$layer.cpp" >"$work/$layer.d"
  if tr -s ' \\\n' '\n' <"$work/$layer.d" | grep -E "/($pattern)"; then
    fail "the public headers of $layer reach what is not its business"
  fi
}

check_layers() {
  say "checking what the layers include"
  local sockets='boost/beast|boost/asio/(ip|ssl)' transport='openssl/|jwt\.h([">]|$)|spdlog/|prometheus/'
  names_none_of protocol "caf/|boost/|$transport|troupe/(actors|transport|testing)"
  names_none_of actors "$sockets|$transport|troupe/transport"
  reaches_none_of protocol "caf/|boost/|simdjson|msgpack|zlib\.h|$transport" protocol
  reaches_none_of actors "boost/beast|simdjson|msgpack|zlib\.h|$transport" protocol actors
  reaches_none_of transport "boost/beast|simdjson|msgpack|zlib\.h|$transport" protocol actors transport
}

mkdir -p "$work"
check_layers
use_installed
follow_guide
use_embedded
check_headers
say "the package is as its users expect it"
