"""The simulated ESME against the simulated carrier: sums that must come out exactly."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from simulator_kit import CARRIER, World, balanced, receipts, status

from smppgw.simulator.esme import Load
from smppgw.smpp import wire
from smppgw.smpp.session import Timing


def test_a_closed_loop_without_fault() -> None:
    world = World()
    esme = world.run(count=500, window=7, destinations=("331", "332", "333"))
    report = esme.report()
    assert esme.done.called
    assert esme.settled
    assert report["sent"] == report["acknowledged"] == 500
    assert receipts(esme) == {"DELIVRD": 500}
    assert report["receipts_awaited"] == report["receipts_unknown"] == 0
    assert world.carrier.counters["taken"] == 500
    assert world.accounting.report("mt") == {
        "acknowledged": 500,
        "taken": 500,
        "lost": 0,
        "lost_examples": [],
        "ended_untaken": 0,
        "duplicates": 0,
        "duplicates_examples": [],
        "out_of_order": 0,
        "out_of_order_examples": [],
        "unpromised": 0,
        "receipts_missing": 0,
        "receipts_missing_examples": [],
    }
    world.end(esme)


def test_the_window_is_kept_and_filled() -> None:
    world = World(answer="never")
    esme = world.run(count=100, window=7)
    assert esme.sent == esme.in_flight == len(world.carrier.received) == 7
    assert balanced(esme)
    world.end(esme)


def test_a_rate_is_kept_whatever_the_answers_do() -> None:
    world = World(response_delay=0.5)
    esme = world.run(2.05, count=1000, rate=100.0, window=1000)
    assert 200 <= esme.sent <= 206
    assert 45 <= esme.in_flight <= 61
    world.advance(10)
    assert esme.settled
    assert esme.report()["latency"]["p50"] == pytest.approx(500, abs=30)
    world.end(esme)


def test_latency_counts_from_when_a_message_was_due() -> None:
    """A window that is too small must not hide the wait in front of it."""
    world = World(response_delay=1.0)
    esme = world.run(20, count=20, rate=10.0, window=2)
    latency = esme.report()["latency"]
    assert latency["max"] > 7000
    assert latency["p50"] > 3000
    assert balanced(esme)
    world.end(esme)


def test_a_pair_sends_on_one_bind_and_takes_on_the_other() -> None:
    world = World()
    esme = world.run(count=50, bind="pair", binds=2)
    assert len(world.carrier.binds) == 4
    assert sorted(bind.kind for bind in esme.binds) == ["receiver"] * 2 + ["transmitter"] * 2
    assert receipts(esme) == {"DELIVRD": 50}
    assert {one.bind for one in world.carrier.received} == {
        bind.name for bind in world.carrier.binds if not bind.receives
    }
    world.end(esme)


def test_texts_and_destinations_are_taken_in_turn() -> None:
    world = World()
    esme = world.run(
        count=5, destinations=("331", "332"), texts=("a", "{receipt=EXPIRED}b", "c\N{EURO SIGN}")
    )
    assert world.carrier.texts_to("331") == [
        "#mt:0#a",
        "#mt:2#c\N{EURO SIGN}",
        "{receipt=EXPIRED}#mt:4#b",
    ]
    assert world.carrier.texts_to("332") == ["{receipt=EXPIRED}#mt:1#b", "#mt:3#a"]
    assert [one.pdu.data_coding for one in world.carrier.received] == [0, 0, 8, 0, 0]
    assert receipts(esme) == {"DELIVRD": 3, "EXPIRED": 2}
    world.end(esme)


def test_a_long_text_goes_in_message_payload() -> None:
    world = World()
    esme = world.run(count=1, texts=("x" * 300,))
    (received,) = world.carrier.received
    assert received.pdu.short_message == b""
    assert received.text == "#mt:0#" + "x" * 300
    assert world.accounting.report("mt")["taken"] == 1
    world.end(esme)


def test_no_receipt_is_awaited_that_was_not_asked_for() -> None:
    world = World()
    esme = world.run(count=10, registered_delivery=0x10)
    assert esme.settled
    assert receipts(esme) == {}
    assert world.carrier.counters["deliveries"] == 0
    assert world.accounting.report("mt")["receipts_missing"] == 10
    world.end(esme)


def test_refusals_are_counted_by_status() -> None:
    world = World(destination_statuses={"332": 0x58, "333": 0x422})
    esme = world.run(count=30, destinations=("331", "332", "333"))
    report = esme.report()
    assert report["refused"] == {"ESME_RTHROTTLED": 10, "0x00000422": 10}
    assert report["acknowledged"] == 10
    assert balanced(esme)
    assert world.accounting.report("mt")["taken"] == 10
    world.end(esme)


def test_what_is_unanswered_when_the_wire_is_cut() -> None:
    world = World(response_delay=1.0)
    esme = world.run(0.5, count=100, window=10)
    world.network.cut()
    assert esme.report()["unanswered"] == 10
    assert esme.in_flight == 0
    world.advance(30)
    report = esme.report()
    assert report["sent"] == 100
    assert report["acknowledged"] == 90
    assert report["binds"] == 2
    assert balanced(esme)
    sums = world.accounting.report("mt")
    assert sums["unpromised"] == 10
    assert sums["taken"] == 100
    assert sums["lost"] == sums["duplicates"] == 0
    assert report["receipts_unknown"] == 10
    assert receipts(esme) == {"DELIVRD": 90}
    world.end(esme)


def test_it_connects_again_until_somebody_listens() -> None:
    world = World()
    world.network.unlisten(CARRIER)
    esme = world.run(5, count=3, reconnect=1.0)
    assert 5 <= world.network.attempts <= 6
    assert "nobody listens" in esme.binds[0].reason
    assert esme.sent == 0
    world.network.listen(CARRIER, world.carrier.factory)
    world.advance(1)
    assert esme.settled
    assert esme.binds[0].reason == ""
    world.end(esme)


def test_it_binds_again_after_a_refusal() -> None:
    world = World(passwords={"demo": "secret"})
    wrong = world.run(2.05, count=1, password="wrong")
    stranger = world.run(2.05, count=1, system_id="other")
    right = world.run(0, count=1, password="secret")
    assert right.settled
    assert wrong.report()["binds_refused"] >= 3
    assert wrong.binds[0].reason == "bind refused: ESME_RINVPASWD"
    assert stranger.binds[0].reason == "bind refused: ESME_RINVSYSID"
    assert wrong.sent == stranger.sent == 0
    assert not wrong.binds[0].bound
    assert world.carrier.counters["binds"] == 1
    world.end(wrong, right, stranger)


def test_a_late_answer_is_an_acknowledgement_after_all() -> None:
    world = World(response_delay=5.0)
    esme = world.run(4, count=2, timing=Timing(response=2.0))
    assert esme.report()["unanswered"] == 2
    assert esme.done.called
    world.advance(2)
    report = esme.report()
    assert (report["unanswered"], report["late"], report["acknowledged"]) == (0, 2, 2)
    assert balanced(esme)
    assert receipts(esme) == {"DELIVRD": 2}
    world.end(esme)


def test_late_answers_belong_to_their_connection() -> None:
    world = World(answer="never")
    esme = world.run(3, count=5, window=5, timing=Timing(response=2.0))
    assert esme.report()["unanswered"] == 5
    world.network.cut()
    world.advance(2)
    # Numbers begin anew: a stray answer must not pass for one of the former connection.
    world.network.wires[0].server.write(
        wire.encode(wire.SubmitSmResp(message_id="1", sequence_number=2))
    )
    world.clock.advance(0)
    report = esme.report()
    assert (report["late"], report["responses_unexpected"], report["acknowledged"]) == (0, 1, 0)
    world.end(esme)


def test_a_generic_nack_is_a_refusal_whatever_its_status() -> None:
    world = World(answer="never")
    esme = world.run(count=1)
    world.network.wires[0].server.write(wire.encode(wire.GenericNack(sequence_number=2)))
    world.clock.advance(0)
    assert esme.report()["refused"] == {"ESME_ROK": 1}
    assert esme.report()["acknowledged"] == 0
    world.end(esme)


def test_stop_before_the_end() -> None:
    world = World(response_delay=0.1)
    esme = world.run(1, count=1000, window=5)
    sent = esme.sent
    assert 0 < sent < 1000
    world.end(esme)
    assert esme.sent == sent
    assert balanced(esme)


def test_stop_while_connecting() -> None:
    world = World()
    esme = world.esme(count=1)
    esme.start()
    assert esme.stop().called
    world.clock.advance(0)
    assert world.network.wires == []
    assert esme.counters["connections_lost"] == 0
    assert world.clock.getDelayedCalls() == []


def test_stop_between_two_messages_of_a_rate() -> None:
    world = World()
    esme = world.run(0.5, count=100, rate=3.0)
    world.end(esme)
    assert esme.sent == 2


def test_stop_while_waiting_to_connect_again() -> None:
    world = World()
    world.network.unlisten(CARRIER)
    esme = world.run(0.5, count=1)
    world.end(esme)


# ---------------------------------------------------------------------- deliveries


def test_a_refused_delivery_comes_again_and_is_not_counted_as_a_receipt() -> None:
    world = World(redelivery=1.0)
    esme = world.run(2.55, count=1, delivery_status=status("ESME_RX_T_APPN"))
    report = esme.report()
    assert report["deliveries_refused"] == 3
    assert receipts(esme) == {}
    assert report["receipts_awaited"] == 1
    world.end(esme)


def test_a_delivery_refused_for_good_does_not_come_again() -> None:
    world = World()
    esme = world.run(5, count=2, delivery_status=status("ESME_RX_P_APPN"))
    assert esme.report()["deliveries_refused"] == 2
    assert world.carrier.counters["deliveries_refused"] == 2
    assert world.carrier.waiting == 0
    world.end(esme)


def test_deliveries_that_are_never_answered_fill_the_window_of_the_carrier() -> None:
    world = World(delivery_window=4)
    esme = world.run(1, count=20, answer_deliveries=False)
    assert esme.report()["deliveries_unanswered"] == 4
    assert world.carrier.waiting == 16
    assert receipts(esme) == {}
    world.end(esme)


def test_slow_answers_are_counted_when_they_are_given() -> None:
    world = World()
    esme = world.run(0.5, count=3, delivery_delay=1.0)
    assert receipts(esme) == {}
    world.advance(1)
    assert receipts(esme) == {"DELIVRD": 3}
    world.end(esme)


def test_a_slow_answer_is_not_given_on_another_connection() -> None:
    world = World()
    esme = world.run(0.2, count=3, delivery_delay=3.0)
    world.network.cut()
    world.advance(3.5)
    assert esme.report()["deliveries_unanswered"] == 3
    assert receipts(esme) == {}
    world.advance(2)
    assert receipts(esme) == {"DELIVRD": 3}
    assert esme.report()["receipts_duplicate"] == 0
    world.end(esme)


def test_the_same_id_twice_is_noticed() -> None:
    world = World()
    esme = world.run(count=2)
    esme._account_answer((9, 0.0, 0.0), wire.SubmitSmResp(message_id=next(iter(esme._ended))))
    assert esme.report()["ids_repeated"] == 1
    world.end(esme)


def test_what_it_remembers_is_bounded() -> None:
    world = World()
    esme = world.run(count=50, remember=10)
    assert len(esme._ended) == 10
    assert list(esme._ended) == [one.message_id for one in world.carrier.received][-10:]
    world.end(esme)


@pytest.mark.parametrize(
    "setting", [{"bind": "transciever"}, {"window": 0}, {"destinations": ()}, {"texts": ()}]
)
def test_a_load_without_sense_is_refused(setting: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(setting))):
        Load(**setting)


def test_it_binds_again_when_the_carrier_unbinds() -> None:
    world = World(unbind_after=2.0, response_delay=0.1)
    esme = world.run(10, count=300, window=10)
    report = esme.report()
    assert report["binds"] >= 2
    assert report["sent"] == 300
    assert report["unanswered"] <= 10 * (report["binds"] - 1)
    assert balanced(esme)
    assert world.accounting.report("mt")["lost"] == 0
    world.end(esme)


def test_deliveries_are_treated_otherwise_from_now_on() -> None:
    world = World(redelivery=1.0)
    esme = world.run(1.5, count=5, delivery_status=status("ESME_RX_T_APPN"))
    assert receipts(esme) == {}
    esme.load = evolve(esme.load, delivery_status=0)
    world.advance(1)
    assert receipts(esme) == {"DELIVRD": 5}
    world.end(esme)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    cuts=st.lists(st.floats(0.0, 2.0), max_size=6),
    split=st.sampled_from([0, 1, 5, 33]),
    behaviour=st.fixed_dictionaries(
        {
            "answer": st.sampled_from(["once", "twice"]),
            "response_delay": st.sampled_from([0.0, 0.05]),
            "response_jitter": st.sampled_from([0.0, 0.3]),
            "receipt_delay": st.sampled_from([0.0, 0.4]),
            "receipt_copies": st.integers(1, 2),
            "receipt_bind": st.sampled_from(["same", "other", "any"]),
            "receipt_first": st.booleans(),
            "receipts": st.sampled_from(["both", "text", "tlv"]),
            "disconnect_every": st.sampled_from([0, 40]),
            "error_rate": st.sampled_from([0.0, 0.2]),
        }
    ),
)
def test_the_sums_come_out_whatever_happens(
    seed: int, cuts: list[float], split: int, behaviour: dict[str, Any]
) -> None:
    """Both ends agree on every message, whatever the carrier does and wherever wires are cut."""
    world = World(seed, **behaviour)
    world.network.split = split
    esme = world.esme(count=200, window=10, bind="pair", reconnect=0.1, destinations=("331", "332"))
    for when in cuts:
        world.clock.callLater(when, world.network.cut)
    esme.start()
    for _ in range(600):
        world.clock.advance(0.05)
    report, sums = esme.report(), world.accounting.report("mt")
    assert report["sent"] == 200
    assert report["in_flight"] == 0
    assert balanced(esme)
    assert sums["acknowledged"] == report["acknowledged"]
    assert sums["taken"] == world.carrier.counters["taken"]
    assert sums["lost"] == sums["duplicates"] == sums["out_of_order"] == 0
    assert sums["receipts_missing"] == report["receipts_awaited"] == 0
    assert sums["unpromised"] == report["receipts_unknown"]
    assert receipts(esme).get("DELIVRD", 0) == report["acknowledged"]
    assert report["ids_repeated"] == 0
    assert esme.settled
    world.end(esme)


def test_a_password_is_not_shown() -> None:
    assert "hush" not in repr(Load(password="hush"))
