"""Group commit: everything of a turn becomes durable at once, then its octets leave.

Owns: the batch being filled, when it is written, and what happens when the disk refuses it.
Refuses to know: SQL (see `engine`) and what the records mean.

The one rule of the gateway lives here: no answer, and no request that depends on a state, leaves
before the commit that holds the state is on disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from smppgw.core.held import Held
from smppgw.core.measures import COMMIT_SECONDS, Histogram
from smppgw.core.message import Delivery, Message, State
from smppgw.core.store.batch import Batch, Outlet
from smppgw.core.store.engine import Engine
from smppgw.core.store.onlookers import Onlookers
from smppgw.core.store.synchronizer import Synchronizer

RETRY_SECONDS = 1.0
"""Pause before a batch that the disk refused is tried again."""
SETTLE_SECONDS = 0.02
"""Pause between slices of rows while there is nothing else to write."""
IDLE_SECONDS = 0.005
"""How long changes that nobody waits for may stay in memory."""
CONGESTED = 8_000
"""Records waiting for a commit above which reading stops, from ESMEs and carriers alike."""

WORK_SECONDS = 0.005
"""How long the transactions of one commit may take together."""
MOST_WORKS = 200
"""Transactions of one commit."""

T = TypeVar("T")

log = Logger()


class Refused(Exception):
    """The disk cannot take a transaction; the text says why. Nothing of it stays."""


class Store:
    """What the rest of `core` writes to; all in the reactor's thread."""

    def __init__(self, engine: Engine, clock: IReactorTime, synchronizer: Synchronizer) -> None:
        self.engine = engine
        self.live = engine.live
        self.batch = Batch()
        self.trouble = ""
        """Why nothing can be accepted just now; "" when all is well."""
        self.refused: Callable[[list[Message]], None] = lambda messages: None
        """Told which new messages a failed commit forgot."""
        self.congestion: Callable[[bool], None] = lambda congested: None
        """Told when reading should stop and go on."""
        self.congested = False
        """More waits for the disk than is good: nothing should be read."""
        self.broken: Callable[[str], None] = lambda reason: None
        """Told when the disk cannot be trusted any more: the process has to end."""
        self.onlookers = Onlookers()
        self._clock = clock
        self._synchronizer = synchronizer
        self._committing: Batch | None = None
        self._call: Any = None
        self._urgent = False
        self._held = False
        self._lost = False
        self._closed = False
        self._quiet: Callable[[], None] | None = None
        self.commits = 0
        self.commit_seconds = Histogram(COMMIT_SECONDS)
        """From the beginning of a commit until it is durable."""
        self._began = 0.0
        self._last: list[Callable[[], None]] = []

    # ------------------------------------------------------------------ filling the batch

    def accept(self, message: Message) -> None:
        """A new message; it is forgotten again if the commit fails."""
        batch = self.batch
        batch.accepted.append(message)
        batch.touched[message.id] = self.live[message.id] = message
        if self._call is None and self._committing is None:
            self._soon()

    def touch(self, message: Message) -> None:
        """A message changed."""
        message.dirty = True
        message.resting = False
        self.batch.touched[message.id] = message
        self.live[message.id] = message
        if self._call is None and self._committing is None:
            self._soon()

    def spill(self, message: Message) -> None:
        """A message leaves memory: its row is written with the batch."""
        batch = self.batch
        batch.spilled.append(message)
        if message.fresh:
            batch.touched.pop(message.id, None)
        else:
            self.touch(message)
        message.resting = True

    def rest(self, message: Message) -> None:
        """Nothing in memory waits for a message any more: its row is enough, once up to date."""
        message.resting = True
        if not message.dirty:
            self.live.pop(message.id, None)

    def recall(self, number: int) -> Message | None:
        """The message, from memory or from its row; one that waits stays in memory again."""
        message = self.engine.message(number)
        if message is not None and message.state == State.WAITING:
            message.resting = False
            self.live[number] = message
        return message

    def deliver(self, delivery: Delivery) -> None:
        """A delivery is new, or done."""
        self.batch.deliveries[delivery.id] = delivery
        if self._call is None and self._committing is None:
            self._soon()

    def spool(self, delivery: Delivery) -> None:
        """A new delivery that memory does not hold: its row is written with the batch."""
        self.batch.spooled.append(delivery)
        if self._call is None and self._committing is None:
            self._soon()

    def forwarded(self, receipt_to: str, receipt_at: int, message: int) -> None:
        """The receipt of a message that memory does not hold reached its ESME, or never will."""
        self.batch.forwarded.append((receipt_to, receipt_at, message))
        if self._call is None and self._committing is None:
            self._soon()

    def execute(self, sql: str, *values: Any) -> None:
        """Write a rare row with the batch; `sql` is a constant of the program."""
        self.batch.statements.append((sql, values))
        if self._call is None and self._committing is None:
            self._soon()

    def answer(self, outlet: Outlet, answer: bytes, request: tuple[int, int]) -> None:
        """Send an answer once what is in the batch is durable."""
        answers = self.batch.answers
        answers.append((outlet, answer, request))
        if not self._urgent or len(answers) > CONGESTED:
            self._hurry()

    def send(self, link: Any, record: Any) -> None:
        """Have a record given to `link.transmit` once what is in the batch is durable."""
        sends = self.batch.sends
        if link not in sends:
            sends[link] = []
        sends[link].append(record)
        if not self._urgent:
            self._hurry()

    def when_durable(self, action: Callable[[], None]) -> None:
        """Call `action` once what is in the batch is durable."""
        self.batch.actions.append(action)
        if not self._urgent:
            self._hurry()

    def transact(self, work: Callable[[], T]) -> Deferred[T]:
        """Call `work` at the beginning of a commit; what it returned comes once that is durable.

        Within it, `engine.changes.write` writes rows that it can read back at once, and everything
        that it gives this store is in the same commit. Fails with what it raised, and then no row
        of it stays (what it gave the store does: that comes last); or with Refused when the disk
        cannot take it, and then nothing does.
        """
        done: Deferred[T] = Deferred()
        self.batch.works.append((work, done))
        if not self._urgent or len(self.batch.works) > CONGESTED:
            self._hurry()
        return done

    def last(self, action: Callable[[], None]) -> None:
        """Within a piece of work: call `action` once nothing of it can raise any more."""
        self._last.append(action)

    def _work(self) -> None:
        """Do what waits for this commit: as much of it as WORK_SECONDS allow, the rest later."""
        batch = self.batch
        works, batch.works = batch.works, []
        end = self._clock.seconds() + WORK_SECONDS
        for place, (work, done) in enumerate(works):
            if place == MOST_WORKS or (place and self._clock.seconds() >= end):
                batch.works = works[place:] + batch.works
                return
            self._do(work, done)

    def _do(self, work: Callable[[], Any], done: Deferred[Any]) -> None:
        if self.trouble:
            done.errback(Refused(self.trouble))
            return
        changes, self._last = self.engine.changes, []
        try:
            changes.begin()
            result = work()
            for action in self._last:
                action()
        except Exception as error:
            changes.undo()
            done.errback(Refused(str(error)) if isinstance(error, sqlite3.Error) else error)
        else:
            self.batch.results.append((done, result))

    # ------------------------------------------------------------------ committing

    def _soon(self) -> None:
        """Something changed, but nobody waits for it."""
        if not self._held:
            self._call = self._clock.callLater(IDLE_SECONDS, self._commit)

    def _hurry(self) -> None:
        """Somebody waits: commit at the end of this turn of the reactor."""
        waits = self._committing is not None or self._held or self.trouble
        if not (waits or self._urgent):
            if self._call is not None:
                self._call.cancel()
            self._call = self._clock.callLater(0, self._commit)
        elif not self.congested and self.batch.weight > CONGESTED:
            self.congested = True
            self.congestion(True)
        self._urgent = True

    def _commit(self) -> None:
        if self.batch.works:
            self._urgent = True  # nothing of theirs needs a commit of its own
            self._work()
        self._call = None
        batch, self.batch = self.batch, Batch()
        self.batch.works, batch.works = batch.works, []
        self._urgent = bool(self.batch.works)
        self._began = self._clock.seconds()
        try:
            numbers = self.engine.write(batch)
        except Exception as error:
            if not isinstance(error, OSError):
                log.failure("store: writing a batch")
            self._failed(batch, error)
            return
        self.commits += 1
        self._committing = batch
        if self.onlookers.looking:
            self.onlookers.written(batch)
        if numbers:
            self._synchronizer.sync(numbers, partial(self._synced, numbers))
        else:
            self._synced(numbers, "")

    def _synced(self, numbers: tuple[int, ...], trouble: str) -> None:
        if trouble:
            # The kernel may have dropped the pages it could not write: nothing of these files can
            # be relied on, and asking again would only hide it.
            log.critical("store: {trouble}; no answer can be trusted", trouble=trouble)
            self._lost = True
            self.broken(trouble)
            return
        batch, self._committing = self._committing, None
        if batch is not None:
            self.commit_seconds.observe(self._clock.seconds() - self._began)
            self._release(batch)
        if self.onlookers.waiting:
            self.onlookers.durable()
        if self._closed:  # what was released has stopped us
            return
        self.engine.synced(numbers, self._clock.seconds())
        self._report(self.engine.trouble)
        self._relieve()
        quiet, self._quiet = self._quiet, None
        if quiet is not None:
            quiet()
        self._go_on()

    def _relieve(self) -> None:
        # Whom the disk refuses is told so at once, and need not wait to hear it.
        if self.congested and (self.trouble or self.batch.weight < CONGESTED // 2):
            self.congested = False
            self.congestion(False)

    def _go_on(self) -> None:
        """Schedule the next commit, if there is anything to write."""
        if self._call is not None or self._held:
            return
        if not self.batch.empty:
            self._call = self._clock.callLater(0 if self._urgent else IDLE_SECONDS, self._commit)
        elif self.trouble:
            self._call = self._clock.callLater(RETRY_SECONDS, self._commit)
        elif self.engine.restless:
            self._call = self._clock.callLater(SETTLE_SECONDS, self._commit)

    def _report(self, trouble: str) -> None:
        if trouble and not self.trouble:
            log.error("store: cannot write ({trouble}); refusing new messages", trouble=trouble)
        elif self.trouble and not trouble:
            log.warn("store: writing again")
        self.trouble = trouble

    def _release(self, batch: Batch) -> None:
        outlets: dict[Outlet, list[bytes]] = {}
        for outlet, answer, _ in batch.answers:
            chunks = outlets.get(outlet)
            if chunks is None:
                outlets[outlet] = [answer]
            else:
                chunks.append(answer)
        for outlet, chunks in outlets.items():
            with log.failuresHandled("store: releasing answers"):
                outlet.release(b"".join(chunks), len(chunks))
        for link, records in batch.sends.items():
            with log.failuresHandled("store: releasing requests"):
                link.transmit(records)
        for outlet in {**outlets, **batch.sends}:
            with log.failuresHandled("store: writing what was released"):
                outlet.flush()
        for action in batch.actions:
            with log.failuresHandled("store: after a commit"):
                action()
        for done, result in batch.results:
            done.callback(result)

    def _failed(self, batch: Batch, error: Exception) -> None:
        """The disk refused: what is new is refused too, what is known is kept and tried again."""
        self._report(str(error))
        for message in batch.accepted:
            batch.touched.pop(message.id, None)
            self.live.pop(message.id, None)
        new = {message.id for message in batch.accepted}
        with log.failuresHandled("store: forgetting messages"):
            self.refused(batch.accepted)
        for undo in reversed(batch.undo):
            with log.failuresHandled("store: undoing"):
                undo()
        self.engine.changes.drop()
        for outlet, _, request in batch.answers:
            with log.failuresHandled("store: refusing a request"):
                outlet.refuse(*request)
        results = batch.results
        batch.keep(new, self.batch)
        self.batch = batch  # the same: queues remember the batch into which they spilled
        for done, _ in results:
            done.errback(Refused(str(error)))
        if self._call is not None:  # undoing something was a change, too
            self._call.cancel()
        self._call = self._clock.callLater(RETRY_SECONDS, self._commit)
        self._relieve()

    @property
    def waiting(self) -> int:
        """Records that are not durable yet, in the commit under way and in the next one."""
        under_way = 0 if self._committing is None else self._committing.weight
        return under_way + self.batch.weight

    def held(self) -> list[Held]:
        """What it holds in memory; at the bound nothing more is read."""
        return [Held("records for a commit", self.waiting, CONGESTED)]

    @property
    def commit_age(self) -> float:
        """Seconds since the commit under way began; 0 when there is none."""
        return 0.0 if self._committing is None else self._clock.seconds() - self._began

    # ------------------------------------------------------------------ holding and stopping

    def hold(self, quiet: Callable[[], None] = lambda: None) -> None:
        """Write nothing until `go_on` (a checkpoint wants the log to itself for a moment).

        `quiet` is called when nothing is being written any more: rows follow the end of a sync.
        """
        self._held = True
        if self._call is not None:
            self._call.cancel()
            self._call = None
        if self._committing is None:
            quiet()
        else:
            self._quiet = quiet

    def go_on(self) -> None:
        """End of `hold`."""
        self._held = False
        if self._committing is None:
            self._go_on()

    def stop(self) -> None:
        """Write everything there is, bring the rows up to date and close the files."""
        self._held = self._closed = True
        if self._call is not None:
            self._call.cancel()
            self._call = None
        for _, done in self.batch.works:
            done.errback(Refused("the gateway stops"))
        self.batch.works = []
        try:
            if not self._lost:  # the journal may be all that is left
                self.engine.write(self.batch)
                self.engine.flush()
        except (OSError, sqlite3.Error) as error:
            log.error("store: {error}; the journal keeps what its rows lack", error=error)
        self._synchronizer.stop()
        self.engine.close()
