#!/usr/bin/env bash
# tests/mutants/run.sh [--check] [PATCH...]
# Breaks one rule of the actor layer at a time, each by a patch of this folder, and sees that the model test turns red.
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

build_model() { step "building $1" cmake --build "$tree/build" --target model_tests --parallel "$(jobs)"; }

# Whether the model finds nothing; one that hangs or crashes has found something.
model_passes() { TROUPE_MODEL_SEEDS=$seeds timeout 120 "$tree/build/bin/model_tests" >"$logs/mutant.log" 2>&1; }

build_model "the model without a mutant"
model_passes || quit 1 "the model is red without a mutant"
alive=()
for patch in "${patches[@]}"; do
  name=$(basename "$patch" .patch)
  patch -s -d "$tree/source" -p1 <"$patch"
  build_model "mutant $name"
  if model_passes; then
    alive+=("$name")
    say "$name lives"
  else
    say "$name is dead: $(grep -m1 -E 'replay with|seq |terminate|^  *[a-z].*: ' "$logs/mutant.log" || echo 'the model did not end')"
  fi
  patch -s -R -d "$tree/source" -p1 <"$patch"
done
((${#alive[@]} == 0)) || quit 1 "the model does not notice: ${alive[*]}"
say "all mutants are dead"
