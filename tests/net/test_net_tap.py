"""Watching a connection: whole octets of both directions, no cost to others, no fault passed on."""

from __future__ import annotations

import pytest
from net_kit import BIND, SUBMIT, Recorder, connection, lose
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock

from smppgw.smpp import wire

ENQUIRE = wire.header(0x15, 0, 3)
ENQUIRED = wire.header(0x80000015, 0, 3)


class Watch:
    """Keeps what it sees; raises when told to."""

    def __init__(self, fails: str = "") -> None:
        self.fails = fails
        self.seen: list[tuple[str, bytes]] = []
        self.lost_because = ""

    def received(self, data: bytes) -> None:
        self._see("<-", data)

    def written(self, data: bytes) -> None:
        self._see("->", data)

    def lost(self, reason: str) -> None:
        self.lost_because = reason
        if self.fails == "lost":
            raise RuntimeError("the watch failed")

    def _see(self, direction: str, data: bytes) -> None:
        self.seen.append((direction, data))
        if self.fails == direction:
            raise RuntimeError("the watch failed")


def test_nobody_watches_unless_asked(clock: Clock, recorder: Recorder) -> None:
    protocol, _ = connection(clock, recorder)
    assert protocol.taps == ()
    assert "taps" not in vars(protocol)
    lose(protocol)


def test_what_is_read_and_written_is_seen_in_order(clock: Clock, recorder: Recorder) -> None:
    protocol, transport = connection(clock, recorder)
    watch = Watch()
    protocol.watch(watch)
    protocol.dataReceived(SUBMIT + ENQUIRE)
    assert watch.seen == [("<-", SUBMIT + ENQUIRE), ("->", transport.value())]
    protocol.send_now(b"more")
    assert watch.seen[2:] == [("->", b"more")]
    lose(protocol)
    assert watch.lost_because == "closed by the peer"


def test_a_watch_that_begins_inside_a_pdu_sees_its_beginning(
    clock: Clock, recorder: Recorder
) -> None:
    protocol, _ = connection(clock, recorder)
    protocol.dataReceived(ENQUIRE + SUBMIT[:20])
    watch = Watch()
    protocol.watch(watch)
    protocol.dataReceived(SUBMIT[20:])
    octets = b"".join(data for direction, data in watch.seen if direction == "<-")
    assert octets == SUBMIT
    lose(protocol)


def test_what_waits_for_a_slow_peer_is_seen_when_it_leaves(
    clock: Clock, recorder: Recorder
) -> None:
    protocol, _ = connection(clock, recorder)
    watch = Watch()
    protocol.dataReceived(ENQUIRE)
    protocol.watch(watch)
    protocol.pauseProducing()
    protocol.send_now(b"later")
    assert watch.seen == []
    protocol.resumeProducing()
    assert watch.seen == [("->", b"later")]
    lose(protocol)


def test_the_last_words_are_seen(clock: Clock, recorder: Recorder) -> None:
    protocol, _ = connection(clock, recorder)
    watch = Watch()
    protocol.watch(watch)
    protocol.send(b"goodbye")
    protocol.close("done")
    assert watch.seen == [("->", b"goodbye")]
    lose(protocol)
    assert watch.lost_because == "done"


def test_what_is_dropped_was_not_sent(clock: Clock, recorder: Recorder) -> None:
    protocol, _ = connection(clock, recorder)
    watch = Watch()
    protocol.watch(watch)
    protocol.send(b"never")
    protocol.abort("enough")
    lose(protocol, ConnectionLost())
    assert watch.seen == []
    assert watch.lost_because == "enough"


def test_several_watch_and_one_ends(clock: Clock, recorder: Recorder) -> None:
    protocol, _ = connection(clock, recorder)
    first, second = Watch(), Watch()
    protocol.watch(first)
    protocol.watch(second)
    protocol.unwatch(first)
    protocol.unwatch(first)
    protocol.dataReceived(ENQUIRE)
    assert first.seen == []
    assert second.seen == [("<-", ENQUIRE), ("->", ENQUIRED)]
    lose(protocol)


@pytest.mark.parametrize("fails", ["<-", "->", "lost"])
def test_a_watch_that_fails_ends_and_harms_nobody(
    clock: Clock, recorder: Recorder, fails: str, failures: list[dict[str, object]]
) -> None:
    protocol, transport = connection(clock, recorder)
    failing, other = Watch(fails), Watch()
    protocol.watch(failing)
    protocol.watch(other)
    protocol.dataReceived(ENQUIRE)
    protocol.dataReceived(ENQUIRE)
    assert transport.value() == ENQUIRED * 2
    assert len(other.seen) == 4
    assert len(failing.seen) == {"<-": 1, "->": 2, "lost": 4}[fails]
    lose(protocol)
    assert other.lost_because
    assert len(recorder.lost_calls) == 1
    assert len(failures) == 1
    failures.clear()


def test_a_watch_may_end_itself_while_it_sees(clock: Clock, recorder: Recorder) -> None:
    protocol, _ = connection(clock, recorder)

    class Once(Watch):
        def received(self, data: bytes) -> None:
            super().received(data)
            protocol.unwatch(self)

    once, other = Once(), Watch()
    protocol.watch(once)
    protocol.watch(other)
    protocol.dataReceived(ENQUIRE)
    protocol.dataReceived(ENQUIRE)
    assert len(once.seen) == 1
    assert len(other.seen) == 4
    lose(protocol)


def test_a_connection_can_be_watched_from_its_first_octet(clock: Clock, recorder: Recorder) -> None:
    watch = Watch()
    recorder.on_connected = lambda protocol: setattr(protocol, "taps", (watch,))
    protocol, _ = connection(clock, recorder)
    assert watch.seen[0] == ("<-", BIND)
    assert watch.seen[1][0] == "->"
    lose(protocol)
