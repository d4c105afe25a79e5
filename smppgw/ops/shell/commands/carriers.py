"""Carriers: what each does, and which of its settings are in force and why.

Owns: `show carriers` and `show carrier`. Refuses to know: links (`links`), how settings read.
"""

from __future__ import annotations

from typing import Any

from smppgw.core.carrier import Carrier
from smppgw.core.command import Call, Column, Command, Fields, Page, Table
from smppgw.core.figures import plural, when
from smppgw.core.relay import Relay
from smppgw.core.standing import CARRIER, HOLD
from smppgw.core.throughput import AdaptiveRate
from smppgw.ops.desk import Desk
from smppgw.ops.explain import carrier_limits
from smppgw.ops.shell.commands.links import links_table
from smppgw.ops.shell.commands.names import carrier_argument
from smppgw.ops.shell.commands.settings import ALL, settings_table, shown_value
from smppgw.ops.shell.commands.slow import explained
from smppgw.ops.status import carrier_record, link_record
from smppgw.ops.status_text import form_text

CARRIERS = (
    Column("CARRIER", "carrier", whole=True),
    Column("STATE", "state", whole=True),
    Column("BOUND", "bound", right=True),
    Column("LINKS", "links", right=True),
    Column("USED", "in_flight", right=True, minor=2),
    Column("WINDOW", "window", right=True, minor=2),
    Column("WAITING", "waiting", right=True),
    Column("SENT", "sent", right=True, minor=1),
    Column("REFUSED", "refused", right=True, minor=1),
    Column("LIMIT/S", "throughput", right=True, minor=3),
)
RATES = "messages/s"

Record = dict[str, Any]


def commands(desk: Desk) -> list[Command]:
    """The commands of this group."""
    relay = desk.relay

    def show_carriers(call: Call) -> Table:
        rows = [_row(one, relay) for one in relay.carriers.values()]
        wrong = [f"{one['carrier']}: {one['why']}" for one in rows if one["why"]]
        return Table(CARRIERS, rows, empty="no carriers", note="\n".join(wrong))

    def show_carrier(call: Call) -> Page:
        carrier = relay.carriers[call.text("carrier")]
        row = _row(carrier, relay)
        links = links_table([link_record(link) for link in carrier.links])
        learned = _learned(carrier, relay.clock.seconds())
        settings = settings_table(carrier.settings, learned, everything=call.flag("all"))
        return Page(
            (
                ("", Fields(_words(row), row)),
                ("links", links),
                ("limit", explained(carrier_limits(desk, carrier.name))),
                ("settings", settings),
            )
        )

    return [
        Command(("show", "carriers"), show_carriers, "the carriers and what each is doing"),
        Command(
            ("show", "carrier"),
            show_carrier,
            "one carrier: its links, and which settings are in force and why",
            (carrier_argument(relay, positional=True), ALL),
        ),
    ]


def carrier_state(carrier: Carrier, relay: Relay) -> tuple[str, str]:
    """What a carrier does now, in a word, and why when that is not what it should."""
    now = relay.clock.seconds()
    if not carrier.settings.enabled:
        return "disabled", ""
    if carrier.held:
        return _held(carrier, relay)
    if not carrier.usable:
        reasons = [f"{link.name} is {link.shown}" for link in carrier.links]
        return "down", f"no link sends: {', '.join(reasons)}"
    if carrier.refusals.paused_until > now:
        until = f"{max(0.0, carrier.refusals.paused_until - now):.0f} s more"
        return "paused", f"{until}, after {carrier.refusals.pause_reason}"
    silent = [link.name for link in carrier.links if link.probing]
    if silent:
        return "probing", f"no submit_sm is answered on {', '.join(silent)}"
    return "up", ""


def _held(carrier: Carrier, relay: Relay) -> tuple[str, str]:
    decision = relay.standing.of(CARRIER, carrier.name)
    if decision is None:
        return "held", "for a moment"
    if decision.what == HOLD:
        return "held", decision.origin
    return "drained" if relay.standing.drained(carrier) else "draining", decision.origin


def _row(carrier: Carrier, relay: Relay) -> Record:
    now = relay.clock.seconds()
    state, why = carrier_state(carrier, relay)
    measures = carrier.measures
    return {
        **carrier_record(carrier, relay),
        "state": state,
        "why": why,
        "links": len(carrier.links),
        "bound": sum(link.bound_at > 0 and link.shown in _BOUND for link in carrier.links),
        "sent": measures.sent,
        "refused": measures.refused,
        "throttled": measures.throttled,
        "throughput": round(_rate(carrier, now), 1) or None,
    }


_BOUND = ("bound", "probing", "draining")


def _rate(carrier: Carrier, now: float) -> float:
    """Messages a second it may get now; 0 for no limit."""
    rate = carrier.rate
    return rate.rate(now) if isinstance(rate, AdaptiveRate) else rate.rate


def _learned(carrier: Carrier, now: float) -> dict[str, tuple[Any, str]]:
    """What the carrier has shown, over what is set."""
    found: dict[str, tuple[Any, str]] = {}
    forms = carrier.forms
    if forms.setting == "auto" and forms.form is not None:
        receipts = sum(forms.counts.values())
        found["receipt_id"] = (forms.form, f"learned from {receipts:,} receipts")
    rate = carrier.rate
    if isinstance(rate, AdaptiveRate) and rate.ceiling:
        limit = carrier.settings.throughput
        found["throughput"] = (
            round(rate.rate(now), 1),
            f"learned: throttled at {rate.ceiling:.1f}; set: {shown_value('', limit, RATES)}",
        )
    windows = [link.learned_window for link in carrier.links if link.learned_window]
    if windows:
        full = carrier.settings.window
        found["window"] = (
            min(windows),
            f"learned: ESME_RMSGQFUL came with more unanswered; set: {full}",
        )
    return found


def _words(row: Record) -> tuple[tuple[str, str], ...]:
    return (
        ("carrier", row["carrier"]),
        ("state", row["state"] + (f": {row['why']}" if row["why"] else "")),
        ("paused until", when(row["paused_until"])),
        ("window", f"{row['in_flight']:,} of {row['window']:,} in use"),
        ("waiting", plural(row["waiting"], "message")),
        (
            "since start",
            f"{row['sent']:,} sent, {row['refused']:,} refused, {row['throttled']:,} of them"
            " throttled",
        ),
        ("last refusal", row["last_refusal"]),
        ("receipt ids", form_text(row["receipt_ids"])),
    )
