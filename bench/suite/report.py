"""Results as a table on the terminal, as JSON, as Markdown with plots."""

import json
import subprocess
from statistics import median

from scenarios import (
    CONNECT, CPU, CUT, MEMORY, MORE_IS_BETTER, MOST, P50, P99, PING, RATE, RECONNECT,
)
from stats import interval, ratio

UNITS = {CPU: ("CPU for each delivery", "ns", 1), PING: ("CPU for each ping", "µs", 1e3),
         P50: ("p50", "ms", 1e3), P99: ("p99", "ms", 1e3),
         RATE: ("deliveries (more is better)", "1,000/s", 1e3),
         CONNECT: ("connects", "1/s", 1), RECONNECT: ("reconnects", "1/s", 1),
         MEMORY: ("memory of an idle connection", "KiB", 1),
         MOST: ("memory at most", "MiB", 1), CUT: ("stalled readers cut", "number", 1)}


def summary(scenario, taken):
    """What is kept of the rounds of each server.

    The medians of each figure and the ratios to each peer, with their 95 % intervals; clients cut;
    what the load took.
    """
    taken = {server: rounds for server, rounds in taken.items() if rounds}
    first = scenario.servers[0]
    figures = {}
    for figure in scenario.figures:
        values = {server: [r[figure] for r in rounds] for server, rounds in taken.items()}
        if first in values:
            ratios = {peer: ratio(values[first], values[peer]) for peer in values if peer != first}
            figures[figure] = {
                "medians": {server: (median(v), *interval(v)) for server, v in values.items()},
                "ratios": {peer: found for peer, found in ratios.items() if found}}
    stall = any(r.get(CUT) for rounds in taken.values() for r in rounds)
    load = {server: {"cpu": (median(r["load_cpu"] for r in rounds)
                             if all("load_cpu" in r for r in rounds) else None),
                     "bottleneck": sum(bool(r.get("bottleneck")) for r in rounds),
                     "rounds": len(rounds)}
            for server, rounds in taken.items()
            if any(r.get("bottleneck") or r.get("load_cpu") for r in rounds)}
    return {"figures": figures,
            "cut": {} if stall else {server: sum(r.get("cut", 0) for r in rounds)
                                     for server, rounds in taken.items()},
            "load": load}


def rows(scenario, results):
    """One row for each figure of a summary.

    (figure, {server: (median, low, high)}, {peer: (ratio, low, high, bound, is_met)})
    """
    for figure, found in results["figures"].items():
        ratios = {}
        for peer, (value, low, high) in found["ratios"].items():
            bound = scenario.bounds.get((figure, peer))
            is_met = bound is None or (low >= bound if figure in MORE_IS_BETTER else high <= bound)
            ratios[peer] = (value, low, high, bound, is_met)
        yield figure, found["medians"], ratios


def number(value):
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def winner(figure, first, peer, found):
    """Who wins a comparison: nobody where its interval holds 1."""
    if found[1] <= 1 <= found[2]:
        return "alike"
    first_is_better = found[0] > 1 if figure in MORE_IS_BETTER else found[0] < 1
    return f"{first if first_is_better else peer} wins"


def comparison(figure, first, peer, found):
    ratio_text = f"{found[0]:.2f} [{found[1]:.2f}, {found[2]:.2f}] of {peer}"
    bound = "" if found[3] is None else f", bound {found[3]} {'met' if found[4] else 'MISSED'}"
    return f"{ratio_text} ({winner(figure, first, peer, found)}{bound})"


def lines(scenario, results):
    first = scenario.servers[0]
    for figure, values, ratios in rows(scenario, results):
        label, unit, scale = UNITS[figure]
        text = "  ".join(f"{server} {number(v[0] / scale)}" for server, v in values.items())
        compared = "  ".join(comparison(figure, first, peer, found)
                             for peer, found in ratios.items())
        yield f"{label}, {unit}", text, compared
    yield from cut_line(results)
    yield from load_line(results)


def cut_line(results):
    """Clients that a server has cut, besides those that stall.

    What it does not send costs it nothing.
    """
    if any(results["cut"].values()):
        yield ("clients cut, in all rounds",
               "  ".join(f"{server} {n}" for server, n in results["cut"].items()), "")


def load_line(results):
    """What the load itself took.

    Where it had no time left, deliveries a second are its own, and a server may be faster than
    shown.
    """
    told = []
    for server, load in results["load"].items():
        cost = "" if load["cpu"] is None else f"{number(load['cpu'])} ns, "
        told.append(f"{server} {cost}{load['bottleneck']} of {load['rounds']}")
    if told:
        yield ("the load's own CPU for each delivery, and rounds in which it had no time left",
               "  ".join(told), "")


def print_table(scenario, results):
    for label, text, compared in lines(scenario, results):
        print(f"   {label}: {text}\n      {scenario.servers[0]} is {compared}" if compared
              else f"   {label}: {text}", flush=True)


def write_json(path, outcomes):
    """Writes `outcomes` as JSON.

    Of each scenario: what it was (title, load), how it was run (`about`) and a summary of its
    rounds (`results`).
    """
    path.write_text(json.dumps({"scenarios": outcomes}, indent=1) + "\n")


def read_json(path):
    """The outcomes in a file of `write_json`; none if there is none."""
    outcomes = json.loads(path.read_text())["scenarios"] if path.exists() else {}
    for name, outcome in outcomes.items():
        if "about" not in outcome or "figures" not in outcome["results"]:
            raise RuntimeError(f"{path} does not say how {name} was run: "
                               "it is of an older version; delete it")
    return outcomes


def write_markdown(path, scenarios, outcomes, plots):
    text = ["# Results", "",
            "Medians; ratios are medians of the ratios of each round with their 95 % intervals. "
            "A bound is met by the interval's far end."]
    runs = {}
    for s in scenarios:
        if s.name in outcomes:
            about = outcomes[s.name]["about"]
            runs.setdefault((about["date"], about["commit"], about["machine"], about["load"]),
                            []).append(s)
    for (date, commit, machine, load), of_run in sorted(runs.items(), key=lambda run: run[0][0],
                                                        reverse=True):
        text += ["", f"## {commit}, {date}", "", f"{machine}; the load {load}.", "",
                 "| scenario | rounds | figure | medians | ratio |",
                 "| --- | --- | --- | --- | --- |"]
        for s in of_run:
            about = outcomes[s.name]["about"]
            for label, values, compared in lines(s, outcomes[s.name]["results"]):
                text.append(f"| {s.title} | {about['rounds']} of {about['seconds']:g} s | {label} "
                            f"| {values} | {compared} |")
    for title, file in plots:
        text += ["", f"## {title}", "", f"![{title}]({file})"]
    path.write_text("\n".join(text) + "\n")


def medians_of(results, name):
    """Of each server, the CPU for each delivery in a scenario; none if it was not measured."""
    found = results.get(name, {"figures": {}})["figures"].get(CPU, {"medians": {}})
    return {server: values[0] for server, values in found["medians"].items()}


def plot_cpu(folder, scenarios, results):
    """Server CPU for each delivery, as bars, relative to the first peer."""
    shown = {s.name: medians_of(results, s.name) for s in scenarios
             if "bun" in medians_of(results, s.name)}
    if not shown:
        return []
    names = [n for n in ("troupe", "bun", "floor") if any(n in values for values in shown.values())]
    data = ["scenario\t" + "\t".join(names)]
    for scenario, values in shown.items():
        data.append(f"{scenario}\t" + "\t".join(
            f"{values[n] / values['bun']:.3f}" if n in values else "NaN" for n in names))
    (folder / "cpu.tsv").write_text("\n".join(data) + "\n")
    script = f"""
set terminal svg size 1000,460 font 'sans-serif,12' background '#ffffff'
set output '{folder}/cpu.svg'
set datafile separator '\\t'
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.9 border -1
set boxwidth 0.9
set grid ytics lc rgb '#dddddd'
set yrange [0:*]
set ylabel 'server CPU for each delivery, Bun = 1'
set xtics rotate by -25 font ',10'
set key top right outside
plot for [i=2:{len(names) + 1}] '{folder}/cpu.tsv' using i:xtic(1) title columnheader(i)
"""
    subprocess.run(["gnuplot"], input=script, text=True, check=True)
    return [("CPU beside Bun", "cpu.svg")]


def plot_sizes(folder, scenarios, results):
    """Server CPU for each delivery by the size of the room."""
    sizes = {"members-10": 10, "fan-out-100": 100, "fan-out-1000": 1000, "members-10000": 10000}
    shown = {members: medians_of(results, name) for name, members in sizes.items()
             if medians_of(results, name)}
    if len(shown) < 2:
        return []
    names = [n for n in ("troupe", "bun", "floor") if all(n in values for values in shown.values())]
    data = ["members\t" + "\t".join(names)]
    for members, values in sorted(shown.items()):
        data.append(f"{members}\t" + "\t".join(f"{values[n]:.0f}" for n in names))
    (folder / "sizes.tsv").write_text("\n".join(data) + "\n")
    script = f"""
set terminal svg size 900,400 font 'sans-serif,12' background '#ffffff'
set output '{folder}/sizes.svg'
set datafile separator '\\t'
set grid lc rgb '#dddddd'
set logscale x
set yrange [0:*]
set xlabel 'members of the room'
set ylabel 'server CPU for each delivery, ns'
set key top left
plot for [i=2:{len(names) + 1}] '{folder}/sizes.tsv' using 1:i with linespoints lw 2 pt 7 title columnheader(i)
"""
    subprocess.run(["gnuplot"], input=script, text=True, check=True)
    return [("Cost of a delivery by the size of the room "
             "(up to 100 members 16 messages in flight; 1,000: 4; 10,000: 2)", "sizes.svg")]
