"""What is measured about messages, carriers and accounts: counters and histograms that only grow.

Owns: the figures since the start, and how many names have figures of their own.
Refuses to know: who reads them and how they are written out.

Fed once per message at places that handle it anyway: a histogram is a list of counts and a bisect.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from typing import NamedTuple

from smppgw.core.account_settings import Priority
from smppgw.core.held import Held
from smppgw.core.ids import EPOCH_MS
from smppgw.core.message import Message, State
from smppgw.smpp.wire import CommandStatus

MOST_CARRIERS = 100
"""Carriers with figures of their own since the start; later ones share one set."""
MOST_ACCOUNTS = 200
"""The same for accounts."""
MOST_STATUSES = 50
"""Values of command_status with a count of their own, per carrier or account."""
MOST_BIND_REFUSALS = 100
"""Refused binds that are remembered, the last ones."""
OTHER_STATUS = -1
"""What the rest of them are counted under."""
THROTTLED = int(CommandStatus.ESME_RTHROTTLED)
REST = "(other)"
"""What those that share are called."""

ANSWER_MS = (5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000)
QUEUE_MS = (5, 10, 25, 50, 100, 250, 500, 1_000, 5_000, 30_000, 60_000, 300_000, 3_600_000)
RECEIPT_MS = (100, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 3_600_000, 86_400_000)
COMMIT_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


class Histogram:
    """How often a figure fell at or below each bound; the last count is of those above all."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total: float = 0

    def observe(self, figure: float) -> None:
        """Count a figure, in the unit of the bounds; one below zero (a clock set back) as zero."""
        self.counts[bisect_left(self.bounds, figure)] += 1
        if figure > 0:
            self.total += figure


class Refused:
    """How often each command_status was answered, and when last (seconds)."""

    __slots__ = ("statuses",)

    def __init__(self) -> None:
        self.statuses: dict[int, tuple[int, float]] = {}
        """command_status -> (count, when last)."""

    def count(self, command_status: int, now: float) -> None:
        """Count a refusal."""
        statuses = self.statuses
        before = statuses.get(command_status)
        if before is None:
            if len(statuses) >= MOST_STATUSES:
                command_status = OTHER_STATUS
            before = statuses.get(command_status, (0, 0.0))
        statuses[command_status] = (before[0] + 1, now)


class BindRefusal(NamedTuple):
    """A bind that was refused: when (seconds), with which command_status, and why in words."""

    at: float
    command_status: int
    reason: str


class CarrierMeasures:
    """Figures of one carrier; they outlive a reload that changes it."""

    __slots__ = (
        "answer_ms",
        "binds_refused",
        "ended",
        "label",
        "receipt_ms",
        "refused",
        "sent",
        "statuses",
        "throttled",
    )

    def __init__(self, label: str) -> None:
        self.label = label
        self.sent = 0
        """Submits that it accepted."""
        self.refused = 0
        self.throttled = 0
        """Submits refused with ESME_RTHROTTLED."""
        self.statuses = Refused()
        """Its refusals of submits."""
        self.binds_refused = Refused()
        """Its refusals of our binds."""
        self.ended = [0] * State.WAITING
        """By final state; a better one that replaces another counts as well."""
        self.answer_ms = Histogram(ANSWER_MS)
        """From a submit to its answer."""
        self.receipt_ms = Histogram(RECEIPT_MS)
        """From a submit to its final receipt."""

    def refuse(self, command_status: int, now: float) -> None:
        """It refused a submit."""
        self.refused += 1
        if command_status == THROTTLED:
            self.throttled += 1
        self.statuses.count(command_status, now)


class AccountMeasures:
    """Figures of one account."""

    __slots__ = ("accepted", "deliveries_refused", "label", "refused", "statuses", "throttled")

    def __init__(self, label: str) -> None:
        self.label = label
        self.accepted = 0
        """Messages taken into a commit."""
        self.refused = 0
        """Requests refused, whatever for."""
        self.throttled = 0
        """Requests refused with ESME_RTHROTTLED."""
        self.statuses = Refused()
        """Our refusals of its requests."""
        self.deliveries_refused = Refused()
        """Its refusals of deliver_sm."""

    def refuse(self, command_status: int, now: float) -> None:
        """A request of it was refused."""
        self.refused += 1
        if command_status == THROTTLED:
            self.throttled += 1
        self.statuses.count(command_status, now)


class Measures:
    """All figures of one gateway since its start."""

    def __init__(self) -> None:
        self.carriers: dict[str, CarrierMeasures] = {}
        self.accounts: dict[str, AccountMeasures] = {}
        self.other_carriers = CarrierMeasures(REST)
        self.other_accounts = AccountMeasures(REST)
        self.bind_refusals: deque[BindRefusal] = deque(maxlen=MOST_BIND_REFUSALS)
        """Binds of ESMEs that were refused lately, oldest first."""
        self.forgotten = 0
        """Messages taken into a commit that failed; they were refused after all."""
        self.queue_ms = tuple(Histogram(QUEUE_MS) for _ in Priority)
        """From joining the queue of a carrier to the first submit, by priority class."""

    def refuse_bind(self, command_status: int, reason: str, now: float) -> None:
        """A bind of an ESME was refused."""
        self.bind_refusals.append(BindRefusal(now, command_status, reason))

    def held(self) -> list[Held]:
        """What it holds in memory."""
        return [
            Held("figures of carriers", len(self.carriers), MOST_CARRIERS),
            Held("figures of accounts", len(self.accounts), MOST_ACCOUNTS),
            Held("refused binds", len(self.bind_refusals), MOST_BIND_REFUSALS),
        ]

    def carrier(self, name: str) -> CarrierMeasures:
        """The figures of a carrier, or those of the rest when there are too many."""
        found = self.carriers.get(name)
        if found is None:
            if len(self.carriers) >= MOST_CARRIERS:
                return self.other_carriers
            found = self.carriers[name] = CarrierMeasures(name)
        return found

    def account(self, name: str) -> AccountMeasures:
        """The figures of an account, or those of the rest when there are too many."""
        found = self.accounts.get(name)
        if found is None:
            if len(self.accounts) >= MOST_ACCOUNTS:
                return self.other_accounts
            found = self.accounts[name] = AccountMeasures(name)
        return found

    def left(self, messages: list[Message], sent_at: int) -> None:
        """These messages were sent (milliseconds); what counts is the first time."""
        since = sent_at - EPOCH_MS
        for message in messages:
            if message.attempts == 1 and not message.answered_at:
                self.queue_ms[message.priority].observe(since - (message.position >> 21))
