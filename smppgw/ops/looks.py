"""Looks: how the counters stood each second of the last minute, to tell what happens now.

Owns: one look a second at carriers, accounts and the process, for a minute.
Refuses to know: what follows from the figures (`explain`).

Nothing is counted here. What only grows is copied, so the difference of two looks is what happened
between them; what comes and goes (unanswered, waiting) is taken as it is at that moment. Carriers
and accounts beyond those that `core.measures` keeps apart have no looks.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from smppgw.core.account import Account
from smppgw.core.carrier import Carrier
from smppgw.core.esme import EsmeBind
from smppgw.core.link import Link
from smppgw.core.measures import MOST_ACCOUNTS, MOST_CARRIERS
from smppgw.core.relay import Relay

PERIOD = 1.0
KEPT = 61
"""Looks: those of a minute."""
CONNECTIONS_KEPT = 11
"""The same for single connections: those of ten seconds."""
MOST_CONNECTIONS = 1_000
"""Links, and binds, that are looked at one by one."""
SCHEDULED = Path("/proc/thread-self/schedstat")
"""Where Linux says how long the thread ran and how long it waited to run, in nanoseconds."""


class CarrierLook(NamedTuple):
    """One carrier at one moment."""

    sent: int
    refused: int
    throttled: int
    in_flight: int
    unsent: int
    """Of those in flight: submits that wait for a commit."""
    waiting: int
    paused: float
    """Seconds of pauses so far."""
    answers: tuple[int, ...]
    """How often each answer time came (`core.measures.ANSWER_MS`)."""
    answer_ms: float
    """Sum of the answer times, milliseconds."""


class AccountLook(NamedTuple):
    """One account at one moment."""

    accepted: int
    refused: int
    throttled: int
    unanswered: int
    delivering: int
    """deliver_sm that its binds have not answered."""
    unsent: int
    """Of these: deliver_sm that wait for a commit."""


class Processor(NamedTuple):
    """What a thread has had of processors, in seconds."""

    used: float
    waited: float
    """That it could have run and others did; 0 where the system does not say."""


def processor() -> Processor:
    """What the calling thread has had until now."""
    try:
        waited = int(SCHEDULED.read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        waited = 0
    return Processor(time.thread_time(), waited / 1e9)


class ProcessLook(NamedTuple):
    """The process at one moment."""

    processor: Processor
    """Of the reactor's thread."""
    late: float
    """Seconds that this look came late."""
    commits: tuple[int, ...]
    """How often each commit time came (`core.measures.COMMIT_SECONDS`)."""
    commit_seconds: float
    """Sum of the commit times."""
    holding: int
    """Answers to ESMEs that wait for the carriers to catch up."""


class Look(NamedTuple):
    """Everything at one moment (seconds of the clock)."""

    at: float
    process: ProcessLook
    carriers: Mapping[str, CarrierLook]
    accounts: Mapping[str, AccountLook]


class Moved(NamedTuple):
    """What went over single connections until one moment."""

    at: float
    links: Mapping[str, int]
    """Requests that we sent on each link."""
    binds: Mapping[str, tuple[int, int]]
    """Requests that each bind sent us, and that we sent it."""


class Looks:
    """The last minute; nothing is looked at before `start`."""

    def __init__(
        self, relay: Relay, clock: IReactorTime, processor: Callable[[], Processor] = processor
    ) -> None:
        self.kept: deque[Look] = deque(maxlen=KEPT)
        self.moved: deque[Moved] = deque(maxlen=CONNECTIONS_KEPT)
        self._relay = relay
        self._clock = clock
        self._processor = processor
        self._call: IDelayedCall | None = None

    def start(self) -> None:
        """Look now and every second from now on."""
        self._look(self._clock.seconds())

    def stop(self) -> None:
        """Look no more."""
        if self._call is not None and self._call.active():
            self._call.cancel()

    def span(self, seconds: float) -> tuple[Look, Look] | None:
        """The last look and one that lies so many seconds before it, or as many as there are.

        None while there are no two looks.
        """
        kept = self.kept
        if len(kept) < 2:
            return None
        last = kept[-1]
        for look in kept:
            if look.at >= last.at - seconds - PERIOD / 2:
                break
        return (kept[-2] if look is last else look), last

    def last(self, seconds: float) -> list[Look]:
        """The looks of so many seconds until now, oldest first."""
        if not self.kept:
            return []
        since = self.kept[-1].at - seconds + PERIOD / 2
        return [look for look in self.kept if look.at >= since]

    # ------------------------------------------------------------------ looking

    def _look(self, due: float) -> None:
        relay, now = self._relay, self._clock.seconds()
        before = self.kept[-1] if self.kept else None
        carriers = relay.measures.carriers
        accounts = relay.measures.accounts
        look = Look(
            now,
            self._process(max(0.0, now - due)),
            {
                one.name: _carrier(one, now, before)
                for one in relay.carriers.values()
                if carriers.get(one.name) is one.measures
            },
            {
                one.name: _account(one, before)
                for one in relay.accounts.values()
                if accounts.get(one.name) is one.measures
            },
        )
        self.kept.append(look)
        self.moved.append(self._moved(now))
        self._call = self._clock.callLater(PERIOD, self._look, now + PERIOD)

    def _process(self, late: float) -> ProcessLook:
        store = self._relay.store
        commits = store.commit_seconds
        return ProcessLook(
            self._processor(), late, tuple(commits.counts), commits.total, self._relay.pace.holding
        )

    def _moved(self, now: float) -> Moved:
        relay = self._relay
        links = chain.from_iterable(
            one.links for one in islice(relay.carriers.values(), MOST_CARRIERS)
        )
        binds = chain.from_iterable(
            one.binds for one in islice(relay.accounts.values(), MOST_ACCOUNTS)
        )
        return Moved(
            now,
            {link.name: requested(link) for link in islice(links, MOST_CONNECTIONS)},
            {
                bind.name: (bind.received, requested(bind))
                for bind in islice(binds, MOST_CONNECTIONS)
            },
        )


def requested(connection: Link | EsmeBind) -> int:
    """Requests that we sent on a connection; 0 when it is gone."""
    protocol = connection.protocol
    return 0 if protocol is None else protocol.session.requested


def unsent(connection: Link | EsmeBind) -> int:
    """Places taken in a window whose requests wait for a commit."""
    protocol = connection.protocol
    return connection.taken - (0 if protocol is None else protocol.session.in_flight)


def _carrier(carrier: Carrier, now: float, before: Look | None) -> CarrierLook:
    measures = carrier.measures
    look = CarrierLook(
        measures.sent,
        measures.refused,
        measures.throttled,
        carrier.in_flight,
        sum(map(unsent, carrier.links)),
        carrier.waiting,
        carrier.refusals.paused_for(now),
        tuple(measures.answer_ms.counts),
        measures.answer_ms.total,
    )
    found = None if before is None else before.carriers.get(carrier.name)
    # One that stands still takes the memory of one look.
    return found if found == look else look


def _account(account: Account, before: Look | None) -> AccountLook:
    measures = account.measures
    look = AccountLook(
        measures.accepted,
        measures.refused,
        measures.throttled,
        sum(bind.unanswered for bind in account.binds),
        sum(bind.taken for bind in account.binds),
        sum(map(unsent, account.binds)),
    )
    found = None if before is None else before.accounts.get(account.name)
    return found if found == look else look
