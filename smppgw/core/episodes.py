"""What happens many times a second is logged twice: when it begins and when it is over.

Owns: when an episode of pauses, throttling or a full queue begins and ends, and the words for it.
Refuses to know: why a carrier pauses or an account is throttled; it looks at them once a second, so
nothing of this costs a message anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define
from twisted.logger import Logger

from smppgw.core.account import Account
from smppgw.core.measures import REST
from smppgw.smpp.wire import status_name

if TYPE_CHECKING:
    from smppgw.core.carrier import Carrier
    from smppgw.core.relay import Relay

PERIOD = 1.0
"""Seconds between two looks."""
CALM = 60.0
"""Seconds without a trouble after which it is over."""

Key = tuple[str, str]
"""(what it is about, its name)."""

log = Logger()


@define
class Episode:
    """A trouble that lasts. `over` is what is said when it has ended."""

    since: float
    last: float
    over: str


class Episodes:
    """The troubles of one relay that last."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._looked = relay.clock.seconds()
        self._open: dict[Key, Episode] = {}
        self._throttled: dict[str, int] = {}
        """Requests of each account refused with ESME_RTHROTTLED, at the last look."""

    def tick(self, now: float) -> None:
        """Look, if a second has passed since the last time (`now` in seconds)."""
        before = self._looked
        if 0.0 <= now - before < PERIOD:
            return
        self._looked = now
        relay = self._relay
        for carrier in relay.carriers.values():
            self._carrier(carrier, before, now)
        for account in relay.accounts.values():
            self._account(account, before, now)
        most = relay.settings.max_queue
        if relay.queued >= most:
            words = f"{relay.queued} messages are queued: submits get ESME_RMSGQFUL"
            self._happens(("queue of", "all accounts"), now, words, _QUEUE_OVER)
        for key, episode in list(self._open.items()):
            if now - episode.last >= CALM or now < episode.last:
                del self._open[key]
                self._tell_over(key, episode)

    def _carrier(self, carrier: Carrier, before: float, now: float) -> None:
        refusals = carrier.refusals
        if refusals.paused_until > before:
            words = f"pauses: {refusals.pause_reason}"
            self._happens(("carrier", carrier.name), now, words, "no pause any more")

    def _account(self, account: Account, before: float, now: float) -> None:
        name, measures = account.name, account.measures
        if account.paused_until > before:
            status = status_name(account.last_refusal) if account.last_refusal else "no answer"
            words = f"its deliver_sm pause: {status}"
            self._happens(("deliveries to account", name), now, words, "no pause any more")
        if measures.label == REST:  # counted together with others
            return
        count = measures.throttled
        if count != self._throttled.get(name, 0):
            self._throttled[name] = count
            words = "is throttled: it sends more than its window or throughput allows"
            self._happens(("account", name), now, words, "is not throttled any more")
        if 0 < account.settings.max_queue <= account.queued:
            words = f"{account.queued} messages of it are queued: it gets ESME_RMSGQFUL"
            self._happens(("queue of account", name), now, words, _QUEUE_OVER)

    def _happens(self, key: Key, now: float, words: str, over: str) -> None:
        episode = self._open.get(key)
        if episode is not None:
            episode.last = now
            return
        self._open[key] = Episode(now, now, over)
        log.warn("{what} {name}: {words}", what=key[0], name=key[1], words=words)

    def _tell_over(self, key: Key, episode: Episode) -> None:
        log.info(
            "{what} {name}: {words}; it lasted {seconds:.0f} s",
            what=key[0],
            name=key[1],
            words=episode.over,
            seconds=episode.last - episode.since,
        )


_QUEUE_OVER = "there is room again"
