#!/usr/bin/env bash
# tests/run.sh [--long]
# Installs what is missing, builds and runs every test. With --long all run, also those labelled `long`, some of them longer, and the mutants.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../.ci/setup.sh"

long=0
for argument in "$@"; do
  case $argument in
    --long) long=1 ;;
    --help) sed -n '2,3s/^# //p' "$repository/tests/run.sh"; exit 0 ;;
    *) quit 2 "$argument: no such option, expected --long or nothing" ;;
  esac
done

# The packages from npm that tests in Node need, where a folder has any.
install_node_packages() {
  local folder
  for folder in tests/system transport/js; do
    [[ -f $folder/package.json ]] || continue
    if [[ -f $folder/package-lock.json ]]; then
      step "npm packages of $folder" npm ci --prefix "$folder" --no-audit --no-fund
    else
      step "npm packages of $folder" npm install --prefix "$folder" --no-audit --no-fund --no-package-lock
    fi
  done
}

need_test_packages
((long == 0)) || need mmdebstrap:mmdebstrap dpkg-shlibdeps:dpkg-dev
install_node_packages
build dev
if ((long == 1)); then
  export TROUPE_LONG=1
  step "running the tests" ctest --preset long
  step "running the mutants" tests/mutants/run.sh
else
  step "running the tests" ctest --preset dev
fi
say "all tests passed"
