"""What the gateway is doing now, as data: the answer to `status`.

Owns: which figures operators get, and their names and units: seconds, octets, messages, messages a
second; times are UTC in ISO 8601, null = never or not now.
Refuses to know: how they are shown.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from smppgw._version import __version__
from smppgw.core.account import Account
from smppgw.core.account_settings import Priority
from smppgw.core.binding import LinkState
from smppgw.core.carrier import Carrier
from smppgw.core.esme import EsmeBind
from smppgw.core.figures import moment
from smppgw.core.ids import time_of
from smppgw.core.link import Link
from smppgw.core.relay import Relay
from smppgw.core.standing import CARRIER, Decision
from smppgw.core.store.audit import Audit, AuditTimeout
from smppgw.ops.desk import Desk

MOST_BINDS = 1_000
"""Binds in one answer; `binds_left_out` says how many more there are."""
PATIENCE = 0.02
"""Seconds that who glances at everything waits for the ledger to be proved."""
KINDS = {"BOUND_TX": "transmitter", "BOUND_RX": "receiver", "BOUND_TRX": "transceiver"}
"""The words of links for the session states of binds."""

Record = dict[str, Any]


def status(desk: Desk, arguments: Mapping[str, Any]) -> Deferred[Record]:
    """Everything at one look, proved; fires within the time a count may take (`store.audit`)."""
    return Deferred.fromCoroutine(_proved(desk))


async def _proved(desk: Desk) -> Record:
    relay = desk.relay
    try:
        found = await desk.counts.count()
    except (AuditTimeout, sqlite3.Error) as error:
        return _status(desk, [], ledger_record(relay, None, str(error)))
    return _status(desk, _queues(found, relay.clock.seconds()), ledger_record(relay, found, ""))


async def glance(desk: Desk) -> Record:
    """The same within PATIENCE: figures as they are now, and the last proof of the ledger."""
    relay = desk.relay
    counted = await desk.counts.glance(PATIENCE)
    if isinstance(counted, str):
        ledger = ledger_record(relay, None, counted)
    elif counted.audit.balanced:
        proved = {"balanced": True, "age_s": round(relay.clock.seconds() - counted.at, 3)}
        ledger = {**ledger_record(relay, None, ""), **proved}
    else:
        ledger = ledger_record(relay, counted.audit, "")
    return _status(desk, _lanes(relay), ledger)


def _status(desk: Desk, queues: list[Record], ledger: Record) -> Record:
    relay = desk.relay
    binds = [bind for account in relay.accounts.values() for bind in account.binds]
    return {
        "version": __version__,
        "process": os.getpid(),
        "time": moment(relay.clock.seconds()),
        "uptime_s": round(max(0.0, relay.clock.seconds() - desk.rates.made), 3),
        "links": [
            link_record(link) for carrier in relay.carriers.values() for link in carrier.links
        ],
        "carriers": [carrier_record(carrier, relay) for carrier in relay.carriers.values()],
        "accounts": [account_record(one) for one in relay.accounts.values() if not one.own],
        "binds": [bind_record(bind) for bind in islice(binds, MOST_BINDS)],
        "binds_left_out": max(0, len(binds) - MOST_BINDS),
        "rates": desk.rates.rates(),
        "queues": queues,
        "ledger": ledger,
        "receipts": {
            "matched": relay.receipts.matched,
            "early": relay.receipts.early,
            "orphans": relay.receipts.orphans,
            "duplicates": relay.receipts.duplicates,
        },
        "inbox": {
            "received": relay.inbox.received,
            "unrouted": relay.inbox.unrouted,
            "partial": relay.inbox.partial,
            "assembling": relay.inbox.assembling,
        },
        "store": _store(relay),
        "memory": {"rss": resident_octets()},
    }


def link_record(link: Link) -> Record:
    """One link of a carrier, as it is now."""
    bound = link.state in (LinkState.BOUND, LinkState.DRAINING)
    waits = link.probing or link.state in (LinkState.WAITING, LinkState.REFUSED)
    disabled = link.state is LinkState.IDLE and not link.carrier.settings.enabled
    return {
        "carrier": link.carrier.name,
        "link": link.name,
        "kind": link.kind,
        "state": "disabled" if disabled else link.shown,
        "reason": link.trouble,
        "host": link.place[0],
        "port": link.place[1],
        "in_flight": link.taken,
        "window": link.window,
        "learned": bool(link.learned_window),
        "since": moment(link.bound_at) if bound else None,
        "next_attempt": moment(link.next_attempt) if waits else None,
    }


def decision_record(decision: Decision | None) -> Record | None:
    """What an operator decided about a carrier or an account, None for nothing."""
    if decision is None:
        return None
    return {
        "what": decision.what,
        "by": decision.who,
        "since": moment(decision.at / 1000),
        "reason": decision.why,
        "said": str(decision),
    }


def carrier_record(carrier: Carrier, relay: Relay) -> Record:
    """One carrier, as it is now."""
    paused = carrier.refusals.paused_until > relay.clock.seconds()
    return {
        "carrier": carrier.name,
        "enabled": carrier.settings.enabled,
        "usable": carrier.usable,
        "held": carrier.held,
        "decision": decision_record(relay.standing.of(CARRIER, carrier.name)),
        "paused_until": moment(carrier.refusals.paused_until) if paused else None,
        "pause_reason": carrier.refusals.pause_reason if paused else "",
        "last_refusal": carrier.refusals.last,
        "in_flight": carrier.in_flight,
        "window": carrier.window,
        "waiting": carrier.waiting,
        "receipt_ids": carrier.forms.describe().removeprefix("receipt ids: "),
    }


def account_record(account: Account) -> Record:
    """One account, as it is now."""
    return {
        "account": account.name,
        "binds": len(account.binds),
        "most_binds": account.settings.binds,
        "decision": decision_record(account.decision),
        "queued": account.queued,
        "deliveries": account.spooled,
    }


def bind_record(bind: EsmeBind) -> Record:
    """One bind of an account, as it is now."""
    account = bind.account
    return {
        "account": "" if account is None else account.name,
        "bind": bind.name,
        "kind": KINDS.get(bind.kind, bind.kind),
        "peer": bind.peer,
        "since": moment(bind.bound_at),
        "unanswered": bind.unanswered,
        "window": 0 if account is None else account.settings.window,
        "deliveries": bind.taken,
        "delivery_window": 0 if account is None else account.settings.delivery_window,
        "received": bind.received,
    }


def _lanes(relay: Relay) -> list[Record]:
    now = relay.clock.seconds()
    return [
        {
            "carrier": name,
            "class": lane,
            "depth": depth,
            "oldest_s": round(max(0.0, now - time_of(oldest)), 3) if oldest else None,
        }
        for name, carrier in relay.carriers.items()
        for lane, (depth, oldest) in carrier.lanes().items()
        if depth
    ]


def _queues(found: Audit, now: float) -> list[Record]:
    return [
        {
            "carrier": lane.carrier,
            "class": Priority(lane.priority).name.lower(),
            "depth": lane.depth,
            "oldest_s": round(max(0.0, now - time_of(lane.oldest)), 3),
        }
        for lane in found.lanes
    ]


def ledger_record(relay: Relay, found: Audit | None, trouble: str) -> Record:
    """The lines of the ledger, each with the pending it implies and the pending counted."""
    table: Record = {"balanced": None if found is None else found.balanced, "not_counted": trouble}
    for scope, plural in (("account", "accounts"), ("carrier", "carriers")):
        if found is None:
            lines = relay.ledger.lines(scope)
            table[plural] = [
                {"name": name, **line, "counted": None, "balanced": None}
                for name, line in lines.items()
            ]
            continue
        names = sorted({name for kind, name in (*found.ledger, *found.counted) if kind == scope})
        table[plural] = [_line(found, (scope, name)) for name in names]
    return table


def _line(found: Audit, key: tuple[str, str]) -> Record:
    pending, counted = found.pending(key), found.counted.get(key, 0)
    return {
        "name": key[1],
        **found.ledger.get(key, {}),
        "pending": pending,
        "counted": counted,
        "balanced": pending == counted,
    }


def _store(relay: Relay) -> Record:
    store = relay.store
    path = store.engine.path
    return {
        "trouble": store.trouble,
        "behind": store.engine.behind,
        "commits": store.commits,
        "log": _size(Path(f"{path}-wal")),
        "file": _size(path),
    }


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def resident_octets() -> int | None:
    """Memory of this process that is in RAM, in octets; None where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
