"""Messages from phones: who gets them, untouched, and only once they are durable."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mo_kit import old_esme
from relay_kit import World, account, carrier
from relay_peers import (
    PHONE,
    ScriptedCarrier,
    lose,
    mo,
    payload,
    restart,
    rows,
    scripted,
    snapshot,
    texts,
)

from smppgw.core.content import part_of
from smppgw.core.settings import NumberSettings
from smppgw.smpp import wire

UNROUTED = "SELECT carrier, source, destination, reason FROM unrouted ORDER BY id"


def start(directory: Path, *numbers: NumberSettings, **rest) -> tuple[World, ScriptedCarrier]:
    if not numbers:
        numbers = (NumberSettings(address="38100", account="esme"),)
    return scripted(directory, numbers=numbers, **rest)


# ---------------------------------------------------------------------- who gets it


def test_an_mo_goes_to_the_owner_of_its_number(tmp_path: Path) -> None:
    world, remote = start(
        tmp_path,
        NumberSettings(address="38100", account="one"),
        NumberSettings(address="33700000000", account="two"),
        accounts=(account("one"), account("two")),
    )
    one, two = world.esme("one"), world.esme("two")
    for text, destination in ((b"a", "38100"), (b"b", "33700000000"), (b"c", "38100")):
        assert remote.mo(text, destination).status == 0
    assert texts(one.delivered) == [b"a", b"c"]
    assert texts(two.delivered) == [b"b"]
    assert one.delivered[0].source_addr == PHONE
    assert one.delivered[0].destination_addr == "38100"
    assert rows(world, UNROUTED) == []
    assert world.relay.inbox.received == 3


@pytest.mark.parametrize(
    ("destination", "ton"),
    [
        ("33700000000", 1),
        ("+33700000000", 1),
        ("0033700000000", 0),
        ("33 700-000.000", 0),
        ("(33)700000000", 1),
    ],
)
def test_however_its_number_is_written(tmp_path: Path, destination: str, ton: int) -> None:
    world, remote = start(tmp_path, NumberSettings(address="33700000000", account="esme"))
    esme = world.esme()
    remote.mo(b"hi", destination, dest_addr_ton=ton)
    (got,) = esme.delivered
    assert (got.destination_addr, got.dest_addr_ton) == (destination, ton), "as it came"


def test_a_number_tied_to_a_carrier(tmp_path: Path) -> None:
    world = World(
        tmp_path / "var",
        start=False,
        carriers=(carrier("a", 2790), carrier("b", 2791), carrier("c", 2792)),
        accounts=(account("one"), account("two"), account("any")),
        numbers=(
            NumberSettings(address="38100", carrier="a", account="one"),
            NumberSettings(address="38100", carrier="b", account="two"),
            NumberSettings(address="38200", carrier="a", account="one"),
            NumberSettings(address="38300", carrier="a", account="one"),
            NumberSettings(address="38300", account="any"),
        ),
    )
    carriers = {
        name: ScriptedCarrier(world, port)
        for name, port in zip("abc", (2790, 2791, 2792), strict=True)
    }
    world.relay.start()
    world.settle(1)
    esmes = {name: world.esme(name) for name in ("one", "two", "any")}
    for number in ("38100", "38200", "38300"):
        for name, remote in carriers.items():
            assert remote.mo(f"{number} {name}".encode(), number).status == 0
    assert texts(esmes["one"].delivered) == [b"38100 a", b"38200 a", b"38300 a"]
    assert texts(esmes["two"].delivered) == [b"38100 b"]
    assert texts(esmes["any"].delivered) == [b"38300 b", b"38300 c"]
    assert [(row[0], row[2]) for row in rows(world, UNROUTED)] == [
        ("c", "38100"),
        ("b", "38200"),
        ("c", "38200"),
    ]


def test_what_nobody_owns_is_kept(tmp_path: Path) -> None:
    world, remote = start(
        tmp_path,
        NumberSettings(address="1", account=""),
        NumberSettings(address="2", account="gone"),
    )
    esme = world.esme()
    for destination in ("1", "2", "3", "", "NAME"):
        assert remote.mo(b"to " + destination.encode(), destination).status == 0
    assert esme.delivered == []
    assert world.relay.inbox.unrouted == 5
    assert rows(world, UNROUTED) == [
        ("a", PHONE, "1", "the number has no owner"),
        ("a", PHONE, "2", "no account gone"),
        ("a", PHONE, "3", "no such number"),
        ("a", PHONE, "", "no such number"),
        ("a", PHONE, "NAME", "no such number"),
    ]
    bodies = [body for (body,) in rows(world, "SELECT body FROM unrouted ORDER BY id")]
    found = [wire.decode(wire.frame(5, 0, 1, body)) for body in bodies]
    assert [pdu.short_message for pdu in found] == [b"to 1", b"to 2", b"to 3", b"to ", b"to NAME"]
    world.crash()
    assert len(rows(world, UNROUTED)) == 5
    restart(world)
    assert len(rows(world, UNROUTED)) == 5


# ---------------------------------------------------------------------- untouched


ODD = [
    mo(bytes(range(256))[:254], data_coding=4),
    mo("été €".encode("utf-16-be"), data_coding=8),
    mo(b"\xd8\x3d", data_coding=8),
    mo(b""),
    mo(b"\x05\x00\x03\x01\x02\x03no part", esm_class=0x40),
    mo(b"\x06\x05\x04\x23\xf4\x00\x00to a port", esm_class=0x40),
    mo(b"UDHI and no UDH", esm_class=0x40),
    mo(b"\xff", esm_class=0xC0),
    mo(b"x", protocol_id=0xFF, priority_flag=3, replace_if_present_flag=1, sm_default_msg_id=9),
    mo(b"x", registered_delivery=0x1F),
    mo(b"x", schedule_delivery_time="000000000000000R", validity_period="261231235959000+"),
    mo(b"x", source_addr="ACME", source_addr_ton=5, source_addr_npi=77),
    mo(b"x", source_addr="", source_addr_ton=255),
    mo(b"x", source_addr="\xe9\xff", service_type="USSD"),
    mo(b"x", dest_addr_ton=9, dest_addr_npi=18),
    mo(b"", tlvs=(payload(b"p" * 60_000),)),
    mo(b"both", tlvs=(payload(b"payload"),)),
    mo(
        b"x",
        tlvs=(
            (0x1400, b"vendor"),
            (0x1400, b"again"),
            (0x0005, b""),
            (0x020C, b"\x00\x01\x02\x03\x04"),
            (0xFFFF, bytes(300)),
            (0x0000, b""),
        ),
    ),
]


@pytest.mark.parametrize("pdu", ODD, ids=range(len(ODD)))
def test_every_field_arrives_as_it_came(tmp_path: Path, pdu: wire.DeliverSm) -> None:
    world, remote = start(tmp_path)
    body = wire.body_of(pdu)
    assert remote.send(pdu)[0].status == 0
    world.crash()
    world.settle(2)
    esme = world.esme()
    (got,) = esme.delivered
    assert wire.body_of(got) == body


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.builds(
            mo,
            st.binary(max_size=254),
            source_addr=st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=20),
            source_addr_ton=st.integers(0, 255),
            dest_addr_ton=st.sampled_from([0, 1, 3, 200]),
            esm_class=st.sampled_from([0, 0x40, 0x80, 0xC0, 0x08, 0x03]),
            protocol_id=st.integers(0, 255),
            data_coding=st.integers(0, 255),
            tlvs=st.lists(
                st.tuples(st.integers(0x0500, 0xFFFF), st.binary(max_size=40)), max_size=4
            ).map(tuple),
        ).filter(lambda pdu: part_of(pdu) is None),
        min_size=1,
        max_size=8,
    )
)
def test_any_field_arrives_as_it_came(
    tmp_path_factory: pytest.TempPathFactory, pdus: list[wire.DeliverSm]
) -> None:
    world, remote = start(tmp_path_factory.mktemp("any"))
    esme = world.esme()
    bodies = [wire.body_of(pdu) for pdu in pdus]
    assert {sent.status for sent in remote.send(*pdus)} == {0}
    assert [wire.body_of(got) for got in esme.delivered] == bodies
    world.engine.close()


def raw_body(**fields: bytes) -> bytes:
    """A deliver_sm body without the limits of the encoder."""
    values = {
        "service_type": b"",
        "source": b"33600000001",
        "destination": b"38100",
        "schedule": b"",
        "validity": b"",
        "text": b"hi",
        "rest": b"",
    } | fields
    return b"".join(
        (
            values["service_type"] + b"\0\1\1" + values["source"] + b"\0\1\1",
            values["destination"] + b"\0\0\0\0" + values["schedule"] + b"\0",
            values["validity"] + b"\0\0\0\0\0" + bytes((len(values["text"]),)),
            values["text"] + values["rest"],
        )
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"service_type": b"LONGSERVICE"},
        {"source": b"3" * 40},
        {"destination": b"38100" + b" " * 30},
        {"schedule": b"2026-11-20T10:00:00"},
        {"validity": b"x" * 60},
        {"text": b"y" * 255},
        {"rest": b"\0"},
        {"rest": b"\x14\x00\x00\x41trunc"},
        {"service_type": b"LONGSERVICE", "text": b"z" * 255, "source": b"4" * 64},
    ],
    ids=str,
)
def test_what_is_tolerated_does_not_cost_the_link(tmp_path: Path, fields: dict) -> None:
    """Longer than the specification allows: it reaches the ESME in a form that it allows."""
    world, remote = start(
        tmp_path,
        NumberSettings(address="38100", account="esme"),
        NumberSettings(address="38100" + " " * 30, account="esme"),
    )
    esme = world.esme()
    link = remote.link
    assert link.protocol is not None
    link.protocol.send_now(wire.frame(5, 0, 4242, raw_body(**fields)))
    world.settle(3)
    assert remote.links == [link]
    (got,) = esme.delivered
    text = fields.get("text", b"hi")
    assert (got.short_message or wire.tlv(got, wire.Tag.message_payload)) == text
    assert wire.decode(wire.frame(5, 0, 1, wire.body_of(got)))
    assert got.source_addr == fields.get("source", b"33600000001").decode()[:20]
    assert remote.mo(b"next").status == 0
    assert texts(esme.delivered)[1:] == [b"next"]


# ---------------------------------------------------------------------- data_sm, 3.3


def test_an_mo_in_data_sm(tmp_path: Path) -> None:
    world, remote = start(tmp_path)
    esme = world.esme()
    tlvs = (payload(b"a text"), (0x1400, b"vendor"))
    pdu = wire.DataSm(
        service_type="WAP",
        source_addr_ton=1,
        source_addr_npi=1,
        source_addr=PHONE,
        dest_addr_ton=3,
        dest_addr_npi=9,
        destination_addr="38100",
        esm_class=0x40,
        data_coding=8,
        tlvs=tlvs,
    )
    (sent,) = remote.send(pdu)
    assert sent.status == 0
    (got,) = esme.delivered
    assert isinstance(got, wire.DeliverSm)
    for name in (
        "service_type",
        "source_addr_ton",
        "source_addr_npi",
        "source_addr",
        "dest_addr_ton",
        "dest_addr_npi",
        "destination_addr",
        "esm_class",
        "data_coding",
        "tlvs",
    ):
        assert getattr(got, name) == getattr(pdu, name), name
    assert got.short_message == b""


def test_a_data_sm_with_addresses_longer_than_a_deliver_sm_has(tmp_path: Path) -> None:
    world, remote = start(tmp_path)
    esme = world.esme()
    (sent,) = remote.send(
        wire.DataSm(source_addr="s" * 64, destination_addr="38100", tlvs=(payload(b"x"),))
    )
    assert sent.status == 0
    assert esme.delivered[0].source_addr == "s" * 20


def test_a_3_3_esme_gets_the_text_of_a_payload(tmp_path: Path) -> None:
    world, remote = start(tmp_path)
    esme = old_esme(world)
    remote.send(
        mo(b"plain", tlvs=((0x1400, b"vendor"),)),
        mo(b"", tlvs=(payload(b"in a payload"),)),
        mo(b"", tlvs=(payload(b"p" * 254),)),
    )
    assert texts(esme.delivered) == [b"plain", b"in a payload", b"p" * 254]
    assert all(pdu.tlvs == () for pdu in esme.delivered)


# ---------------------------------------------------------------------- durable


@pytest.mark.parametrize("destination", ["38100", "nobody"])
def test_an_mo_is_answered_only_after_its_commit(tmp_path: Path, destination: str) -> None:
    world, remote = start(tmp_path)
    esme = world.esme()
    disk = snapshot(world)
    world.sync.stuck = True
    sent = remote.mo(b"hi", destination)
    world.settle(5)
    assert sent.status is None
    assert esme.delivered == []
    world.sync.go_on()
    world.settle()
    assert sent.status == 0
    # Had the disk lost it, nobody would have been told that we have it.
    world.sync.stuck = True
    again = remote.mo(b"again", destination)
    lose(world, disk)
    world.settle(3)
    assert again.statuses == []
    assert again.lost
    assert rows(world, UNROUTED) == []


def test_a_crash_after_the_commit_and_before_the_answer(tmp_path: Path) -> None:
    world, remote = start(tmp_path)
    world.sync.stuck = True
    sent = remote.mo(b"hi")
    world.crash()
    world.settle(3)
    assert sent.statuses == []
    esme = world.esme()
    assert texts(esme.delivered) == [b"hi"]


@pytest.mark.parametrize("destination", ["38100", "nobody"])
def test_a_disk_that_refuses(tmp_path: Path, destination: str) -> None:
    """0x64 to the carrier, which tries again; then one of it, however often it tried."""
    world, remote = start(tmp_path)
    esme = world.esme()
    append = world.engine.journal.append

    def refuse(octets: bytes) -> None:
        raise OSError("no space left on device")

    world.engine.journal.append = refuse  # type: ignore[method-assign]
    for _ in range(6):
        assert remote.mo(b"hi", destination).status == 0x64
        world.settle(0.7)
    assert esme.delivered == []
    world.engine.journal.append = append  # type: ignore[method-assign]
    world.settle(3)
    assert remote.mo(b"hi", destination).status == 0
    world.settle(1)
    if destination == "38100":
        assert texts(esme.delivered) == [b"hi"]
    else:
        assert len(rows(world, UNROUTED)) == 1
    assert world.relay.accounts["esme"].spooled == 0
    world.crash()
    world.settle(1)
    assert texts(world.esme().delivered) == []
    assert len(rows(world, UNROUTED)) == (destination == "nobody")


def test_data_sm_is_refused_in_its_own_name(tmp_path: Path) -> None:
    world, remote = start(tmp_path)

    def refuse(octets: bytes) -> None:
        raise OSError("no space left on device")

    world.engine.journal.append = refuse  # type: ignore[method-assign]
    for _ in range(2):
        (sent,) = remote.send(
            wire.DataSm(source_addr=PHONE, destination_addr="38100", tlvs=(payload(b"x"),))
        )
        assert sent.status == 0x64


def test_many_mos_in_one_read_are_answered_each(tmp_path: Path) -> None:
    world, remote = start(tmp_path, accounts=(account("esme", delivery_window=1000),))
    esme = world.esme()
    words = [b"%d" % n for n in range(500)]
    sent = remote.send(*(mo(word) for word in words))
    assert [one.statuses for one in sent] == [[0]] * 500
    assert texts(esme.delivered) == words
    assert world.store.commits < 20


def test_other_requests_of_a_carrier_are_answered(tmp_path: Path) -> None:
    """Whatever it asks, it gets an answer, and the link lives."""
    world, remote = start(tmp_path)
    esme = world.esme()
    link = remote.link
    assert link.protocol is not None
    link.protocol.send_now(
        wire.header(0x15, 0, 900) + wire.frame(0x999, 0, 901, b"?") + wire.frame(5, 0, 902, b"cut")
    )
    world.settle(1)
    assert remote.links == [link]
    assert remote.mo(b"hi").status == 0
    assert texts(esme.delivered) == [b"hi"]
