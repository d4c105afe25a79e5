"""Is a carrier there: DNS, TCP, TLS, bind and enquire_link, one after the other.

Owns: `test carrier` and its table. Refuses to know: the steps (`core.trial`).
"""

from __future__ import annotations

import socket
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred

from smppgw.core.command import Argument, Call, Column, Command, Role, Table
from smppgw.core.trial import Step, trials
from smppgw.ops.desk import Desk
from smppgw.ops.shell.commands.names import carrier_of

HELP = (
    "try a carrier step by step: DNS, TCP, TLS, bind, enquire_link. Each of its addresses is tried,"
    " by a connection of its own beside its links. It is one bind more for as long as it takes"
    " (bind_timeout each at most): a carrier that counts binds may refuse it while all of yours are"
    " bound."
    " What the carrier sends meanwhile is taken as on any link. Passwords are never shown"
)


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


STEPS = (
    Column("PLACE", "place"),
    Column("BIND", "bind"),
    Column("STEP", "step"),
    Column("TIME", "seconds", right=True, shown=_milliseconds),
    Column("RESULT", "ok", shown=lambda ok: "ok" if ok else "FAILED"),
    Column("FOUND", "found"),
)


def commands(desk: Desk) -> list[Command]:
    """The commands of this group."""
    name = Argument(
        "carrier", "which", positional=True, required=True, values=lambda: desk.relay.carriers
    )
    run = partial(_run, desk)
    return [Command(("test", "carrier"), run, HELP, (name,), Role.OPERATE, "test carrier fr-a")]


def addresses(host: str) -> list[str]:
    """What a name resolves to, each once; blocks; raises OSError."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def _run(desk: Desk, call: Call) -> Deferred[Any]:
    relay = desk.relay
    carrier = carrier_of(relay, call.text("carrier"))
    rows: list[dict[str, Any]] = []
    wrong: list[str] = []
    answer: Deferred[Any] = Deferred(lambda _: stop())

    def stepped(place: str, kind: str, step: Step) -> None:
        rows.append(
            {
                "place": place,
                "bind": kind,
                "step": step.name,
                "seconds": round(step.seconds, 6),
                "ok": step.well,
                "found": step.found,
                "advice": step.advice,
            }
        )
        if not step.well:
            wrong.append(f"{step.name} at {place} as {kind}: {step.found}; advice: {step.advice}")

    def ended() -> None:
        if not answer.called:
            note = ". ".join(wrong) or f"carrier {carrier.name}: all is well"
            answer.callback(Table(STEPS, rows, note=note))

    stop = trials(
        carrier, relay.connector, partial(desk.in_thread, addresses), relay.clock, stepped, ended
    )
    return answer
