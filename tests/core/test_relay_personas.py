"""The gateway at each persona: nothing is lost, order is kept, receipts find their messages."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from carrier_kit import assert_clean, assert_in_order, crash, drain, duplicates, taken
from mo_kit import said
from persona_kit import DESTINATIONS, Stage
from relay_esme_kit import balanced

from smppgw.core.message import State
from smppgw.simulator.personas import LONG, PERSONAS
from smppgw.simulator.phones import FIRST, Population

COUNT = 60
LOSSLESS = sorted(set(PERSONAS) - {"dead", "flaky", "bodyless-errors", "errors-with-body"})
STOPPING = Population(count=1, answers=("STOP",), every=1.0, number="")


def _checked(stage: Stage) -> None:
    """Order was kept, nothing is left over, every sum agrees with the rows."""
    assert_in_order(stage.world)
    assert_clean(stage.world)
    balanced(stage.world)


# ---------------------------------------------------------------------- what all have in common


@pytest.mark.parametrize("name", LOSSLESS)
def test_everything_arrives_once_and_has_its_receipt(tmp_path: Path, name: str) -> None:
    stage = Stage(tmp_path, name, binds=2)
    stage.send(COUNT)
    drain(stage.world)
    assert sorted(taken(stage.world)) == list(range(1, COUNT + 1))
    stage.world.settle(310.0 if name == "late-receipts" else 15.0)
    assert stage.stats() == ["DELIVRD"] * COUNT
    assert stage.states() == [State.DELIVERED] * COUNT
    _checked(stage)


def _run(tmp_path: Path, name: str, seed: int) -> tuple[list[tuple], list[str], list[bytes]]:
    stage = Stage(tmp_path, name, seed)
    phones = stage.phones(Population(count=3, answers=("STOP", "HELP", LONG), every=1.0))
    phones.start()
    stage.send(30)
    stage.world.settle(30.0)
    took = [(one.time, one.text, one.command_status) for one in stage.carrier.received]
    return took, stage.stats(), [one.short_message for one in stage.esme.delivered]


@pytest.mark.parametrize("name", PERSONAS)
def test_the_same_seed_is_the_same_run(tmp_path: Path, name: str) -> None:
    first = _run(tmp_path / "first", name, 5)
    again = _run(tmp_path / "again", name, 5)
    assert again[:2] == first[:2]
    assert len(again[2]) == len(first[2])


# ---------------------------------------------------------------------- faults


def test_flaky(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "flaky")
    stage.send(200)
    drain(stage.world)
    stage.world.settle(15.0)
    counters = stage.carrier.counters
    assert counters["connections_lost"] >= 4
    assert counters["refused"] >= 10
    assert set(taken(stage.world)) == set(range(1, 201)), "nothing is lost"
    # What was taken without an answer goes again once; nothing else does.
    assert 0 < duplicates(stage.world) <= counters["connections_lost"] * 10
    stats = Counter(stage.stats())
    assert set(stats) == {"DELIVRD", "UNDELIV"}
    assert stats["UNDELIV"] < 30
    _checked(stage)


def test_throttling(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "throttling")
    stage.send(COUNT)
    drain(stage.world)
    came = stage.carrier.received
    assert stage.carrier.counters["refused"] > 0
    assert stage.carrier.counters["refused"] < COUNT, "it is not sent again at once"
    assert came[-1].time - came[0].time >= COUNT / 10 - 2
    assert stage.traffic.acknowledged() == list(range(1, COUNT + 1))
    _checked(stage)


def test_capped(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "capped", window=50, in_order=False)
    stage.send(200)
    drain(stage.world)
    came = stage.carrier.received
    assert came[-1].time - came[0].time >= 200 / 20 - 2
    assert stage.carrier.counters["refused"] > 0, "more than 10 were unanswered"
    assert sorted(taken(stage.world)) == list(range(1, 201))
    assert_clean(stage.world)


@pytest.mark.parametrize(
    ("outcome", "most"), [("retry", 2), ("fail", 1)], ids=["sent again once", "given up"]
)
def test_dead(tmp_path: Path, outcome: str, most: int) -> None:
    stage = Stage(tmp_path, "dead", unknown_outcome=outcome)
    stage.send(COUNT)
    stage.world.settle(120.0)
    seen = Counter(taken(stage.world))
    assert max(seen.values()) <= most
    assert len(seen) < COUNT, "it is probed, not given the queue"
    states = Counter(stage.states())
    assert sum(states.values()) == COUNT
    assert set(states) <= {State.WAITING, State.IN_FLIGHT, State.UNKNOWN}
    assert states[State.WAITING] > 0
    stage.carrier.behaviour = PERSONAS["healthy"].behaviour
    drain(stage.world)
    stage.world.settle(5.0)
    assert set(taken(stage.world)) == set(range(1, COUNT + 1)), "nothing is lost"
    assert "" not in stage.stats()
    assert_clean(stage.world)


def test_daily_unbind(tmp_path: Path) -> None:
    assert PERSONAS["daily-unbind"].behaviour.unbind_after == 86_400.0
    stage = Stage(tmp_path, "daily-unbind", changes={"unbind_after": 20.0}, binds=2)
    for _ in range(100):
        stage.send(3)
        stage.world.settle(0.9)
    assert stage.carrier.counters["connections_lost"] >= 8
    drain(stage.world)
    stage.world.settle(3.0)
    assert sorted(taken(stage.world)) == list(range(1, 301)), "once, for it was unbound in order"
    assert stage.stats() == ["DELIVRD"] * 300
    assert len(stage.carrier.binds) == 2
    _checked(stage)


@pytest.mark.parametrize("name", ["bodyless-errors", "errors-with-body"])
def test_errors_with_and_without_a_body(tmp_path: Path, name: str) -> None:
    stage = Stage(tmp_path, name)
    stage.send(COUNT)
    drain(stage.world)
    stage.world.settle(15.0)
    refused = stage.carrier.counters["refused"]
    assert 5 < refused < 25
    assert len(stage.carrier.received) == COUNT, "a final refusal is not tried again"
    assert Counter(stage.stats()) == {"DELIVRD": COUNT - refused, "REJECTD": refused}
    assert stage.carrier.counters["connections_lost"] == 0
    _checked(stage)


# ---------------------------------------------------------------------- receipts


def test_other_bind(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "other-bind", binds=2)
    sent_on, came_on = {}, {}
    one, other = stage.carrier.binds
    for bind in (one, other):
        deliver = bind.deliver

        def spy(delivery, bind=bind, deliver=deliver):
            sent_on[delivery.pdu.short_message[:20]] = delivery.origin
            came_on[delivery.pdu.short_message[:20]] = bind
            deliver(delivery)

        bind.deliver = spy
    stage.send(20)
    stage.world.settle(5.0)
    assert len(came_on) == 20
    assert all(came_on[key] is not bind for key, bind in sent_on.items())
    assert stage.stats() == ["DELIVRD"] * 20
    _checked(stage)


def test_early_receipts_come_first(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "early-receipts")
    stage.send(1)
    assert stage.carrier.counters["deliveries"] == 1
    assert stage.states() == [State.IN_FLIGHT], "the receipt is there, the answer is not"
    stage.world.settle(1.0)
    assert stage.states() == [State.DELIVERED]
    assert stage.stats() == ["DELIVRD"]


def test_late_receipts_find_their_messages_after_a_crash(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "late-receipts")
    stage.send(20)
    drain(stage.world)
    assert stage.stats() == [""] * 20
    crash(stage.world)
    stage.esme = stage.world.esme()
    stage.world.settle(310.0)
    assert stage.stats() == ["DELIVRD"] * 20
    assert len(stage.carrier.received) == 20, "what was answered is not sent again"
    _checked(stage)


# ---------------------------------------------------------------------- phones


def test_shuffled_parts(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "shuffled-parts")
    phones = stage.phones(Population(count=4, answers=(LONG, LONG.replace(" ", "é")), every=0.5))
    phones.start()
    stage.world.settle(20.2)
    assert phones.sent == 40
    assert len(stage.carrier.received) == 0
    assert stage.carrier.counters["deliveries"] > 40 * 3, "some parts come twice"
    # A part that comes again behind its message begins nothing that would ever be delivered.
    stage.carrier.agenda.clear()
    stage.world.settle(310.0)
    assert stage.world.relay.inbox.partial == 0
    texts = Counter(said(one) for one in stage.esme.delivered)
    assert set(texts) == {LONG, LONG.replace(" ", "é")}
    assert sum(texts.values()) == 40
    assert stage.world.relay.inbox.assembling == 0
    _checked(stage)


def test_french_senders(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "french")
    for source, stat in (("38100", "DELIVRD"), ("33600000000", "REJECTD"), ("MyBrand", "DELIVRD")):
        stage.send(1, source=source)
        stage.world.settle(5.0)
        assert stage.stats()[-1] == stat
    _checked(stage)


def test_french_stop_is_confirmed_once_and_then_holds(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "french")
    phones = stage.phones(STOPPING)
    stage.send(1)
    phones.start()
    stage.world.settle(2.0)
    assert [said(one) for one in stage.esme.delivered if not one.esm_class & 0x3C] == ["STOP"]
    phone = str(FIRST)
    for _ in range(3):
        stage.traffic.send(phone, source_addr="38100", registered_delivery=1)
        stage.world.settle(0.1)
    stage.traffic.send(DESTINATIONS[1], source_addr="38100", registered_delivery=1)
    stage.world.settle(0.5)
    statuses = [bool(one.command_status) for one in stage.carrier.received]
    assert statuses == [False, False, True, True, False]
    stage.carrier.send_mo(phone, "38100", "OUI")
    stage.traffic.send(phone, source_addr="38100", registered_delivery=1)
    stage.world.settle(5.0)
    assert stage.stats() == ["DELIVRD"] * 2 + ["REJECTD"] * 2 + ["DELIVRD"] * 2
    _checked(stage)
