"""The configuration of a running gateway: a file, the newest revision, and who edits it.

Owns: which settings are in force, commits, their confirmation and undoing, and what of the store
had to be left out.
Refuses to know: how settings are applied (a function given by the composition), who edits (see
`editors`), commands, SQL.

A commit is durable before it is applied, and applied before anybody hears "ok". After a kill -9 at
any instant the newest row is the old revision or the new one, whole; if the new one had to be
confirmed, its row says until when, and a start after that time begins with what it falls back to.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Any, TypeVar

from attrs import field, frozen
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from smppgw.core.consequences import Consequence, consequences
from smppgw.core.revisions import Revision, Revisions
from smppgw.core.settings import Settings
from smppgw.core.store.group_commit import Refused, Store
from smppgw.ops.config import Fault, Loaded
from smppgw.ops.config.merge import (
    LeftOut,
    Merged,
    Objects,
    called,
    merge,
    objects_of,
    text_of_objects,
)
from smppgw.ops.config.writing import document_of, text_of
from smppgw.ops.revisions.candidate import Candidate, EditError, changes, copied, table_of
from smppgw.ops.revisions.difference import difference
from smppgw.ops.revisions.editors import Editors, clock_time

MOST_OCTETS = 4 * 1024 * 1024
"""Of the objects of one revision."""
MOST_MINUTES = 24 * 60
MOST_COMMENT = 200
ITSELF = "smppgw"
"""The operator of what the gateway commits by itself."""

T = TypeVar("T")
log = Logger()


@frozen
class Plan:
    """What a commit would do. It is refused when there are faults."""

    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]
    consequences: tuple[Consequence, ...]
    since: tuple[Revision, ...]
    """Commits of others onto which the edits were carried over."""
    objects: Objects = field(repr=False)


@frozen
class Committed:
    """What a commit did: its revision, and in words what came of each change."""

    revision: Revision
    said: tuple[str, ...]
    since: tuple[Revision, ...]


class Configuration:
    """The settings of one gateway; everything in the reactor's thread.

    `apply` puts settings in force and says in words what came of it. `begin` has to be called
    before the gateway listens.
    """

    def __init__(
        self,
        file: Loaded,
        store: Store,
        clock: Any,
        apply: Callable[[Settings], Awaitable[list[str]]],
    ) -> None:
        self._file = file
        self._clock = clock
        self._apply = apply
        self._lock = DeferredLock()
        self._timer: IDelayedCall | None = None
        self.editors = Editors(clock, self._candidate)
        self.revisions = Revisions(store)
        self._trouble = ""
        """A revision that should be in force and cannot be read."""
        self._lost = False
        """It is the newest: nothing may be built on what is in force instead."""
        self._overdue = False
        self._objects = self._first_objects()
        self._judged: tuple[Loaded, Objects, Merged] | None = None
        """What was merged last: a commit is judged before, while and when it is made."""
        self._merged = self._merge(self._objects)

    # ------------------------------------------------------------------ what is in force

    @property
    def settings(self) -> Settings:
        """The settings in force: the file and what of the newest revision fits it."""
        return self._merged.settings

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """Objects of the newest revision that are not in force, with the reasons."""
        return self._merged.left_out

    @property
    def warnings(self) -> tuple[Fault, ...]:
        """What is in force and should not be."""
        return self._merged.warnings

    def errors(self) -> list[str]:
        """What operators should look at, a line each."""
        found = [f"{fault}; left out" for one in self.left_out for fault in one.faults]
        return [self._trouble, *found] if self._trouble else found

    def owner_of(self, kind: str, name: str) -> str:
        """Who owns an object: `FILE:line`, `revision 12`, or "" when there is none such."""
        table = table_of(kind)
        if name in self._objects.get(table, {}) and not self._file.declares(table, name):
            return f"revision {self.revisions.newest.number}"
        return self._file.declares(table, name)

    def export(self) -> str:
        """The whole configuration as TOML that `check` and `run` accept; secrets are in clear."""
        return text_of(document_of(self.settings))

    def begin(self) -> None:
        """Say what is left out, undo what should have been confirmed by now, watch what has to."""
        for line in self.errors():
            log.error("configuration: {line}", line=line)
        if self._overdue:
            self._append_undo()
        self._watch()

    def stop(self) -> None:
        """Forget the timer; a start looks at the deadline again."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    async def reload(self, file: Loaded) -> list[str]:
        """Take the file anew and put it in force together with the newest revision."""
        return await self._alone(self._reload(file))

    async def _reload(self, file: Loaded) -> list[str]:
        self._file = file
        return await self._put_in_force()

    async def _put_in_force(self) -> list[str]:
        before = set(self.errors())
        self._merged = self._merge(self._objects)
        for line in self.errors():
            if line not in before:
                log.error("configuration: {line}", line=line)
        return await self._apply(self._merged.settings)

    def _merge(self, found: Objects) -> Merged:
        """The file with objects; a large configuration takes its time, so the last one is kept."""
        judged = self._judged
        if judged is not None and judged[0] is self._file and judged[1] == found:
            return judged[2]
        merged = merge(self._file, found)
        self._judged = (self._file, copied(found), merged)
        return merged

    def _first_objects(self) -> Objects:
        """Those to start with: of the newest revision, or of what it should have fallen back to."""
        newest = self.revisions.newest
        if newest.confirm_until and self._left(newest) <= 0:
            fallback = self._fallback()
            if fallback is not None:
                self._overdue = True
                return fallback
        try:
            return self._objects_of(newest.number)
        except EditError as error:
            self._trouble = f"{error}; nothing of the store is in force; rollback to another"
            self._lost = True
            return {}

    def _fallback(self) -> Objects | None:
        """What an unconfirmed commit falls back to; None, loudly, when that cannot be read."""
        newest = self.revisions.newest
        try:
            return self._objects_of(newest.back_to)
        except EditError as error:
            self._trouble = f"revision {newest.number} stays, unconfirmed: {error}"
            return None

    # ------------------------------------------------------------------ editing

    def edit(self, session: Hashable, operator: str, act: Callable[[Candidate], None]) -> list[str]:
        """Change the candidate of a session, as `Editors.edit`."""
        if self._lost and not self.editors.dirty(session):
            raise EditError(self._trouble)
        return self.editors.edit(session, operator, act)

    def rollback(self, session: Hashable, operator: str, number: int) -> list[str]:
        """Make the objects of a revision the candidate of a session, as `Editors.edit`."""
        found = self._objects_of(number)
        return self.editors.edit(session, operator, lambda candidate: candidate.load(found))

    def _objects_of(self, number: int) -> Objects:
        try:
            return objects_of(self.revisions.text(number))
        except (LookupError, RecursionError, ValueError) as error:
            raise EditError(f"revision {number} cannot be read: {error}") from None

    def _candidate(self) -> Candidate:
        newest = self.revisions.newest.number
        return Candidate(newest, self._objects, self._declares, self._file.environ)

    def _declares(self, table: str, name: str) -> str:
        return self._file.declares(table, name)

    def difference(self, session: Hashable, *numbers: int) -> list[str]:
        """The lines from what is in force to the candidate, or from one revision to another.

        With one number: from that revision to what is in force.
        """
        if numbers:
            old = self._objects_of(numbers[0])
            new = self._objects_of(numbers[1]) if len(numbers) > 1 else self._objects
            return difference(old, new)
        candidate = self.editors.candidate(session)
        return [] if candidate is None else difference(self._objects, self._mine(candidate))

    def _mine(self, candidate: Candidate) -> Objects:
        """The objects of a candidate, carried over to the newest revision if that is possible."""
        if candidate.base != self.revisions.newest.number and not candidate.conflicts(
            self._objects
        ):
            candidate.rebase(self.revisions.newest.number, self._objects)
        return candidate.objects

    # ------------------------------------------------------------------ commits

    def plan(self, session: Hashable, operator: str) -> Plan:
        """What a commit of a session would do, and what keeps it from being done.

        Edits are carried over to the newest revision. Raises EditError when there are none, when
        others changed the same objects, or when the commit of another operator has to be confirmed.
        """
        candidate = self.editors.candidate(session)
        if candidate is None:
            raise EditError("nothing to commit")
        self._may_commit(operator)
        since = tuple(one for one in self.revisions.all() if one.number > candidate.began_on)
        conflicts = candidate.conflicts(self._objects)
        if conflicts:
            names = ", ".join(called(*one) for one in conflicts)
            who = ", ".join(f"revision {one.number} of {one.operator}" for one in since)
            raise EditError(
                f"{names} changed meanwhile ({who}): see diff {candidate.base}"
                f" {self.revisions.newest.number}, then discard and edit anew"
            )
        found = self._mine(candidate)
        merged = self._merge(found)
        mine = changes(self._objects, found)
        known = {(one.table, one.name) for one in self.left_out} - mine.keys()
        faults = [
            fault
            for one in merged.left_out
            if (one.table, one.name) not in known
            for fault in one.faults
        ]
        todo = consequences(self.settings, merged.settings)
        return Plan(tuple(faults), merged.warnings, tuple(todo), since, found)

    def _may_commit(self, operator: str) -> None:
        newest = self.revisions.newest
        if newest.confirm_until and newest.operator != operator:
            raise EditError(
                f"revision {newest.number} of {newest.operator} waits for its confirmation until"
                f" {clock_time(newest.confirm_until)}: confirm it, or let it be undone"
            )

    async def commit(
        self, session: Hashable, operator: str, comment: str = "", minutes: float = 0
    ) -> Committed:
        """Make the edits of a session durable and put them in force; raises EditError.

        With `minutes` what was in force before comes back then, unless `confirm` is called. A
        commit on top of one that the same operator has not confirmed settles that one: for good,
        or, with `minutes` again, with the same revision to fall back to. Who stops waiting does
        not stop the commit.
        """
        if minutes < 0 or minutes > MOST_MINUTES:
            raise EditError(f"minutes must be 1 to {MOST_MINUTES}")
        if len(comment) > MOST_COMMENT or not comment.isprintable():
            raise EditError(f"a comment is one line of at most {MOST_COMMENT} characters")
        return await self._alone(self._commit(session, operator, comment, minutes))

    async def _commit(
        self, session: Hashable, operator: str, comment: str, minutes: float
    ) -> Committed:
        plan = self.plan(session, operator)
        if plan.faults:
            raise EditError("; ".join(map(str, plan.faults)))
        text = text_of_objects(plan.objects)
        if len(text.encode()) > MOST_OCTETS:
            raise EditError(f"more than {MOST_OCTETS} octets of objects: put some into the file")
        before = self.revisions.newest
        back_to = before.back_to if before.confirm_until else before.number
        now = self._clock.seconds()
        try:
            made = await self.revisions.append(now, operator, comment, text, minutes, back_to)
        except Refused as error:
            raise EditError(f"the store cannot be written: {error}") from None
        self._objects, self._trouble, self._lost = objects_of(text), "", False
        self.editors.committed(session, made.number, self._objects)
        self._watch()
        return Committed(made, tuple(await self._put_in_force()), plan.since)

    async def confirm(self) -> Revision:
        """The newest revision stays for good. Raises EditError when nothing waits for that."""
        return await self._alone(self._confirm())

    async def _confirm(self) -> Revision:
        newest = self.revisions.newest
        if not newest.confirm_until:
            raise EditError("no commit waits for a confirmation")
        try:
            settled = await self.revisions.confirm()
        except Refused as error:
            raise EditError(f"the store cannot be written: {error}") from None
        self._trouble = ""
        self._watch()
        return settled

    # ------------------------------------------------------------------ undoing

    def _left(self, revision: Revision) -> float:
        """Seconds until a revision is undone; never more than were asked for."""
        until, now = revision.confirm_until, float(self._clock.seconds())
        return min(until - now, until - revision.at)

    def _watch(self) -> None:
        self.stop()
        newest = self.revisions.newest
        if newest.confirm_until:
            self._timer = self._clock.callLater(max(0.0, self._left(newest)), self._unconfirmed)

    def _unconfirmed(self) -> None:
        undoing = Deferred.fromCoroutine(self._alone(self._undo(self.revisions.newest.number)))
        undoing.addErrback(lambda failure: log.failure("undoing a commit", failure))

    async def _undo(self, number: int) -> None:
        newest = self.revisions.newest
        if newest.number != number or not newest.confirm_until:
            return  # it was confirmed, or settled by another commit, in the last moment
        fallback = self._fallback()
        if fallback is None:
            log.error("configuration: {line}", line=self._trouble)
            return
        self._objects = fallback
        self._append_undo()
        # The disk need not be awaited: until it has this, a start would undo the same.
        for line in await self._put_in_force():
            log.info("undone: {line}", line=line)

    def _append_undo(self) -> None:
        newest = self.revisions.newest
        comment = f"revision {newest.number} of {newest.operator} was not confirmed"
        log.warn(
            "configuration: {comment}, back to {number}", comment=comment, number=newest.back_to
        )
        text = text_of_objects(self._objects)
        self.revisions.append_undoing(self._clock.seconds(), ITSELF, comment, text)

    # ------------------------------------------------------------------ one at a time

    async def _alone(self, work: Coroutine[Any, Any, T]) -> T:
        """Do one change after the other, each to its end, whoever gives up waiting."""
        waiter: Deferred[T] = Deferred()

        def done(result: T) -> None:
            if not waiter.called:
                waiter.callback(result)

        def failed(failure: Failure) -> None:
            if not waiter.called:
                waiter.errback(failure)
            else:
                log.failure("configuration", failure)

        running: Deferred[T] = self._lock.run(lambda: Deferred.fromCoroutine(work))
        running.addCallbacks(done, failed)
        return await waiter
