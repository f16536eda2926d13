"""bench/run.sh's inside: runs the servers of each scenario in turn, round by round, and reports."""

import argparse
import datetime
import json
import pathlib
import platform
import subprocess
import sys
import tempfile
import time

import report
from scenarios import CONNECT, CPU, CUT, MEMORY, MOST, P50, P99, PING, RATE, RECONNECT, SCENARIOS
from servers import LOAD_CORE, Running, catalogue, pinned

ROOT = pathlib.Path(__file__).resolve().parents[2]
MICRO_SECONDS = 2  # of each repetition of a micro-benchmark

spins = False  # set by --spin


def load_command(server, port, pid, load, seconds, json_file, warm_up):
    command = [f"{ROOT}/build/release/bin/troupe_load",
               f"{'wss' if load.get('tls') else 'ws'}://127.0.0.1:{port}", "--quiet",
               "--warm-up", str(warm_up), "--duration", str(seconds), "--pid", str(pid),
               "--json", str(json_file), "--patience", "60"]
    options = {"dialect": server.dialect,
               **{k: v for k, v in load.items() if k not in ("tls", "giant")}, **server.load}
    if load.get("deflate") and "deflate" not in server.name:
        options.pop("deflate")
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if value is True:
            command.append(flag)
        elif value is False:
            command.append("--no-" + name)
        else:
            command += [flag, str(value)]
    if spins:
        command.append("--spin")
    return pinned(command, LOAD_CORE) if server.is_pinned else command


def figures_of(document):
    window, latency = document["window_seconds"], document["latency_us"]
    connections = document["connections"]
    return {
        CPU: document["server_cpu_ns_per_delivery"],
        P50: latency["p50"],
        P99: latency["p99"],
        RATE: document["delivered"] / window,
        CONNECT: connections / document["connect_seconds"],
        RECONNECT: (connections / document["reconnect_seconds"]
                    if document["reconnect_seconds"] else 0),
        MEMORY: document["server_kib"]["per_connection"],
        MOST: document["server_kib"]["most"] / 1024,
        CUT: document["cut_stalled"],
        PING: document["server_cpu_ns_per_ping"],
        "lost": document["lost"] + document["doubled"] + document["disordered"],
        "cut": document["cut"],
        "load_cpu": document["load_cpu_ns_per_delivery"],
        "bottleneck": document["load_was_bottleneck"],
    }


def giant_command(server, port, pid, members, seconds, folder):
    """The 5,000-member room at 20 messages a second, as a load of its own."""
    load = dict(members=members, rate=20, opening=64)
    return load_command(server, port, pid, load, seconds, folder / "giant.json", 1)


def measure(server, scenario, seconds, folder, log):
    """One round of one server: its figures."""
    running = Running(server, log)
    giant = None
    try:
        warm_up = min(1.0, seconds / 2)
        load = scenario.load
        if load.get("giant"):
            # The giant room's load is another process: it begins first and ends last.
            giant = subprocess.Popen(
                giant_command(server, running.port, running.pid, load["giant"], seconds + 6,
                              folder),
                stdout=log, stderr=log)
            wait_for_members(running, load["giant"])
        file = folder / "load.json"
        options = ({**load, "room_prefix": "small", "first_publisher": 100} if load.get("giant")
                   else load)
        done = subprocess.run(
            load_command(server, running.port, running.pid, options, seconds, file, warm_up),
            stdout=log, stderr=subprocess.PIPE, text=True)
        if done.returncode not in (0, 3):
            raise RuntimeError(
                f"{scenario.name}, {server.name}: " + str(
                    done.stderr.strip().splitlines()[-1] if done.stderr.strip()
                    else done.returncode))
        if giant and giant.poll() is not None:
            raise RuntimeError(
                f"{scenario.name}, {server.name}: "
                f"the giant room's load ended before the measurement: {giant.returncode}")
        return figures_of(json.loads(file.read_text()))
    finally:
        if giant:
            giant.kill()
            giant.wait()
        running.end()


def measure_loops(name, scenario):
    """One round of a micro-benchmark on as many loops as the name begins with.

    Its figure: deliveries a second.
    """
    loops = name.split("-")[0]
    command = [f"{ROOT}/build/release/bin/micro", f"--benchmark_filter=^{scenario.micro}/{loops}/",
               f"--benchmark_min_time={MICRO_SECONDS}", "--benchmark_format=json"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0 or not done.stdout:
        raise RuntimeError(f"{scenario.name}, {name}: {done.stderr.strip() or done.returncode}")
    return {RATE: json.loads(done.stdout)["benchmarks"][0]["items_per_second"], "lost": 0}


def wait_for_members(running, members):
    """Until the giant room is there: its process has that many sockets."""
    end = time.monotonic() + 60
    while len(list(pathlib.Path(f"/proc/{running.pid}/fd").iterdir())) < members:
        if time.monotonic() > end:
            raise RuntimeError("the giant room was not there after a minute")
        time.sleep(0.1)
    time.sleep(2)


def certificates(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
                   check=True, capture_output=True)


def about():
    git = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short=12", "HEAD"],
                         capture_output=True, text=True).stdout.strip()
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo")
                  if line.startswith("model name")), "unknown processor")
    cores = sum(line.startswith("processor") for line in open("/proc/cpuinfo"))
    return {"date": datetime.date.today().isoformat(), "commit": git or "unknown",
            "load": "never sleeps" if spins else "sleeps when it has nothing to do",
            "machine": f"{cores} cores of {model}, Linux {platform.release().split('-')[0]}"}


def parse():
    parser = argparse.ArgumentParser(
        prog="bench/run.sh",
        description="Runs servers side by side under the same load and compares them.")
    parser.add_argument("scenario", nargs="*", help="names; none: all of them")
    parser.add_argument("--rounds", type=int, help="interleaved rounds of each scenario (9)")
    parser.add_argument("--seconds", type=float,
                        help="measured in each round (4 in most scenarios)")
    parser.add_argument("--without", metavar="SERVERS", default="",
                        help="leaves these out, such as ws,socketio")
    parser.add_argument("--quick", action="store_true",
                        help="the main rows in one short round each: done in three minutes")
    parser.add_argument("--keep", action="store_true",
                        help="the report keeps what it has of scenarios that are not run now")
    parser.add_argument("--spin", action="store_true",
                        help="the load never sleeps, so that no server pays for waking it; "
                             "needs a core of its own")
    parser.add_argument("--list", action="store_true", help="names the scenarios")
    parser.add_argument("--check", action="store_true",
                        help="looks at the arguments, and runs nothing")
    parser.add_argument("--bounds", action="store_true", help="exit code 1 if a bound is missed")
    options = parser.parse_args()
    unknown = set(options.scenario) - {s.name for s in SCENARIOS}
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: no such scenario; --list names them")
    options.without = [name for name in options.without.split(",") if name]
    strangers = set(options.without) - {name for s in SCENARIOS for name in s.servers}
    if strangers:
        parser.error(
            f"--without: {', '.join(sorted(strangers))}: no such server; --list names them")
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds: expected a number from 1")
    if options.seconds is not None and not 0 < options.seconds < float("inf"):
        parser.error("--seconds: expected a number above 0")
    for s in SCENARIOS:
        if s.name in options.scenario and all(name in options.without for name in s.servers):
            parser.error(f"--without leaves {s.name} no server")
        if s.name in options.scenario and s.least_seconds > (options.seconds or s.seconds):
            parser.error(f"--seconds: {s.name} needs {s.least_seconds:g} at least")
    return options


def main():
    global spins
    options = parse()
    spins = options.spin
    if options.list:
        for s in SCENARIOS:
            print(f"{s.name:20} {s.title}: {', '.join(s.servers)}")
    if options.list or options.check:
        return 0
    chosen = [s for s in SCENARIOS
              if (s.name in options.scenario if options.scenario
                  else s.quick if options.quick else True)]
    rounds = options.rounds or (1 if options.quick else 9)
    results_folder = ROOT / "build" / "bench"
    results_folder.mkdir(parents=True, exist_ok=True)
    outcomes = report.read_json(results_folder / "results.json") if options.keep else {}
    missed = []
    facts = about()
    with tempfile.TemporaryDirectory() as scratch, open(results_folder / "servers.log", "w") as log:
        folder = pathlib.Path(scratch)
        certificates(folder)
        servers = catalogue(ROOT, folder)
        for scenario in chosen:
            print(f"== {scenario.name}: {scenario.title}", flush=True)
            compared = [name for name in scenario.servers if name not in options.without]
            seconds = MICRO_SECONDS if scenario.micro else max(
                options.seconds or (1.5 if options.quick else scenario.seconds),
                scenario.least_seconds)
            taken = {name: [] for name in compared}
            for turn in range(rounds):
                for name in compared if turn % 2 == 0 else compared[::-1]:
                    found = (measure_loops(name, scenario) if scenario.micro
                             else measure(servers[name], scenario, seconds, folder, log))
                    taken[name].append(found)
                    if found["lost"]:
                        print(f"   round {turn + 1}: {name} lost, doubled or disordered "
                              f"{found['lost']} messages", flush=True)
                told = "  ".join(f"{n} {report.number(taken[n][-1][scenario.figures[0]])}"
                                 for n in compared)
                print(f"   round {turn + 1} of {rounds}: {told}", flush=True)
            summary = report.summary(scenario, taken)
            report.print_table(scenario, summary)
            missed += [(scenario.name, figure, peer)
                       for figure, _, ratios in report.rows(scenario, summary)
                       for peer, r in ratios.items() if not r[4]]
            outcomes[scenario.name] = {"title": scenario.title, "load": scenario.load,
                                       "about": {**facts, "rounds": rounds, "seconds": seconds},
                                       "results": summary}
            report.write_json(results_folder / "results.json", outcomes)
    results = {name: outcome["results"] for name, outcome in outcomes.items()}
    plots = (report.plot_cpu(results_folder, SCENARIOS, results)
             + report.plot_sizes(results_folder, SCENARIOS, results))
    report.write_markdown(results_folder / "results.md", SCENARIOS, outcomes, plots)
    print(f"== results: {results_folder}/results.md, results.json")
    for name, figure, peer in missed:
        print(f"   missed: {name}, {figure} beside {peer}")
    return 1 if missed and options.bounds else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except RuntimeError as error:
        print(f"bench/run.sh: {error}", file=sys.stderr)
        sys.exit(1)
