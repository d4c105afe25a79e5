"""The result of a load test as one HTML file that needs nothing else: verdict, account, plots.

Owns: the layout and the words of the page. Refuses to know how plots are drawn (`cli.plots`) and
how figures come about.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, Final

from smppgw.cli.load_report import rounded, shown
from smppgw.cli.plots import STYLE, Line, histogram_plot, lines_plot

_PAGE_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1d2330; --soft: #69717f; --line: #e3e6eb;
  --paper: #fff; --box: #f6f7f9; --good: #18794e; --bad: #c4314b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7eaf0; --soft: #9aa3b2; --line: #31363f;
  --paper: #16191f; --box: #1f232b; --good: #4cc38a; --bad: #ff7b8f; } }
body { margin: 2rem auto; padding: 0 1.2rem; max-width: 60rem; color: var(--ink);
  background: var(--paper); font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.05rem; margin: 2rem 0 0.5rem; }
.under { color: var(--soft); margin: 0.2rem 0 1.2rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: 0.7rem; }
.tile { background: var(--box); border-radius: 8px; padding: 0.6rem 0.9rem; }
.tile b { display: block; font-size: 1.3rem; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: 0.85rem; }
.good { color: var(--good); } .bad { color: var(--bad); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 0.3rem 0.8rem 0.3rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th { font-weight: 600; } td:first-child { white-space: pre-wrap; } td.n, th.n { text-align: right; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr));
  gap: 0 2.5rem; align-items: start; }
li { margin: 0.2rem 0; }
"""
_PERCENTILES: Final = ("mean", "p50", "p90", "p95", "p99", "p99.9", "max")

Row = tuple[str, str]


def page(found: dict[str, Any]) -> str:
    """The page of a document of `load_report.document`."""
    plan = found["plan"]
    title = f"Load test of {plan['target']}"
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8"/>',
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>',
        f"<title>{escape(title)}</title>",
        f"<style>{_PAGE_STYLE}{STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
        f'<p class="under">{escape(_subtitle(found))}</p>',
        _tiles(found),
        _requirements(found),
        _list("Faults", found["faults"], "bad"),
        _list("To be known", found["notes"], ""),
        *_plots(found),
        "<h2>Times in milliseconds</h2>",
        _durations(found),
        "<h2>Account</h2>",
        '<div class="columns">',
        _table(_account(found) + _connections(found)),
        _table(_passages(found)),
        "</div>",
        "<h2>What was asked for</h2>",
        '<div class="columns">',
        *(_table(half) for half in _halves(plan)),
        "</div>",
        f'<p class="under">smppgw {escape(found["smppgw"])}</p>',
        "</body></html>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _subtitle(found: dict[str, Any]) -> str:
    plan, seconds = found["plan"], found["seconds"]
    words = [f"{found['began']}, {seconds['sending']:.1f} s of sending"]
    if not found["messages"]["sent"]:
        words.append(f"phones write, {plan.get('mo_rate', 0):g}/s")
    elif plan["loop"] == "open":
        words.append(f"open loop, {plan['shape']}, up to {plan['rate']:g}/s")
    else:
        words.append("closed loop")
    words.append(f"{plan['binds']} x {plan['bind']}, window {plan['window']}")
    return "; ".join(words)


def _tiles(found: dict[str, Any]) -> str:
    figures, latency, prefix = found["figures"], found["latency"], ""
    if found["messages"]["sent"]:
        tiles = [(f"{found['rate']:,.0f}/s", "accepted", "")]
    else:
        prefix, latency = "mo.", (found["mos"] or {}).get("latency", latency)
        tiles = [(f"{figures.get('mo.rate', 0.0):,.0f}/s", "MOs", "")]
    tiles += [
        (f"{rounded(latency['p50'])} ms", "median", ""),
        (f"{rounded(latency['p99'])} ms", "99 of 100 within", ""),
        (f"{rounded(latency['max'])} ms", "slowest", ""),
    ]
    for name in ("rejected", "unanswered", "lost", "duplicates", "out_of_order"):
        figure = figures.get(f"{prefix}{name}")
        if figure is not None:
            bad = "bad" if figure else "good"
            tiles.append((f"{figure:,.0f}", name.replace("_", " "), bad))
    drawn = (
        f'<div class="tile"><b class="{kind}">{escape(value)}</b><span>{escape(name)}</span></div>'
        for value, name, kind in tiles
    )
    return f'<div class="tiles">{"".join(drawn)}</div>'


def _requirements(found: dict[str, Any]) -> str:
    if not found["requirements"]:
        return ""
    rows = ""
    for one in found["requirements"]:
        kind, word = ("good", "met") if one["met"] else ("bad", "not met")
        cells = f"<td>{escape(one['text'])}</td><td>{escape(one['said'])}</td>"
        rows += f'<tr><td class="{kind}">{word}</td>{cells}</tr>'
    head = "<tr><th>Verdict</th><th>Required</th><th>Measured</th></tr>"
    return f"<h2>Requirements</h2><table>{head}{rows}</table>"


def _list(title: str, words: Sequence[str], kind: str) -> str:
    if not words:
        return ""
    items = "".join(f'<li class="{kind}">{escape(one)}</li>' for one in words)
    return f"<h2>{title}</h2><ul>{items}</ul>"


def _plots(found: dict[str, Any]) -> list[str]:
    series = found["series"]
    seconds, gauges = series["seconds"], series["gauges"]
    if not seconds:
        return []
    rates, latency = series["per_second"], series["latency"]
    throughput = []
    if "intended" in gauges:
        throughput.append(Line("intended", gauges["intended"], 5, dashed=True))
    for name, colour in _RATES:
        if any(rates[name]):
            throughput.append(Line(name, rates[name], colour))
    percentiles = [Line(name, latency[name], colour) for name, colour in _OVER_TIME]
    kinds = [("from when it was due", 0, found["histogram"])]
    if found["plan"]["loop"] == "open" and found["messages"]["sent"]:
        kinds.append(("from when it was sent", 2, found["service_histogram"]))
    depths = [
        Line(said, gauges[name], colour)
        for name, said, colour in _DEPTHS
        if any(one is not None for one in gauges.get(name, ()))
    ]
    until = "the answer" if found["messages"]["sent"] else "the ESME has it"
    return [
        "<h2>Throughput</h2>",
        lines_plot("Throughput", seconds, throughput, unit="messages per second"),
        f"<h2>Latency over time, until {until}</h2>",
        lines_plot("Latency over time", seconds, percentiles, unit="ms", log=True),
        "<h2>How many took how long</h2>",
        histogram_plot("Latency histogram", kinds, unit="messages; ms below"),
        "<h2>What waits</h2>",
        lines_plot("Queue depth", seconds, depths, unit="messages"),
        *_gateway(seconds, gauges),
    ]


def _gateway(seconds: Sequence[float], gauges: dict[str, list[float | None]]) -> list[str]:
    """Memory and CPU of a gateway that a script has started itself."""
    if "gateway_mib" not in gauges:
        return []
    shares = [
        Line(name, [None if one is None else 100 * one for one in gauges[gauge]], colour)
        for gauge, name, colour in _SHARES
        if gauge in gauges
    ]
    return [
        "<h2>Memory of the gateway</h2>",
        lines_plot("Memory", seconds, [Line("resident", gauges["gateway_mib"], 4)], unit="MiB"),
        "<h2>Processor time</h2>",
        lines_plot("Processor", seconds, shares, unit="% of one processor"),
    ]


_RATES: Final = (
    ("sent", 0),
    ("accepted", 1),
    ("rejected", 3),
    ("unanswered", 2),
    ("receipts", 4),
    ("mos", 2),
)
_DEPTHS: Final = (
    ("queue", "queue of the gateway", 0),
    ("in_flight", "in flight", 4),
    ("at_carrier", "deliveries at the carrier", 2),
)
_SHARES: Final = (("gateway_cpu", "gateway", 0), ("load_cpu", "load generator", 2))
_OVER_TIME: Final = (("p50", 1), ("p95", 0), ("p99", 2), ("max", 3))


def _durations(found: dict[str, Any]) -> str:
    sent, rows = found["messages"]["sent"], []
    if sent:
        rows += [
            ("from due to answer", found["latency"]),
            ("from sent to answer", found["service"]),
        ]
    if sent and found["receipts"]["asked"]:
        rows.append(("from due to receipt", found["receipt_latency"]))
    if found["mos"] is not None and "latency" in found["mos"]:
        rows.append(("MO, from phone to ESME", found["mos"]["latency"]))
    head = "".join(f'<th class="n">{name}</th>' for name in _PERCENTILES)
    body = "".join(
        f"<tr><td>{name}</td>"
        + "".join(f'<td class="n">{rounded(latency[one])}</td>' for one in _PERCENTILES)
        + "</tr>"
        for name, latency in rows
    )
    return f"<table><tr><th></th>{head}</tr>{body}</table>"


def _account(found: dict[str, Any]) -> list[Row]:
    messages, receipts = found["messages"], found["receipts"]
    if not messages["sent"]:
        return []
    rows = [("sent", f"{messages['sent']:,}"), ("= accepted", f"{messages['accepted']:,}")]
    rows.append(("+ rejected", f"{messages['rejected']:,}"))
    rows += [(f"   {name}", f"{count:,}") for name, count in messages["rejected_by"].items()]
    rows.append(("+ unanswered", f"{messages['unanswered']:,}"))
    rows += [("+ in flight", f"{messages['in_flight']:,}")] if messages["in_flight"] else []
    if messages["late"]:
        rows.append(("accepted late, after the timeout", f"{messages['late']:,}"))
    if messages["unsent"]:
        rows.append(("due, but never sent", f"{messages['unsent']:,}"))
    if receipts["asked"]:
        rows.append(("accepted", f"{messages['accepted']:,}"))
        rows.append(("= with a final receipt", f"{receipts['final']:,}"))
        rows += [(f"   {name}", f"{count:,}") for name, count in receipts["by_state"].items()]
        rows.append(("+ pending", f"{receipts['pending']:,}"))
        for name in ("duplicates", "changed", "unknown"):
            rows.append((f"receipts: {name}", f"{receipts[name]:,}"))
    return rows


def _connections(found: dict[str, Any]) -> list[Row]:
    connections = found["connections"]
    return [(name.replace("_", " "), f"{connections[name]:,}") for name in connections]


def _passages(found: dict[str, Any]) -> list[Row]:
    rows = []
    carrier = found["far_end"] if found["messages"]["sent"] else None
    for title, far in (("carrier", carrier), ("MO", found["mos"])):
        if far is not None:
            rows += [
                (f"{title}: {name.replace('_', ' ')}", f"{far[name]:,}")
                for name in _PASSAGE
                if name in far
            ]
            words = far.get("keywords", {})
            rows += [(f"   {word}", f"{count:,}") for word, count in words.items()]
    return rows


_PASSAGE: Final = (
    "sent",
    "unsent",
    "acknowledged",
    "taken",
    "lost",
    "duplicates",
    "out_of_order",
    "unpromised",
)


def _halves(plan: dict[str, Any]) -> tuple[list[Row], list[Row]]:
    rows = [(name.replace("_", " "), shown(value)) for name, value in plan.items()]
    middle = (len(rows) + 1) // 2
    return rows[:middle], rows[middle:]


def _table(rows: Iterable[Row]) -> str:
    body = "".join(
        f'<tr><td>{escape(name)}</td><td class="n">{escape(value)}</td></tr>'
        for name, value in rows
    )
    return f"<table>{body}</table>"
