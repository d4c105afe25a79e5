"""What a load test says: its result as one document, as lines for people, and its verdict.

Owns: the document (JSON), the lines at the end, the notes on what the figures do not show.
Refuses to know: how the run went on (`simulator.load_run`), plots (`cli.load_page`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from smppgw._version import __version__
from smppgw.cli.output import CommandFault, folded
from smppgw.simulator.figures import Requirement, figures, judge

BUSY: Final = 0.9
"""Share of a processor above which the generator itself may be what is measured."""


def document(
    plan: dict[str, Any], began: str, result: dict[str, Any], wanted: Sequence[Requirement]
) -> dict[str, Any]:
    """The whole result: what was asked for, what came, the verdict on each requirement."""
    found = figures(result)
    verdicts = [judge(one, found) for one in wanted]
    return {
        "smppgw": __version__,
        "began": began,
        "plan": plan,
        "requirements": [
            {
                "text": one.requirement.text,
                "figure": one.figure,
                "said": one.said,
                "met": one.met,
            }
            for one in verdicts
        ],
        "met": all(one.met for one in verdicts),
        "notes": notes(plan, result),
        "figures": {name: figure for name, figure in sorted(found.items()) if figure is not None},
        **result,
    }


def notes(plan: dict[str, Any], result: dict[str, Any]) -> list[str]:
    """What has to be known to read the figures."""
    found = []
    messages, receipts = result["messages"], result["receipts"]
    busy = [one for one in result["series"]["gauges"].get("load_cpu", ()) if one is not None]
    share = sum(busy) / len(busy) if busy else 0.0
    if share > BUSY:
        found.append(
            f"The load generator itself used {100 * share:.0f} % of a processor:"
            " rate and latencies may be its own."
        )
    if messages["unsent"]:
        found.append(
            f"Due and never sent, for no window had room: {messages['unsent']} messages. The"
            " percentiles know nothing of them."
        )
    if result["interrupted"]:
        found.append("It was interrupted: this is what was until then.")
    if receipts["unknown"] and receipts["pending"]:
        found.append(
            "Receipts came for ids that no answer had: see --receipt-ids, and whether others bind"
            " as the same system_id."
        )
    if receipts["ids_repeated"]:
        found.append(f"{receipts['ids_repeated']} answers repeated a message_id.")
    if plan["loop"] == "closed" and messages["sent"]:
        found.append(
            "A closed loop waits for answers: a server that stalls is asked less meanwhile, and the"
            " percentiles hide the stall. An open loop (--rate) shows it."
        )
    return found


def lines(found: dict[str, Any]) -> list[str]:
    """The account and the figures for people."""
    said_lines = [f"FAULT: {fault}" for fault in found["faults"]]
    said_lines += _account(found)
    said_lines += _durations(found)
    for note in found["notes"]:
        said_lines += folded(f"note: {note}", "  ")
    width = max((len(one["text"]) for one in found["requirements"]), default=0)
    said_lines += [
        f"{'ok  ' if one['met'] else 'FAIL'}  {one['text']:{width}}  {one['said']}"
        for one in found["requirements"]
    ]
    return said_lines


def _account(found: dict[str, Any]) -> list[str]:
    messages, receipts = found["messages"], found["receipts"]
    by = ", ".join(f"{name} {count}" for name, count in messages["rejected_by"].items())
    flying = f" + {messages['in_flight']} in flight" if messages["in_flight"] else ""
    late = f", {messages['late']} accepted late" if messages["late"] else ""
    if not messages["sent"]:
        return _rest(found)
    said_lines = [
        f"sent {messages['sent']} = {messages['accepted']} accepted + {messages['rejected']}"
        f" rejected + {messages['unanswered']} unanswered{flying}{late}",
    ]
    if by:
        said_lines.append(f"  rejected by {by}")
    if receipts["asked"]:
        states = ", ".join(f"{stat} {count}" for stat, count in receipts["by_state"].items())
        said_lines.append(
            f"accepted {messages['accepted']} = {receipts['final']} with receipt"
            f" ({states or 'none'}) + {receipts['pending']} pending;"
            f" {receipts['duplicates']} receipts twice, {receipts['unknown']} unknown"
        )
    if found["far_end"] is not None:
        said_lines.append(f"carrier: {_passage(found['far_end'])}")
    return said_lines + _rest(found)


def _rest(found: dict[str, Any]) -> list[str]:
    """MOs, connections, rates."""
    said_lines, mos, connections = [], found["mos"], found["connections"]
    rates = [f"{found['rate']:.1f} accepted/s"] if found["messages"]["sent"] else []
    if mos is not None:
        said_lines.append(f"MOs: {_passage(mos)}")
        rates += [f"{mos['rate']:.1f} MOs/s"] if "rate" in mos else []
    words = f"{connections['binds']} binds, {connections['binds_refused']} refused"
    rate = f"; {', '.join(rates)} over {found['seconds']['sending']:.1f} s" if rates else ""
    return [
        *said_lines,
        f"{words}, {connections['connections_lost']} connections lost{rate}",
    ]


def _passage(far: dict[str, Any]) -> str:
    names = ("sent", "unsent", "taken", "lost", "duplicates", "out_of_order", "unpromised")
    return ", ".join(
        f"{name.replace('_', ' ')} {far[name]}"
        for name in names
        if name in far and (far[name] or name != "unsent")
    )


def _durations(found: dict[str, Any]) -> list[str]:
    rows = [
        ("due -> answer", found["latency"]),
        ("sent -> answer", found["service"]),
        ("due -> receipt", found["receipt_latency"]),
    ]
    if found["mos"] is not None and "latency" in found["mos"]:
        rows.append(("MO -> ESME", found["mos"]["latency"]))
    names = ("p50", "p90", "p95", "p99", "p99.9", "max")
    said_lines = [f"{'ms':14}" + "".join(f"{name:>10}" for name in names)]
    for name, latency in rows:
        if latency["count"]:
            said_lines.append(
                f"{name:14}" + "".join(f"{rounded(latency[one]):>10}" for one in names)
            )
    return said_lines if len(said_lines) > 1 else []


def rounded(milliseconds: float) -> str:
    """Three digits or so."""
    if milliseconds >= 100:
        return f"{milliseconds:.0f}"
    return f"{milliseconds:.1f}" if milliseconds >= 10 else f"{milliseconds:.2f}"


def shown(value: object) -> str:
    """A value of the plan."""
    if value is True or value is False:
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def write(path: Path, text: str) -> None:
    """A file; raises CommandFault when it cannot be written."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandFault(f"{path}: cannot be written ({error.strerror})") from None


def dump(found: dict[str, Any]) -> str:
    """The document as JSON, on one line."""
    return json.dumps(found, ensure_ascii=False) + "\n"
