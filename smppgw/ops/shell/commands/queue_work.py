"""Move, purge and expedite what waits for a carrier.

Owns: these commands, how messages are meant in words, and what is said while they work.
Refuses to know: how queues are gone through (`core.queue_work`) and counted (`core.selection`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from smppgw.core.account_settings import PRIORITY_NAMES, Priority
from smppgw.core.carrier import Carrier
from smppgw.core.command import (
    Answer,
    Argument,
    Call,
    Command,
    CommandError,
    Emit,
    Kind,
    Live,
    Role,
    text,
)
from smppgw.core.ids import EPOCH_MS
from smppgw.core.queue_work import Act, Expedite, Move, Purge, QueueWork
from smppgw.core.relay import Relay
from smppgw.core.selection import Counting, Selection
from smppgw.core.store.audit import AuditTimeout
from smppgw.ops.desk import Desk
from smppgw.ops.shell.commands.names import account_of, carrier_of

TOLD = 1.0
"""Seconds between two words on how far it is."""
ANY = tuple(int(one) for one in Priority)
CLASSES = tuple(int(one) for one in PRIORITY_NAMES.values())

COMMON = (
    " What comes meanwhile and what is unanswered is left alone; a part of a long message counts"
    " as a message. It works in small steps; Ctrl-C ends it between two of them, and what is done"
    " stays done, also in a crash"
)
HELP = {
    "move": "give what waits for a carrier to another one, in order, behind what waits there."
    " Routes are not asked, and what the other cannot carry stays." + COMMON,
    "purge": "cancel what waits for a carrier. It ends as DELETED, with a receipt where the sender"
    " asked for one, as after its cancel_sm." + COMMON,
    "expedite": "put what waits for a carrier before everything else that waits for it. It goes"
    " whatever its class, in order, behind what was expedited before. Nothing else leaves until it"
    " has left, and what comes later to the same destination cannot overtake it." + COMMON,
}
DOES = {"move": "move", "purge": "cancel", "expedite": "expedite"}


def commands(desk: Desk) -> list[Command]:
    """The commands of this group."""
    return [_command(desk, verb) for verb in HELP]


def _command(desk: Desk, verb: str) -> Command:
    relay = desk.relay
    carriers = {"values": lambda: relay.carriers, "positional": True, "required": True}
    named = [Argument("carrier", "whose queue", **carriers)]  # type: ignore[arg-type]
    if verb == "move":
        named.append(Argument("target", "who gets it", **carriers))  # type: ignore[arg-type]
    return Command(
        ("queue", verb),
        partial(_run, desk, verb),
        HELP[verb],
        (
            *named,
            Argument("to", "destinations that begin with these digits"),
            Argument("from", "messages of this sender"),
            Argument("account", "messages of this account", values=lambda: relay.accounts),
            Argument("class", "messages of this class", values=lambda: PRIORITY_NAMES, strict=True),
            Argument("older", "messages accepted longer ago than this", Kind.SECONDS),
            Argument("limit", "at most so many, the first of the queue", Kind.NUMBER),
            Argument("dry", "only count", Kind.FLAG),
        ),
        Role.OPERATE,
        f"queue {verb} fr-a {'fr-b ' if verb == 'move' else ''}to 336 older 10m dry",
        partial(_touches, desk, verb),
    )


# ---------------------------------------------------------------------- what is meant


def _meant(desk: Desk, verb: str, call: Call) -> tuple[Carrier, Selection]:
    """The carrier and the messages that a call names; raises CommandError."""
    relay = desk.relay
    carrier = carrier_of(relay, call.text("carrier"))
    if verb == "move":
        target = carrier_of(relay, call.text("target"))
        if target is carrier:
            raise CommandError(f"{carrier.name} cannot be moved to itself")
    account = call.text("account")
    if account and relay.standing.of("account", account) is None:
        account_of(relay, account, call.operator)
    to = call.text("to").removeprefix("+")
    if to and not to.isdecimal():
        raise CommandError("to: digits that a destination begins with", "usage")
    if call.values.get("limit") == 0:
        raise CommandError("limit: at least 1", "usage")
    any_of = CLASSES if verb == "expedite" else ANY
    name = call.text("class")
    before = 0
    if "older" in call.values:
        since = relay.now_ms() - EPOCH_MS - int(call.values["older"] * 1000)
        before = max(1, since << 21)
    return carrier, Selection(
        to=to,
        source=call.text("from"),
        account=account,
        priorities=(int(PRIORITY_NAMES[name]),) if name else any_of,
        before=before,
        limit=int(call.values.get("limit", 0)),
    )


def _counted(desk: Desk, verb: str, call: Call) -> Deferred[int]:
    carrier, selection = _meant(desk, verb, call)
    engine = desk.relay.store.engine
    counting = desk.readings.run(lambda: Counting(engine, carrier.name, selection))
    return counting.addErrback(_not_counted)


def _not_counted(failure: Failure) -> int:
    failure.trap(AuditTimeout, sqlite3.Error)  # type: ignore[no-untyped-call]
    raise CommandError(
        f"cannot count what this would touch: {failure.getErrorMessage()}", "unavailable"
    )


def _what(verb: str, call: Call, count: int) -> str:
    things = f"{count:,} message{'s' if count != 1 else ''}"
    where = f"of carrier {call.text('carrier')}"
    if verb == "move":
        where = f"from carrier {call.text('carrier')} to {call.text('target')}"
    return f"{DOES[verb]} {things} {where}"


def _touches(desk: Desk, verb: str, call: Call) -> str | Deferred[str]:
    if call.flag("dry") or desk.relay.work is not None:
        return ""
    counted = _counted(desk, verb, call)
    return counted.addCallback(lambda count: _what(verb, call, count) if count else "")


# ---------------------------------------------------------------------- doing it


def _run(desk: Desk, verb: str, call: Call) -> Answer | Deferred[Answer]:
    relay = desk.relay
    if call.flag("dry"):
        counted = _counted(desk, verb, call)
        return counted.addCallback(lambda count: text(f"this would {_what(verb, call, count)}"))
    carrier, selection = _meant(desk, verb, call)
    if relay.work is not None:
        raise CommandError(
            f"messages of carrier {relay.work.name} are just being {relay.work.act.done};"
            " try again when that is over",
            "busy",
        )
    act = _act(relay, verb, call)
    return Live(lambda emit, done: _Doing(relay, carrier, selection, act, emit, done).stop, 0, True)


def _act(relay: Relay, verb: str, call: Call) -> Act:
    if verb == "purge":
        return Purge(relay, call.operator.name)
    if verb == "move":
        return Move(relay, call.text("target"))
    return Expedite(relay)


class _Doing:
    """One such command at work, and what its operator sees of it."""

    def __init__(
        self,
        relay: Relay,
        carrier: Carrier,
        selection: Selection,
        act: Act,
        emit: Emit,
        done: Callable[[str], None],
    ) -> None:
        self._emit = emit
        self._done = done
        self._clock = relay.clock
        self._work = relay.work = QueueWork(relay, carrier, selection, act, self._ended)
        self._telling = self._clock.callLater(TOLD, self._tell)

    def _so_far(self, over: str = "") -> str:
        work = self._work
        rest = f"; {work.left:,} {work.act.left}" if work.left else ""
        return f"carrier {work.name}: {work.touched:,} messages {work.act.done}{over}{rest}"

    def _tell(self) -> None:
        self._emit([self._so_far(" so far")])
        self._telling = self._clock.callLater(TOLD, self._tell)

    def _ended(self, reason: str) -> None:
        self._quiet()
        self._emit([self._so_far()])
        self._done(reason)

    def _quiet(self) -> None:
        if self._telling.active():
            self._telling.cancel()

    def stop(self) -> None:
        """Do nothing more."""
        self._quiet()
        self._work.abort()
