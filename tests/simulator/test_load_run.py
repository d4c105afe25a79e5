"""A load test from the first connection to the last, and an account that always comes out."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulator_kit import CARRIER, Run, World, balanced

from smppgw.simulator.accounting import Accounting, Marker
from smppgw.simulator.esme import RECEIPT_IDS
from smppgw.simulator.load_run import PATIENCE, Phase
from smppgw.simulator.messages import KINDS, Mix
from smppgw.simulator.shapes import shape
from smppgw.smpp.session import Timing

ENDLESS = 10**7
SEEDS = st.integers(0, 2**32)


def constant(rate: float, seconds: float) -> dict[str, Any]:
    """An open loop."""
    return {"count": ENDLESS, "shape": shape("constant", rate, seconds)}


# ---------------------------------------------------------------------- phases


def test_a_run_from_the_first_bind_to_the_last() -> None:
    run = Run(World(receipt_delay=1.0), binds=2, window=50, **constant(100.0, 3.0))
    phases = [run.run.phase]
    for _ in range(200):
        run.advance(0.05)
        if phases[-1] is not run.run.phase:
            phases.append(run.run.phase)
    assert phases[:3] == [Phase.BINDING, Phase.SENDING, Phase.SETTLING]
    assert phases[-1] is Phase.DONE
    result = run.end()
    assert result["messages"] == {
        "sent": 300,
        "unsent": 0,
        "accepted": 300,
        "rejected": 0,
        "rejected_by": {},
        "unanswered": 0,
        "in_flight": 0,
        "late": 0,
    }
    assert result["receipts"]["final"] == 300
    assert result["receipts"]["by_state"] == {"DELIVRD": 300}
    assert result["seconds"]["sending"] == pytest.approx(3.0, abs=0.1)
    assert result["rate"] == pytest.approx(100.0, rel=0.05)
    assert result["connections"]["binds"] == 2
    assert result["connections"]["connections_lost"] == 0, "what we close ourselves is not lost"
    assert result["faults"] == []
    json.dumps(result)
    run.world.end(run.esme)


def test_each_second_is_a_row() -> None:
    run = Run(World(response_delay=0.02), window=50, **constant(100.0, 5.0))
    run.gauge = 7.0
    series = run.end()["series"]
    assert series["seconds"][:5] == pytest.approx([1, 2, 3, 4, 5], abs=0.1)
    assert series["per_second"]["sent"][1:4] == pytest.approx([100] * 3, abs=6)
    assert series["per_second"]["accepted"][1:4] == pytest.approx([100] * 3, abs=6)
    assert series["latency"]["p50"][2] == pytest.approx(30, abs=11)
    assert series["gauges"]["queue"][0] == 7.0
    assert series["gauges"]["intended"][2] == 100.0
    assert len(run.rows) >= 5
    assert run.rows[2].counts["sent"] == pytest.approx(100, abs=6)


def test_the_time_begins_when_every_bind_stands() -> None:
    world = World()
    world.network.unlisten(CARRIER)
    run = Run(world, window=50, **constant(50.0, 2.0))
    run.advance(3)
    assert run.run.phase is Phase.BINDING
    world.network.listen(CARRIER, world.carrier.factory)
    result = run.end()
    assert result["messages"]["sent"] == 100
    assert result["latency"]["max"] < 100, "nothing was due before"


def test_binds_that_are_refused_are_told_with_the_reason() -> None:
    run = Run(World(passwords={"demo": "secret"}), password="wrong", limits={"bind": 2.0})
    result = run.end()
    assert result["faults"] == ["0 of 1 binds stand: bind refused: ESME_RINVPASWD"]
    assert result["messages"]["sent"] == 0


def test_nobody_listens() -> None:
    world = World()
    world.network.unlisten(CARRIER)
    run = Run(world, binds=3, limits={"bind": 1.0})
    (fault,) = run.end()["faults"]
    assert fault.startswith("0 of 3 binds stand: ")
    assert "nobody listens" in fault


def test_a_far_end_that_is_not_ready_is_waited_for() -> None:
    run = Run(World(), count=10, limits={"bind": 2.0})
    run.run._ready = lambda: False
    assert run.end()["faults"] == ["1 of 1 binds stand: the far end is not ready"]


def test_a_server_that_is_gone_for_good_ends_the_run() -> None:
    world = World()
    run = Run(world, window=50, limits={"bind": 5.0}, **constant(100.0, 1000.0))
    run.advance(2)
    world.network.unlisten(CARRIER)
    world.network.cut()
    result = run.end()
    (fault,) = result["faults"]
    assert fault.startswith("no bind was left for 5 s: ")
    assert result["connections"]["connections_lost"] == 1
    assert result["messages"]["unsent"] == pytest.approx(500, abs=30)


def test_a_closed_loop_ends_with_its_time() -> None:
    run = Run(World(response_delay=0.1), count=ENDLESS, window=5, limits={"seconds": 4.0})
    result = run.end()
    assert result["seconds"]["sending"] == pytest.approx(4.0, abs=0.1)
    assert result["messages"]["sent"] == pytest.approx(4 * 5 / 0.11, rel=0.15)
    assert result["messages"]["unsent"] == 0, "nothing is due in a closed loop"


def test_receipts_that_do_not_come_are_pending() -> None:
    run = Run(World(receipt_delay=100.0), count=20, limits={"settle": 3.0})
    result = run.end()
    assert (result["receipts"]["final"], result["receipts"]["pending"]) == (0, 20)
    assert result["seconds"]["all"] == pytest.approx(3.0, abs=0.3)


def test_what_is_not_answered_in_time() -> None:
    run = Run(
        World(answer="never"),
        count=20,
        window=20,
        limits={"settle": 8.0},
        timing=Timing(response=2),
    )
    messages = run.end()["messages"]
    assert (messages["sent"], messages["unanswered"], messages["accepted"]) == (20, 20, 0)


def test_answers_behind_the_timeout_are_late_and_counted() -> None:
    run = Run(World(response_delay=4.0), count=20, window=20, timing=Timing(response=2))
    run.advance(3)
    assert run.esme.counters["unanswered"] == 20
    messages = run.end()["messages"]
    assert (messages["late"], messages["unanswered"]) == (20, 0) or messages["unanswered"] == 20


def test_receipts_that_still_come_are_awaited() -> None:
    world = World(delivery_window=1, receipt_delay=1.0)
    run = Run(world, window=50, limits={"settle": 2.0}, delivery_delay=0.2, **constant(50.0, 1.0))
    result = run.end()
    # Fifty, five a second: five times as long as it waits for one.
    assert (result["receipts"]["final"], result["receipts"]["pending"]) == (50, 0)
    assert result["seconds"]["all"] > 10


# ---------------------------------------------------------------------- interruption


def test_an_interruption_ends_in_order_and_accounts_for_what_was() -> None:
    run = Run(World(receipt_delay=0.5), window=50, limits={"settle": 60.0}, **constant(100.0, 100))
    run.advance(3)
    run.run.interrupt()
    before = run.world.clock.seconds()
    result = run.end()
    assert run.world.clock.seconds() - before < 2
    assert result["interrupted"] is True
    assert result["messages"]["sent"] == result["receipts"]["final"]
    assert result["messages"]["sent"] == pytest.approx(300, abs=10)
    assert result["messages"]["unsent"] == 0, "what was not due yet is not missing"


def test_an_interruption_does_not_wait_for_what_takes_long() -> None:
    run = Run(World(receipt_delay=500.0), count=10, limits={"settle": 1000.0})
    run.advance(2)
    run.run.interrupt()
    run.end(within=PATIENCE + 1)
    assert run.run.result()["receipts"]["pending"] == 10


def test_the_second_interruption_ends_at_once() -> None:
    world = World(response_delay=50.0)
    run = Run(world, limits={"settle": 1000.0}, **constant(10.0, 100.0))
    run.advance(1)
    world.network.wires[0].server.stall()
    run.run.interrupt()
    assert not run.run.done.called
    run.run.interrupt()
    assert run.run.done.called


def test_an_interruption_before_the_first_bind() -> None:
    world = World()
    world.network.unlisten(CARRIER)
    run = Run(world, count=10, limits={"bind": 1000.0})
    run.advance(1)
    run.run.interrupt()
    result = run.end(within=1)
    assert (result["interrupted"], result["messages"]["sent"]) == (True, 0)


def test_a_server_that_does_not_answer_the_unbind_does_not_keep_us() -> None:
    world = World(receipt_delay=3.0)
    run = Run(world, count=10)
    run.advance(0.2)
    assert run.run.phase is Phase.SETTLING
    world.network.wires[0].server.stall()
    run.end(within=10 + 2 * PATIENCE)


# ---------------------------------------------------------------------- coordinated omission


def stalled(**load: Any) -> dict[str, Any]:
    """The result against a server that answers in 10 ms, but for one second in which it stalls."""
    world = World(response_delay=0.01)
    run = Run(world, **load)
    world.advance(5.0)
    world.network.wires[0].server.stall()
    world.advance(1.0)
    world.network.wires[0].server.flow()
    return run.end()


def test_an_open_loop_shows_a_stall_and_a_closed_loop_hides_it() -> None:
    """The same server, the same second: who waits for answers asks once in it and sees one."""
    # A window that is no limit, and one that is: the schedule goes on behind it all the same.
    open_loop = stalled(window=1000, **constant(50.0, 10.0))
    narrow = stalled(window=1, **constant(50.0, 10.0))
    closed = stalled(count=ENDLESS, window=1, limits={"seconds": 10.0})
    assert open_loop["messages"]["sent"] == narrow["messages"]["sent"] == 500
    for result in (open_loop, narrow):
        # A tenth of them were due in that second, and waited half of it in the mean.
        assert result["latency"]["p99"] > 850
        assert result["latency"]["p95"] > 400
        assert result["latency"]["p90"] < result["latency"]["p95"]
    assert closed["messages"]["sent"] > 100
    assert closed["latency"]["max"] > 950
    assert closed["latency"]["p99"] < 50
    # What counts from the sending only shows as little as the closed loop.
    assert narrow["service"]["p95"] < 50 < narrow["latency"]["p95"]


def test_the_second_of_the_stall_is_seen_in_the_series() -> None:
    series = stalled(window=1000, **constant(100.0, 10.0))["series"]
    known = [one for one in series["latency"]["p50"] if one is not None]
    assert max(known) > 300
    assert sorted(known)[-3] < 100, "before and after it nothing is to be seen"


def test_what_a_slow_server_leaves_unsent_is_counted() -> None:
    # 10 answers a second for 100 that are due.
    limits = {"settle": 5.0, "seconds": 5.0}
    run = Run(World(response_delay=0.1), window=1, limits=limits, **constant(100.0, 5.0))
    messages = run.end()["messages"]
    assert messages["sent"] + messages["unsent"] == 500
    assert messages["unsent"] > 350


# ---------------------------------------------------------------------- order, parts, ids


def test_each_destination_belongs_to_one_bind_so_that_order_can_be_judged() -> None:
    world = World(response_jitter=0.3, record=1000)
    run = Run(
        world,
        binds=3,
        window=5,
        count=300,
        destinations=tuple(f"3360{number}" for number in range(10)),
    )
    result = run.end()
    assert result["far_end"]["out_of_order"] == 0
    binds: dict[str, set[str]] = {}
    for one in world.carrier.received:
        binds.setdefault(one.destination, set()).add(one.bind)
    assert len(binds) == 10
    assert all(len(names) == 1 for names in binds.values())
    assert len(set.union(*binds.values())) == 3


def test_fewer_destinations_than_binds() -> None:
    run = Run(World(), binds=4, count=40, destinations=("1", "2"))
    assert run.end()["messages"]["accepted"] == 40


def test_a_bind_that_is_lost_does_not_hold_up_the_others() -> None:
    world = World()
    run = Run(world, binds=2, window=10, reconnect=100.0, **constant(100.0, 5.0))
    run.advance(1)
    world.network.wires[0].server.abortConnection()
    result = run.end()
    assert result["messages"]["sent"] == 500
    assert result["messages"]["accepted"] >= 490
    assert result["connections"]["connections_lost"] == 1


@pytest.mark.parametrize("binds", [1, 3])
def test_texts_in_parts_end_whole(binds: int) -> None:
    world = World(record=1000, response_delay=0.03)
    mix = Mix({"multipart": 1.0, "gsm": 1.0}, Random(1))
    run = Run(
        world,
        binds=binds,
        window=3,
        count=101,
        messages=mix,
        destinations=tuple(f"336{number}" for number in range(7)),
    )
    result = run.end()
    assert result["messages"]["accepted"] == result["far_end"]["taken"] >= 101
    parts: dict[tuple[str, int, int], list[int]] = {}
    for one in world.carrier.received:
        if one.pdu.esm_class & 0x40:
            header = one.pdu.short_message
            key = (one.destination, header[3], header[4])
            parts.setdefault(key, []).append(header[5])
    assert parts
    assert all(found == [1, 2] * (len(found) // 2) for found in parts.values())


@pytest.mark.parametrize(
    ("behaviour", "receipt_ids"),
    [
        ({"message_id": "hex", "receipt_id": "decimal"}, "decimal"),
        ({"message_id": "HEX", "receipt_id": "padded"}, "decimal"),
        ({"message_id": "decimal", "receipt_id": "hex"}, "hex"),
        ({"message_id": "padded", "receipt_id": "HEX"}, "hex"),
        ({"message_id": "uuid"}, "same"),
        ({"message_id": "uuid"}, "decimal"),
        ({"message_id": "uuid"}, "hex"),
    ],
)
@pytest.mark.parametrize("receipts", ["text", "tlv", "both"])
def test_receipts_are_matched_in_another_base(
    behaviour: dict[str, Any], receipt_ids: str, receipts: str
) -> None:
    run = Run(World(**behaviour, receipts=receipts), count=20, receipt_ids=receipt_ids)
    found = run.end()["receipts"]
    assert (found["final"], found["pending"], found["unknown"]) == (20, 0, 0)


def test_a_base_that_is_wrong_is_seen() -> None:
    run = Run(World(message_id="hex", receipt_id="decimal"), count=20, limits={"settle": 1.0})
    found = run.end()["receipts"]
    assert (found["final"], found["pending"], found["unknown"]) == (0, 20, 20)
    assert set(RECEIPT_IDS) == {"same", "decimal", "hex"}


def test_ids_that_are_awaited_for_ever_are_bounded() -> None:
    run = Run(World(receipt_delay=5.0), count=50, most_awaited=10, limits={"settle": 10.0})
    result = run.end()
    assert result["receipts"]["final"] == 10
    assert result["receipts"]["pending"] == 40


# ---------------------------------------------------------------------- the account


@settings(max_examples=40, deadline=None)
@given(
    seed=SEEDS,
    cuts=st.lists(st.floats(0.1, 3.0), max_size=4),
    rate=st.sampled_from([0.0, 80.0, 400.0]),
    poisson=st.booleans(),
    binds=st.integers(1, 3),
    kinds=st.sets(st.sampled_from(KINDS), min_size=1),
    interrupted=st.booleans(),
    behaviour=st.fixed_dictionaries(
        {
            "answer": st.sampled_from(["once", "twice"]),
            "response_delay": st.sampled_from([0.0, 0.05, 1.2]),
            "response_jitter": st.sampled_from([0.0, 0.3]),
            "receipt_delay": st.sampled_from([0.0, 0.4]),
            "receipt_copies": st.integers(1, 2),
            "receipt_bind": st.sampled_from(["same", "other", "any"]),
            "receipt_first": st.booleans(),
            "disconnect_every": st.sampled_from([0, 40]),
            "error_rate": st.sampled_from([0.0, 0.2]),
            "failures": st.sampled_from([{}, {"UNDELIV": 0.3}]),
        }
    ),
)
def test_the_account_comes_out_whatever_happens(
    seed: int,
    cuts: list[float],
    rate: float,
    poisson: bool,
    binds: int,
    kinds: set[str],
    interrupted: bool,
    behaviour: dict[str, Any],
) -> None:
    """sent = accepted + rejected + unanswered; accepted = with receipt + pending; none is lost."""
    world = World(seed, **behaviour)
    load: dict[str, Any] = {"count": 150}
    if rate:
        load = {**constant(rate, 3.0), "poisson": seed if poisson else None}
    run = Run(
        world,
        limits={"settle": 5.0, "seconds": 3.0},
        binds=binds,
        window=10,
        reconnect=0.1,
        timing=Timing(response=1.0),
        messages=Mix(dict.fromkeys(sorted(kinds), 1.0), Random(seed)),
        destinations=("3361", "3362", "3363"),
        **load,
    )
    for when in cuts:
        world.clock.callLater(when, world.network.cut)
    if interrupted:
        world.clock.callLater(1.5, run.run.interrupt)
    result = run.end(within=30)
    messages, receipts, far = result["messages"], result["receipts"], result["far_end"]
    assert messages["in_flight"] == 0
    assert messages["sent"] == messages["accepted"] + messages["rejected"] + messages["unanswered"]
    assert messages["rejected"] == sum(messages["rejected_by"].values())
    assert messages["accepted"] == receipts["final"] + receipts["pending"]
    assert receipts["final"] == sum(receipts["by_state"].values())
    assert far["acknowledged"] == messages["accepted"]
    assert far["lost"] == far["duplicates"] == far["out_of_order"] == 0
    assert far["taken"] == far["acknowledged"] + far["unpromised"]
    assert result["latency"]["count"] == messages["accepted"]
    assert sum(count for _, count in result["histogram"]) == messages["accepted"]
    rows = result["series"]
    for name in ("sent", "accepted", "rejected"):
        counted = sum(
            per_second * span
            for per_second, span in zip(rows["per_second"][name], rows["span"], strict=True)
        )
        # What is answered while it unbinds is in no row; rates are rounded.
        assert counted == pytest.approx(messages[name], abs=binds * 10 + 1)
    if not rate:
        assert messages["unsent"] == 0


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.sampled_from(["acknowledged", "taken", "ended"])),
        max_size=120,
    )
)
def test_the_sums_of_both_ends_are_those_of_sets(events: list[tuple[int, str]]) -> None:
    """Against the plainest model there is: three sets of numbers."""
    accounting = Accounting()
    arrived: list[int] = []
    accounting.arrived = lambda marker: arrived.append(marker.number)
    sets: dict[str, set[int]] = {"acknowledged": set(), "taken": set(), "ended": set()}
    twice, order, last = 0, 0, -1
    for number, what in events:
        marker = Marker("mt", number)
        if what == "taken":
            accounting.taken(f"x {marker} y", "331")
            if number in sets["taken"]:
                twice += 1
            elif number < last:
                order += 1
            else:
                last = number
        else:
            getattr(accounting, what)(marker)
        sets[what].add(number)
    found = accounting.report("mt")
    acknowledged, taken, ended = sets["acknowledged"], sets["taken"], sets["ended"]
    lost = acknowledged - taken - ended
    missing = acknowledged - ended
    assert found["acknowledged"] == len(acknowledged)
    assert found["taken"] == len(taken) == len(arrived)
    assert found["lost"] == len(lost)
    assert found["lost_examples"] == sorted(lost)[:10]
    assert found["ended_untaken"] == len((acknowledged & ended) - taken)
    assert found["unpromised"] == len(taken - acknowledged)
    assert found["receipts_missing"] == len(missing)
    assert found["receipts_missing_examples"] == sorted(missing)[:10]
    assert (found["duplicates"], found["out_of_order"]) == (twice, order)


def test_a_text_that_was_joined_counts_for_all_its_parts() -> None:
    accounting = Accounting()
    accounting.taken("#mt:0# one #mt:1# two #mt:2#", "331")
    accounting.taken("#mt:1#", "331")
    found = accounting.report("mt")
    assert (found["taken"], found["duplicates"], found["out_of_order"]) == (3, 1, 0)


def test_balance_at_any_time() -> None:
    run = Run(World(response_delay=0.3, error_rate=0.3), window=20, **constant(200.0, 2.0))
    for _ in range(80):
        run.advance(0.05)
        assert balanced(run.esme)
    run.end()
