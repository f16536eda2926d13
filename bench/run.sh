#!/usr/bin/env bash
# bench/run.sh [ROUNDS]
# Server CPU per delivered message, relay_node beside Bun's native publish, on one loop, in ROUNDS interleaved rounds (5): medians
# and their ratio for each row. The clock covers user and system time of the server process while messages flow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../examples/support/setup.sh"

rounds=${1:-5}
[[ $rounds =~ ^[1-9][0-9]*$ ]] || quit 2 "$rounds: expected a number of rounds"
results=$repository/build/bench
mkdir -p "$results"

# name, rooms, members of each, messages in flight in each, payload bytes, seconds, the ratio to stay below
rows=(
  "1,000 members, 4 in flight|1|1000|4|64|4|1.15"
  "100 rooms x 10 members|100|10|1|64|4|1.30"
)

server_pid=
port=
end_server() {
  [[ -z $server_pid ]] || { kill "$server_pid" 2>/dev/null && wait "$server_pid" 2>/dev/null; } || true
  server_pid=
}
trap 'end_server; on_exit $?' EXIT

# start COMMAND...: starts a server and waits for the line that names its port.
start() {
  local line
  coproc server { exec "$@" 2>"$results/server.log"; }
  server_pid=$server_PID
  IFS= read -r -t 10 line <&"${server[0]}" || quit 1 "$1 did not start: $(tail -n1 "$results/server.log")"
  port=${line##*:}
  port=${port%%[!0-9]*}
}

measure() {
  local rooms=$1 members=$2 in_flight=$3 payload=$4 seconds=$5
  "$repository/build/release/bin/fan_out_load" "$port" "$server_pid" "$rooms" "$members" "$in_flight" "$payload" "$seconds" \
    | sed -n 's/.* \([0-9.]*\) ns\/delivery/\1/p'
}

median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

troupe=("$repository/build/release/bin/relay_node" --bind 127.0.0.1 --port 0 --loops 1 --message-rate 0 --admission-rate 0)
bun=("$repository/bench/peers/node_modules/@oven/bun-linux-x64/bin/bun" "$repository/bench/peers/bun_rooms.js")

need_build_packages
need node:nodejs npm:npm
step "npm packages of bench/peers" npm ci --prefix bench/peers --no-audit --no-fund
build release relay_node fan_out_load

missed=0
for row in "${rows[@]}"; do
  IFS='|' read -r name rooms members in_flight payload seconds bound <<<"$row"
  slug=${name//[^a-z0-9]/_}
  : >"$results/$slug.troupe"
  : >"$results/$slug.bun"
  for ((round = 1; round <= rounds; ++round)); do
    for peer in troupe bun; do
      declare -n command=$peer
      start "${command[@]}"
      measure "$rooms" "$members" "$in_flight" "$payload" "$seconds" >>"$results/$slug.$peer"
      end_server
    done
    say "$name, round $round: troupe $(tail -n1 "$results/$slug.troupe") ns, bun $(tail -n1 "$results/$slug.bun") ns"
  done
  ours=$(median <"$results/$slug.troupe")
  theirs=$(median <"$results/$slug.bun")
  awk -v name="$name" -v a="$ours" -v b="$theirs" -v bound="$bound" 'BEGIN {
    printf "%s: troupe %.0f ns, bun %.0f ns per delivery; ratio %.2f (bound %.2f)\n", name, a, b, a / b, bound
    exit a / b > bound }' || missed=1
done
((missed == 0)) || quit 1 "a row is over its bound"
