"""Who edits: the candidates of all sessions.

Owns: which session has uncommitted edits, since when, what each is told of the others, and how a
typed password is kept.
Refuses to know: what is in force, commits, connections.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from typing import Any

from attrs import define
from twisted.internet.defer import Deferred

from smppgw.core.passwords import hash_password
from smppgw.ops.config.merge import Objects
from smppgw.ops.config.schema import keys_of, objects
from smppgw.ops.config.values import is_reference
from smppgw.ops.revisions.candidate import Candidate, EditError, table_of

MOST = 50
"""Sessions with uncommitted edits at once."""


@define
class Editing:
    """One session with uncommitted edits; `since` is seconds since 1970."""

    operator: str
    since: float
    candidate: Candidate


def clock_time(seconds: float) -> str:
    """A time of day as operators read it, with its zone."""
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S} UTC"


class Editors:
    """The sessions that edit; `fresh` makes a candidate of what is newest."""

    def __init__(self, clock: Any, fresh: Callable[[], Candidate]) -> None:
        self._clock = clock
        self._fresh = fresh
        self._editing: dict[Hashable, Editing] = {}

    def all(self) -> tuple[Editing, ...]:
        """Everybody who edits."""
        return tuple(self._editing.values())

    def candidate(self, session: Hashable) -> Candidate | None:
        """What a session has not committed; None when it has nothing to commit."""
        editing = self._editing.get(session)
        return None if editing is None else editing.candidate

    def dirty(self, session: Hashable) -> bool:
        """The session has something to commit."""
        return session in self._editing

    def edit(self, session: Hashable, operator: str, act: Callable[[Candidate], None]) -> list[str]:
        """Change the candidate of a session; what its operator should know, in words.

        Raises EditError, and then nothing changed.
        """
        editing = self._editing.get(session)
        told = []
        if editing is None:
            if len(self._editing) >= MOST:
                raise EditError(f"{MOST} sessions have uncommitted edits: too many")
            editing = Editing(operator, self._clock.seconds(), self._fresh())
            told = [
                f"{one.operator} edits too, since {clock_time(one.since)}" for one in self.all()
            ]
        act(editing.candidate)
        if not editing.candidate.dirty:
            self._editing.pop(session, None)
            return ["nothing differs from what is in force"]
        self._editing[session] = editing
        return told

    def committed(self, session: Hashable, number: int, found: Objects) -> None:
        """What a session had is revision `number`; what it edited meanwhile goes on from there."""
        candidate = self.candidate(session)
        if candidate is not None:
            candidate.rebase(number, found)
            candidate.began_on = number
            if not candidate.dirty:
                self.discard(session)

    def discard(self, session: Hashable) -> bool:
        """Forget the edits of a session (that ends); False when there were none."""
        return self._editing.pop(session, None) is not None


async def at_rest(
    kind: str, values: dict[str, str], in_thread: Callable[..., Deferred[Any]]
) -> dict[str, str]:
    """Typed values of an object with its password as a hash, where the kind has one.

    `in_thread` runs a function off the reactor. What is taken from the environment stays as it is,
    and so does the password of a carrier: we have to send it. Raises EditError.
    """
    keys = keys_of(objects()[table_of(kind)])
    password = values.get("password")
    if password is None or "password_hash" not in keys or is_reference(password):
        return values
    if not password or not password.isprintable():
        raise EditError("password: must not be empty, and be printable")
    if "system_id" in keys and any(ord(character) > 255 for character in password):
        raise EditError("password: has characters that SMPP cannot carry")
    rest = {key: text for key, text in values.items() if key != "password"}
    return {**rest, "password_hash": await in_thread(hash_password, password)}
