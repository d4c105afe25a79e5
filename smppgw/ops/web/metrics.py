"""The metrics: which there are, what each means, and where its figure comes from.

Owns: names, types, units and HELP lines; operators' rules and dashboards rely on them.
Refuses to know: HTTP, and the text format (prometheus_client writes it).

Figures are read when somebody asks. Counters begin at zero with the process and only grow.
Labels are names of carriers and accounts from the configuration, as many as `core.measures` keeps
apart; the rest is added up under `(other)`.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from smppgw._version import __version__
from smppgw.core.account_settings import Priority
from smppgw.core.ids import time_of
from smppgw.core.link import Link
from smppgw.core.measures import (
    MOST_ACCOUNTS,
    MOST_CARRIERS,
    AccountMeasures,
    CarrierMeasures,
)
from smppgw.core.message import FINAL
from smppgw.core.relay import Relay
from smppgw.ops.web.families import counter, gauge, histogram
from smppgw.ops.web.lag import Lag

MS = 0.001
ONE = ()
"""The labels of a metric of which there is one."""


class Metrics(Collector):
    """The figures of one gateway and its process."""

    def __init__(self, relay: Relay, lag: Lag) -> None:
        self._relay = relay
        self._lag = lag
        self._highest: dict[str, int] = {}
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """Everything, in the text format 0.0.4 of Prometheus."""
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """The same, a family at a time, each as it is when it is asked for."""
        for family in self._registry.collect():
            yield generate_latest(_One(family))

    def describe(self) -> list[Metric]:
        """Nothing: what is registered here is not looked at before somebody asks."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every family of ours."""
        yield gauge("smppgw_info", "Always 1.", ("version",), [((__version__,), 1)])
        yield from self._accounts()
        yield from self._carriers()
        yield from self._queues()
        yield from self._links()
        yield from self._receipts()
        yield from self._mos()
        yield from self._store()
        yield from self._times()

    # ------------------------------------------------------------------ accounts

    def _accounts(self) -> Iterator[Metric]:
        relay, label = self._relay, ("account",)
        known = self._account_measures()
        yield counter(
            "smppgw_messages_accepted",
            "Messages taken from accounts.",
            label,
            [((one.label,), one.accepted) for one in known],
        )
        yield counter(
            "smppgw_messages_forgotten",
            "Messages counted as accepted whose commit failed: they were refused after all.",
            ONE,
            [(ONE, relay.measures.forgotten)],
        )
        yield counter(
            "smppgw_requests_refused",
            "Requests of ESMEs answered with an error, throttled ones included.",
            label,
            [((one.label,), one.refused) for one in known],
        )
        yield counter(
            "smppgw_requests_throttled",
            "Requests of ESMEs answered with ESME_RTHROTTLED.",
            label,
            [((one.label,), one.throttled) for one in known],
        )
        accounts = [((one.measures.label,), one) for one in relay.accounts.values()]
        yield gauge(
            "smppgw_binds",
            "Binds of ESMEs that are up.",
            label,
            [(values, len(one.binds)) for values, one in accounts],
        )
        yield gauge(
            "smppgw_account_queued_messages",
            "Messages that no carrier has taken yet.",
            label,
            [(values, one.queued) for values, one in accounts],
        )
        yield gauge(
            "smppgw_account_spooled_deliveries",
            "Receipts and MOs that wait for an account or for its answer.",
            label,
            [(values, one.spooled) for values, one in accounts],
        )

    def _account_measures(self) -> list[AccountMeasures]:
        measures = self._relay.measures
        known = list(measures.accounts.values())
        return known if len(known) < MOST_ACCOUNTS else [*known, measures.other_accounts]

    # ------------------------------------------------------------------ carriers

    def _carriers(self) -> Iterator[Metric]:
        label = ("carrier",)
        known = self._carrier_measures()
        yield counter(
            "smppgw_messages_sent",
            "Submits that a carrier accepted; a part counts as one.",
            label,
            [((one.label,), one.sent) for one in known],
        )
        yield counter(
            "smppgw_submits_refused",
            "Submits that a carrier refused, throttled ones included.",
            label,
            [((one.label,), one.refused) for one in known],
        )
        yield counter(
            "smppgw_submits_throttled",
            "Submits that a carrier refused with ESME_RTHROTTLED.",
            label,
            [((one.label,), one.throttled) for one in known],
        )
        yield counter(
            "smppgw_messages_ended",
            "Messages and parts that reached a final state; a better one later counts again.",
            ("carrier", "state"),
            [
                ((one.label, state.name.lower()), one.ended[state])
                for one in known
                for state in sorted(FINAL)
            ],
        )
        yield histogram(
            "smppgw_carrier_answer_seconds",
            "From a submit to its answer by the carrier.",
            label,
            [((one.label,), one.answer_ms) for one in known],
            MS,
        )
        yield histogram(
            "smppgw_receipt_seconds",
            "From a submit to its final receipt from the carrier.",
            label,
            [((one.label,), one.receipt_ms) for one in known],
            MS,
        )

    def _carrier_measures(self) -> list[CarrierMeasures]:
        measures = self._relay.measures
        known = list(measures.carriers.values())
        return known if len(known) < MOST_CARRIERS else [*known, measures.other_carriers]

    def _queues(self) -> Iterator[Metric]:
        now = self._relay.clock.seconds()
        lanes = [
            ((carrier.measures.label, name), depth, oldest)
            for carrier in self._relay.carriers.values()
            for name, (depth, oldest) in carrier.lanes().items()
        ]
        label = ("carrier", "class")
        yield gauge(
            "smppgw_queue_messages",
            "Messages that wait for a carrier, by priority class.",
            label,
            [(values, depth) for values, depth, _ in lanes],
        )
        yield gauge(
            "smppgw_queue_oldest_age_seconds",
            "How long the oldest message of a queue has waited; 0 when it is empty.",
            label,
            [
                (values, max(0.0, now - time_of(oldest)) if oldest else 0.0)
                for values, _, oldest in lanes
            ],
            max,
        )

    def _links(self) -> Iterator[Metric]:
        label = ("carrier",)
        carriers = [((one.measures.label,), one) for one in self._relay.carriers.values()]
        now = self._relay.clock.seconds()
        yield gauge(
            "smppgw_links",
            "Links of enabled carriers, up or not.",
            label,
            [(values, len(one.links) * one.settings.enabled) for values, one in carriers],
        )
        yield gauge(
            "smppgw_links_up",
            "Links that are bound.",
            label,
            [(values, sum(map(_up, one.links))) for values, one in carriers],
        )
        yield gauge(
            "smppgw_carrier_usable",
            "1 when the carrier takes submits, else 0.",
            label,
            [(values, one.usable) for values, one in carriers],
            min,
        )
        yield gauge(
            "smppgw_carrier_paused",
            "1 while a carrier gets nothing because of what it answered, else 0.",
            label,
            [(values, one.refusals.paused_until > now) for values, one in carriers],
            max,
        )
        yield gauge(
            "smppgw_carrier_in_flight_messages",
            "Submits that a carrier has not answered.",
            label,
            [(values, one.in_flight) for values, one in carriers],
        )
        yield gauge(
            "smppgw_carrier_window_messages",
            "Unanswered submits that a carrier may have.",
            label,
            [(values, one.window) for values, one in carriers],
        )
        yield gauge(
            "smppgw_carrier_window_fill_ratio",
            "Unanswered submits of a carrier over its window, 0 to 1.",
            label,
            [(values, one.in_flight / (one.window or 1)) for values, one in carriers],
            max,
        )

    # ------------------------------------------------------------------ what carriers send us

    def _receipts(self) -> Iterator[Metric]:
        receipts = self._relay.receipts
        for name, help, figure in (
            ("matched", "Receipts of carriers that found their message.", receipts.matched),
            (
                "early",
                "Receipts that came before the answer to their submit; matched as well.",
                receipts.early,
            ),
            (
                "orphan",
                "Receipts that found no message when they came; early ones found it later.",
                self._rising("orphan", receipts.orphans + receipts.early),
            ),
            ("duplicate", "Receipts that said nothing new.", receipts.duplicates),
        ):
            yield counter(f"smppgw_receipts_{name}", help, ONE, [(ONE, figure)])

    def _mos(self) -> Iterator[Metric]:
        inbox = self._relay.inbox
        for name, help, figure in (
            ("received", "MOs of carriers; a part counts as one.", inbox.received),
            (
                "partial",
                "MOs passed on with parts missing.",
                self._rising("partial", inbox.partial),
            ),
            (
                "unrouted",
                "MOs to numbers that no account owns.",
                self._rising("unrouted", inbox.unrouted),
            ),
        ):
            yield counter(f"smppgw_mos_{name}", help, ONE, [(ONE, figure)])
        yield gauge(
            "smppgw_mos_assembling",
            "MOs of which parts are awaited.",
            ONE,
            [(ONE, inbox.assembling)],
        )
        yield counter(
            "smppgw_malformed_pdus",
            "PDUs of ESMEs and carriers that could not be read.",
            ONE,
            [(ONE, self._relay.counters.malformed)],
        )

    def _rising(self, name: str, figure: int) -> int:
        """A figure that a failed commit takes back: as a counter it must not fall."""
        highest = self._highest[name] = max(figure, self._highest.get(name, 0))
        return highest

    # ------------------------------------------------------------------ store and times

    def _store(self) -> Iterator[Metric]:
        store = self._relay.store
        for name, help, figure in (
            ("waiting_records", "Records that are not durable yet.", store.waiting),
            (
                "commit_age_seconds",
                "How long the commit under way has taken; 0 when there is none.",
                store.commit_age,
            ),
            (
                "behind_records",
                "Records of the journal whose rows are older.",
                store.engine.behind,
            ),
            (
                "congested",
                "1 while nothing is read because too much waits for the disk, else 0.",
                store.congested,
            ),
            (
                "failing",
                "1 while the disk refuses and nothing is accepted, else 0.",
                bool(store.trouble),
            ),
        ):
            yield gauge(f"smppgw_store_{name}", help, ONE, [(ONE, figure)])
        yield histogram(
            "smppgw_commit_seconds",
            "From the beginning of a commit until it is on disk.",
            ONE,
            [(ONE, store.commit_seconds)],
        )

    def _times(self) -> Iterator[Metric]:
        yield histogram(
            "smppgw_message_queue_seconds",
            "From joining the queue of a carrier (acceptance, unless scheduled, moved or cut into"
            " parts) to the first submit.",
            ("class",),
            [
                ((name.name.lower(),), self._relay.measures.queue_ms[name])
                for name in sorted(Priority)
            ],
            MS,
        )
        yield histogram(
            "smppgw_reactor_lag_seconds",
            "How late a delayed call of the process is; four looks a second.",
            ONE,
            [(ONE, self._lag.seconds)],
        )


class _One(Collector):
    """One family, to be written."""

    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterator[Metric]:
        yield self._family


def _up(link: Link) -> bool:
    return link.state.value in ("bound", "draining")
