"""Edits of the objects that operators own: accounts, carriers, routes, numbers, operators.

Owns: `add`, `set`, `unset` and `del` of each kind, made from the settings classes, and what is said
after an edit.
Refuses to know: any key by name, what an edit does (see `ops.revisions`), commits.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, get_args, get_origin

from twisted.internet.defer import Deferred

from smppgw.core.command import Answer, Argument, Call, Command, CommandError, Role, text
from smppgw.core.figures import plural
from smppgw.ops.config.schema import Key, identities, keys_of, objects
from smppgw.ops.config.values import is_reference
from smppgw.ops.desk import Desk
from smppgw.ops.revisions import Candidate, Configuration, EditError
from smppgw.ops.revisions.editors import at_rest

REFERENCES = {"carrier": "carriers", "carriers": "carriers", "account": "accounts"}
"""Keys that name an object of a table."""

OPERATOR = "operator"
"""The kind of objects that only the role admin may change: they say who may do what."""

Values = Callable[[], Iterable[str]]


class Editing:
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
        one = f"{kind} {EXAMPLES.get(kind, 'NAME')}"
        article = "an" if kind[0] in "ao" else "a"
        key_names = tuple(key.name for key in keys)
        role = Role.ADMIN if kind == OPERATOR else Role.CONFIG
        return [
            Command(
                ("add", kind),
                lambda call: self._add(kind, call),
                f"{article} {kind} more, in the candidate",
                (self._name(name, None), *settable),
                role,
                f"add {one}",
            ),
            Command(
                ("set", kind),
                lambda call: self._set(kind, call),
                f"change keys of {article} {kind}, in the candidate",
                (which, *settable),
                role,
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
                role,
            ),
            Command(
                ("del", kind),
                lambda call: self._delete(kind, call),
                f"{article} {kind} less, in the candidate",
                (which,),
                role,
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
        _may_name_the_environment(call, typed)

        async def work() -> Answer:
            values = await at_rest(kind, typed, self._in_thread)
            name = call.text(identity)
            return self._edited(call, lambda candidate: act(candidate, name, values))

        return asked(work())

    def _unset(self, kind: str, call: Call) -> Deferred[Answer]:
        name, key = call.text(identities()[f"{kind}s"]), call.text("key")
        return self._now(call, lambda candidate: candidate.unset(kind, name, key))

    def _delete(self, kind: str, call: Call) -> Deferred[Answer]:
        name = call.text(identities()[f"{kind}s"])
        return self._now(call, lambda candidate: candidate.delete(kind, name))

    def _now(self, call: Call, act: Callable[[Candidate], None]) -> Deferred[Answer]:
        async def work() -> Answer:
            return self._edited(call, act)

        return asked(work())

    def _edited(self, call: Call, act: Callable[[Candidate], None]) -> Answer:
        notices = self._configuration.edit(call.session, call.operator.name, act)
        return told(self._configuration, call, notices)


def _may_name_the_environment(call: Call, typed: Mapping[str, str]) -> None:
    """Refuse to who is no admin what may be the password of one: carriers are sent theirs."""
    for key, value in typed.items():
        if is_reference(value) and call.operator.role < Role.ADMIN:
            said = f"{key}: only the role admin takes it from the environment"
            raise CommandError(said, "denied")


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
        nested = get_args(key.kind)[1] is not str
        return "; as 0x58.action=pause,0x58.delay=5s" if nested else "; as 0x03=gsm7,0x04=binary"
    return ""


def told(configuration: Configuration, call: Call, notices: Sequence[str]) -> Answer:
    """What is said after an edit."""
    candidate = configuration.editors.candidate(call.session)
    if candidate is None:
        return text(*notices)
    count = len(candidate.changes())
    return text(*notices, f"{plural(count, 'object')} not committed yet: diff, check, commit")


def asked(work: Coroutine[Any, Any, Answer]) -> Deferred[Answer]:
    """A command under way, whose EditError is what the operator is told."""

    async def judged() -> Answer:
        try:
            return await work
        except EditError as error:
            raise CommandError(str(error)) from None

    return Deferred.fromCoroutine(judged())
