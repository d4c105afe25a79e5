"""What happens to messages, as it happens: `tail`.

Owns: what counts as an event of a message, which events an operator wants, and their lines.
Refuses to know: texts; whole numbers are not shown.

An event is shown when it is durable, never before: what is told here is not taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache, partial

from attrs import frozen

from smppgw.core.address import mask, normalise
from smppgw.core.command import Emit
from smppgw.core.ids import format_id
from smppgw.core.message import Message, State, state_name
from smppgw.core.relay import Relay
from smppgw.core.shown import one_line
from smppgw.core.status import status_text
from smppgw.core.store.batch import Batch
from smppgw.ops.feed import PER_SECOND, Done, Feed

ACCEPTED = "accepted"
"""It is ours: its sender is told so."""
WAITS = "waits"
"""It was tried, and waits again."""
SENT = "sent"
"""Its carrier has taken it; a receipt is awaited."""
ENDED = "ended"
"""Nothing more will happen to it."""
_FINAL = {state: state.name.lower() for state in State if state < State.WAITING}
STATES = (ACCEPTED, WAITS, SENT, ENDED, *(one for one in _FINAL.values() if one != ACCEPTED))
"""What `state` of a filter can be: an event, or how a message ended."""
REMEMBERED = 4_096
"""Messages of which the last event is remembered, lest it be told twice."""

Told = tuple[str, int, int, str]
"""(event, state, attempts, carrier)."""


@frozen
class Filter:
    """Which events are wanted; what is "", or empty, lets everything pass.

    `to` and `source` are the beginning of a number, however written, or of a name. `state` is one
    of STATES.
    """

    to: str = ""
    source: str = ""
    account: str = ""
    carrier: str = ""
    state: str = ""
    accounts: frozenset[str] = frozenset()

    def passes(self, message: Message, event: str) -> bool:
        """Whether an event of this message is wanted."""
        state = self.state
        return (
            (not self.account or message.account == self.account)
            and (not self.accounts or message.account in self.accounts)
            and (not self.carrier or message.carrier == self.carrier)
            and (not state or state == event or (event == ENDED and state == _ended(message)))
            and (not self.to or _begins(message.destination, self.to))
            and (not self.source or _begins(message.source, self.source))
        )


def _begins(address: str, wanted: str) -> bool:
    return normalise(address, 0, 0).casefold().startswith(normalise(wanted, 0, 0).casefold())


def _ended(message: Message) -> str:
    return _FINAL[State(message.state)]


def event_of(message: Message) -> str:
    """What has just happened to a message whose change is being written; "" for nothing much."""
    state = message.state
    if state < State.WAITING:
        return ENDED
    if state == State.SENT:
        # Progress that its receipts report is told where it ends.
        return "" if message.reported else SENT
    return WAITS if state == State.WAITING and message.attempts else ""


@lru_cache(maxsize=1)
def events_in(batch: Batch) -> int:
    """How many events a batch has, whoever wants them: counted once for all who look on."""
    accepted = sum(not message.part_of for message in batch.accepted)
    return accepted + sum(bool(event_of(message)) for message in batch.touched.values())


@lru_cache(maxsize=1)
def lines_of(batch: Batch) -> dict[tuple[str, int], str]:
    """Lines made of a batch so far, for all who look on, by event and message."""
    return {}


class Tail:
    """Shows events of messages while somebody `reads`; `begin` starts it, once."""

    def __init__(
        self,
        relay: Relay,
        wanted: Filter | None = None,
        *,
        per_second: int = PER_SECOND,
        reads: Callable[[], bool] = lambda: True,
    ) -> None:
        self._relay = relay
        self._wanted = Filter() if wanted is None else wanted
        self._all = self._wanted == Filter()
        self._per_second = per_second
        self._reads = reads
        self._told: dict[int, Told] = {}
        self._feed: Feed | None = None
        self._done: Done = lambda reason: None

    def begin(self, emit: Emit, done: Done) -> Callable[[], None]:
        """Start; returns what stops it. `done` is called only when it fails."""
        self._feed = Feed(emit, self._relay.clock, "events", self._per_second, self._reads)
        self._done = done
        self._relay.store.onlookers.add(self._look)
        return self.stop

    def stop(self) -> None:
        """Look no longer; may be called twice."""
        self._relay.store.onlookers.remove(self._look)
        feed, self._feed = self._feed, None
        if feed is not None:
            feed.stop()

    # ------------------------------------------------------------------ commits

    def _look(self, batch: Batch) -> Callable[[], None] | None:
        """What there is to show of a batch once it is durable (`onlookers.Look`)."""
        feed = self._feed
        if feed is None:
            return None
        try:
            left = feed.room
            if not left and self._all:
                feed.give((), events_in(batch))  # a count need not wait for the disk
                return None
            lines: list[str] = []
            count = 0
            made = lines_of(batch)
            for event, message in self._events(batch):
                count += 1
                if len(lines) < left:
                    line = made.get((event, message.id))
                    if line is None:
                        line = made[event, message.id] = self._line(event, message)
                    lines.append(line)
                elif self._all:  # the rest need not be looked at by everybody
                    count = max(count, events_in(batch))
                    break
        except Exception:
            self._end("it failed; the log says why")
            raise
        return partial(self._show, lines, count) if count else None

    def _show(self, lines: list[str], count: int) -> None:
        if self._feed is None:
            return
        try:
            self._feed.give(lines, count - len(lines))
        except Exception:
            self._end("it failed; the log says why")
            raise

    def _end(self, reason: str) -> None:
        self.stop()
        self._done(reason)

    def _events(self, batch: Batch) -> Iterator[tuple[str, Message]]:
        passes = self._wanted.passes
        for message in batch.accepted:
            if not message.part_of and passes(message, ACCEPTED):
                yield ACCEPTED, message
        for message in batch.touched.values():
            event = event_of(message)
            if event and passes(message, event) and self._is_new(message, event):
                yield event, message

    def _is_new(self, message: Message, event: str) -> bool:
        """Whether this was not told of the message already; it may be written again unchanged."""
        told = (event, message.state, message.attempts, message.carrier)
        if self._told.pop(message.id, None) == told:
            self._told[message.id] = told
            return False
        if len(self._told) >= REMEMBERED:
            del self._told[next(iter(self._told))]
        self._told[message.id] = told
        return True

    # ------------------------------------------------------------------ lines

    def _line(self, event: str, message: Message) -> str:
        moment = datetime.fromtimestamp(self._relay.clock.seconds(), UTC)
        source, destination = mask(message.source) or "-", mask(message.destination)
        who = f"{one_line(source, 30)} > {one_line(destination, 30)}"
        if message.part_of:
            who += f" part {message.part} of {format_id(message.part_of)}"
        return (
            f"{moment.isoformat(timespec='milliseconds')[:23]}Z {event:<8} {format_id(message.id)}"
            f" {who}: {one_line(_words(event, message), 300)}"
        )


def _words(event: str, message: Message) -> str:
    """What an event says beyond its name."""
    if event == ACCEPTED:
        origin = message.origin.partition(" sequence ")[0] or message.account
        if message.state == State.DEFERRED:
            due = datetime.fromtimestamp(message.due / 1000, UTC).isoformat(timespec="seconds")
            return f"from {origin}, until {due[:19]}Z"
        return f"from {origin}, for {message.carrier or 'no carrier yet'}"
    if event == SENT:
        tries = f", attempt {message.attempts}" if message.attempts > 1 else ""
        return f"{message.link} has it as {message.remote_id or '(no id)'}{tries}"
    where = message.link or message.carrier or message.account
    if event == WAITS:
        return f"after attempt {message.attempts} at {where}: {_why(message)}"
    error = f", {message.error}" if message.error else ""
    refused = f", {_status(message)}" if message.command_status else ""
    return f"{state_name(message.state)} at {where}{error}{refused}"


def _why(message: Message) -> str:
    if message.command_status:
        return _status(message)
    return "no answer, it may be sent twice" if message.duplicate else "it was not sent"


def _status(message: Message) -> str:
    return status_text(message.command_status).partition(":")[0]
