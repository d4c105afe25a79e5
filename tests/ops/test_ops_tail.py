"""Messages watched: every event once, when it is durable, masked, bounded, and nobody is harmed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from log_kit import captured
from relay_kit import World, account, carrier
from relay_peers import by_text, payload, scripted

from smppgw.core.message import Message, State
from smppgw.core.settings import RouteSettings
from smppgw.ops import tail
from smppgw.ops.tail import STATES, Filter, Tail
from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp import wire

PHONE = "33612345678"
OTHER = "33798765432"


class Onlooker:
    """Keeps what it is shown."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.ended: list[str] = []
        self.fails = False
        self.stop: Callable[[], None] = lambda: None

    def emit(self, lines: Sequence[str]) -> None:
        if self.fails:
            raise ConnectionError("gone")
        self.lines += lines

    def watch(self, world: World, per_second: int = 1000, **wanted: str) -> Onlooker:
        found = Tail(world.relay, Filter(**wanted), per_second=per_second)
        self.stop = found.begin(self.emit, self.ended.append)
        return self

    @property
    def events(self) -> list[tuple[str, str]]:
        """(event, id) of every line."""
        return [(line.split()[1], line.split()[2]) for line in self.lines]

    @property
    def kinds(self) -> list[str]:
        return [event for event, _ in self.events]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(
        tmp_path / "var",
        carriers=(carrier("a"), carrier("b", port=2791)),
        accounts=(account("esme", window=10_000), account("other")),
        routes=(
            RouteSettings(prefix="336", carriers=(("a",),)),
            RouteSettings(prefix="", carriers=(("b",),)),
        ),
        behaviours={"a": Behaviour(receipt_delay=0.5), "b": Behaviour(receipt_delay=0.5)},
    )


def test_the_life_of_a_message(world: World) -> None:
    seen = Onlooker().watch(world)
    esme = world.esme()
    sequence = esme.submit(PHONE, b"a secret", registered_delivery=1)
    world.settle(5)
    id = esme.id_of(sequence)
    assert seen.events == [("accepted", id), ("sent", id), ("ended", id)]
    accepted, sent, ended = (line.partition("Z ")[2] for line in seen.lines)
    assert accepted == f"accepted {id} 12345 > +3361234****: from esme#1, for a"
    assert sent.startswith(f"sent     {id} 12345 > +3361234****: a#1 has it as ")
    assert ended == f"ended    {id} 12345 > +3361234****: DELIVERED at a#1, 000"
    said = "".join(seen.lines)
    assert PHONE not in said
    assert "secret" not in said
    seen.stop()


def test_a_message_without_receipt_ends_with_its_answer(world: World) -> None:
    seen = Onlooker().watch(world)
    world.esme().submit(PHONE)
    world.settle(3)
    assert seen.kinds == ["accepted", "ended"]
    assert seen.lines[1].endswith(": ACCEPTED at a#1")
    seen.stop()


def test_it_is_shown_when_it_is_durable(world: World) -> None:
    seen = Onlooker().watch(world)
    esme = world.esme()
    world.settle(1)
    world.sync.stuck = True
    sequence = esme.submit(PHONE)
    world.settle(2)
    assert seen.lines == []
    assert esme.status(sequence) is None
    world.sync.go_on()
    world.settle(2)
    assert seen.kinds == ["accepted", "ended"]
    seen.stop()


def test_what_was_never_accepted_is_never_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Onlooker().watch(world)
    esme = world.esme()
    world.settle(1)

    def full(batch: object) -> tuple[int, ...]:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(world.engine, "write", full)
        sequence = esme.submit(PHONE)
        world.settle(0)
    world.settle(5)
    assert esme.status(sequence) == wire.CommandStatus.ESME_RSYSERR
    assert seen.lines == []
    esme.submit(PHONE)
    world.settle(3)
    assert seen.kinds == ["accepted", "ended"]
    seen.stop()


def test_refusals_and_retries(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    seen = Onlooker().watch(world)
    esme = world.esme()
    esme.submit(PHONE, registered_delivery=1)
    world.settle(0)
    remote.answer(status=wire.CommandStatus.ESME_RTHROTTLED)
    world.settle(3)
    remote.answer("7")
    world.settle(1)
    remote.send(by_text("7", "ENROUTE"), by_text("7", "ENROUTE"))
    world.settle(1)
    remote.send(by_text("7", "UNDELIV", "021"))
    world.settle(1)
    assert seen.kinds == ["accepted", "waits", "sent", "ended"]
    assert seen.lines[1].endswith(": after attempt 1 at a#1: ESME_RTHROTTLED (0x58)")
    assert seen.lines[2].endswith(": a#1 has it as 7, attempt 2")
    assert seen.lines[3].endswith(": UNDELIVERABLE at a#1, 021")
    esme.submit(PHONE)
    world.settle(0)
    remote.answer(status=wire.CommandStatus.ESME_RINVDSTADR)
    world.settle(1)
    assert seen.lines[5].endswith(": REJECTED at a#1, 011, ESME_RINVDSTADR (0x0B)")
    seen.stop()


def test_a_lost_answer(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path)
    seen = Onlooker().watch(world)
    world.esme().submit(PHONE)
    world.settle(0)
    remote.link.disconnect()
    world.settle(10)
    assert seen.kinds == ["accepted", "waits"]
    assert seen.lines[1].endswith(": after attempt 1 at a#1: no answer, it may be sent twice")
    seen.stop()


def test_a_message_for_later(world: World) -> None:
    seen = Onlooker().watch(world)
    world.esme().submit(PHONE, schedule_delivery_time="000000000100000R")
    world.settle(1)
    assert seen.lines[0].endswith(": from esme#1, until 2026-09-21T14:14:20Z")
    world.settle(70, step=1)
    assert seen.kinds == ["accepted", "ended"]
    seen.stop()


def test_the_parts_of_a_long_message(world: World) -> None:
    seen = Onlooker().watch(world)
    esme = world.esme()
    sequence = esme.submit(PHONE, b"", registered_delivery=1, tlvs=(payload(b"long " * 60),))
    world.settle(10)
    id = esme.id_of(sequence)
    assert seen.kinds == ["accepted", "sent", "sent", "ended", "ended", "ended"]
    assert sum(f"part 1 of {id}" in line for line in seen.lines) == 2
    assert sum(f"part 2 of {id}" in line for line in seen.lines) == 2
    assert [own for _, own in seen.events].count(id) == 2
    seen.stop()


# ---------------------------------------------------------------------- filters


@pytest.mark.parametrize(
    ("wanted", "events"),
    [
        ({}, 6),
        ({"to": "336"}, 3),
        ({"to": "+33 6 12 34 56 78"}, 3),
        ({"to": "0033612345678"}, 3),
        ({"to": "5678"}, 0),
        ({"source": "mybank"}, 3),
        ({"source": "123"}, 3),
        ({"account": "esme"}, 6),
        ({"account": "other"}, 0),
        ({"carrier": "b"}, 3),
        ({"carrier": "b", "to": PHONE}, 0),
        ({"state": "accepted"}, 2),
        ({"state": "sent", "carrier": "a"}, 1),
        ({"state": "ended"}, 2),
        ({"state": "delivered"}, 2),
        ({"state": "expired"}, 0),
    ],
)
def test_filters(world: World, wanted: dict[str, str], events: int) -> None:
    seen = Onlooker().watch(world, **wanted)
    esme = world.esme()
    esme.submit(PHONE, registered_delivery=1)
    esme.submit(OTHER, registered_delivery=1, source_addr="MyBank", source_addr_ton=5)
    world.settle(5)
    assert len(seen.lines) == events
    seen.stop()


@given(st.sampled_from(State), st.text(max_size=5), st.text(max_size=5), st.sampled_from(STATES))
def test_no_message_makes_a_filter_fail(state: State, to: str, source: str, wanted: str) -> None:
    message = Message(1, "a", source, to, 0, 0, 0, b"", state=state)
    event = tail.event_of(message)
    for one in (event, "accepted"):
        if one:
            Filter(to=to, source=source, state=wanted).passes(message, one)


# ---------------------------------------------------------------------- bounds and faults


def test_nobody_looks_on_and_nothing_is_kept(world: World) -> None:
    assert world.store.onlookers.looking == ()
    seen = Onlooker().watch(world)
    world.esme().submit(PHONE)
    world.settle(2)
    seen.stop()
    seen.stop()
    assert world.store.onlookers.looking == ()
    assert world.store.onlookers.waiting == []
    before = list(seen.lines)
    world.esme().submit(PHONE)
    world.settle(2)
    assert (seen.lines, seen.ended) == (before, [])


def test_a_stop_between_a_commit_and_the_disk(world: World) -> None:
    seen = Onlooker().watch(world)
    esme = world.esme()
    world.settle(1)
    world.sync.stuck = True
    esme.submit(PHONE)
    world.settle(1)
    seen.stop()
    world.sync.go_on()
    world.settle(1)
    assert seen.lines == []


def test_two_look_on(world: World) -> None:
    one, two = Onlooker().watch(world), Onlooker().watch(world, to="337")
    esme = world.esme()
    esme.submit(PHONE)
    esme.submit(OTHER)
    world.settle(3)
    assert (len(one.lines), len(two.lines)) == (4, 2)
    one.stop()
    esme.submit(OTHER)
    world.settle(3)
    assert (len(one.lines), len(two.lines)) == (4, 4)
    two.stop()


def test_a_flood_is_cut_and_counted(world: World) -> None:
    seen = Onlooker().watch(world, per_second=10)
    esme = world.esme()
    for n in range(300):
        esme.submit(f"336{n:08}")
    world.settle(0.5)
    assert len(seen.lines) == 10
    world.settle(10)
    seen.stop()
    told = sum(
        int(line.split()[1].replace(",", "")) if line.startswith("... ") else 1
        for line in seen.lines
    )
    assert told == 600
    assert len(seen.lines) < 100


def test_no_line_is_made_for_who_does_not_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    plain = tail._words
    monkeypatch.setattr(
        tail, "_words", lambda event, message: made.append(event) or plain(event, message)
    )
    seen, reading = Onlooker(), [False]
    stop = Tail(world.relay, reads=lambda: reading[0]).begin(seen.emit, seen.ended.append)
    esme = world.esme()
    esme.submit(PHONE)
    world.settle(5)
    assert made == seen.lines == []
    reading[0] = True
    esme.submit(PHONE)
    world.settle(0.1)
    assert seen.lines[0] == "... 2 events not shown"
    assert len(made) == len(seen.lines) - 1 > 0
    stop()


def test_what_nobody_can_be_shown_is_counted_once_for_all(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Message] = []
    plain = tail.event_of

    def counted(message: Message) -> str:
        looked.append(message)
        return plain(message)

    crowd = [Onlooker().watch(world, per_second=1) for _ in range(20)]
    esme = world.esme()
    esme.submit(PHONE)
    world.settle(0.1)
    monkeypatch.setattr(tail, "event_of", counted)
    for n in range(50):
        esme.submit(f"336{n:08}")
    world.settle(0.5)
    assert len(looked) < 50 * 4
    for one in crowd:
        one.stop()


def test_a_line_is_made_once_for_all_who_look_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    plain = tail._words
    monkeypatch.setattr(
        tail, "_words", lambda event, message: made.append(event) or plain(event, message)
    )
    crowd = [Onlooker().watch(world) for _ in range(5)]
    crowd.append(Onlooker().watch(world, account="esme"))
    esme = world.esme()
    for n in range(20):
        esme.submit(f"336{n:08}", registered_delivery=1)
    world.settle(5)
    assert len(crowd[0].lines) == len(made) == 60
    assert all(one.lines == crowd[0].lines for one in crowd)
    for one in crowd:
        one.stop()


def test_memory_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "REMEMBERED", 20)
    found = Tail(world.relay, Filter(), per_second=1000)
    stop = found.begin(lambda lines: None, lambda reason: None)
    esme = world.esme()
    for n in range(100):
        esme.submit(f"336{n:08}")
    world.settle(5)
    assert len(found._told) == 20
    stop()


def test_an_onlooker_that_fails_harms_no_traffic(world: World) -> None:
    seen = Onlooker().watch(world)
    seen.fails = True
    esme = world.esme()
    with captured() as events:
        sequences = [esme.submit(PHONE) for _ in range(3)]
        world.settle(3)
    assert [esme.status(one) for one in sequences] == [0, 0, 0]
    assert seen.ended == ["it failed; the log says why"]
    assert world.store.onlookers.looking == ()
    assert len([one for one in events if "log_failure" in one]) == 1


def test_a_fault_of_ours_ends_the_tail_and_nothing_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(message: Message) -> str:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(tail, "event_of", fail)
    seen = Onlooker().watch(world)
    esme = world.esme()
    with captured() as events:
        sequence = esme.submit(PHONE)
        world.settle(3)
    assert esme.status(sequence) == 0
    assert world.message(esme.id_of(sequence)).final
    assert seen.ended == ["it failed; the log says why"]
    assert "a fault of ours" in str([one.get("log_failure") for one in events])


def test_every_event_of_a_crowd_is_told_once(tmp_path: Path) -> None:
    behaviour = evolve(Behaviour(), receipt_delay=0.3)
    world = World(
        tmp_path / "var",
        accounts=(account("esme", window=10_000),),
        behaviours={"a": behaviour},
    )
    seen = Onlooker().watch(world, per_second=100_000)
    esme = world.esme()
    for n in range(500):
        esme.submit(f"336{n % 40:08}", registered_delivery=1)
    world.settle(20)
    assert len(seen.events) == len(set(seen.events)) == 1500
    assert seen.kinds.count("accepted") == seen.kinds.count("ended") == 500
    seen.stop()
