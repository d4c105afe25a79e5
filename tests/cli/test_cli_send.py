"""`smppgw send`: every field of what it sends, as a simulated carrier that it binds to sees it."""

# ruff: noqa: RUF001
from __future__ import annotations

import json
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest
import pytest_twisted
from attrs import evolve
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from smppgw.cli import main
from smppgw.cli.output import FAULT, OK
from smppgw.core.encoding import CLASSES
from smppgw.simulator.behaviour import Behaviour
from smppgw.simulator.carrier import SimulatedCarrier
from smppgw.smpp import wire
from smppgw.sms.segment import segment

PHONE = "33612345678"
FRENCH = "Présentez ce SMS à l'hôtel, garçon : 5€ de moins"
KEYS = ["ids", "parts", "alphabet", "data_coding", "receipts"]
RECEIPT_KEYS = ["id", "state", "err", "text", "seconds"]


class Smsc:
    """A simulated carrier, and `smppgw send` bound to it from a thread."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.carrier = SimulatedCarrier(
            Behaviour(passwords={"esme": "pw"}, message_id="hex"), reactor, Random(1)
        )
        self.carrier.factory.noisy = False
        self.port = reactor.listenTCP(0, self.carrier.factory, interface="127.0.0.1")
        self._capsys = capsys

    def behave(self, **fields: Any) -> None:
        self.carrier.behaviour = evolve(self.carrier.behaviour, **fields)

    async def send(self, *arguments: str, code: int = OK) -> tuple[list[str], list[str]]:
        """Send to PHONE; the lines on stdout and on stderr."""
        port = str(self.port.getHost().port)
        who = ("--system-id", "esme", "--port", port, "--to", PHONE)
        found = await deferToThread(main, ["send", *who, *arguments])
        captured = self._capsys.readouterr()
        assert found == code, captured
        return captured.out.splitlines(), captured.err.splitlines()

    async def json(self, *arguments: str, code: int = OK) -> tuple[dict[str, Any], list[str]]:
        out, err = await self.send(*arguments, "--json", code=code)
        record: dict[str, Any] = json.loads("\n".join(out))
        return record, err

    @property
    def submits(self) -> list[wire.SubmitSm]:
        """What was taken, in the order of arrival."""
        return [one.pdu for one in self.carrier.received if one.command_status == 0]

    async def submits_of(self, *arguments: str) -> list[wire.SubmitSm]:
        """Send, and what came of it."""
        before = len(self.submits)
        await self.send(*arguments)
        return self.submits[before:]


@pytest_twisted.async_yield_fixture
async def smsc(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Smsc]:
    monkeypatch.setenv("SMPPGW_PASSWORD", "pw")
    smsc = Smsc(capsys)
    yield smsc
    smsc.carrier.stop()
    await smsc.port.stopListening()


def tlvs(pdu: wire.SubmitSm) -> dict[int, bytes]:
    return dict(pdu.tlvs)


def reassembled(submits: list[wire.SubmitSm], header: int = 6) -> bytes:
    """What a phone makes of parts with a concatenation header."""
    references = {submit.short_message[3 : header - 2] for submit in submits}
    assert len(references) == 1
    for number, submit in enumerate(submits, 1):
        assert submit.esm_class == 0x40
        assert submit.short_message[0] == header - 1
        assert submit.short_message[header - 2 : header] == bytes((len(submits), number))
    return b"".join(submit.short_message[header:] for submit in submits)


# ---------------------------------------------------------------------- one part


@pytest.mark.parametrize(
    ("text", "options", "data_coding", "octets"),
    [
        ("hello @ $5", (), 0x00, b"hello \x00 \x025"),
        ("5€ [a] {b} \\^~ |", (), 0x00, b"5\x1be \x1b<a\x1b> \x1b(b\x1b) \x1b/\x1b\x14\x1b= \x1b@"),
        ("été à Çà, ìòù è", (), 0x00, b"\x05t\x05 \x7f \x09\x7f, \x07\x08\x06 \x04"),
        ("page\fune", (), 0x00, b"page\x1b\x0aune"),
        ("`", (), 0x08, b"\x00`"),
        ("ça", (), 0x08, b"\x00\xe7\x00a"),
        ("ça, l’œuf…", ("--smart",), 0x00, b"ca, l'oeuf..."),
        ("Привет", (), 0x08, "Привет".encode("utf-16-be")),
        ("Привет", ("--smart",), 0x08, "Привет".encode("utf-16-be")),
        ("🎂é", (), 0x08, b"\xd8\x3c\xdf\x82\x00\xe9"),
        ("a\udcffb", (), 0x08, b"\x00a\xff\xfd\x00b"),
        ("", (), 0x00, b""),
        ("hello", ("--class", "flash"), 0xF0, b"hello"),
        ("hello", ("--class", "me"), 0xF1, b"hello"),
        ("hello", ("--class", "sim"), 0xF2, b"hello"),
        ("hello", ("--class", "te"), 0xF3, b"hello"),
        ("я", ("--class", "flash"), 0x18, b"\x04\x4f"),
        ("я", ("--class", "me"), 0x19, b"\x04\x4f"),
        ("я", ("--class", "sim"), 0x1A, b"\x04\x4f"),
        ("я", ("--class", "te"), 0x1B, b"\x04\x4f"),
    ],
)  # fmt: skip
@pytest_twisted.ensureDeferred
async def test_every_octet(
    smsc: Smsc, text: str, options: tuple[str, ...], data_coding: int, octets: bytes
) -> None:
    (submit,) = await smsc.submits_of(*options, text)
    assert (submit.data_coding, submit.short_message) == (data_coding, octets)
    assert submit.esm_class == 0
    assert submit.tlvs == ()
    assert submit.registered_delivery == 0
    assert submit.destination_addr == PHONE


@pytest_twisted.ensureDeferred
async def test_what_it_says(smsc: Smsc) -> None:
    out, err = await smsc.send("--class", "flash", "--dlr", "Привет")
    (received,) = smsc.carrier.received
    assert out[:2] == [f"id       {received.message_id}", "parts    1 (ucs2, data_coding 0x18)"]
    assert out[2].startswith("receipt  DELIVRD err 000 (0.")
    assert out[2].endswith(" s after the start)")
    assert (len(out), err) == (3, [])
    out, _ = await smsc.send("--smart", "garçon")
    assert out[1:] == ["parts    1 (gsm7, data_coding 0x00)", "replaced ç at 4 by c"]


@pytest_twisted.ensureDeferred
async def test_what_it_says_as_json(smsc: Smsc) -> None:
    record, _ = await smsc.json("--dlr", FRENCH)
    (received,) = smsc.carrier.received
    assert list(record) == KEYS
    assert record["ids"] == [received.message_id]
    assert (record["parts"], record["alphabet"], record["data_coding"]) == (1, "ucs2", 8)
    (receipt,) = record["receipts"]
    assert list(receipt) == RECEIPT_KEYS
    assert (receipt["id"], receipt["state"]) == (received.message_id, "DELIVRD")
    assert receipt["text"].startswith(f"id:{received.message_id} sub:001 ")
    assert 0 <= receipt["seconds"] < 10
    record, _ = await smsc.json("--smart", FRENCH)
    assert list(record) == [*KEYS, "replacements"]
    assert record["alphabet"] == "gsm7"
    assert record["receipts"] == []
    assert [one["character"] for one in record["replacements"]] == ["ô", "ç"]
    assert record["replacements"][0] == {"position": 23, "character": "ô", "replacement": "o"}


# ---------------------------------------------------------------------- several parts


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("a" * 459, [153, 153, 153]),
        # smpplib itself would cut the escape pair at 153 and the surrogate pair at 67.
        ("a" * 152 + "€" + "b" * 200, [152, 153, 49]),
        ("{" * 160, [152, 152, 16]),
        ("é" * 320, [153, 153, 14]),
    ],
)
@pytest_twisted.ensureDeferred
async def test_three_parts_of_gsm(smsc: Smsc, text: str, lengths: list[int]) -> None:
    submits = await smsc.submits_of(text)
    assert [len(one.short_message) - 6 for one in submits] == lengths
    assert all(not one.short_message.endswith(b"\x1b") for one in submits)
    assert {one.data_coding for one in submits} == {0}
    whole = {"a": b"a", "b": b"b", "€": b"\x1be", "{": b"\x1b(", "é": b"\x05"}
    assert reassembled(submits) == b"".join(whole[one] for one in text)


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("Привет, как дела? " * 8, [67, 67, 10]),
        ("я" * 66 + "🎂" + "я" * 70, [66, 67, 5]),
        ("👍🏽" * 40, [64, 64, 32]),
    ],
)
@pytest.mark.parametrize("name", ["", "flash", "sim"])
@pytest_twisted.ensureDeferred
async def test_three_parts_of_ucs2(smsc: Smsc, text: str, units: list[int], name: str) -> None:
    options = ("--class", name) if name else ()
    submits = await smsc.submits_of(*options, text)
    assert [(len(one.short_message) - 6) // 2 for one in submits] == units
    for one in submits:
        assert one.short_message[6:].decode("utf-16-be")  # no half of a pair
    assert {one.data_coding for one in submits} == {0x18 + CLASSES[name] if name else 0x08}
    assert reassembled(submits).decode("utf-16-be") == text


@pytest_twisted.ensureDeferred
async def test_a_reference_of_16_bits(smsc: Smsc) -> None:
    submits = await smsc.submits_of("--style", "udh16", "a" * 400)
    assert [len(one.short_message) for one in submits] == [159, 159, 103]
    assert {one.short_message[:3] for one in submits} == {b"\x06\x08\x04"}
    assert reassembled(submits, header=7) == b"a" * 400


@pytest_twisted.ensureDeferred
async def test_parts_in_tlvs(smsc: Smsc) -> None:
    submits = await smsc.submits_of("--style", "sar", "--class", "flash", "я" * 150)
    assert [one.esm_class for one in submits] == [0, 0, 0]
    assert b"".join(one.short_message for one in submits).decode("utf-16-be") == "я" * 150
    found = [tlvs(one) for one in submits]
    assert [set(one) for one in found] == [{0x020C, 0x020E, 0x020F}] * 3
    assert len({one[0x020C] for one in found}) == 1
    assert [(one[0x020E], one[0x020F]) for one in found] == [
        (b"\x03", b"\x01"),
        (b"\x03", b"\x02"),
        (b"\x03", b"\x03"),
    ]


@pytest_twisted.ensureDeferred
async def test_a_payload(smsc: Smsc) -> None:
    record, _ = await smsc.json("--style", "payload", "--dlr", "€" * 200)
    (submit,) = smsc.submits
    assert submit.short_message == b""
    assert tlvs(submit) == {0x0424: b"\x1be" * 200}
    assert (record["parts"], record["messages"], len(record["receipts"])) == (1, 3, 1)
    out, _ = await smsc.send("--style", "payload", "€" * 200)
    assert out[1] == (
        "parts    3, which the SMSC makes of one message_payload (gsm7, data_coding 0x00)"
    )


@pytest_twisted.ensureDeferred
async def test_each_part_has_its_id_and_its_receipt(smsc: Smsc) -> None:
    smsc.behave(receipt_jitter=0.2)  # in any order
    text = "a" * 153 + "{receipt=UNDELIV,err=021}" + "b" * 300
    out, _ = await smsc.send("--dlr", text)
    ids = [one.message_id for one in smsc.carrier.received]
    assert out[:4] == [f"id       {id}" for id in ids]
    assert out[4] == "parts    4, udh8 (gsm7, data_coding 0x00)"
    assert [one.partition(" (")[0] for one in out[5:]] == [
        "receipt  1/4 DELIVRD err 000",
        "receipt  2/4 UNDELIV err 021",
        "receipt  3/4 DELIVRD err 000",
        "receipt  4/4 DELIVRD err 000",
    ]
    assert {one.registered_delivery for one in smsc.submits} == {1}
    record, _ = await smsc.json("--dlr", text)
    ids = [one.message_id for one in smsc.carrier.received][4:]
    assert record["ids"] == [one["id"] for one in record["receipts"]] == ids
    assert [one["err"] for one in record["receipts"]] == ["000", "021", "000", "000"]


@pytest_twisted.ensureDeferred
async def test_what_encode_shows_is_what_is_sent(smsc: Smsc, capsys: Any) -> None:
    text = FRENCH * 4
    assert main(["encode", "--json", text]) == OK
    shown = json.loads(capsys.readouterr().out)["parts"]
    submits = await smsc.submits_of(text)
    # But for the reference, the octet at 3.
    for part, submit in zip(shown, submits, strict=True):
        octets = bytes.fromhex(part["short_message"])
        assert (octets[:3], octets[4:]) == (submit.short_message[:3], submit.short_message[4:])
        assert (part["data_coding"], part["esm_class"]) == (submit.data_coding, submit.esm_class)


@pytest_twisted.ensureDeferred
async def test_more_parts_than_any_window(smsc: Smsc) -> None:
    smsc.behave(window=1)
    text = "0123456789" * 400
    submits = await smsc.submits_of(text)
    assert len(submits) == len(segment(text).parts) == 27
    assert reassembled(submits) == text.encode()


# ---------------------------------------------------------------------- receipts of all kinds


@pytest.mark.parametrize(
    "fields",
    [
        {"receipts": "tlv"},
        {"receipts": "text"},
        {"receipts": "both"},
        {"receipt_first": True},
        {"receipt_copies": 2},
    ],
)
@pytest_twisted.ensureDeferred
async def test_receipts_in_text_and_tlvs(smsc: Smsc, fields: dict[str, Any]) -> None:
    smsc.behave(**fields)
    record, _ = await smsc.json("--dlr", "{receipt=UNDELIV,err=021}x")
    (receipt,) = record["receipts"]
    assert receipt["state"] == "UNDELIV"
    assert receipt["id"] == record["ids"][0]
    if fields.get("receipts") != "tlv":
        assert receipt["err"] == "021"


@pytest_twisted.ensureDeferred
async def test_a_text_from_a_phone_is_no_receipt(smsc: Smsc) -> None:
    smsc.carrier.send_mo(PHONE, "38100", "id:1 stat:DELIVRD", system_id="esme")
    record, _ = await smsc.json("--dlr", "hello")
    assert [one["id"] for one in record["receipts"]] == record["ids"]
    assert smsc.carrier.waiting == 0


@pytest_twisted.ensureDeferred
async def test_receipts_that_do_not_come(smsc: Smsc) -> None:
    smsc.behave(receipts="never")
    out, err = await smsc.send("--dlr", "--wait", "0.2", "a" * 200, code=FAULT)
    assert [one.split()[0] for one in out] == ["id", "id", "parts"]
    assert err == ["2 of 2 receipts did not come within 0.2 s"]
    record, err = await smsc.json("--dlr", "--wait", "0.2", "a" * 200, code=FAULT)
    assert (len(record["ids"]), record["receipts"]) == (2, [])
    assert err == ["2 of 2 receipts did not come within 0.2 s"]


# ---------------------------------------------------------------------- faults


@pytest_twisted.ensureDeferred
async def test_after_a_part_that_is_refused_none_is_sent(smsc: Smsc) -> None:
    text = "a" * 153 + "{status=0x58}" + "b" * 300
    out, err = await smsc.send(text, code=FAULT)
    first, second = smsc.carrier.received
    assert (first.command_status, second.command_status) == (0, 0x58)
    assert out == [f"id       {first.message_id}"]
    (line,) = err
    assert line.startswith("part 2 of 4: submit_sm_resp: 0x58 Throttling error")


@pytest_twisted.ensureDeferred
async def test_what_was_accepted_before_a_refusal_is_in_the_json(smsc: Smsc) -> None:
    smsc.behave(disconnect_every=3)
    record, err = await smsc.json("--dlr", "a" * 459, code=FAULT)
    assert record["ids"] == [one.message_id for one in smsc.carrier.received][:2]
    assert record["parts"] == 3
    port = smsc.port.getHost().port
    assert err == [f"127.0.0.1:{port}: the connection was closed"]


@pytest_twisted.ensureDeferred
async def test_a_single_part_that_is_refused(smsc: Smsc) -> None:
    out, err = await smsc.send("{status=0x0B}x", code=FAULT)
    assert out == []
    assert err == ["submit_sm_resp: 0x0B Invalid Destination Address"]
    out, err = await smsc.send("--json", "{status=0x0B}x", code=FAULT)
    assert out == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("a" * 40_000,), "262 parts are needed, the carrier takes 255"),
        (("--style", "udh16", "я" * 17_000), "258 parts are needed, the carrier takes 255"),
        (("--from", "Café", "x"), "Café has characters that an address cannot have"),
        (("--from", "я", "x"), "я has characters that an address cannot have"),
        (("--from", "1" * 21, "x"), "is longer than the 20 characters of an address"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_what_cannot_be_sent_is_said_before_a_connection_is_made(
    smsc: Smsc, arguments: tuple[str, ...], says: str
) -> None:
    out, (line,) = await smsc.send(*arguments, code=FAULT)
    assert out == []
    assert says in line
    assert smsc.carrier.counters["binds"] == 0


@pytest.mark.parametrize(
    ("sender", "ton", "npi"),
    [("38100", 0, 0), ("33612345678", 1, 1), ("+33612345678", 1, 1), ("ACME", 5, 0), ("", 0, 0)],
)
@pytest_twisted.ensureDeferred
async def test_addresses_by_what_they_look_like(
    smsc: Smsc, sender: str, ton: int, npi: int
) -> None:
    (submit,) = await smsc.submits_of("--from", sender, "x")
    assert submit.source_addr == sender.removeprefix("+")
    assert (submit.source_addr_ton, submit.source_addr_npi) == (ton, npi)
    assert (submit.dest_addr_ton, submit.dest_addr_npi) == (1, 1)
