#!/usr/bin/env bash
# tests/mutants/run.sh [--check] [PATCH...]
# Breaks one rule of the actor layer at a time, each by a patch of this folder, and sees that the model test turns red,
# or the test program that the patch names ("Seen by NAME.").
# --check: sees only that each patch applies.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../.ci/setup.sh"

folder=$repository/tests/mutants
seeds=1500 # the model's own run has more; a mutant must not live long

need git:git patch:patch
check=0
[[ ${1:-} != --check ]] || { check=1; shift; }
patches=("$@")
((${#patches[@]} > 0)) || patches=("$folder"/*.patch)

for patch in "${patches[@]}"; do
  git apply --check "$patch" 2>"$logs/mutant.log" || quit 1 "$(basename "$patch") does not apply: $(head -n1 "$logs/mutant.log")"
done
say "${#patches[@]} mutants apply"
((check == 0)) || exit 0

# -- a tree of its own, so that a mutant never touches the sources ---------------------------------------------------------

tree=$repository/build/mutants
rm -rf "$tree/source"
mkdir -p "$tree/source"
cp -r CMakeLists.txt CMakePresets.json README.md actors examples protocol transport tests "$tree/source"
use_compiler_cache
step "configuring the mutants" cmake -S "$tree/source" -B "$tree/build" -G Ninja -DCMAKE_BUILD_TYPE=Debug \
  -DCMAKE_CXX_FLAGS_DEBUG="-O1 -g1" -DTROUPE_BUILD_EXAMPLES=OFF -DTROUPE_BUILD_BENCH=OFF \
  -DCMAKE_CXX_COMPILER_LAUNCHER="$(command -v ccache || true)"

# The test program that is to notice a patch.
witness_of() {
  local named
  named=$(sed -n 's/^Seen by \([a-z_]*\)\.$/\1/p' "$1")
  echo "${named:-model_tests}"
}

build() { step "building $2" cmake --build "$tree/build" --target "$1" --parallel "$(jobs)"; }

# Whether that program finds nothing; one that hangs or crashes has found something.
passes() { TROUPE_MODEL_SEEDS=$seeds timeout 120 "$tree/build/bin/$1" >"$logs/mutant.log" 2>&1; }

for witness in $(for patch in "${patches[@]}"; do witness_of "$patch"; done | sort -u); do
  build "$witness" "$witness without a mutant"
  passes "$witness" || quit 1 "$witness is red without a mutant"
done
alive=()
for patch in "${patches[@]}"; do
  name=$(basename "$patch" .patch)
  witness=$(witness_of "$patch")
  patch -s -d "$tree/source" -p1 <"$patch"
  build "$witness" "mutant $name"
  if passes "$witness"; then
    alive+=("$name")
    say "$name lives"
  else
    say "$name is dead: $(grep -m1 -E 'replay with|seq |terminate|FAILED|^  *[a-z].*: ' "$logs/mutant.log" || echo 'the test did not end')"
  fi
  patch -s -R -d "$tree/source" -p1 <"$patch"
done
((${#alive[@]} == 0)) || quit 1 "nobody notices: ${alive[*]}"
say "all mutants are dead"
