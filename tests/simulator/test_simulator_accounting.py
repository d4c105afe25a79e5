"""Sums of what was promised and what arrived, agendas and latencies."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulator_kit import World
from twisted.internet.task import Clock

from smppgw.simulator.accounting import EXAMPLES, Accounting, Marker, find_marker
from smppgw.simulator.agenda import Agenda
from smppgw.simulator.behaviour import NO_SCRIPT, ScriptError, read_script, text_of
from smppgw.simulator.latencies import Latencies
from smppgw.simulator.receipts import STATES, receipt_pdu, wanted
from smppgw.smpp import wire
from smppgw.sms import receipt

# ---------------------------------------------------------------------- markers


@given(st.from_regex(r"\A[a-z0-9_]{1,8}\Z"), st.integers(0, 10**8 - 1), st.text(max_size=20))
def test_a_marker_is_found_in_any_text(flow: str, number: int, text: str) -> None:
    marker = Marker(flow, number)
    text = text.replace("#", "")
    assert find_marker(f"{text}{marker}{text}") == marker


@pytest.mark.parametrize("text", ["", "mt:1", "#mt:1", "#mt:#", "#:1#", "#mt:123456789#"])
def test_no_marker(text: str) -> None:
    assert find_marker(text) is None


def taken(accounting: Accounting, number: int, destination: str = "331") -> None:
    accounting.taken(f"#mt:{number}#", destination)


# ---------------------------------------------------------------------- sums


def test_nothing() -> None:
    assert set(map(str, Accounting().report("mt").values())) == {"0", "[]"}


def test_every_combination() -> None:
    accounting = Accounting()
    for number in range(8):
        if number & 1:
            accounting.acknowledged(Marker("mt", number))
        if number & 2:
            taken(accounting, number)
        if number & 4:
            accounting.ended(Marker("mt", number))
    assert accounting.report("mt") == {
        "acknowledged": 4,
        "taken": 4,
        "lost": 1,
        "lost_examples": [1],
        "ended_untaken": 1,
        "duplicates": 0,
        "duplicates_examples": [],
        "out_of_order": 0,
        "out_of_order_examples": [],
        "unpromised": 2,
        "receipts_missing": 2,
        "receipts_missing_examples": [1, 3],
    }


def test_duplicates_count_every_time_and_are_no_disorder() -> None:
    accounting = Accounting()
    for number in (0, 1, 2, 1, 1, 2, 3):
        taken(accounting, number)
    sums = accounting.report("mt")
    assert (sums["duplicates"], sums["duplicates_examples"]) == (3, [1, 1, 2])
    assert sums["out_of_order"] == 0
    assert sums["taken"] == 4


def test_order_is_for_each_destination() -> None:
    accounting = Accounting()
    for number, destination in ((0, "a"), (3, "a"), (1, "b"), (2, "a"), (4, "b"), (5, "a")):
        taken(accounting, number, destination)
    sums = accounting.report("mt")
    assert (sums["out_of_order"], sums["out_of_order_examples"]) == (1, [2])


def test_flows_are_apart_and_unmarked_texts_counted() -> None:
    accounting = Accounting()
    accounting.taken("hello", "331")
    accounting.taken("#a:0#", "331")
    accounting.acknowledged(Marker("b", 0))
    assert accounting.unmarked == 1
    assert accounting.report("a")["unpromised"] == 1
    assert accounting.report("b")["lost"] == 1


def test_examples_are_few() -> None:
    accounting = Accounting()
    for number in range(100):
        accounting.acknowledged(Marker("mt", number))
    for _ in range(2):
        for number in range(199, 99, -1):
            taken(accounting, number)
    sums = accounting.report("mt")
    assert sums["lost"] == 100
    assert sums["lost_examples"] == list(range(EXAMPLES))
    assert sums["out_of_order"] == 99
    assert sums["duplicates"] == 100
    assert len(sums["duplicates_examples"]) == len(sums["out_of_order_examples"]) == EXAMPLES


def test_memory_is_an_octet_for_each_message() -> None:
    accounting = Accounting()
    for number in range(100_000):
        accounting.acknowledged(Marker("mt", number))
        accounting.taken(f"#mt:{number}#", str(number % 10))
    flow = accounting._flows["mt"]
    assert len(flow.flags) == 100_000
    assert len(flow.last) == 10


@given(st.lists(st.tuples(st.sampled_from("ate"), st.integers(0, 5)), max_size=60))
def test_sums_against_a_plain_model(steps: list[tuple[str, int]]) -> None:
    accounting = Accounting()
    model: dict[str, list[int]] = {"a": [], "t": [], "e": []}
    for kind, number in steps:
        model[kind].append(number)
        if kind == "a":
            accounting.acknowledged(Marker("mt", number))
        elif kind == "t":
            taken(accounting, number)
        else:
            accounting.ended(Marker("mt", number))
    promised, arrived, ended = (set(model[kind]) for kind in "ate")
    sums = accounting.report("mt")
    assert sums["acknowledged"] == len(promised)
    assert sums["taken"] == len(arrived)
    assert sums["duplicates"] == len(model["t"]) - len(arrived)
    assert sums["lost_examples"] == sorted(promised - arrived - ended)
    assert sums["ended_untaken"] == len((promised & ended) - arrived)
    assert sums["unpromised"] == len(arrived - promised)
    assert sums["receipts_missing"] == len(promised - ended)
    first = list(dict.fromkeys(model["t"]))
    late = [number for place, number in enumerate(first) if number < max(first[: place + 1])]
    assert sums["out_of_order"] == len(late)


def test_it_finds_what_a_faulty_path_did() -> None:
    """A path that drops, repeats and swaps messages cannot pass."""
    world = World()
    esme = world.run(count=10)
    accounting = world.accounting
    for number in (10, 11, 13, 12, 13):
        accounting.acknowledged(Marker("mt", number))
        if number != 10:
            taken(accounting, number, esme.load.destinations[0])
    sums = accounting.report("mt")
    assert sums["lost_examples"] == [10]
    assert sums["duplicates_examples"] == [13]
    assert sums["out_of_order_examples"] == [12]
    assert sums["receipts_missing_examples"] == [10, 11, 12, 13]
    world.end(esme)


# ---------------------------------------------------------------------- agenda


def test_an_agenda_keeps_time_and_order_with_one_call() -> None:
    clock = Clock()
    done: list[object] = []
    agenda = Agenda(clock, lambda: done.append("."))
    for delay, name in ((2.0, "c"), (1.0, "a"), (1.0, "b"), (2.0, "d"), (-1.0, "now")):
        agenda.after(delay, done.append, name)
        assert len(clock.getDelayedCalls()) == 1
    assert done == []
    assert len(agenda) == 5
    clock.advance(0)
    assert done == ["now", "."]
    clock.advance(1)
    assert done == ["now", ".", "a", "b", "."]
    clock.advance(5)
    assert done == ["now", ".", "a", "b", ".", "c", "d", "."]
    assert clock.getDelayedCalls() == []


def test_an_action_may_plan_another() -> None:
    clock = Clock()
    done: list[float] = []
    agenda = Agenda(clock, lambda: None)

    def again() -> None:
        done.append(clock.seconds())
        if len(done) < 3:
            agenda.after(1.0, again)

    agenda.after(0.0, again)
    for _ in range(5):
        clock.advance(1)
    assert done == [1.0, 2.0, 3.0]
    assert clock.getDelayedCalls() == []


def test_an_action_that_fails_leaves_the_others() -> None:
    clock = Clock()
    done: list[str] = []
    agenda = Agenda(clock, lambda: done.append("."))
    agenda.after(1.0, lambda: 1 / 0)
    agenda.after(1.0, done.append, "a")
    with pytest.raises(ZeroDivisionError):
        clock.advance(1)
    clock.advance(0)
    assert done == [".", "a", "."]


def test_clearing_an_agenda() -> None:
    clock = Clock()
    agenda = Agenda(clock, lambda: None)
    agenda.clear()
    agenda.after(1.0, pytest.fail)
    agenda.clear()
    assert clock.getDelayedCalls() == []
    clock.advance(2)


# ---------------------------------------------------------------------- latencies


def test_no_latencies() -> None:
    assert set(Latencies().report().values()) == {0.0}


@given(st.lists(st.floats(1e-5, 1e3), min_size=1, max_size=200))
def test_percentiles_to_two_percent(durations: list[float]) -> None:
    latencies = Latencies()
    for seconds in durations:
        latencies.add(seconds)
    ordered = sorted(durations)
    for percent in (50, 95, 99, 100):
        exact = ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
        assert latencies.percentile(percent) == pytest.approx(exact, rel=0.021)
    assert latencies.maximum == ordered[-1]


def test_latencies_take_little_memory() -> None:
    latencies = Latencies()
    random = Random(1)
    for _ in range(10_000):
        latencies.add(random.expovariate(10.0))
    latencies.add(0.0)
    assert latencies.count == 10_001
    assert len(latencies._buckets) < 1000


# ---------------------------------------------------------------------- scripts, texts, receipts


def test_reading_scripts() -> None:
    script = read_script("{status=0x58,times=2,delay=1.5,after=3,copies=0,receipt=EXPIRED,err=9}x")
    assert (script.status, script.times, script.delay, script.after) == (0x58, 2, 1.5, 3.0)
    assert (script.copies, script.receipt, script.err, script.answer) == (0, "EXPIRED", "9", "")
    assert read_script("x{status=1}") is NO_SCRIPT


@pytest.mark.parametrize(
    "text", ["{status=}", "{x=1}", "{status=1,}", "{times=two}", "{receipt=DELIVERED}"]
)
def test_bad_scripts(text: str) -> None:
    with pytest.raises(ScriptError):
        read_script(text)


@given(st.text(max_size=40))
def test_no_text_does_harm(text: str) -> None:
    try:
        read_script("{" + text)
    except ScriptError as error:
        assert "in a script" in str(error)  # noqa: PT017


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"short_message": b"plain"}, "plain"),
        ({"short_message": "h\u00e9".encode("utf-16-be"), "data_coding": 8}, "h\u00e9"),
        ({"short_message": b"\x1b(status=1\x1b)"}, "{status=1}"),
        ({"short_message": b"\x05\0\x03\x01\x02\x01part", "esm_class": 0x40}, "part"),
        ({"tlvs": ((wire.Tag.message_payload, b"payload"),)}, "payload"),
        ({"short_message": b"", "esm_class": 0x40}, ""),
    ],
)
def test_texts_of_messages(fields: dict[str, object], text: str) -> None:
    assert text_of(wire.SubmitSm(**fields)) == text


def test_every_stat_can_be_told() -> None:
    message = wire.SubmitSm(source_addr="1", destination_addr="2", short_message=b"x")
    for stat, state in STATES.items():
        pdu = receipt_pdu(message, "42", stat, "null", submitted=0.0, done=60.0)
        told = receipt.parse(pdu.short_message)
        assert (told.id, told.stat, told.state) == ("42", stat, state)
        assert wire.tlv_int(pdu, wire.Tag.message_state) == state
        assert (pdu.esm_class == 0x20) == (stat in ("ENROUTE", "SCHEDLD"))
        assert wire.decode(wire.encode(pdu)) == pdu
        assert wanted(1, stat)
        assert not wanted(0, stat)
        assert wanted(2, stat) != wanted(3, stat)
