#!/usr/bin/env bash
# bench/run.sh [--quick] [--rounds N] [--seconds S] [--without SERVERS] [--keep] [--spin] [--bounds] [SCENARIO...]
# Runs Troupe and its peers side by side under the same load: progress, a table of ratios, and a report in build/bench.
# --list names the scenarios; --bounds ends with 1 if one is missed; --guard compares the
# instruction counts of the micro-benchmarks with the parent commit's;
# --ticks [OPTION...] compares rooms that tick with Colyseus and Bun; its --help names the options.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../.ci/setup.sh"

case ${1-} in
  --guard) shift; exec "$repository/bench/guard.sh" "$@" ;;
  -h | --help) sed -n '2,6s/^# //p' "$repository/bench/run.sh"; exit 0 ;;
esac
suite=run.py
targets=(relay_node echo_node deal_node troupe_load floor micro)
if [[ ${1-} == --ticks ]]; then
  shift
  suite=ticks.py
  targets=(tick_node)
fi
# Whatever is wrong with the arguments is said before anything is installed or built.
need python3:python3
python3 "$repository/bench/suite/$suite" "$@" --check || { told=1; exit 2; }
for argument in "$@"; do
  [[ $argument != @(--list|--help|-h) ]] || exit 0
done

need_build_packages
need node:nodejs npm:npm openssl:openssl gnuplot:gnuplot-nox
step "npm packages of bench/peers" npm ci --prefix bench/peers --no-audit --no-fund
build release "${targets[@]}"
exec python3 "$repository/bench/suite/$suite" "$@"
