#!/usr/bin/env bash
# bench/run.sh --guard
# Counts the instructions of the micro-benchmarks (callgrind) here and at the parent commit; more than 5 % more is a failure.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../examples/support/setup.sh"

allowed_percent=5
counts=$repository/build/guard
parent=$counts/parent

need_build_packages
need valgrind:valgrind

# build_micro FOLDER: builds only what the micro-benchmarks need.
build_micro() {
  use_compiler_cache
  cmake -S "$1" -B "$1/build/guard-build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE="-O2 -g1 -DNDEBUG" \
    -DCMAKE_CXX_COMPILER_LAUNCHER="$(command -v ccache || true)" -DCMAKE_CXX_EXTENSIONS=OFF -DTROUPE_BUILD_TESTS=OFF \
    -DTROUPE_BUILD_EXAMPLES=OFF
  cmake --build "$1/build/guard-build" --target micro --parallel "$(jobs)"
}

# count FOLDER NAME: instructions of one micro-benchmark.
count() {
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$1/build/guard-build/bin/micro" --count "$2" 2>&1 >/dev/null \
    | sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

mkdir -p "$counts"
if ! git -C "$repository" rev-parse --verify --quiet HEAD^ >/dev/null; then
  say "there is no parent commit to compare with: nothing guarded"
  exit 0
fi
rm -rf "$parent"
git -C "$repository" worktree prune
trap 'git -C "$repository" worktree remove --force "$parent" 2>/dev/null || true; on_exit $?' EXIT
git -C "$repository" worktree add --quiet --detach "$parent" HEAD^
if [[ ! -f $parent/bench/micro/main.cpp ]]; then
  say "the parent commit has no micro-benchmarks: nothing guarded"
  exit 0
fi
step "building the micro-benchmarks" build_micro "$repository"
step "building those of the parent commit" build_micro "$parent"

known=$("$parent/build/guard-build/bin/micro" --list)
slower=()
while IFS= read -r name; do
  now=$(count "$repository" "$name")
  if ! grep -qxF "$name" <<<"$known"; then
    printf '%-32s %14d  new\n' "$name" "$now"
    continue
  fi
  before=$(count "$parent" "$name")
  percent=$(awk -v a="$now" -v b="$before" 'BEGIN { printf "%.1f", (a / b - 1) * 100 }')
  printf '%-32s %14d  %+6.1f %%\n' "$name" "$now" "$percent"
  awk -v p="$percent" -v allowed="$allowed_percent" 'BEGIN { exit p > allowed }' || slower+=("$name ($percent %)")
done < <("$repository/build/guard-build/bin/micro" --list)
((${#slower[@]} == 0)) || quit 1 "more than $allowed_percent % more instructions than the parent commit: ${slower[*]}"
say "no micro-benchmark takes more than $allowed_percent % more instructions than at the parent commit"
