"""What happens now, as it happens: messages, and the PDUs of one bind.

Owns: `tail` and `trace bind`. Refuses to know: how they are watched (`ops.tail`, `ops.trace`).
"""

from __future__ import annotations

from smppgw.core.command import Argument, Call, Command, CommandError, Kind, Live
from smppgw.ops.desk import Desk
from smppgw.ops.shell.commands.names import (
    REVEAL,
    account_argument,
    binds,
    carrier_argument,
    links,
    revealed,
)
from smppgw.ops.tail import STATES, Filter, Tail
from smppgw.ops.trace import Trace, UnknownBind

LONGEST_TRACE = 3600.0
"""Seconds after which a trace ends by itself, unless another time is said."""

STATE = Argument(
    "state",
    ", ".join(STATES),
    values=lambda: STATES,
    seen=lambda operator: STATES,
    strict=True,
)


def commands(desk: Desk) -> list[Command]:
    """The commands of this group."""
    relay = desk.relay

    def tail(call: Call) -> Live:
        wanted = Filter(
            to=call.text("to"),
            source=call.text("from"),
            account=call.text("account"),
            carrier=call.text("carrier"),
            state=call.text("state"),
            accounts=call.operator.accounts,
        )
        return Live(Tail(relay, wanted, reads=call.reads).begin, _seconds(call, 0.0))

    def trace_bind(call: Call) -> Live:
        reveal, raw = revealed(call), call.flag("raw")
        if raw and not reveal:
            raise CommandError("raw octets hold texts and numbers: add reveal", "usage")
        try:
            trace = Trace(relay, call.text("bind"), reveal=reveal, raw=raw, reads=call.reads)
        except UnknownBind as fault:
            raise CommandError(str(fault), "unknown") from None
        return Live(trace.begin, _seconds(call, LONGEST_TRACE))

    for_ = Argument("for", "how long: 30s, 5m", kind=Kind.SECONDS)
    return [
        Command(
            ("tail",),
            tail,
            "messages as they are accepted, tried, sent and ended",
            (
                Argument("to", "how the destination begins"),
                Argument("from", "how the sender begins"),
                account_argument(relay),
                carrier_argument(relay),
                STATE,
                for_,
            ),
            example="tail carrier fr-a state ended",
            scoped=True,
        ),
        Command(
            ("trace", "bind"),
            trace_bind,
            "the PDUs of one bind in words; texts and numbers are masked without reveal",
            (
                Argument(
                    "bind",
                    "name of a bind or a link",
                    positional=True,
                    required=True,
                    values=lambda: [*binds(relay), *links(relay)],
                ),
                for_,
                REVEAL,
                Argument("raw", "octets, as scripts/replay reads them; with reveal", Kind.FLAG),
            ),
            example="trace bind agg1#1 for 30s",
        ),
    ]


def _seconds(call: Call, usual: float) -> float:
    seconds = float(call.values.get("for", usual))
    if "for" in call.values and not seconds:
        raise CommandError("for has to be longer than that", "usage")
    return seconds
