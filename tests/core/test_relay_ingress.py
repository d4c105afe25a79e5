"""What a submit is refused for, and what of it reaches the carrier, octet by octet."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from relay_esme_kit import balanced, bind, hold, release, say, submit
from relay_kit import EPOCH, World, account, carrier

from smppgw.core.account_settings import Priority
from smppgw.core.message import State
from smppgw.core.settings import RouteSettings
from smppgw.smpp import wire
from smppgw.smpp.wire import CommandId, Tag
from smppgw.smpp.wire import CommandStatus as S
from smppgw.smpp.wire.times import format_absolute

TO = "33600000001"
PAYLOAD = int(Tag.message_payload)
SAR = ((0x020C, b"\0\1"), (0x020E, b"\2"), (0x020F, b"\1"))
UDH = bytes((5, 0, 3, 1, 2, 1))


def at(seconds: float) -> str:
    return format_absolute(datetime.fromtimestamp(EPOCH + seconds, UTC))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "var")


def answer(world: World, **fields: object) -> int:
    """command_status of a submit_sm."""
    peer = bind(world)
    to = fields.pop("destination_addr", TO)
    (got,) = say(world, peer, submit(2, to, **fields))
    assert len(peer.frames[-1]) == (33 if got[1] == 0 else 16)
    return got[1]


def relayed(world: World, pdu: wire.SubmitSm) -> wire.SubmitSm:
    """What the carrier gets of a submit_sm."""
    peer = bind(world)
    pdu.sequence_number = 2
    status = say(world, peer, wire.encode(pdu))[0][1]
    assert status == 0, wire.status_name(status)
    world.settle(1)
    return world.simulated["a"].received[-1].pdu


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"destination_addr": ""}, S.ESME_RINVDSTADR),
        ({"destination_addr": "33600x"}, S.ESME_RINVDSTADR),
        ({"destination_addr": "+"}, S.ESME_RINVDSTADR),
        ({"destination_addr": "12\x0134", "dest_addr_ton": 0}, S.ESME_RINVDSTADR),
        ({"source_addr": "abcdefghijkl", "source_addr_ton": 5}, S.ESME_RINVSRCADR),
        ({"source_addr": "abc", "source_addr_ton": 1}, S.ESME_RINVSRCADR),
        ({"source_addr": "1\x02"}, S.ESME_RINVSRCADR),
        ({"priority_flag": 5}, S.ESME_RINVPRTFLG),
        ({"priority_flag": 255}, S.ESME_RINVPRTFLG),
        ({"replace_if_present_flag": 2}, S.ESME_RINVREPFLAG),
        ({"sm_default_msg_id": 1}, S.ESME_RINVDFTMSGID),
        ({"schedule_delivery_time": "tomorrow"}, S.ESME_RINVSCHED),
        ({"schedule_delivery_time": "2609210000000000"}, S.ESME_RINVSCHED),
        ({"schedule_delivery_time": "261301000000000+"}, S.ESME_RINVSCHED),
        ({"schedule_delivery_time": "260921000000049+"}, S.ESME_RINVSCHED),
        ({"validity_period": "x"}, S.ESME_RINVEXPIRY),
        ({"validity_period": at(-1)}, S.ESME_RINVEXPIRY),
        ({"validity_period": "200101000000000+"}, S.ESME_RINVEXPIRY),
        ({"schedule_delivery_time": at(60), "validity_period": at(60)}, S.ESME_RINVEXPIRY),
        ({"esm_class": 0x40, "short_message": b""}, S.ESME_RINVESMCLASS),
        ({"esm_class": 0x40, "short_message": b"\x05\x00\x03"}, S.ESME_RINVESMCLASS),
        ({"esm_class": 0x40, "short_message": b"\x00abc"}, S.ESME_RINVESMCLASS),
        ({"esm_class": 0xC0, "short_message": b"hello"}, S.ESME_RINVESMCLASS),
        ({"esm_class": 0x40, "short_message": UDH + b"x", "tlvs": SAR}, S.ESME_RINVTLVVAL),
        ({"tlvs": ((PAYLOAD, b"both"),)}, S.ESME_RINVTLVVAL),
    ],
)
def test_each_refusal(world: World, fields: dict[str, object], status: int) -> None:
    assert answer(world, **fields) == status
    world.settle(1)
    assert not world.relay.ledger.lines("account")
    assert not world.simulated["a"].received
    balanced(world)


def test_a_destination_without_route_is_refused(tmp_path: Path) -> None:
    world = World(tmp_path / "var", routes=(RouteSettings(prefix="44", carriers=(("a",),)),))
    assert answer(world) == S.ESME_RINVDSTADR
    assert answer(world, destination_addr="+44 7700 900123") == 0
    balanced(world)


@pytest.mark.parametrize(
    "fields",
    [
        {"source_addr": ""},
        {"source_addr": "CAF\xc9 @", "source_addr_ton": 5},
        {"destination_addr": "12345", "dest_addr_ton": 3},
        {"destination_addr": "BANK", "dest_addr_ton": 5},
        {"priority_flag": 4},
        {"short_message": b""},
        {"short_message": b"x" * 160},
        {"schedule_delivery_time": "000000000000000R"},
        {"validity_period": "000000000000000R"},
        {"tlvs": SAR},
        {"data_coding": 0xEE},
        {"service_type": "USSD"},
        {"source_addr_ton": 77, "dest_addr_npi": 200},
    ],
)
def test_what_is_unusual_and_right(world: World, fields: dict[str, object]) -> None:
    assert answer(world, **fields) == 0
    world.settle(35, 1)  # one part alone goes when the others did not come
    assert len(world.simulated["a"].received) == 1


def test_a_system_error_of_ours_is_answered(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.relay, "router", None)
    assert answer(world) == S.ESME_RSYSERR
    balanced(world)


# ---------------------------------------------------------------------------- octet by octet


def test_every_field_reaches_the_carrier_as_it_came(world: World) -> None:
    pdu = wire.SubmitSm(
        service_type="CMT",
        source_addr_ton=5,
        source_addr_npi=9,
        source_addr="S\xe9nder",
        dest_addr_ton=1,
        dest_addr_npi=8,
        destination_addr="+33 6 00 00 00 01",
        esm_class=0x43,
        protocol_id=0x7F,
        priority_flag=2,
        registered_delivery=0x1D,
        data_coding=0xF6,
        short_message=UDH + bytes(range(134)),
        tlvs=(
            (0x1400, b"110\0"),
            (0x1400, b"again"),
            (0x0204, b"\x12\x34"),
            (0x3FFF, b""),
            (0x2153, b"(null)\0"),
            (0xFFFF, bytes(range(256))),
        ),
    )
    octets = wire.body_of(pdu)
    got = relayed(world, pdu)
    assert wire.body_of(got) == octets
    balanced(world)


def test_vendor_tlvs_survive_a_crash_in_the_queue(world: World) -> None:
    tlvs = ((0x1402, b"dlt\0"), (0x0000, b""), (0x1402, b"\xff\0\xff"))
    peer = bind(world)
    hold(world)
    say(world, peer, submit(2, tlvs=tlvs))
    world.crash()
    world.settle(2)
    assert world.simulated["a"].received[-1].pdu.tlvs == tlvs


def test_a_short_message_of_255_octets_is_taken_whole(world: World) -> None:
    text = bytes(range(1, 256))
    body = wire.body_of(wire.SubmitSm(source_addr="1", destination_addr=TO, tlvs=((0x1400, b"x"),)))
    start = len(body) - 5
    assert body[start - 1] == 0
    body = body[: start - 1] + b"\xff" + text + body[start:]
    peer = bind(world)
    got = say(world, peer, wire.frame(CommandId.submit_sm, 0, 2, body))
    assert got == [(int(CommandId.submit_sm_resp), 0, 2)]
    world.settle(1)
    pdu = world.simulated["a"].received[-1].pdu
    assert (pdu.short_message or wire.tlv(pdu, PAYLOAD)) == text
    assert (0x1400, b"x") in pdu.tlvs


def test_a_service_type_too_long_to_be_sent_is_refused(world: World) -> None:
    peer = bind(world)
    hold(world)
    say(world, peer, submit(2))
    body = wire.body_of(wire.SubmitSm(destination_addr=TO, replace_if_present_flag=1))
    octets = wire.frame(CommandId.submit_sm, 0, 3, b"SERVICE" + body)
    assert say(world, peer, octets) == [(int(CommandId.submit_sm_resp), S.ESME_RINVSERTYP, 3)]
    assert world.message(peer.pdus[1].message_id).state == State.WAITING
    balanced(world)


@pytest.mark.parametrize("size", [1, 1000, 39_015])
def test_a_payload_goes_through(world: World, size: int) -> None:
    pdu = wire.SubmitSm(
        source_addr="1", destination_addr=TO, tlvs=((0x1400, b"x"), (PAYLOAD, b"p" * size))
    )
    relayed(world, pdu)
    world.settle(60)
    received = [one.pdu for one in world.simulated["a"].received]
    texts = [one.short_message[6 if len(received) > 1 else 0 :] for one in received]
    assert b"".join(texts) == b"p" * size
    assert {one.tlvs for one in received} == {((0x1400, b"x"),)}
    balanced(world)


def test_a_text_of_too_many_parts_is_refused(world: World) -> None:
    peer = bind(world)
    pdu = wire.SubmitSm(
        destination_addr=TO, sequence_number=2, tlvs=((PAYLOAD, b"p" * (255 * 153 + 1)),)
    )
    answers = say(world, peer, wire.encode(pdu))
    assert answers == [(int(CommandId.submit_sm_resp), S.ESME_RINVMSGLEN, 2)]


def test_a_nul_in_the_text_is_text(world: World) -> None:
    text = "A\0@\0é".encode("utf-16-be")
    pdu = wire.SubmitSm(source_addr="1", destination_addr=TO, data_coding=8, short_message=text)
    assert relayed(world, pdu).short_message == text


@pytest.mark.parametrize("octet", range(0, 256, 17))
def test_numbers_outside_the_tables_stay_numbers(world: World, octet: int) -> None:
    pdu = wire.SubmitSm(
        source_addr_ton=octet if octet != 1 else 2,
        source_addr_npi=octet,
        source_addr="12345",
        dest_addr_npi=octet,
        destination_addr=TO,
        protocol_id=octet,
        data_coding=octet if octet not in (0x11, 0x55, 0xFF) else 4,
        short_message=b"x",
    )
    octets = wire.body_of(pdu)
    assert wire.body_of(relayed(world, pdu)) == octets


@pytest.mark.parametrize("written", ["+33600000001", "0033600000001", "33 6 00.00-00(01)"])
def test_an_address_is_normalised_for_us_and_kept_for_others(world: World, written: str) -> None:
    pdu = wire.SubmitSm(
        source_addr="12345", dest_addr_ton=1, destination_addr=written, registered_delivery=1
    )
    peer = bind(world)
    pdu.sequence_number = 2
    say(world, peer, wire.encode(pdu))
    message_id = peer.pdus[1].message_id
    world.settle(1)
    assert world.simulated["a"].received[-1].pdu.destination_addr == written
    assert world.message(message_id).destination == TO
    receipt = peer.pdus[-1]
    assert (receipt.source_addr, receipt.destination_addr) == (written, "12345")


# ---------------------------------------------------------------------------- rewritten


@pytest.mark.parametrize(
    ("asked", "sent"),
    [(0, 0), (1, 1), (2, 1), (3, 1), (0x10, 0x11), (0x1E, 0x1D), (0x0C, 0x0C), (0xE1, 0xE1)],
)
def test_registered_delivery_asks_for_what_we_need_to_know(
    world: World, asked: int, sent: int
) -> None:
    pdu = wire.SubmitSm(
        source_addr="1", destination_addr=TO, short_message=b"x", registered_delivery=asked
    )
    assert relayed(world, pdu).registered_delivery == sent


@pytest.mark.parametrize(
    ("asked", "stat", "comes"),
    [
        (0, "DELIVRD", False),
        (1, "DELIVRD", True),
        (1, "UNDELIV", True),
        (2, "DELIVRD", False),
        (2, "UNDELIV", True),
        (3, "DELIVRD", True),
        (3, "UNDELIV", False),
    ],
)
def test_the_receipt_that_was_asked_for_comes(
    world: World, asked: int, stat: str, comes: bool
) -> None:
    esme = world.esme()
    text = f"{{receipt={stat}}}".encode()
    sequence = esme.submit(text=text, registered_delivery=asked)
    world.settle(2)
    assert len(esme.delivered) == comes
    state = world.message(esme.id_of(sequence)).state
    assert state == (
        State.ACCEPTED if not asked else State[{"DELIVRD": "DELIVERED"}.get(stat, "UNDELIVERABLE")]
    )


def test_a_relative_validity_counts_from_the_submit(world: World) -> None:
    esme = world.esme()
    hold(world)
    sequence = esme.submit(validity_period="000000010000000R")
    world.settle(600, 10)
    release(world)
    world.settle(1)
    assert world.simulated["a"].received[-1].pdu.validity_period == at(3600)
    assert esme.status(sequence) == 0


def test_an_absolute_validity_in_another_zone_is_the_same_moment(world: World) -> None:
    local = datetime.fromtimestamp(EPOCH + 3600 + 2 * 3600, UTC)
    esme = world.esme()
    sequence = esme.submit(validity_period=f"{local:%y%m%d%H%M%S}008+")
    world.settle(1)
    assert world.simulated["a"].received[-1].pdu.validity_period == at(3600)
    assert world.message(esme.id_of(sequence)).expires == int((EPOCH + 3600) * 1000)


def test_a_month_is_a_month_of_the_calendar_and_cut_to_the_longest(world: World) -> None:
    esme = world.esme()
    sequence = esme.submit(validity_period="000100000000000R")
    world.settle(1)
    longest = world.settings.gateway.max_validity
    assert world.message(esme.id_of(sequence)).expires == int((EPOCH + longest) * 1000)
    assert world.simulated["a"].received[-1].pdu.validity_period == at(longest)


def test_no_validity_is_ours(world: World) -> None:
    esme = world.esme()
    sequence = esme.submit()
    world.settle(1)
    assert world.simulated["a"].received[-1].pdu.validity_period == ""
    default = world.settings.gateway.validity
    assert world.message(esme.id_of(sequence)).expires == int((EPOCH + default) * 1000)


@pytest.mark.parametrize("crash", [False, True])
def test_a_schedule_is_ours_to_keep(world: World, crash: bool) -> None:
    esme = world.esme()
    sequence = esme.submit(
        schedule_delivery_time="000000001000000R", validity_period="000000002000000R"
    )
    world.settle(1)
    message = world.message(esme.id_of(sequence))
    assert (message.state, message.due) == (State.DEFERRED, int((EPOCH + 600) * 1000))
    balanced(world)
    if crash:
        world.crash()
    world.settle(590, 5)
    assert not world.simulated["a"].received
    world.settle(15, 1)
    (received,) = world.simulated["a"].received
    assert received.pdu.schedule_delivery_time == ""
    assert received.pdu.validity_period == at(1200)
    balanced(world)


@pytest.mark.parametrize("when", [at(-3600), "200101000000000+", "000000000000000R"])
def test_a_schedule_that_is_past_or_says_nothing_is_now(world: World, when: str) -> None:
    esme = world.esme()
    esme.submit(schedule_delivery_time=when)
    world.settle(1)
    assert world.simulated["a"].received[-1].pdu.schedule_delivery_time == ""


def test_a_scheduled_message_has_its_validity_from_its_time_on(world: World) -> None:
    esme = world.esme()
    sequence = esme.submit(schedule_delivery_time="000003000000000R")
    world.settle(1)
    default = world.settings.gateway.validity
    expected = int((EPOCH + 3 * 86400 + default) * 1000)
    assert world.message(esme.id_of(sequence)).expires == expected


# ---------------------------------------------------------------------------- priority


@pytest.mark.parametrize(
    ("priority", "best", "flag", "expected"),
    [
        ("transactional", "codes", 0, Priority.TRANSACTIONAL),
        ("transactional", "codes", 1, Priority.TRANSACTIONAL),
        ("transactional", "codes", 2, Priority.CODES),
        ("transactional", "codes", 3, Priority.CODES),
        ("transactional", "codes", 4, Priority.CODES),
        ("bulk", "codes", 0, Priority.BULK),
        ("bulk", "bulk", 3, Priority.BULK),
        ("bulk", "transactional", 3, Priority.TRANSACTIONAL),
        ("codes", "codes", 1, Priority.TRANSACTIONAL),
    ],
)
def test_priority_flag_chooses_the_class(
    tmp_path: Path, priority: str, best: str, flag: int, expected: Priority
) -> None:
    accounts = (account("esme", priority=priority, max_priority=best),)
    world = World(tmp_path / "var", accounts=accounts)
    esme = world.esme()
    sequence = esme.submit(priority_flag=flag)
    world.settle(1)
    assert world.message(esme.id_of(sequence)).priority == expected
    assert world.simulated["a"].received[-1].pdu.priority_flag == flag


def test_codes_pass_what_waits(tmp_path: Path) -> None:
    world = World(tmp_path / "var", carriers=(carrier("a", window=1),))
    esme = world.esme()
    hold(world)
    for n in range(30):
        esme.submit(f"336000010{n:02}", text=b"slow")
    esme.submit("33600000999", text=b"code", priority_flag=3)
    world.settle()
    release(world)
    world.settle(3)
    texts = [one.text for one in world.simulated["a"].received]
    assert texts.index("code") <= 1
    assert len(texts) == 31
