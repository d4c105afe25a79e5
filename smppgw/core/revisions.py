"""Revisions of what operators configure: one row for each commit, newest last.

Owns: the rows, how many are kept, and until when a commit has to be confirmed.
Refuses to know: what the objects of a revision mean (they are TOML text here), files, shells.

All statements may run twice: recovery repeats what its journal holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import astuple, evolve, frozen

from smppgw.core.store.group_commit import Store

KEPT = 200
"""Revisions kept; older ones go with the commit of a new one."""

_INSERT = (
    "INSERT OR REPLACE INTO revision"
    " (number, at, operator, comment, confirm_until, back_to, objects)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_SETTLE = "UPDATE revision SET confirm_until = 0 WHERE number < ? AND confirm_until > 0"
_CONFIRM = "UPDATE revision SET confirm_until = 0 WHERE number = ?"
_PRUNE = "DELETE FROM revision WHERE number <= ? AND number <> ?"


@frozen
class Revision:
    """One commit. `at` and `confirm_until` are seconds since 1970.

    `confirm_until` is 0 when nothing has to be confirmed (any more); until it is, `back_to` is the
    revision that takes over at that time.
    """

    number: int
    at: int
    operator: str
    comment: str
    confirm_until: int = 0
    back_to: int = 0


NOTHING = Revision(0, 0, "", "")
"""Before the first commit: no objects."""


class Revisions:
    """The revisions of one store, all in the reactor's thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known = [
            Revision(*row)
            for row in store.engine.select(
                "SELECT number, at, operator, comment, confirm_until, back_to FROM revision"
                " ORDER BY number"
            )
        ]
        self._texts: dict[int, str] = {}
        """Of the last ones: a disk that refuses keeps them from their rows."""

    @property
    def newest(self) -> Revision:
        """The last commit; NOTHING before the first."""
        return self._known[-1] if self._known else NOTHING

    def all(self) -> tuple[Revision, ...]:
        """Every revision kept, oldest first."""
        return tuple(self._known)

    def find(self, number: int) -> Revision | None:
        """A revision by its number; 0 is what was before the first."""
        if number == 0:
            return NOTHING
        return next((one for one in self._known if one.number == number), None)

    def text(self, number: int) -> str:
        """The objects of a revision as TOML text. Raises LookupError when it is not kept."""
        if number == 0:
            return ""
        if number in self._texts:
            return self._texts[number]
        for (text,) in self._store.engine.select(
            "SELECT objects FROM revision WHERE number = ?", (number,)
        ):
            return str(text)
        raise LookupError(f"revision {number} is not kept")

    async def append(
        self, now: float, operator: str, comment: str, text: str, minutes: float, back_to: int
    ) -> Revision:
        """A new revision, once it is on disk; raises `group_commit.Refused`, and nothing stays.

        `minutes` 0 wants no confirmation. What awaited one is settled by this.
        """
        number = self.newest.number + 1
        until = int(now + minutes * 60) if minutes else 0
        made = Revision(number, int(now), operator, comment, until, back_to if until else 0)

        def work() -> None:
            for sql, values in _rows(made, text):
                self._store.engine.changes.write(sql, values)

        await self._store.transact(work)
        self._remember(made, text)
        return made

    def append_undoing(self, now: float, operator: str, comment: str, text: str) -> Revision:
        """A new revision that does not wait for the disk, which takes it when it can."""
        made = Revision(self.newest.number + 1, int(now), operator, comment)
        for sql, values in _rows(made, text):
            self._store.execute(sql, *values)
        self._remember(made, text)
        return made

    def _remember(self, made: Revision, text: str) -> None:
        oldest = made.number - KEPT
        self._known = [
            evolve(one, confirm_until=0)
            for one in self._known
            if one.number > oldest or one.number == made.back_to
        ]
        self._known.append(made)
        readable = {made.back_to, made.number - 1, made.number}
        self._texts[made.number] = text
        self._texts = {n: t for n, t in self._texts.items() if n in readable}

    async def confirm(self) -> Revision:
        """The newest revision stays, once that is on disk; raises `group_commit.Refused`."""
        newest = self._known[-1]
        write = self._store.engine.changes.write
        await self._store.transact(lambda: write(_CONFIRM, (newest.number,)))
        self._known[-1] = settled = evolve(newest, confirm_until=0)
        return settled


def _rows(made: Revision, text: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The statements of a new revision."""
    yield _INSERT, (*astuple(made), text)
    yield _SETTLE, (made.number,)
    yield _PRUNE, (made.number - KEPT, made.back_to)
