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
from smppgw.core.settings import StatusRule
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


def test_healthy_takes_all_there_is_at_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "healthy", in_order=False)
    stage.send(COUNT)
    assert sorted(taken(stage.world)) == list(range(1, COUNT + 1))
    assert stage.states() == [State.SENT] * COUNT
    stage.world.settle(1.5)
    assert stage.states() == [State.DELIVERED] * COUNT
    assert stage.stats() == ["DELIVRD"] * COUNT
    _checked(stage)


# ---------------------------------------------------------------------- faults


def test_slow_gets_its_window_and_never_more(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "slow", window=4, in_order=False)
    stage.send(40)
    (bind,) = stage.carrier.binds
    most = 0
    for _ in range(300):
        most = max(most, bind.unanswered)
        stage.world.settle(0.1, step=0.1)
    assert most == 4
    came = stage.carrier.received
    # Ten windows, each for as long as its answers take.
    assert 10 * 2.0 - 3 <= came[-1].time - came[0].time <= 10 * 3.0 + 1
    drain(stage.world)
    assert taken(stage.world) == list(range(1, 41)), "late is not lost: nothing goes twice"
    stage.world.settle(15.0)
    assert stage.stats() == ["DELIVRD"] * 40
    assert_clean(stage.world)


def test_slow_slows_nobody_else(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "slow", beside=("healthy", "331"), window=4)
    for _ in range(10):
        stage.send(20)
        for place in range(10):
            stage.traffic.send(f"3310000000{place}", source_addr="38100")
        stage.world.settle(0.5)
    slow, quick = (stage.world.relay.carriers[name] for name in ("a", "b"))
    assert slow.waiting > 150
    assert (quick.waiting, quick.in_flight) == (0, 0)
    assert stage.world.simulated["b"].counters["taken"] == 100
    drain(stage.world)
    balanced(stage.world)


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


@pytest.mark.parametrize("in_order", [False, True])
def test_capped_gets_what_it_takes_with_a_window_that_is_far_too_large(
    tmp_path: Path, in_order: bool
) -> None:
    """It answers 20 a second, refusals among them; nothing waits for a pause."""
    stage = Stage(tmp_path, "capped", window=50, in_order=in_order)
    for place in range(600):
        stage.traffic.send(f"336000000{place % 40:02}")
    drain(stage.world)
    came = stage.carrier.received
    assert came[-1].time - came[0].time < 600 / 20 + 10
    assert 40 < stage.carrier.counters["refused"] < 200
    assert sorted(taken(stage.world)) == list(range(1, 601))
    if in_order:
        assert_in_order(stage.world)
    assert_clean(stage.world)
    balanced(stage.world)


def test_refusals_that_only_show_the_window_are_no_tries(tmp_path: Path) -> None:
    """No pause is between them: a message would have had all its tries in a moment."""
    rules = {"0x14": StatusRule(action="pause", delay=5.0, max_delay=60.0, tries=2)}
    stage = Stage(tmp_path, "capped", window=50, statuses=rules)
    for place in range(300):
        stage.traffic.send(f"33600000{place:03}")
    drain(stage.world)
    assert sorted(taken(stage.world)) == list(range(1, 301))
    assert sum(sum(one.counts) for one in stage.world.relay.measures.queue_ms) == 300
    assert_clean(stage.world)
    balanced(stage.world)


def test_a_carrier_whose_full_queue_is_not_to_be_learned_from_is_paused(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "capped", window=50, in_order=False, adaptive=False)
    stage.send(100)
    stage.world.settle(1)
    refusals = stage.world.relay.carriers["a"].refusals
    assert refusals.paused_until > stage.world.clock.seconds()
    assert stage.world.relay.carriers["a"].window == 50


def test_another_connection_has_the_whole_window_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "capped", window=50, in_order=False)
    stage.send(100)
    stage.world.settle(1)
    (link,) = stage.world.relay.carriers["a"].links
    assert link.window == link.learned_window == 33
    stage.carrier.behaviour = PERSONAS["healthy"].behaviour
    link.protocol.abort("test")  # type: ignore[union-attr]
    stage.world.settle(3)
    assert (link.window, link.learned_window) == (50, 0)
    drain(stage.world)
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


SCRIPTS = {
    "{status=0x08,times=2}": (3, State.DELIVERED, "DELIVRD"),  # trouble that passes: again
    "{status=0x0B}": (1, State.REJECTED, "REJECTD"),  # a bad number: never again
    "{status=0x58,times=1}": (2, State.DELIVERED, "DELIVRD"),  # throttled: after a pause
    "{status=0x14,times=1}": (2, State.DELIVERED, "DELIVRD"),
    "{status=0x777}": (1, State.REJECTED, "REJECTD"),  # no status of the standard
    "{answer=twice}": (1, State.DELIVERED, "DELIVRD"),
    "{answer=nack,times=1}": (2, State.DELIVERED, "DELIVRD"),  # with ESME_RSYSERR
    "{answer=never,times=1}": (2, State.DELIVERED, "DELIVRD"),  # once more, marked
    "{answer=disconnect,times=1}": (2, State.DELIVERED, "DELIVRD"),
    "{delay=3}": (1, State.DELIVERED, "DELIVRD"),
    "{receipt=UNDELIV,err=021}": (1, State.UNDELIVERABLE, "UNDELIV"),
    "{receipt=EXPIRED}": (1, State.EXPIRED, "EXPIRED"),
    "{after=20}": (1, State.DELIVERED, "DELIVRD"),
    "{copies=3}": (1, State.DELIVERED, "DELIVRD"),
    "{receipt=never}": (1, State.SENT, ""),
    "{delay=x}": (4, State.REJECTED, "REJECTD"),  # no script: ESME_RSUBMITFAIL, four tries
}
"""A script in a text: how often it comes to the carrier, how it ends and with which receipt."""


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_fault_scripted_in_the_text_of_a_message(tmp_path: Path, script: str) -> None:
    times, state, stat = SCRIPTS[script]
    stage = Stage(tmp_path, "healthy")
    number = stage.traffic.send(DESTINATIONS[0], script, source_addr="38100", registered_delivery=1)
    other = stage.traffic.send(DESTINATIONS[1], source_addr="38100", registered_delivery=1)
    stage.world.settle(180.0, step=0.5)
    came = [one.text for one in stage.carrier.received].count(f"{script}#{number}")
    assert came == times
    assert [stage.traffic.state(one) for one in (number, other)] == [state, State.DELIVERED]
    assert stage.stats() == [stat, "DELIVRD"]
    if state != State.SENT:
        _checked(stage)


def test_a_script_of_a_message_is_none_of_the_others_business(tmp_path: Path) -> None:
    """A message that is tried again holds up those to its own phone only, and in order."""
    stage = Stage(tmp_path, "healthy")
    for place in range(COUNT):
        script = "{status=0x08,times=1}" if place == 0 else ""
        stage.traffic.send(DESTINATIONS[place % 5], script, source_addr="38100")
    stage.world.settle(5.0)
    came = Counter(one.destination for one in stage.carrier.received if not one.command_status)
    assert came == {destination: COUNT // 5 for destination in DESTINATIONS[1:]}
    drain(stage.world)
    assert sorted(taken(stage.world)) == list(range(1, COUNT + 1))
    _checked(stage)


# ---------------------------------------------------------------------- receipts


def test_hex_ids_are_learned_and_remembered(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "hex-ids")
    stage.send(COUNT)
    stage.world.settle(5.0)
    form = stage.world.relay.carriers["a"].forms.form
    assert form == "hex-to-decimal"
    assert stage.stats() == ["DELIVRD"] * COUNT
    assert stage.world.relay.receipts.orphans == 0
    crash(stage.world)
    stage.esme = stage.traffic.esme = stage.world.esme()
    assert stage.world.relay.carriers["a"].forms.form == form
    number = stage.traffic.send(DESTINATIONS[0], source_addr="38100", registered_delivery=1)
    stage.world.settle(5.0)
    assert stage.traffic.state(number) == State.DELIVERED
    _checked(stage)


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


@pytest.mark.parametrize("source", ["38100", "MyBrand"])
def test_phones_answer_with_keywords(tmp_path: Path, source: str) -> None:
    stage = Stage(tmp_path, "healthy")
    words = ("HELP", "STOP", "Info 42", "Ça va ? €")
    phones = stage.phones(Population(count=5, answers=words, every=0.25))
    stage.send(5, source)
    phones.start()
    stage.world.settle(10.0)
    came = [one for one in stage.esme.delivered if not one.esm_class & 0x3C]
    assert len(came) == phones.sent >= 39
    assert {said(one) for one in came} == set(words)
    # First everybody who was written to answers, in turn; a name cannot be answered.
    if source == "38100":
        assert [one.source_addr for one in came[:5]] == list(DESTINATIONS)
    assert {one.source_addr for one in came} == set(DESTINATIONS)
    assert {one.destination_addr for one in came} == {"38100"}
    _checked(stage)


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
