"""One load test from its first connection to its last: bind, send, settle, unbind, and its result.

Owns: the phases and their time limits, the row of each second, and the result as plain values.
Refuses to know how messages are sent (`esme`), who looks on, and where the result goes.

Everything that was sent is accounted for: sent = accepted + rejected + unanswered (+ in flight
while it runs); accepted = with a final receipt + pending, when receipts were asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from math import inf
from typing import Any, Final

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

from smppgw.simulator.accounting import Accounting
from smppgw.simulator.esme import SimulatedEsme
from smppgw.simulator.mo_flow import MoFlow
from smppgw.simulator.series import Row, Series

LOOK: Final = 0.05
"""Seconds between two looks at where we are."""
PATIENCE: Final = 5.0
"""Seconds for the unbinds at the end, and for the answers after an interruption."""

Gauge = Callable[[], float | None]
"""A value from elsewhere, None when it is not known."""


class Phase(StrEnum):
    """Where a run is."""

    BINDING = "binding"
    SENDING = "sending"
    SETTLING = "settling"
    UNBINDING = "unbinding"
    DONE = "done"


@frozen(kw_only=True)
class Limits:
    """Times of a run in seconds."""

    seconds: float = inf
    """Of sending; a count ends it before. What a shape has due by then may take `settle` more."""
    bind: float = 10.0
    """Until every bind stands, and with none of them left."""
    settle: float = 10.0
    """For answers and receipts behind the last message, from when none comes any more."""


class LoadRun:
    """A run of `esme`, and of the phones of `mos`, if there are any.

    `start` begins, `interrupt` ends it early but in order, `done` fires with the run itself. Each
    second of sending and settling is a row of `series`, with `gauges`; `told` is called with it.
    Sending begins when all binds stand and `ready` says so. `accounting` is that of ESME and
    carrier when both are ours (`both_ends`).
    """

    def __init__(
        self,
        esme: SimulatedEsme,
        clock: IReactorTime,
        accounting: Accounting,
        *,
        limits: Limits | None = None,
        both_ends: bool = False,
        mos: MoFlow | None = None,
        ready: Callable[[], bool] = lambda: True,
        gauges: dict[str, Gauge] | None = None,
        told: Callable[[LoadRun, Row], None] | None = None,
    ) -> None:
        self.esme = esme
        self.mos = mos
        self.limits = limits or Limits()
        self.phase = Phase.BINDING
        self.faults: list[str] = []
        self.interrupted = False
        self.series = Series()
        self.done: Deferred[LoadRun] = Deferred()
        self.sending_seconds = 0.0
        self.timed = esme.latencies if mos is None or esme.load.count else mos.latencies
        """Whose times are plotted: those of messages, or of MOs when no message is sent."""
        self._clock = clock
        self._accounting = accounting
        self._both_ends = both_ends
        self._ready = ready
        self._gauges = {} if gauges is None else gauges
        self._told = told
        self._connections: Counter[str] = Counter()
        self._phase_began = 0.0
        self._began = 0.0
        self._next_row = 0.0
        self._bound_at = 0.0
        self._settle = self.limits.settle
        self._come: tuple[int, ...] = ()
        """What had come at the last look while it settles."""
        self._looking = LoopingCall(self._look)
        self._looking.clock = clock

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        """Connect; sending begins when every bind stands."""
        self._phase_began = self._clock.seconds()
        self.esme.connect()
        self._looking.start(LOOK, now=False)

    def interrupt(self) -> None:
        """End now, in order; the second time at once."""
        if self.interrupted or self.phase in (Phase.BINDING, Phase.UNBINDING):
            self.interrupted = True
            self._unbind()
            if self.phase is Phase.UNBINDING:
                self._end()
            return
        self.interrupted = True
        self._settle = min(self._settle, PATIENCE)
        if self.phase is Phase.SENDING:
            self._over()
        self._phase_began = self._clock.seconds()

    @property
    def seconds(self) -> float:
        """Since sending began."""
        return self._clock.seconds() - self._began if self._began else 0.0

    def _look(self) -> None:
        if self.phase is Phase.BINDING:
            self._bind()
        elif self.phase is Phase.SENDING:
            self._send()
        elif self.phase is Phase.SETTLING:
            self._settling()
        elif self._in_phase() > PATIENCE:
            self._end()

    def _in_phase(self) -> float:
        return self._clock.seconds() - self._phase_began

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self._phase_began = self._clock.seconds()

    def _bind(self) -> None:
        binds = self.esme.binds
        if all(bind.bound for bind in binds) and self._ready():
            self._enter(Phase.SENDING)
            self._began = self._bound_at = self._clock.seconds()
            self._next_row = self._began + 1.0
            self.esme.begin()
            if self.mos is not None:
                self.mos.start()
        elif self._in_phase() >= self.limits.bind:
            standing = sum(bind.bound for bind in binds)
            reasons = {bind.reason or "no answer" for bind in binds if not bind.bound}
            words = "; ".join(sorted(reasons)) or "the far end is not ready"
            self.faults.append(f"{standing} of {len(binds)} binds stand: {words}")
            self._unbind()

    def _send(self) -> None:
        self._row_if_due()
        now = self._clock.seconds()
        if any(bind.bound for bind in self.esme.binds):
            self._bound_at = now
        elif now - self._bound_at > self.limits.bind:
            reasons = {bind.reason or "lost" for bind in self.esme.binds}
            words = "; ".join(sorted(reasons))
            self.faults.append(f"no bind was left for {self.limits.bind:g} s: {words}")
            self._over()
            return
        mos_over = self.mos is None or self.mos.over
        more = 0.0 if self.esme.load.shape is None else self.limits.settle
        if (self.esme.over and mos_over) or self._in_phase() >= self.limits.seconds + more:
            self._over()

    def _over(self) -> None:
        self.sending_seconds = self.seconds
        self.esme.finish()
        if self.mos is not None:
            self.mos.stop()
        self._enter(Phase.SETTLING)

    def _settling(self) -> None:
        self._row_if_due()
        esme = self.esme
        settled = esme.settled and (self.mos is None or self.mos.settled)
        come = esme.in_flight, esme.receipt_latencies.count, esme.counters["mos"]
        if come != self._come and not self.interrupted:
            self._come = come
            self._phase_began = self._clock.seconds()
        if settled or self._in_phase() >= self._settle:
            self._unbind()

    def _unbind(self) -> None:
        if self.phase is Phase.UNBINDING:
            return
        if self._began:
            self._row()
        # What we close now ourselves is not lost.
        self._connections = Counter(self.esme.counters)
        self._enter(Phase.UNBINDING)
        self.esme.stop().addCallback(lambda _: self._end())

    def _end(self) -> None:
        if self.phase is Phase.DONE:
            return
        self.phase = Phase.DONE
        if self._looking.running:
            self._looking.stop()
        self.done.callback(self)

    # ------------------------------------------------------------------ what is seen

    def _row_if_due(self) -> None:
        if self._clock.seconds() >= self._next_row:
            row = self._row()
            if self._told is not None and row is not None:
                self._told(self, row)
            self._next_row += max(1.0, self._clock.seconds() - self._next_row)

    def _row(self) -> Row | None:
        """A row up to now; none when nothing can have happened since the last."""
        if self.seconds - (self.series.rows[-1].seconds if self.series.rows else 0.0) < LOOK / 2:
            return None
        esme = self.esme
        counters = {
            "sent": esme.sent,
            "accepted": esme.counters["acknowledged"],
            "rejected": esme.refused.total(),
            "unanswered": esme.counters["unanswered"],
            "receipts": esme.receipt_latencies.count,
            "mos": esme.counters["mos"],
        }
        gauges = {name: gauge() for name, gauge in self._gauges.items()}
        gauges["in_flight"] = float(esme.in_flight)
        shape = esme.load.shape
        if shape is not None:
            gauges["intended"] = shape.rate(self.seconds - 0.5)
        return self.series.add(self.seconds, counters, self.timed, gauges)

    def result(self) -> dict[str, Any]:
        """Everything there is to know, as plain values; times in seconds, durations in ms."""
        esme = self.esme
        report = esme.report()
        accepted, counters = report["acknowledged"], esme.counters
        awaited = report["receipts_awaited"] + report["receipts_given_up"]
        messages = {
            "sent": esme.sent,
            "unsent": counters["unsent"],
            "accepted": accepted,
            "rejected": esme.refused.total(),
            "rejected_by": report["refused"],
            "unanswered": counters["unanswered"],
            "in_flight": esme.in_flight,
            "late": counters["late"],
        }
        asked = bool(esme.load.registered_delivery & 3)
        receipts = {
            "asked": asked,
            "final": esme.receipt_latencies.count,
            "by_state": report["receipts"],
            "pending": awaited,
            "duplicates": counters["receipts_duplicate"],
            "changed": counters["receipts_changed"],
            "intermediate": counters["receipts_intermediate"],
            "unknown": report["receipts_unknown"],
            "ids_repeated": counters["ids_repeated"],
        }
        return {
            "seconds": {
                "sending": round(self.sending_seconds, 3),
                "all": round(self.series.rows[-1].seconds if self.series.rows else 0.0, 3),
            },
            "interrupted": self.interrupted,
            "faults": list(self.faults),
            "rate": report["rate"],
            "messages": messages,
            "receipts": receipts,
            "far_end": self._far_end(),
            "mos": self._mos(),
            "connections": {name: self._connections[name] for name in _CONNECTIONS},
            "latency": report["latency"],
            "service": report["service"],
            "receipt_latency": report["receipt_latency"],
            "histogram": _histogram(self.timed.buckets()),
            "service_histogram": _histogram(esme.services.buckets()),
            "series": self.series.report(),
        }

    def _far_end(self) -> dict[str, Any] | None:
        """What the carrier saw, when it is ours."""
        return dict(self._accounting.report(self.esme.load.flow)) if self._both_ends else None

    def _mos(self) -> dict[str, Any] | None:
        """The messages of phones: of our own all of it, else how many came."""
        if self.mos is not None:
            seconds = self.sending_seconds
            rate = round(self.mos.latencies.count / seconds, 1) if seconds else 0.0
            return {"rate": rate, **self.mos.report()}
        taken = self.esme.counters["mos"]
        return {"taken": taken} if taken else None


_CONNECTIONS: Final = (
    "connection_attempts",
    "binds",
    "binds_refused",
    "connections_lost",
    "deliveries_unanswered",
)


def _histogram(buckets: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """Upper limits in milliseconds."""
    return [(round(1000 * upper, 4), count) for upper, count in buckets]
