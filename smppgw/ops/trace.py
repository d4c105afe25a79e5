"""What goes over one bind, PDU by PDU: `trace bind`.

Owns: which bind is meant, the watch on its connections, and the lines that come of it.
Refuses to know: how a PDU reads (`core.pdu_text`), who looks on, how long.

A bind of an account is watched until it ends. A bind at a carrier is watched through the loss of
its connection: how it connects and binds again is what one wants to see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from smppgw.core.binding import LinkState
from smppgw.core.command import Emit
from smppgw.core.esme import EsmeBind
from smppgw.core.link import Link
from smppgw.core.nearest import nearest
from smppgw.core.pdu_text import Frames, pdu_text, without_password
from smppgw.core.relay import Relay
from smppgw.core.shown import one_line
from smppgw.ops.feed import PER_SECOND, Done, Feed

LOOK = 1.0
"""Seconds between two looks at the state of a link."""
RECEIVED = "<-"
SENT = "->"
MOST_NAMES = 5

Bind = EsmeBind | Link

log = Logger()


class UnknownBind(LookupError):
    """No bind has this name, or more than one; the text says which there are, on one line."""


def binds(relay: Relay) -> Iterator[tuple[str, Bind]]:
    """(`account` or `carrier`, bind) of everything that can be traced."""
    for account in relay.accounts.values():
        for bind in account.binds:
            yield "account", bind
    for carrier in relay.carriers.values():
        for link in carrier.links:
            yield "carrier", link


def find(relay: Relay, name: str) -> Bind:
    """The bind of this name; raises UnknownBind.

    `carrier:NAME` or `account:NAME` says which of two is meant. The name of an account or a carrier
    will do when it has one bind.
    """
    all_ = list(binds(relay))
    for matches in (
        lambda kind, bind: bind.name == name,
        lambda kind, bind: f"{kind}:{bind.name}" == name,
        lambda kind, bind: bind.name.rpartition("#")[0] == name,
    ):
        found = [(kind, bind) for kind, bind in all_ if matches(kind, bind)]
        if len(found) == 1:
            return found[0][1]
        if found:
            names = sorted(f"{kind}:{bind.name}" for kind, bind in found)
            raise UnknownBind(f"{one_line(name, 70)} can be {_some(names)}: say which")
    names = sorted(bind.name for _, bind in all_)
    near = nearest(name, names)
    if near:
        raise UnknownBind(f"no bind {one_line(name, 70)}; did you mean {near}?")
    there = f"there are {_some(names)}" if names else "there is none now"
    raise UnknownBind(f"no bind {one_line(name, 70)}; {there}")


def _some(names: list[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


class Trace:
    """Watches one bind (a `smpp.net` tap); `begin` starts it, once.

    Each line has the time in UTC, `->` for what we send or `<-` for what we get, and the PDU in
    words. `reveal` shows numbers and texts; `raw` gives the octets instead, in hexadecimal, and
    needs `reveal`. Passwords are hidden always. Raises UnknownBind, and ValueError for raw octets
    that are not to be revealed.
    """

    def __init__(
        self,
        relay: Relay,
        name: str,
        *,
        reveal: bool = False,
        raw: bool = False,
        per_second: int = PER_SECOND,
        reads: Callable[[], bool] = lambda: True,
    ) -> None:
        if raw and not reveal:
            raise ValueError("raw octets hold texts and numbers: they have to be revealed")
        self._relay = relay
        self._bind = find(relay, name)
        self._reveal = reveal
        self._raw = raw
        self._per_second = per_second
        self._reads = reads
        self._feed: Feed | None = None
        self._done: Done = lambda reason: None
        self._frames = {RECEIVED: Frames(), SENT: Frames()}
        self._said = ""
        self._timer: IDelayedCall | None = None

    @property
    def name(self) -> str:
        """The bind that is watched."""
        return self._bind.name

    def begin(self, emit: Emit, done: Done) -> Callable[[], None]:
        """Start; returns what stops it. `done` is called when the bind is no more."""
        self._feed = Feed(emit, self._relay.clock, "PDUs", self._per_second, self._reads)
        self._done = done
        self._attach(self._bind)
        if isinstance(self._bind, Link):
            self._look()
        return self.stop

    def stop(self) -> None:
        """Watch no longer; may be called twice."""
        self._detach()
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        feed, self._feed = self._feed, None
        if feed is not None:
            feed.stop()

    # ------------------------------------------------------------------ the connection

    def _attach(self, bind: Bind) -> None:
        self._bind = bind
        if isinstance(bind, Link):
            bind.taps += (self,)
        if bind.protocol is not None:
            bind.protocol.watch(self)

    def _detach(self) -> None:
        bind = self._bind
        if isinstance(bind, Link):
            bind.taps = tuple(one for one in bind.taps if one is not self)
        if bind.protocol is not None:
            bind.protocol.unwatch(self)

    def received(self, data: bytes) -> None:
        """Octets of the peer."""
        self._show(RECEIVED, data)

    def written(self, data: bytes) -> None:
        """Octets of ours."""
        self._show(SENT, data)

    def lost(self, reason: str) -> None:
        """The connection is gone; a link makes another one, a bind of an account has ended."""
        self._frames = {RECEIVED: Frames(), SENT: Frames()}
        if self._feed is None:
            return
        self._remark(f"connection lost: {reason}")
        if isinstance(self._bind, Link):
            self._said = _state(self._bind)  # the same in other words
        else:
            self._end("")

    def _look(self) -> None:
        """Once a second: what became of the link, or of its carrier."""
        self._timer = None
        link = self._bind
        assert isinstance(link, Link)  # noqa: S101
        links = (one for _, one in binds(self._relay) if isinstance(one, Link))
        now = next((one for one in links if one.name == link.name), None)
        try:
            if now is not None and now is not link:
                self._detach()
                self._attach(now)
                self._said = ""
                self._remark("the carrier has new settings")
            elif now is None and link.carrier not in self._relay.leaving:
                self._remark("the carrier is no more")
                self._end("")
                return
            self._remark_state()
        except Exception:
            log.failure("trace: {bind}", bind=link.name)
            self._end("it failed; the log says why")
            return
        self._timer = self._relay.clock.callLater(LOOK, self._look)

    def _remark_state(self) -> None:
        assert isinstance(self._bind, Link)  # noqa: S101
        said = _state(self._bind)
        if said != self._said:
            self._said = said
            self._remark(said)

    # ------------------------------------------------------------------ lines

    def _show(self, direction: str, data: bytes) -> None:
        feed = self._feed
        if feed is None:
            return
        frames = self._frames[direction]
        try:
            whole = frames.feed(data)
            shown = whole[: feed.room]
            feed.give([self._line(direction, one) for one in shown], len(whole) - len(shown))
            if frames.broken:
                self._remark(f"{direction} {frames.broken}")
                frames.broken = ""
        except Exception:
            self._end("it failed; the log says why")
            raise

    def _line(self, direction: str, frame: bytes) -> str:
        if self._raw:
            return f"{self._now()}  {direction}  {without_password(frame).hex()}"
        return f"{self._now()} {direction} {pdu_text(frame, reveal=self._reveal)}"

    def _remark(self, text: str) -> None:
        if self._feed is not None:
            mark = "# " if self._raw else "-- "
            self._feed.say(f"{mark}{self._now()} {one_line(text, 300)}")

    def _now(self) -> str:
        moment = datetime.fromtimestamp(self._relay.clock.seconds(), UTC)
        return f"{moment.isoformat(timespec='milliseconds')[:23]}Z"

    def _end(self, reason: str) -> None:
        self.stop()
        self._done(reason)


def _state(link: Link) -> str:
    waits = link.probing or link.state in (LinkState.WAITING, LinkState.REFUSED)
    return f"{link.shown}: {link.trouble}" if waits else link.shown
