"""Stories of carriers and applications, row by row: 7.10 row 12, 7.11 and 7.12.

What needs the sending service waits for it: 7.10 row 2 (an archive), 7.11 rows 8 to 10 (jobs),
7.12 rows 1 to 5 (conversations). The other rows are proven where their part of the gateway is:

- 7.10 rows 1 and 3: test_transliterate::test_the_texts_of_a_campaign, test_encode::test_smart;
  rows 4 to 11: test_segment::test_what_a_counter_must_say, test_a_clause_is_cut_with_the_text and
  test_how_much_fits; row 13: test_traps::test_trap_2
- 7.11 rows 1 to 5: test_segment::test_classes, test_relay_content::test_a_class_arrives_in_the_
  style_of_the_carrier; row 7: test_choices::test_choice_10
- 7.12 row 8: test_relay_receipts_ids; row 9: test_relay_receipts::test_a_receipt_overtakes_the_
  answer; row 10: test_shell_standing; row 11: test_relay_esme_limits::test_above_its_rate_it_is_
  throttled_and_later_served, and test_explain_accounts for what an operator is told
"""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest
from carrier_kit import (
    Traffic,
    arrivals,
    assert_clean,
    assert_in_order,
    crash,
    drain,
    duplicates,
    taken,
    world_of,
)
from relay_kit import World, carrier
from relay_peers import payload

from smppgw.core.encoding import in_parts
from smppgw.core.message import State
from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp import wire

S = wire.CommandStatus
TO = "33639980002"
FLASH = 0x10
ALERT = "Alerte crue : évacuez la zone A. Infos 0800 123 456"


# ---------------------------------------------------------------- 7.10: one count everywhere

LETTERS = [
    *("abc ", "Éé@£", "€[]{}\\~^|", "\n", "ж", "ê", "中", "\U0001f600", "e\u0301", "\x0c"),
    *("x" * 40, "€" * 30, "ж" * 25),
]
STYLES = ("udh8", "udh16", "sar")
TEXTS = 10_000
"""In all styles together."""


@pytest.mark.parametrize("style", STYLES)
def test_7_10_row_12_as_many_parts_are_sent_as_are_counted(tmp_path: Path, style: str) -> None:
    """What `encode` says of a text, and what leaves for it: the same parts, octet by octet."""
    random = Random(style)
    settings = carrier("a", concatenation=style, window=1000)
    world = world_of(tmp_path, settings, behaviours={"a": Behaviour(receipts="never", record=100)})
    esme, simulated = world.esme(), world.simulated["a"]
    for number in range(TEXTS // len(STYLES)):
        text = "".join(random.choice(LETTERS) for _ in range(random.randrange(1, 25)))
        simulated.received.clear()
        octets = text.encode("utf-16-be")
        sent = esme.submit(f"336{number:08}", b"", data_coding=8, tlvs=(payload(octets),))
        for _ in range(20):
            world.clock.advance(0)
        assert esme.status(sent) == 0
        submits = [one.pdu for one in simulated.received]
        counted = in_parts(text, settings).found.parts
        assert len(submits) == len(counted), repr(text)
        for submit, part in zip(submits, counted, strict=True):
            assert (submit.data_coding, submit.esm_class) == (part.data_coding, part.esm_class)
            assert _said(submit) == _bare(part.short_message, part.esm_class)


def _said(pdu: Any) -> bytes:
    return _bare(pdu.short_message, pdu.esm_class)


def _bare(octets: bytes, esm_class: int) -> bytes:
    """Octets without the header, whose reference differs."""
    return octets[octets[0] + 1 :] if esm_class & 0x40 else octets


# ---------------------------------------------------------------- 7.11: flash, deferred, cancel


def test_7_11_rows_1_and_6_flash_passes_through(tmp_path: Path) -> None:
    """51 septets with data_coding 0x10, as the application sent them."""
    world = World(tmp_path / "var", (carrier("a", class_style="0x1x"),))
    octets = ALERT.replace("é", "\x05").encode("latin-1")
    assert len(octets) == 51
    world.esme().submit(TO, octets, data_coding=FLASH)
    world.settle(1)
    (one,) = world.simulated["a"].received
    assert (one.pdu.data_coding, one.pdu.esm_class) == (FLASH, 0)
    assert one.pdu.short_message == octets


def test_7_11_row_3_flash_in_ucs2_is_0x18_in_either_style(tmp_path: Path) -> None:
    octets = "Опасность".encode("utf-16-be")
    assert len(octets) == 18
    for style in ("0x1x", "0xF0"):
        world = World(tmp_path / style, (carrier("a", class_style=style),))
        world.esme().submit(TO, octets, data_coding=0x18)
        world.settle(1)
        (one,) = world.simulated["a"].received
        assert (one.pdu.data_coding, one.pdu.short_message) == (0x18, octets)


@pytest.mark.parametrize(
    ("minutes", "status", "state", "sent"),
    [(30, S.ESME_ROK, State.DELETED, 0), (61, S.ESME_RCANCELFAIL, State.DELIVERED, 1)],
)
def test_7_11_row_11_cancelled_before_its_hour_and_after(
    tmp_path: Path, minutes: int, status: int, state: State, sent: int
) -> None:
    world = world_of(tmp_path)
    esme = world.esme()
    sequence = esme.submit(
        TO, schedule_delivery_time="000000010000000R", registered_delivery=1, source_addr="38100"
    )
    world.settle(60 * minutes, step=30)
    message_id = esme.id_of(sequence)
    cancel = esme.request(wire.CancelSm(message_id=message_id, source_addr="38100"))
    world.settle(1)
    assert esme.status(cancel) == status
    query = esme.request(wire.QuerySm(message_id=message_id, source_addr="38100"))
    world.settle(3600, step=60)
    answer = esme.responses[query]
    assert isinstance(answer, wire.QuerySmResp)
    assert answer.message_state == state
    assert len(world.simulated["a"].received) == sent


@pytest.mark.parametrize(
    ("validity", "sent", "state"),
    [("", 1, State.DELIVERED), ("000000000200000R", 0, State.EXPIRED)],
)
def test_7_11_row_12_down_when_it_was_due(
    tmp_path: Path, validity: str, sent: int, state: State
) -> None:
    """Due at nine, the gateway away from a minute before until five after."""
    world = world_of(tmp_path)
    esme = world.esme()
    fields = {"schedule_delivery_time": "000000000100000R", "validity_period": validity}
    sequence = esme.submit(TO, registered_delivery=1, **fields)
    world.settle(1)
    message_id = esme.id_of(sequence)
    start = world.start

    def later() -> None:
        world.clock.rightNow += 360
        start()

    world.start = later
    crash(world)
    world.settle(10)
    assert len(world.simulated["a"].received) == sent
    world.settle(600, step=10)
    assert len(world.simulated["a"].received) == sent
    assert world.message(message_id).state == state


# ---------------------------------------------------------------- 7.12: trouble, drain, a crash


def test_7_12_row_6_a_carrier_that_throttles_every_37th(tmp_path: Path) -> None:
    """All sent, each once, in order for each recipient; the rate goes down, and comes back."""
    world = world_of(
        tmp_path,
        carrier("a", window=10, adaptive=True),
        behaviours={"a": Behaviour(response_delay=0.05)},
    )
    traffic = Traffic(world)
    numbers = [
        traffic.send(
            f"336399800{number % 50:02}", "{status=0x58,times=1}" if number % 37 == 0 else ""
        )
        for number in range(1, 1001)
    ]
    rates: set[float] = set()
    rate: Any = world.relay.carriers["a"].rate
    while len(taken(world)) < 1000:
        world.settle(1)
        rates.add(rate.rate(world.clock.seconds()))
    drain(world)
    assert sorted(taken(world)) == numbers
    assert duplicates(world) == 0
    assert_in_order(world)
    assert world.relay.carriers["a"].measures.throttled >= 27
    assert max(rates) > 0
    world.settle(1200, step=10)
    assert rate.rate(world.clock.seconds()) == 0
    assert_clean(world)


def test_7_12_row_7_an_unbind_with_ten_outstanding(tmp_path: Path) -> None:
    """They are sent again and say that they may be duplicates; no other message is."""
    world = world_of(
        tmp_path,
        carrier("a", window=10, reconnect=0.5),
        behaviours={"a": Behaviour(response_delay=30.0)},
    )
    traffic = Traffic(world)
    numbers = [traffic.send(f"336399800{number:02}") for number in range(40)]
    world.settle(2)
    assert len(arrivals(world)) == 10
    outstanding = set(taken(world))
    world.simulated["a"].behaviour = Behaviour()
    world.simulated["a"].binds[0].unbind()
    drain(world)
    repeated = [number for number in numbers if taken(world).count(number) > 1]
    assert set(repeated) == outstanding
    assert duplicates(world) == 10
    assert {n for n in numbers if traffic.message(n).duplicate} == outstanding
    assert world.simulated["a"].counters["binds"] == 2
    assert_clean(world)


def test_7_12_row_12_killed_at_message_500_of_1000(tmp_path: Path) -> None:
    world = world_of(
        tmp_path, carrier("a", window=10), behaviours={"a": Behaviour(response_delay=0.02)}
    )
    traffic = Traffic(world)
    for number in range(1000):
        traffic.send(f"336399800{number % 50:02}", registered_delivery=1)
    while len(arrivals(world)) < 500:
        world.settle(0.02, step=0.01)
    acknowledged = traffic.acknowledged()
    crash(world)
    drain(world)
    assert set(acknowledged) <= set(taken(world))
    assert len(acknowledged) > 0
    assert duplicates(world) <= 10
    for number in acknowledged:
        again = taken(world).count(number) > 1
        assert bool(traffic.message(number).duplicate) >= again
    assert_clean(world)
