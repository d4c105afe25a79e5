"""Configuration as a whole: difference, check and commit of edits, going back, export.

Owns: how these are asked for and what is said of them.
Refuses to know: what is in force and how it changes (`ops.revisions`), single edits (`editing`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from twisted.internet.defer import Deferred

from smppgw.core.binding import LinkState
from smppgw.core.command import (
    Answer,
    Argument,
    Call,
    Column,
    Command,
    CommandError,
    Document,
    Kind,
    Role,
    Table,
    text,
)
from smppgw.core.consequences import Consequence
from smppgw.core.figures import plural, when
from smppgw.core.relay import Relay
from smppgw.core.revisions import Revision
from smppgw.ops.config.schema import objects
from smppgw.ops.desk import Desk
from smppgw.ops.revisions import Configuration, EditError
from smppgw.ops.revisions.configuration import Plan
from smppgw.ops.revisions.editors import clock_time
from smppgw.ops.shell.commands.editing import OPERATOR, Editing, asked, told

COMMITS = (
    Column("NUMBER", "number", right=True),
    Column("AT", "at", shown=when),
    Column("OPERATOR", "operator"),
    Column("STATE", "state"),
    Column("COMMENT", "comment"),
)


def commands(desk: Desk) -> list[Command]:
    """The commands of this group; none for a gateway that operators cannot change."""
    if desk.configuration is None:
        return []
    editing = Editing(desk, desk.configuration)
    kinds = [table[:-1] for table in objects()]
    made = [command for kind in kinds for command in editing.commands(kind)]
    return made + _Committing(desk.relay, desk.configuration).commands()


class _Committing:
    """Everything about a candidate as a whole, and about revisions."""

    def __init__(self, relay: Relay, configuration: Configuration) -> None:
        self._relay = relay
        self._configuration = configuration

    def commands(self) -> list[Command]:
        """These commands."""
        config = Role.CONFIG
        older = Argument("from", "a revision", Kind.NUMBER, positional=True)
        newer = Argument("to", "another one", Kind.NUMBER, positional=True)
        return [
            *self._commands_of_commits(),
            Command(
                ("diff",),
                self._diff,
                "what the candidate changes; or what changed from a revision to now or to another",
                (older, newer),
                example="diff 3 5",
            ),
            Command(
                ("check",),
                self._check,
                "what keeps a commit, and what it would do; without edits, what is in force",
                (),
                config,
            ),
            Command(("discard",), self._discard, "forget the candidate", (), config),
            Command(("show", "commits"), self._commits, "the revisions, newest first"),
            Command(
                ("export",),
                self._export,
                "everything in force as TOML for a file, with its secrets",
                (),
                Role.ADMIN,
            ),
        ]

    def _commands_of_commits(self) -> list[Command]:
        config = Role.CONFIG
        comment = Argument("comment", "why, for show commits", Kind.REST, positional=True)
        minutes = Argument(
            "minutes", "time to confirm", Kind.NUMBER, positional=True, required=True
        )
        number = Argument(
            "number",
            "a revision; 0 has no objects at all",
            Kind.NUMBER,
            positional=True,
            required=True,
            values=lambda: [str(one.number) for one in self._configuration.revisions.all()],
        )
        return [
            Command(
                ("commit",),
                self._commit,
                "put the candidate in force, for good",
                (comment,),
                config,
                "commit new customer, ticket 42",
                self._touches,
            ),
            Command(
                ("commit", "confirm"),
                self._commit,
                "the same, undone by itself unless confirmed in time",
                (minutes, comment),
                config,
                "commit confirm 5 larger window",
                self._touches,
            ),
            Command(
                ("confirm",), self._confirm, "keep what was committed to be confirmed", (), config
            ),
            Command(
                ("rollback",),
                self._rollback,
                "make the objects of a revision the candidate",
                (number,),
                config,
                "rollback 4",
            ),
        ]

    def _diff(self, call: Call) -> Answer:
        numbers = [call.values[key] for key in ("from", "to") if key in call.values]
        found = _refusing(lambda: self._configuration.difference(call.session, *numbers))
        return Document({"lines": found}, lambda width: found or ["no difference"])

    def _check(self, call: Call) -> Answer:
        if not self._configuration.editors.dirty(call.session):
            return self._check_in_force()
        plan = self._plan(call)
        return text(
            *map(str, plan.warnings),
            *(f"edits go on top of revision {one.number} of {one.operator}" for one in plan.since),
            *map(self._worded, plan.consequences),
            "ok: commit would do this" if plan.consequences else "ok: commit would change nothing",
        )

    def _check_in_force(self) -> Answer:
        faults = self._configuration.errors()
        return text(
            "nothing to check: nothing is edited here; this is about what is in force",
            *faults,
            *map(str, self._configuration.warnings),
            f"what is in force has {plural(len(faults), 'fault')}"
            if faults
            else "ok: what is in force has no fault",
        )

    def _plan(self, call: Call) -> Plan:
        """What a commit would do; refused with everything that keeps it from being done."""
        self._may_change_operators(call)
        plan: Plan = _refusing(lambda: self._configuration.plan(call.session, call.operator.name))
        if plan.faults:
            raise CommandError("; ".join(map(str, plan.faults)))
        return plan

    def _may_change_operators(self, call: Call) -> None:
        """Refuse a candidate that changes who may do what, in whatever way it came to."""
        candidate = self._configuration.editors.candidate(call.session)
        if candidate is None or call.operator.role >= Role.ADMIN:
            return
        names = [name for table, name in candidate.changes() if table == f"{OPERATOR}s"]
        if names:
            raise CommandError(f"it changes operator {names[0]}: only for the role admin", "denied")

    def _touches(self, call: Call) -> str:
        ending = [self._worded(one) for one in self._plan(call).consequences if self._ends(one)]
        return f"end binds ({'; '.join(ending)})" if ending else ""

    def _worded(self, consequence: Consequence) -> str:
        """A consequence, and how many binds it ends just now."""
        bound = self._ends(consequence)
        return f"{consequence} ({plural(bound, 'bind')} now)" if bound else str(consequence)

    def _ends(self, consequence: Consequence) -> int:
        """How many binds it ends: none of what is not bound anyway."""
        kind, _, name = consequence.thing.partition(" ")
        if not consequence.unbinds:
            return 0
        if kind == "account":
            account = self._relay.accounts.get(name)
            return 0 if account is None else len(account.binds)
        carrier = self._relay.carriers.get(name)
        links = [] if carrier is None else carrier.links
        return sum(link.state is LinkState.BOUND for link in links)

    def _commit(self, call: Call) -> Deferred[Answer]:
        minutes = call.values.get("minutes", 0)
        if "minutes" in call.values and not minutes:
            raise CommandError("minutes must be at least 1")
        self._may_change_operators(call)

        async def work() -> Answer:
            done = await self._configuration.commit(
                call.session, call.operator.name, call.text("comment"), minutes
            )
            made = done.revision
            lines = [f"on top of revision {one.number} of {one.operator}" for one in done.since]
            lines += [*done.said, f"revision {made.number} is in force"]
            if made.confirm_until:
                lines.append(
                    f"confirm it before {clock_time(made.confirm_until)},"
                    f" or revision {made.back_to} comes back"
                )
            data = {"revision": made.number, "changes": list(done.said)}
            return Document(data, lambda width: lines)

        return asked(work())

    def _confirm(self, call: Call) -> Deferred[Answer]:
        newest = self._configuration.revisions.newest
        mine = call.operator.role >= Role.ADMIN or newest.operator == call.operator.name
        if newest.confirm_until and not mine:
            said = f"{newest.operator} has to confirm it, or somebody with the role admin"
            raise CommandError(said, "denied")

        async def work() -> Answer:
            kept = await self._configuration.confirm()
            return text(f"revision {kept.number} stays")

        return asked(work())

    def _rollback(self, call: Call) -> Answer:
        number = call.values["number"]
        notices = _refusing(
            lambda: self._configuration.rollback(call.session, call.operator.name, number)
        )
        return told(self._configuration, call, notices)

    def _discard(self, call: Call) -> Answer:
        had = self._configuration.editors.discard(call.session)
        return text("the candidate is forgotten" if had else "there was nothing to forget")

    def _commits(self, call: Call) -> Answer:
        revisions = self._configuration.revisions
        rows = [_row(one, in_force=one is revisions.newest) for one in reversed(revisions.all())]
        return Table(COMMITS, rows, empty="no commits: the file alone is in force")

    def _export(self, call: Call) -> Answer:
        exported = self._configuration.export()
        return Document({"toml": exported}, lambda width: exported.splitlines())


def _row(revision: Revision, *, in_force: bool) -> dict[str, Any]:
    state = "in force" if in_force else ""
    if revision.confirm_until:
        state = f"to be confirmed before {clock_time(revision.confirm_until)}"
    moment = datetime.fromtimestamp(revision.at, UTC)
    return {
        "number": revision.number,
        "at": f"{moment:%Y-%m-%dT%H:%M:%S}.000Z",
        "operator": revision.operator,
        "state": state,
        "comment": revision.comment,
        "confirm_until": revision.confirm_until or None,
    }


def _refusing(act: Callable[[], Any]) -> Any:
    try:
        return act()
    except EditError as error:
        raise CommandError(str(error)) from None
