"""Receipts as each account wants them, from the settings to the octets that its ESME gets."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve
from relay_kit import account, carrier
from relay_peers import by_tlv, counting, scripted
from twisted.internet.defer import Deferred

from smppgw.core.ids import parse_id
from smppgw.core.message import State
from smppgw.core.outcome import receipt_body
from smppgw.core.reload import Reload
from smppgw.smpp import wire
from smppgw.sms.receipt_format import APPENDIX_B, Template

ID = "0123456789abcdef"
SUBMITTED, DONE = 1_790_000_039.0, 1_790_000_040.0
SECONDS = "{stat};{id};{submit_date:12};{done_date:12};{err};{text}"


def submit_body(**fields: object) -> bytes:
    """The octets of a submit_sm behind its header."""
    values = {
        "source_addr": "12345",
        "destination_addr": "33600000001",
        "dest_addr_ton": 1,
        "short_message": b"hello world",
        **fields,
    }
    return wire.encode(wire.SubmitSm(**values))[16:]


def deliver_sm(body: bytes) -> wire.DeliverSm:
    header = (16 + len(body)).to_bytes(4, "big") + bytes((0, 0, 0, 5)) + bytes(7) + b"\x01"
    pdu = wire.decode(header + body)
    assert isinstance(pdu, wire.DeliverSm)
    return pdu


def receipt(template: Template | None = None, state: int = State.DELIVERED, **counts: int) -> bytes:
    body = receipt_body(
        submit_body(), ID, state, SUBMITTED, DONE, "021", 20, 0x04, template, **counts
    )
    return deliver_sm(body).short_message


# ---------------------------------------------------------------------- the body


def test_without_a_template_it_is_appendix_b() -> None:
    expected = (
        f"id:{ID} sub:001 dlvrd:001 submit date:2609211413 done date:2609211414"
        " stat:DELIVRD err:021 text:hello world"
    ).encode()
    assert receipt() == expected
    assert receipt(Template(APPENDIX_B)) == expected


def test_a_template_changes_the_text_and_nothing_else() -> None:
    arguments = (submit_body(), ID, State.UNDELIVERABLE, SUBMITTED, DONE, "021", 5, 0x04)
    plain = deliver_sm(receipt_body(*arguments))
    shaped = deliver_sm(receipt_body(*arguments, Template(SECONDS)))
    assert shaped.short_message == f"UNDELIV;{ID};260921141359;260921141400;021;hello".encode()
    shaped.short_message = plain.short_message
    assert wire.encode(shaped) == wire.encode(plain)
    assert [tag for tag, _ in plain.tlvs] == [0x001E, 0x0427, 0x0423]


@pytest.mark.parametrize("template", [None, Template("{id} {sub} {dlvrd} {stat}")])
@pytest.mark.parametrize(
    ("state", "counts", "sub", "dlvrd"),
    [
        (State.DELIVERED, {}, b"001", b"001"),
        (State.EXPIRED, {}, b"001", b"000"),
        (State.DELIVERED, {"sub": 3}, b"003", b"003"),
        (State.EXPIRED, {"sub": 3}, b"003", b"000"),
        (State.UNDELIVERABLE, {"sub": 3, "dlvrd": 2}, b"003", b"002"),
        (State.DELIVERED, {"sub": 255, "dlvrd": 255}, b"255", b"255"),
    ],
)
def test_counts_of_messages_in_parts(
    template: Template | None, state: int, counts: dict[str, int], sub: bytes, dlvrd: bytes
) -> None:
    written = receipt(template, state, **counts)
    shown = b"%b %b" if template else b"sub:%b dlvrd:%b"
    assert b" " + shown % (sub, dlvrd) + b" " in written


@pytest.mark.parametrize("octets", [b"", b"\x00\xe9\xff", b"100% {id} %s"])
def test_what_the_message_says_is_no_template(octets: bytes) -> None:
    body = receipt_body(
        submit_body(short_message=octets),
        ID, State.DELIVERED, 0, 0, "000", 64, 0x04, Template("{text}|{id}|{stat}"),
    )  # fmt: skip
    assert deliver_sm(body).short_message == octets + b"|" + ID.encode() + b"|DELIVRD"


def test_the_longest_that_the_configuration_lets_through() -> None:
    template = Template("{id}{stat}{text}" + "x" * 163)
    assert template.longest(64) == 254
    body = receipt_body(
        submit_body(short_message=b"t" * 100), "f" * 20, State.EXPIRED, 0, 0, "0", 64, 4, template
    )
    assert len(deliver_sm(body).short_message) == 254


# ---------------------------------------------------------------------- through the gateway


def test_each_account_gets_its_own(tmp_path: Path) -> None:
    world, remote = scripted(
        tmp_path,
        ids=counting(),
        accounts=(account("esme"), account("shaped", receipt_format=SECONDS, receipt_text=5)),
    )
    plain, shaped = world.esme(), world.esme("shaped")
    sequences = []
    for esme in (plain, shaped):
        sequences.append(esme.submit(text=b"hello world", registered_delivery=1))
        world.settle(90)  # from 14:13:21
    for remote_id in remote.given:
        remote.send(by_tlv(remote_id, "UNDELIV", 27))
    (one,), (other,) = plain.delivered, shaped.delivered
    assert one.short_message.startswith(f"id:{plain.id_of(sequences[0])} sub:001 ".encode())
    assert one.short_message.endswith(b" stat:UNDELIV err:027 text:hello world")
    message_id = shaped.id_of(sequences[1])
    stat, id, submitted, done, err, text = other.short_message.decode().split(";")
    assert (stat, id, err, text) == ("UNDELIV", message_id, "027", "hello")
    assert (submitted, done) == ("260921141451", "260921141621")
    assert wire.tlv_text(other, wire.Tag.receipted_message_id) == message_id
    assert wire.tlv(other, wire.Tag.network_error_code) == b"\x03\x00\x1b"


def test_intermediate_notifications_have_it_too(tmp_path: Path) -> None:
    world, remote = scripted(
        tmp_path, ids=counting(), accounts=(account("esme", receipt_format="{stat} {id}"),)
    )
    esme = world.esme()
    sequence = esme.submit(registered_delivery=0x11)
    world.settle()
    remote.send(by_tlv(remote.given[0], "ENROUTE", esm_class=0x20))
    remote.send(by_tlv(remote.given[0], "DELIVRD"))
    id = esme.id_of(sequence)
    assert [pdu.short_message.decode() for pdu in esme.delivered] == [
        f"ENROUTE {id}",
        f"DELIVRD {id}",
    ]


def test_a_change_holds_for_receipts_from_then_on(tmp_path: Path) -> None:
    world, remote = scripted(tmp_path, ids=counting(), carriers=(carrier("a"),))
    esme = world.esme()
    for n in range(3):
        esme.submit(f"3360000000{n}", registered_delivery=1)
    world.settle()
    reload = Reload(world.relay, world.settings, world.clock)
    for remote_id, form in zip(remote.given, ("{id}", "{stat} of {id}", APPENDIX_B), strict=True):
        if form != "{id}":
            changed = (account("esme", receipt_format=form, receipt_text=0),)
            Deferred.fromCoroutine(reload.apply(evolve(reload.settings, accounts=changed)))
            world.settle()
        remote.send(by_tlv(remote_id, "DELIVRD"))
    texts = [pdu.short_message for pdu in esme.delivered]
    assert texts[0].startswith(b"id:")
    assert texts[0].endswith(b" text:hello")
    assert texts[1].startswith(b"DELIVRD of ")
    assert texts[2].startswith(b"id:")
    assert texts[2].endswith(b" text:")


def test_receipts_of_a_removed_account_are_those_of_the_standard(tmp_path: Path) -> None:
    world, remote = scripted(
        tmp_path, ids=counting(), accounts=(account("esme", receipt_format="{stat} {id}"),)
    )
    esme = world.esme()
    sequence = esme.submit(registered_delivery=1)
    world.settle()
    id = esme.id_of(sequence)
    world.settings = evolve(world.settings, accounts=(account("other"),))
    world.relay.accounts.pop("esme")
    remote.send(by_tlv(remote.given[0], "DELIVRD"))
    (delivery,) = world.engine.deliveries("esme", 0, 10)
    assert delivery.message == parse_id(id)
    assert deliver_sm(delivery.body).short_message.startswith(f"id:{id} sub:001 ".encode())
