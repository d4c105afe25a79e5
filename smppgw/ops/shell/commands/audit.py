"""What operators did: `show audit`.

Owns: how entries of the audit are chosen and shown.
Refuses to know: the file they are in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from smppgw.core.command import (
    Answer,
    Argument,
    Call,
    Column,
    Command,
    CommandError,
    Kind,
    Role,
    Table,
)
from smppgw.core.figures import when
from smppgw.ops.audit import Audit
from smppgw.ops.audit_file import Entry, Found

SHOWN, MOST_SHOWN = 20, 1000
"""Entries unless a number is given, and at most."""
EVENTS = ("command", "login", "refused", "logout", "lost")
COLUMNS = (
    Column("TIME", "time", shown=when, whole=True),
    Column("OPERATOR", "operator"),
    Column("FROM", "from"),
    Column("SESSION", "session", right=True, minor=2),
    Column("EVENT", "event"),
    Column("WHAT", "command"),
    Column("RESULT", "result"),
    Column("MS", "ms", right=True),
)


def audit_commands(audit: Audit) -> list[Command]:
    """The commands that work with an audit."""

    def show_audit(call: Call) -> Deferred[Answer]:
        # Lines of others may hold numbers of phones. Yet the command is none of that role: those
        # are not carried out while the audit cannot be written, when somebody has to look at it.
        if call.operator.role < Role.ADMIN:
            raise CommandError("show audit: only for the role admin", "denied")
        limit = int(call.values.get("count", SHOWN))
        if not 1 <= limit <= MOST_SHOWN:
            raise CommandError(f"count is 1 to {MOST_SHOWN}", "usage")
        found = audit.entries(limit, _wanted(call))
        shown: Deferred[Answer] = found.addCallback(lambda entries: _table(audit, entries))
        return shown.addErrback(_unreadable)

    arguments = (
        Argument("count", f"how many entries, the newest; {SHOWN} unless given", Kind.NUMBER),
        Argument("operator", "only what this operator did"),
        Argument("from", "only from this address; local for this machine's shell"),
        Argument("event", "only these", values=lambda: EVENTS, strict=True),
        Argument("with", "only where this is in the command or the result"),
    )
    return [
        Command(
            ("show", "audit"),
            show_audit,
            "who did what in the shell, the newest first",
            arguments,
            example="show audit operator ops count 50",
        )
    ]


def _wanted(call: Call) -> Callable[[Entry], bool]:
    """What the arguments ask for; it is called in a thread."""
    operator, source, event = (call.text(name) for name in ("operator", "from", "event"))
    part = call.text("with").casefold()

    def wanted(entry: Entry) -> bool:
        return (
            (not operator or entry.operator == operator)
            and (not source or entry.source == source)
            and (not event or entry.event == event)
            and (not part or part in f"{entry.command}\n{entry.result}".casefold())
        )

    return wanted


def _table(audit: Audit, found: Found) -> Table:
    rows = [_row(entry) for entry in found.entries]
    notes = []
    if not found.whole:
        notes.append("the file goes on: older entries were not looked at")
    if audit.lost:
        notes.append(f"{audit.lost} entries were lost since the start")
    if audit.trouble:
        notes.append(f"{audit.path} cannot be written now: {audit.trouble}")
    return Table(COLUMNS, rows, empty="no entries", note="; ".join(notes))


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "time": entry.time,
        "operator": entry.operator,
        "role": entry.role,
        "from": entry.source,
        "session": entry.session or None,
        "event": entry.event,
        "command": entry.command,
        "result": entry.result,
        "ms": entry.ms,
    }


def _unreadable(failure: Failure) -> Answer:
    failure.trap(OSError)  # type: ignore[no-untyped-call]
    raise CommandError(f"the audit cannot be read: {failure.getErrorMessage()}", "unavailable")
