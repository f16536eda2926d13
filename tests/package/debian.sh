#!/usr/bin/env bash
# tests/package/debian.sh BUILD_FOLDER
# Makes the Debian packages, and installs each of them in a Debian of its own, fresh, with nothing
# but what the package depends on. There a program is compiled with the library, as found by CMake and
# by pkg-config, and serves; a node is started and asked; the load loads it. BUILD_FOLDER names the
# compiler; all work goes to a folder below it. Ends with 77 if no fresh Debian can be made here.
set -euo pipefail

if (($# != 1)) || [[ ! -f $1/CMakeCache.txt ]]; then
  echo "tests/package/debian.sh: expected a build folder" >&2
  exit 2
fi
build=$(realpath "$1")
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
repository=$(realpath "$here/../..")
work=$build/debian
packages=$work/packages

say() { printf '== %s\n' "$*"; }
fail() { printf 'tests/package/debian.sh: %s\n' "$*" >&2; exit 1; }
leave_out() { printf 'tests/package/debian.sh: left out: %s\n' "$*" >&2; exit 77; }
from_cache() { sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt"; }

# As people get it: the preset of releases, but in a folder of the test's own.
make_packages() {
  say "making the packages"
  rm -rf "$packages"
  cmake -S "$repository" -B "$work/build" --preset release "-DCMAKE_CXX_COMPILER=$(from_cache CMAKE_CXX_COMPILER)" \
    "-DCMAKE_CXX_COMPILER_LAUNCHER=$(from_cache CMAKE_CXX_COMPILER_LAUNCHER)" >"$work/configure.log" 2>&1 \
    || { cat "$work/configure.log"; fail "cannot be configured"; }
  cmake --build "$work/build" >"$work/build.log" 2>&1 \
    || { tail -n 30 "$work/build.log"; fail "cannot be built"; }
  (cd "$work/build" && cpack -B "$packages") || fail "the packages cannot be made"
  local names
  names=$(cd "$packages" && ls -- *.deb | sed 's/_.*//' | sort | tr '\n' ' ')
  [[ $names == "libtroupe-dev troupe-bench troupe-nodes " ]] || fail "these packages were made: $names"
  rm -rf "$packages/_CPack_Packages"
}

codename() { (. /etc/os-release && printf '%s' "$VERSION_CODENAME"); }

# in_fresh_debian PACKAGE OTHERS SCRIPT: installs the package and other packages of Debian, then runs
# the script (of sh, with the tests' folder in /package).
in_fresh_debian() {
  local file
  file=$(echo "$packages/$1"_*.deb)
  mmdebstrap --quiet --variant=apt --format=null \
    "--customize-hook=copy-in '$file' '$here' /" \
    "--customize-hook=chroot \"\$1\" apt-get -qq install --yes --no-install-recommends $2 '/$(basename "$file")'" \
    "--customize-hook=chroot \"\$1\" sh -euxc '$3'" \
    "$(codename)" /dev/null
}

check_library() {
  say "compiling with libtroupe-dev"
  in_fresh_debian libtroupe-dev "g++ cmake make pkg-config" '
    cmake -S /package/installed -B /found
    cmake --build /found
    timeout 60 /found/serves
    c++ -std=c++20 /package/serves.cpp -o /serves $(pkg-config --cflags --libs troupe)
    timeout 60 /serves
    test -s /usr/share/doc/libtroupe-dev/copyright
    libraries=$(find /usr/lib -name "libtroupe_*.a")
    test -n "$libraries"
    if objdump -h $libraries | grep -q "\.gnu\.lto_"; then exit 1; fi
  ' || fail "the library does not work with what libtroupe-dev depends on"
}

check_nodes() {
  say "running troupe-nodes"
  in_fresh_debian troupe-nodes "" '
    for node in chat_node echo_node file_node relay_node; do
      timeout 60 $node --help >/dev/null
    done
    relay_node --port 0 >/said 2>&1 & node=$!
    until grep -q "is listening on" /said; do kill -0 $node || exit 1; sleep 0.1; done
    cat /said
    kill -TERM $node
    wait $node
  ' || fail "a node does not run with what troupe-nodes depends on"
}

check_load() {
  say "running troupe-bench"
  in_fresh_debian troupe-bench "" '
    timeout 60 troupe_load --help >/dev/null
    ! timeout 60 troupe_load ws://127.0.0.1:1 --quiet
  ' || fail "the load does not run with what troupe-bench depends on"
}

mkdir -p "$work"
[[ $(from_cache TROUPE_CAF_1) == OFF ]] || leave_out "Debian has no CAF 1.x"
for tool in mmdebstrap dpkg-shlibdeps; do
  command -v "$tool" >/dev/null || leave_out "there is no $tool"
done
((EUID == 0)) || leave_out "only root can make a fresh Debian here"
mmdebstrap --quiet --variant=apt --format=null "$(codename)" /dev/null || leave_out "mmdebstrap cannot make a Debian"
make_packages
check_library
check_nodes
check_load
say "the packages are as their users expect them"
