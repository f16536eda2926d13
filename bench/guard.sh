#!/usr/bin/env bash
# bench/run.sh --guard
# Counts the instructions of the micro-benchmarks (callgrind) here and at the parent commit; fails if
# one has grown by more than 5 %. Keeps the counts of each commit outside the tree, by compiler and
# processor, so that a parent that was counted before is not built again.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../.ci/setup.sh"

allowed_percent=5
parent=$repository/build/guard/parent
kept=${XDG_CACHE_HOME:-${HOME:-$repository/build}/.cache}/troupe/guard

need_build_packages
need valgrind:valgrind

git_here() { git -C "$repository" "$@"; }

# Prints the file that holds the counts of a commit.
counts_of() {
  local machine
  machine=$({ "${CXX:-g++}" --version; grep -m1 '^model name' /proc/cpuinfo; } | sha256sum | cut -c1-12)
  printf '%s' "$kept/$1-$machine"
}

# build_micro FOLDER: builds only what the micro-benchmarks need. Paths below the folder count as
# relative, so that the cache knows the files that both commits have alike.
build_micro() {
  use_compiler_cache
  export CCACHE_BASEDIR=$1 CCACHE_NOHASHDIR=1
  cmake -S "$1" -B "$1/build/guard-build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE="-O2 -g1 -DNDEBUG" \
    -DCMAKE_CXX_COMPILER_LAUNCHER="$(command -v ccache || true)" -DCMAKE_CXX_EXTENSIONS=OFF -DTROUPE_BUILD_TESTS=OFF \
    -DTROUPE_BUILD_EXAMPLES=OFF
  cmake --build "$1/build/guard-build" --target micro --parallel "$(jobs)"
}

# count FOLDER FILE: writes a line for each micro-benchmark: its name and its instructions.
count() {
  local micro=$1/build/guard-build/bin/micro name instructions
  mkdir -p "$(dirname "$2")"
  while IFS= read -r name; do
    instructions=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null "$micro" --count "$name" 2>&1 >/dev/null \
      | sed -n 's/.*Collected : \([0-9]*\).*/\1/p')
    [[ $instructions =~ ^[0-9]+$ ]] || { printf '%s cannot be counted\n' "$name"; return 1; }
    printf '%s %s\n' "$name" "$instructions"
  done < <("$micro" --list) >"$2.part"
  mv "$2.part" "$2"
}

# Builds the parent commit and counts its instructions, unless they are known.
count_parent() {
  local commit
  commit=$(git_here rev-parse HEAD^)
  before=$(counts_of "$commit")
  [[ ! -s $before ]] || return 0
  rm -rf "$parent"
  git_here worktree prune
  trap 'git_here worktree remove --force "$parent" 2>/dev/null || true; on_exit $?' EXIT
  git_here worktree add --quiet --detach "$parent" "$commit"
  if [[ -f $parent/bench/micro/main.cpp ]]; then
    step "building the micro-benchmarks of the parent commit" build_micro "$parent"
    step "counting those of the parent commit" count "$parent" "$before"
  fi
}

# Counts this tree's instructions, and keeps the counts if nothing is uncommitted.
count_here() {
  now=$repository/build/guard/counts
  step "building the micro-benchmarks" build_micro "$repository"
  step "counting the instructions of the micro-benchmarks" count "$repository" "$now"
  if [[ -z $(git_here status --porcelain) ]]; then
    mkdir -p "$kept"
    cp "$now" "$(counts_of "$(git_here rev-parse HEAD)")"
  fi
}

# Prints how the counts of two files differ; returns whether none has grown too much.
compare() {
  awk -v allowed="$allowed_percent" '
    FNR == NR { before[$1] = $2; next }
    !($1 in before) { printf "%-32s %14d  new\n", $1, $2; next }
    {
      percent = ($2 / before[$1] - 1) * 100
      printf "%-32s %14d  %+6.1f %%\n", $1, $2, percent
      slower += percent > allowed
    }
    END { exit slower > 0 }' "$1" "$2"
}

if ! git_here rev-parse --verify --quiet HEAD^ >/dev/null; then
  say "there is no parent commit to compare with: nothing guarded"
  exit 0
fi
count_parent
if [[ ! -s $before ]]; then
  say "the parent commit has no micro-benchmarks: nothing guarded"
  exit 0
fi
count_here
compare "$before" "$now" || quit 1 "a micro-benchmark takes more than $allowed_percent % more instructions than at the parent commit"
say "no micro-benchmark takes more than $allowed_percent % more instructions than at the parent commit"
