"""Configuration: edits in a candidate, their difference, check and commit, going back, export.

Owns: how these are asked for and what is said of them.
Refuses to know: what is in force and how it changes (see `ops.revisions`).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, get_args, get_origin

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
from smppgw.core.figures import when
from smppgw.core.relay import Relay
from smppgw.core.revisions import Revision
from smppgw.ops.config.schema import Key, identities, keys_of, objects
from smppgw.ops.control import Desk
from smppgw.ops.revisions import Candidate, Configuration, EditError
from smppgw.ops.revisions.configuration import Plan
from smppgw.ops.revisions.editors import at_rest, clock_time

COMMITS = (
    Column("NUMBER", "number", right=True),
    Column("AT", "at", shown=when),
    Column("OPERATOR", "operator"),
    Column("STATE", "state"),
    Column("COMMENT", "comment"),
)
REFERENCES = {"carrier": "carriers", "carriers": "carriers", "account": "accounts"}
"""Keys that name an object of a table."""

Values = Callable[[], Iterable[str]]


def commands(desk: Desk) -> list[Command]:
    """The commands of this group; none for a gateway that operators cannot change."""
    if desk.configuration is None:
        return []
    editing = _Editing(desk, desk.configuration)
    kinds = [table[:-1] for table in objects()]
    made = [command for kind in kinds for command in editing.commands(kind)]
    return made + _Committing(desk.relay, desk.configuration).commands()


class _Editing:
    """`add`, `set`, `unset` and `del` of every kind of object."""

    def __init__(self, desk: Desk, configuration: Configuration) -> None:
        self._in_thread = desk.in_thread
        self._configuration = configuration

    def commands(self, kind: str) -> list[Command]:
        """Those of one kind, with its keys as arguments."""
        cls = objects()[f"{kind}s"]
        name, *keys = keys_of(cls).values()
        known = self._names(f"{kind}s")
        which = self._name(name, known)
        settable = tuple(self._argument(key) for key in keys)
        one = f"{kind} {EXAMPLES[kind]}"
        article = "an" if kind[0] in "ao" else "a"
        key_names = tuple(key.name for key in keys)
        return [
            Command(
                ("add", kind),
                lambda call: self._add(kind, call),
                f"{article} {kind} more, in the candidate",
                (self._name(name, None), *settable),
                Role.ADMIN,
                f"add {one}",
            ),
            Command(
                ("set", kind),
                lambda call: self._set(kind, call),
                f"change keys of {article} {kind}, in the candidate",
                (which, *settable),
                Role.ADMIN,
                f"set {one}",
            ),
            Command(
                ("unset", kind),
                lambda call: self._unset(kind, call),
                f"one key of {article} {kind} back to its default, in the candidate",
                (
                    which,
                    Argument(
                        "key",
                        "the key, or one entry of it as statuses.0x58",
                        positional=True,
                        required=True,
                        values=lambda: key_names,
                    ),
                ),
                Role.ADMIN,
            ),
            Command(
                ("del", kind),
                lambda call: self._delete(kind, call),
                f"{article} {kind} less, in the candidate",
                (which,),
                Role.ADMIN,
            ),
        ]

    def _name(self, key: Key, values: Values | None) -> Argument:
        return Argument(
            key.name, key.metadata["help"], positional=True, required=True, values=values
        )

    def _argument(self, key: Key) -> Argument:
        values: Values | None = None
        if key.metadata["choices"] and get_origin(key.kind) is not dict:
            values = lambda: key.metadata["choices"]  # noqa: E731
        elif key.kind is bool:
            values = lambda: ("true", "false")  # noqa: E731
        elif key.name in REFERENCES:
            values = self._names(REFERENCES[key.name])
        return Argument(
            key.name, f"{key.metadata['help']}{_form(key)}", secret=key.secret, values=values
        )

    def _names(self, table: str) -> Values:
        identity = identities()[table]

        def names() -> list[str]:
            return [getattr(one, identity) for one in getattr(self._settings(), table)]

        return names

    def _settings(self) -> Any:
        return self._configuration.settings

    def _add(self, kind: str, call: Call) -> Deferred[Answer]:
        return self._change(
            kind, call, lambda candidate, name, values: candidate.add(kind, name, values)
        )

    def _set(self, kind: str, call: Call) -> Deferred[Answer]:
        def change(candidate: Candidate, name: str, values: Mapping[str, str]) -> None:
            if not values:
                raise EditError("name at least one key and its value")
            candidate.set_all(kind, name, values)

        return self._change(kind, call, change)

    def _change(
        self, kind: str, call: Call, act: Callable[[Candidate, str, dict[str, str]], None]
    ) -> Deferred[Answer]:
        identity = identities()[f"{kind}s"]
        typed = {key: str(value) for key, value in call.values.items() if key != identity}

        async def work() -> Answer:
            values = await at_rest(kind, typed, self._in_thread)
            name = call.text(identity)
            return self._edited(call, lambda candidate: act(candidate, name, values))

        return _asked(work())

    def _unset(self, kind: str, call: Call) -> Deferred[Answer]:
        name, key = call.text(identities()[f"{kind}s"]), call.text("key")
        return self._now(call, lambda candidate: candidate.unset(kind, name, key))

    def _delete(self, kind: str, call: Call) -> Deferred[Answer]:
        name = call.text(identities()[f"{kind}s"])
        return self._now(call, lambda candidate: candidate.delete(kind, name))

    def _now(self, call: Call, act: Callable[[Candidate], None]) -> Deferred[Answer]:
        async def work() -> Answer:
            return self._edited(call, act)

        return _asked(work())

    def _edited(self, call: Call, act: Callable[[Candidate], None]) -> Answer:
        told = self._configuration.edit(call.session, call.operator.name, act)
        return _told(self._configuration, call, told)


EXAMPLES = {
    "operator": 'ada password "a long one" role operate',
    "account": "agg2 password secret binds 2 allow_from 10.0.0.0/8",
    "carrier": "fr-b host smsc.example.net system_id smppgw password secret window 50",
    "route": "336 carriers fr-a+fr-b,uk",
    "number": "38100 carrier fr-a account agg2",
}
"""What may follow `add` and `set`."""


def _form(key: Key) -> str:
    """How the values of a key are typed, where that is not plain."""
    if get_origin(key.kind) is tuple:
        nested = get_origin(get_args(key.kind)[0]) is tuple
        return "; as a,b, those that share as a+b" if nested else "; as a,b"
    if get_origin(key.kind) is dict:
        nested = not isinstance(get_args(key.kind)[1], type) or get_args(key.kind)[1] is not str
        return "; as 0x58.action=pause,0x58.delay=5s" if nested else "; as 0x03=gsm7,0x04=binary"
    return ""


def _told(configuration: Configuration, call: Call, told: Sequence[str]) -> Answer:
    """What is said after an edit."""
    candidate = configuration.editors.candidate(call.session)
    if candidate is None:
        return text(*told)
    count = len(candidate.changes())
    return text(*told, f"{count} {_plural('object', count)} not committed yet: diff, check, commit")


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"


class _Committing:
    """Everything about a candidate as a whole, and about revisions."""

    def __init__(self, relay: Relay, configuration: Configuration) -> None:
        self._relay = relay
        self._configuration = configuration

    def commands(self) -> list[Command]:
        """These commands."""
        comment = Argument("comment", "why, for show commits", Kind.REST, positional=True)
        minutes = Argument(
            "minutes", "time to confirm", Kind.NUMBER, positional=True, required=True
        )
        older = Argument("from", "a revision", Kind.NUMBER, positional=True)
        newer = Argument("to", "another one", Kind.NUMBER, positional=True)
        number = Argument(
            "number",
            "a revision; 0 has no objects at all",
            Kind.NUMBER,
            positional=True,
            required=True,
            values=lambda: [str(one.number) for one in self._configuration.revisions.all()],
        )
        admin = Role.ADMIN
        return [
            Command(
                ("diff",),
                self._diff,
                "what the candidate changes; or what changed from a revision to now or to another",
                (older, newer),
                example="diff 3 5",
            ),
            Command(
                ("check",), self._check, "what keeps a commit, and what it would do", (), admin
            ),
            Command(
                ("commit",),
                self._commit,
                "put the candidate in force, for good",
                (comment,),
                admin,
                "commit new customer, ticket 42",
                self._touches,
            ),
            Command(
                ("commit", "confirm"),
                self._commit,
                "the same, undone by itself unless confirmed in time",
                (minutes, comment),
                admin,
                "commit confirm 5 larger window",
                self._touches,
            ),
            Command(
                ("confirm",), self._confirm, "keep what was committed to be confirmed", (), admin
            ),
            Command(
                ("rollback",),
                self._rollback,
                "make the objects of a revision the candidate",
                (number,),
                admin,
                "rollback 4",
            ),
            Command(("discard",), self._discard, "forget the candidate", (), admin),
            Command(("show", "commits"), self._commits, "the revisions, newest first"),
            Command(
                ("export",),
                self._export,
                "everything in force as TOML for a file, with its secrets",
                (),
                admin,
            ),
        ]

    def _diff(self, call: Call) -> Answer:
        numbers = [call.values[key] for key in ("from", "to") if key in call.values]
        found = _refusing(lambda: self._configuration.difference(call.session, *numbers))
        return Document({"lines": found}, lambda width: found or ["no difference"])

    def _check(self, call: Call) -> Answer:
        plan = self._plan(call)
        return text(
            *map(str, plan.warnings),
            *(f"edits go on top of revision {one.number} of {one.operator}" for one in plan.since),
            *map(self._worded, plan.consequences),
            "ok: commit would do this" if plan.consequences else "ok: commit would change nothing",
        )

    def _plan(self, call: Call) -> Plan:
        """What a commit would do; refused with everything that keeps it from being done."""
        plan: Plan = _refusing(lambda: self._configuration.plan(call.session, call.operator.name))
        if plan.faults:
            raise CommandError("; ".join(map(str, plan.faults)))
        return plan

    def _touches(self, call: Call) -> str:
        ending = [self._worded(one) for one in self._plan(call).consequences if one.unbinds]
        return f"end binds ({'; '.join(ending)})" if ending else ""

    def _worded(self, consequence: Consequence) -> str:
        """A consequence, and how many binds it ends just now."""
        kind, _, name = consequence.thing.partition(" ")
        bound = 0
        if consequence.unbinds and kind == "carrier" and name in self._relay.carriers:
            links = self._relay.carriers[name].links
            bound = sum(link.state is LinkState.BOUND for link in links)
        elif consequence.unbinds and kind == "account" and name in self._relay.accounts:
            bound = len(self._relay.accounts[name].binds)
        elif not consequence.unbinds:
            return str(consequence)
        return f"{consequence} ({bound} {_plural('bind', bound)} now)"

    def _commit(self, call: Call) -> Deferred[Answer]:
        minutes = call.values.get("minutes", 0)
        if "minutes" in call.values and not minutes:
            raise CommandError("minutes must be at least 1")

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

        return _asked(work())

    def _confirm(self, call: Call) -> Deferred[Answer]:
        async def work() -> Answer:
            kept = await self._configuration.confirm()
            return text(f"revision {kept.number} stays")

        return _asked(work())

    def _rollback(self, call: Call) -> Answer:
        number = call.values["number"]
        told = _refusing(
            lambda: self._configuration.rollback(call.session, call.operator.name, number)
        )
        return _told(self._configuration, call, told)

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


def _asked(work: Coroutine[Any, Any, Answer]) -> Deferred[Answer]:
    """A command under way, whose EditError is what the operator is told."""

    async def told() -> Answer:
        try:
            return await work
        except EditError as error:
            raise CommandError(str(error)) from None

    return Deferred.fromCoroutine(told())
