# shellcheck shell=bash
# Sourced by the scripts that build. Installs what is missing, runs steps with their progress shown,
# and says in one line what went wrong. A step's whole output is kept in build/logs.
set -euo pipefail
shopt -s extglob

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=$(realpath --relative-to="$repository" "$0")
logs=$repository/build/logs
current_step=setup
current_log=
told=0
cd "$repository"
mkdir -p "$logs"

trap 'on_exit $?' EXIT
trap 'told=1; exit 130' INT

say() { printf '%s\n' "== $*"; }

# quit CODE WHY...: ends the script with one line.
quit() {
  local code=$1
  shift
  printf '%s: %s\n' "$program" "$*" >&2
  told=1
  exit "$code"
}

# Says what went wrong if nobody has.
on_exit() {
  (($1 != 0 && told == 0)) || return 0
  if [[ -n $current_log ]]; then
    quit "$1" "$current_step failed: $(reason "$current_log") (all of it: ${current_log#"$repository/"})"
  fi
  quit "$1" "$current_step failed with exit code $1"
}

# Prints the line of a log that says best why its step failed.
reason() {
  local failed
  if grep -q 'tests failed out of' "$1"; then
    failed=$(sed -n 's/^[[:space:]]*[0-9]* - \([^ ]*\) (.*$/\1/p' "$1" | tr '\n' ' ')
    printf '%s: %s' "$(grep -o '[0-9]* tests failed out of [0-9]*' "$1")" "${failed% }"
  elif grep -q '^CMake Error' "$1"; then
    grep -m1 -A3 '^CMake Error' "$1" | tr -s ' \n' ' '
  else
    grep -m1 -E 'error:|^E: |npm (ERR!|error)' "$1" || grep -v '^[[:space:]]*$' "$1" | tail -n1 || printf 'it said nothing'
  fi
}

# Passes lines on. On a terminal, lines of progress overwrite each other; elsewhere a package
# manager's progress is left out.
show_progress() {
  local line in_place=0
  while IFS= read -r line; do
    if [[ -t 1 && $line == @(\[+([0-9])/+([0-9])\]|Get:|Selecting|Preparing|Unpacking|Setting up|Processing)* ]]; then
      printf '\r\033[K%.*s' "$((${COLUMNS:-80} - 1))" "$line"
      in_place=1
    elif [[ $line != @(Get:|Hit:|Selecting|Preparing|Unpacking|Setting up|Processing|\(Reading|debconf:)* ]]; then
      ((in_place == 0)) || printf '\r\033[K'
      in_place=0
      printf '%s\n' "$line"
    fi
  done
  ((in_place == 0)) || printf '\r\033[K'
}

# step NAME COMMAND...: runs the command with its output shown and logged.
step() {
  current_step=$1
  current_log=$logs/${1//[ \/]/-}.log
  shift
  say "$current_step"
  "$@" 2>&1 </dev/null | tee "$current_log" | show_progress
  current_log=
}

# -- packages -------------------------------------------------------------------------------------------------------------

installed() { [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# need NAME...: installs the Debian packages that are missing. COMMAND:PACKAGE is missing only if
# the command is.
need() {
  local name missing=() root=()
  for name in "$@"; do
    if [[ $name == *:* ]]; then
      command -v "${name%%:*}" >/dev/null || missing+=("${name##*:}")
    elif command -v dpkg-query >/dev/null; then
      installed "$name" || missing+=("$name")
    fi
  done
  ((${#missing[@]} > 0)) || return 0
  command -v apt-get >/dev/null || quit 1 "these packages are missing, and there is no apt-get to install them: ${missing[*]}"
  if ((EUID != 0)); then
    command -v sudo >/dev/null || quit 1 "these packages are missing; install them as root: ${missing[*]}"
    root=(sudo)
  fi
  say "missing: ${missing[*]}"
  step "reading the package lists" "${root[@]}" apt-get -q update
  step "installing packages" "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -q install -y --no-install-recommends "${missing[@]}"
}

need_build_packages() {
  need g++:g++ cmake:cmake ninja:ninja-build ccache:ccache libcaf-dev libboost-dev libssl-dev libmsgpack-cxx-dev libsimdjson-dev \
    zlib1g-dev libspdlog-dev prometheus-cpp-dev libcli11-dev nlohmann-json3-dev libbenchmark-dev libjemalloc-dev
}

need_test_packages() {
  need_build_packages
  need catch2 node:nodejs npm:npm chromium:chromium openssl:openssl python3-websockets \
    python3-msgpack curl:curl pkg-config:pkg-config
  fetch prometheus ./usr/bin/promtool
  need h2load:nghttp2-client libpcre2-8-0 liblua5.3-0 libopentracing-c-wrapper0 # the last three for nginx and haproxy
  fetch nginx ./usr/sbin/nginx
  fetch libnginx-mod-stream ./usr/lib/nginx/modules/ngx_stream_module.so
  fetch haproxy ./usr/sbin/haproxy
}

# fetch PACKAGE FILE: takes one file out of a Debian package into build/tools. To install the package
# would start a server. If it cannot be fetched, tests that need it are left out.
fetch() {
  local tools=$repository/build/tools name=${2##*/}
  if [[ -e $tools/$name ]] || command -v "$name" >/dev/null; then
    return
  fi
  say "fetching $name"
  mkdir -p "$tools"
  (
    cd "$tools"
    apt-get -q download "$1"
    dpkg-deb --fsys-tarfile "$1"_*.deb | tar -x --transform='s|.*/||' "$2"
  ) >"$logs/$name.log" 2>&1 || say "$name could not be fetched: tests that need it are left out (build/logs/$name.log)"
  rm -f "$tools/$1"_*.deb
}

# -- building -------------------------------------------------------------------------------------------------------------

# As many compilers at once as there are cores and 1.5 GiB of memory for each.
jobs() {
  local cores memory
  cores=$(nproc)
  memory=$(($(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo) / 1572864))
  printf '%d' $((memory < 1 ? 1 : memory < cores ? memory : cores))
}

use_compiler_cache() {
  export CCACHE_DIR=${CCACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-$repository/build}/.cache}/ccache}
  mkdir -p "$CCACHE_DIR" 2>/dev/null || true
  [[ -w $CCACHE_DIR ]] || export CCACHE_DIR=$repository/build/ccache
  # As the presets have it: without it ccache takes no source that has a precompiled header.
  export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
}

configure() {
  use_compiler_cache
  step "configuring $1" cmake --preset "$1" -DCMAKE_CXX_COMPILER_LAUNCHER="$(command -v ccache || true)"
}

# build PRESET [TARGET...]: configures and builds.
build() {
  local preset=$1
  shift
  configure "$preset"
  step "building $preset" cmake --build --preset "$preset" --parallel "$(jobs)" ${1:+--target "$@"}
}
