"""What of a submit_sm goes to a carrier as it is, and what is written anew or cut."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from smppgw.core.content import Content, Unfit, Writing, is_plain, without_class, writing_of
from smppgw.core.settings import CarrierSettings
from smppgw.smpp import wire
from smppgw.smpp.wire import CommandStatus as S
from smppgw.smpp.wire import Tag
from smppgw.sms import alphabet, gsm7, udh
from smppgw.sms.alphabet import Alphabet

PLAIN = Writing()
PAYLOAD = int(Tag.message_payload)
SUBUNIT = int(Tag.dest_addr_subunit)
SAR = (
    (int(Tag.sar_msg_ref_num), b"\0\7"),
    (int(Tag.sar_total_segments), b"\2"),
    (int(Tag.sar_segment_seqnum), b"\1"),
)
GREEK = "ΑΩ жук"


def content(**settings: object) -> Content:
    return Content(CarrierSettings(name="a", host="a", system_id="gw", **settings))


def submit(short_message: bytes = b"", **fields: object) -> wire.SubmitSm:
    fields.setdefault("source_addr", "12345")
    fields.setdefault("destination_addr", "33600000001")
    return wire.SubmitSm(short_message=short_message, **fields)


def fit(
    pdu: wire.SubmitSm, writing: Writing = PLAIN, reference: int = 7, **settings: object
) -> list[wire.SubmitSm] | None:
    return content(**settings).fit(pdu, writing, lambda: reference)


def text_of(pdus: list[wire.SubmitSm], meaning: Alphabet) -> str:
    """What the phone reads."""
    text = ""
    for pdu in pdus:
        octets = pdu.short_message or wire.tlv(pdu, PAYLOAD) or b""
        header = udh.parse(octets) if pdu.esm_class & 0x40 else udh.Udh((), 0)
        text += alphabet.decode(
            octets[header.octets :], meaning, locking=header.locking, single=header.single
        ).text
    return text


# ---------------------------------------------------------------------- as it is


@pytest.mark.parametrize(
    "pdu",
    [
        submit(b"hello"),
        submit(b"x" * 160),
        submit("жук".encode("utf-16-be"), data_coding=8),
        submit(bytes(140), data_coding=4),
        submit(b"\x06\x05\x04\x0b\x84\x23\xf0" + bytes(133), data_coding=4, esm_class=0x40),
        submit(b"flash", data_coding=0xF0),
        submit("жук".encode("utf-16-be"), data_coding=0x18),
        submit(b"\5\0\3\1\2\1" + b"x" * 153, esm_class=0x40),
        submit(b"voice mail", data_coding=0xC8),
        submit(b"\x80 no GSM" + b"x" * 200),
        submit(),
    ],
    ids=range(11),
)
def test_as_it_is(pdu: wire.SubmitSm) -> None:
    assert fit(pdu) is None


@pytest.mark.parametrize(
    ("pdu", "plain"),
    [
        (submit(b"hello"), True),
        (submit(b"x" * 160), True),
        (submit(b"x" * 161), False),
        (submit(b"hello", data_coding=3), False),
        (submit(b"hello", esm_class=0x40), False),
        (submit(b"hello", esm_class=0x03), False),
        (submit(b"hello", tlvs=((0x1400, b""),)), False),
        (submit(b"hello", validity_period="260101000000000+", service_type="CMT"), True),
        (submit(b"hello", schedule_delivery_time="260101000000000+"), True),
        (submit(b""), True),
    ],
)
def test_a_plain_body(pdu: wire.SubmitSm, plain: bool) -> None:
    assert is_plain(wire.body_of(pdu)) is plain


@given(
    st.binary(max_size=254), st.integers(0, 255), st.integers(0, 255), st.sampled_from(["", "CMT"])
)
def test_plain_bodies_never_need_anything(
    octets: bytes, data_coding: int, esm_class: int, service_type: str
) -> None:
    pdu = submit(octets, data_coding=data_coding, esm_class=esm_class, service_type=service_type)
    if is_plain(wire.body_of(pdu)):
        assert fit(pdu) is None


# ---------------------------------------------------------------------- written anew


def test_latin1_becomes_gsm_where_that_is_all_the_carrier_takes() -> None:
    (pdu,) = fit(submit("déjà vu".encode("latin-1"), data_coding=3)) or ()
    assert (pdu.data_coding, pdu.short_message) == (0, gsm7.encode("déjà vu"))


def test_latin1_stays_where_the_carrier_takes_it() -> None:
    pdu = submit("çà et là".encode("latin-1"), data_coding=3)
    assert fit(pdu, alphabets=("gsm7", "latin1", "ucs2")) is None


def test_what_gsm_lacks_becomes_ucs2() -> None:
    (pdu,) = fit(submit("forêt".encode("latin-1"), data_coding=3)) or ()
    assert (pdu.data_coding, pdu.short_message) == (8, "forêt".encode("utf-16-be"))


def test_data_coding_0_of_an_account_that_means_latin1() -> None:
    (pdu,) = fit(submit("é".encode("latin-1")), writing_of({"0x00": "latin1"})) or ()
    assert (pdu.data_coding, pdu.short_message) == (0, b"\x05")


def test_data_coding_0_of_a_carrier_that_means_latin1() -> None:
    (pdu,) = (
        fit(submit(b"\x05"), alphabets=("latin1", "ucs2"), data_codings={"0x00": "latin1"}) or ()
    )
    assert pdu.short_message == "é".encode("latin-1")
    assert pdu.data_coding in (0, 3)


def test_a_carrier_that_packs() -> None:
    (pdu,) = fit(submit(b"hellohello"), alphabets=("gsm7-packed",)) or ()
    assert pdu.short_message == bytes.fromhex("e8329bfd4697d9ec37")


def test_a_short_payload_becomes_a_short_message() -> None:
    (pdu,) = fit(submit(tlvs=((PAYLOAD, b"hello"), (0x1400, b"x")))) or ()
    assert (pdu.short_message, pdu.tlvs) == (b"hello", ((0x1400, b"x"),))


def test_a_text_that_no_alphabet_of_the_carrier_holds() -> None:
    with pytest.raises(Unfit) as caught:
        fit(submit(GREEK.encode("utf-16-be"), data_coding=8), alphabets=("gsm7",))
    assert caught.value.command_status == S.ESME_RINVDCS


def test_a_text_of_more_parts_than_allowed() -> None:
    pdu = submit(b"x" * 254)
    assert len(fit(pdu, maximum_parts=2) or ()) == 2
    with pytest.raises(Unfit, match="2 parts are needed, 1 allowed") as caught:
        fit(pdu, maximum_parts=1)
    assert caught.value.command_status == S.ESME_RINVMSGLEN


@pytest.mark.parametrize(
    ("smart", "text", "parts", "data_coding"),
    [
        ("off", "It\u2019s", 2, 8),
        ("punctuation", "It\u2019s", 1, 0),
        ("punctuation", "Ça", 1, 0),
        ("punctuation", "ça", 2, 8),
        ("letters", "ça", 1, 0),
        ("letters", "It\u2019s 😀", 2, 8),
    ],
)
def test_smart_encoding(smart: str, text: str, parts: int, data_coding: int) -> None:
    """Only where it saves parts, only if nothing but GSM 7-bit is left, only if it is allowed."""
    long = text.ljust(100, "x")
    pdu = submit(long.encode("utf-16-be"), data_coding=8)
    found = fit(pdu, writing_of({}, smart)) or ()
    assert (len(found), {one.data_coding for one in found}) == (parts, {data_coding})
    if data_coding:
        assert text_of(list(found), Alphabet.UCS2) == long
    short = submit(text.encode("utf-16-be"), data_coding=8)
    assert fit(short, writing_of({}, smart)) is None


# ---------------------------------------------------------------------- classes


@pytest.mark.parametrize("style", ["0xF0", "0x1x", "subunit"])
@pytest.mark.parametrize("text", ["hello", "жук"])
@pytest.mark.parametrize("number", range(4))
def test_a_class_in_every_style(number: int, text: str, style: str) -> None:
    """Whatever way the sender says it, the carrier gets it in its own."""
    wide = text == "жук"
    octets = text.encode("utf-16-be") if wide else text.encode()
    by_tlv = submit(octets, data_coding=8 if wide else 0, tlvs=((SUBUNIT, bytes((number + 1,))),))
    by_coding = submit(octets, data_coding=(0x18 if wide else 0xF0) + number)
    by_group = submit(octets, data_coding=(0x18 if wide else 0x10) + number)
    if style == "subunit":
        expected = by_tlv
    elif style == "0x1x" or wide:
        expected = by_group
    else:
        expected = by_coding
    for pdu in (by_tlv, by_coding, by_group):
        (found,) = fit(pdu, class_style=style) or (pdu,)
        assert wire.body_of(found) == wire.body_of(expected)


@pytest.mark.parametrize("style", ["udh8", "udh16", "sar", "payload"])
@pytest.mark.parametrize("form", ["udh8", "udh16", "sar"])
def test_parts_of_the_sender_go_where_they_are_welcome(form: str, style: str) -> None:
    """Header to header and TLVs to TLVs; the rest has to wait for the other parts."""
    header = {"udh8": b"\5\0\3\1\2\1", "udh16": b"\6\x08\4\0\1\2\1", "sar": b""}[form]
    tlvs = SAR if form == "sar" else ()
    pdu = submit(header + b"part", esm_class=0x40 if header else 0, tlvs=tlvs)
    welcome = (form == "sar") == (style == "sar") and style != "payload"
    assert fit(pdu, concatenation=style) == (None if welcome else [])


def test_parts_in_an_alphabet_that_the_carrier_has_not_wait_too() -> None:
    octets = b"\5\0\3\1\2\1" + "été".encode("latin-1")
    assert fit(submit(octets, esm_class=0x40, data_coding=3)) == []
    assert fit(submit(octets, esm_class=0x40, data_coding=3), alphabets=("latin1",)) is None


def test_a_class_can_be_given_up() -> None:
    flash = submit("жук".encode("utf-16-be"), data_coding=0x18, tlvs=((0x1400, b"x"),))
    standard = without_class(flash, PLAIN)
    assert standard is not None
    assert (standard.data_coding, standard.tlvs) == (8, ((0x1400, b"x"),))
    assert without_class(standard, PLAIN) is None
    by_tlv = submit(b"x", tlvs=((SUBUNIT, b"\1"),))
    assert without_class(by_tlv, PLAIN) == submit(b"x")
    assert without_class(submit(b"x", data_coding=0x31), PLAIN) is None  # compressed


# ---------------------------------------------------------------------- in parts


@pytest.mark.parametrize("style", ["udh8", "udh16", "sar", "payload"])
@pytest.mark.parametrize("text", ["x" * 161, "€" * 90, "жук" * 60, "😀" * 36, "x" * 1530])
def test_parts_in_every_style(text: str, style: str) -> None:
    if text.isascii() or "€" in text:
        octets, data_coding, meaning = gsm7.encode(text), 0, Alphabet.GSM7
    else:
        octets, data_coding, meaning = text.encode("utf-16-be"), 8, Alphabet.UCS2
    pdu = submit(data_coding=data_coding, tlvs=((PAYLOAD, octets), (0x1400, b"x")))
    pdu = evolve(pdu, registered_delivery=1, protocol_id=5, service_type="CMT")
    found = fit(pdu, reference=0x1234, concatenation=style) or [pdu]
    assert text_of(found, meaning) == text
    assert len(found) > 1 or style == "payload"
    for number, one in enumerate(found, 1):
        assert (one.registered_delivery, one.protocol_id, one.service_type) == (1, 5, "CMT")
        assert one.data_coding == data_coding
        assert (0x1400, b"x") in one.tlvs
        sequence = {
            "udh8": bytes((5, 0, 3, 0x34, len(found), number)),
            "udh16": bytes((6, 8, 4, 0x12, 0x34, len(found), number)),
        }.get(style, b"")
        assert one.short_message.startswith(sequence)
        if style == "sar":
            assert wire.tlv_int(one, Tag.sar_msg_ref_num) == 0x1234
            assert wire.tlv_int(one, Tag.sar_segment_seqnum) == number
            assert wire.tlv_int(one, Tag.sar_total_segments) == len(found)


def test_flash_in_parts() -> None:
    found = fit(submit(b"x" * 200, data_coding=0xF0)) or ()
    assert [(one.data_coding, one.esm_class) for one in found] == [(0xF0, 0x40)] * 2


def test_binary_with_ports_in_parts() -> None:
    ports = bytes((6, 5, 4, 0x23, 0xF4, 0, 0))
    octets = bytes(range(240))
    found = fit(submit(ports + octets, data_coding=4, esm_class=0x40)) or ()
    headers = [udh.parse(one.short_message) for one in found]
    assert [header.ports for header in headers] == [(0x23F4, 0)] * 2
    assert [one.data_coding for one in found] == [4, 4]
    joined = b"".join(
        one.short_message[header.octets :] for one, header in zip(found, headers, strict=True)
    )
    assert joined == octets


def test_sim_data_download_goes_as_it_is() -> None:
    header = bytes((2, 0x70, 0))
    pdu = submit(header + bytes(100), data_coding=0xF6, esm_class=0x40, protocol_id=0x7F)
    assert fit(pdu) is None


def test_shift_tables_only_where_they_are_relayed() -> None:
    header = bytes((3, 0x24, 1, 1))
    turkish = submit(header + gsm7.encode("Şişe", single=1), esm_class=0x40)
    assert fit(turkish, shift_languages=("turkish",)) is None
    (pdu,) = fit(turkish) or ()
    assert (pdu.data_coding, pdu.esm_class) == (8, 0)
    assert pdu.short_message.decode("utf-16-be") == "Şişe"


def test_a_reference_is_asked_for_only_when_needed() -> None:
    asked: list[int] = []
    one = content()
    one.fit(submit(b"\xe9", data_coding=3), PLAIN, lambda: asked.append(1) or 1)
    assert not asked
    one.fit(submit(b"x" * 200), PLAIN, lambda: asked.append(1) or 1)
    assert len(asked) == 1


@given(
    octets=st.binary(max_size=600),
    data_coding=st.integers(0, 255),
    esm_class=st.sampled_from([0, 0x03, 0x40, 0x43]),
    tlvs=st.lists(st.sampled_from([*SAR, (SUBUNIT, b"\1"), (SUBUNIT, b""), (0x1400, b"x")])),
    in_payload=st.booleans(),
    style=st.sampled_from(["udh8", "udh16", "sar", "payload"]),
    class_style=st.sampled_from(["0xF0", "0x1x", "subunit"]),
)
def test_whatever_comes(
    octets: bytes,
    data_coding: int,
    esm_class: int,
    tlvs: list[tuple[int, bytes]],
    in_payload: bool,
    style: str,
    class_style: str,
) -> None:
    """It fits, or Unfit says why; what comes out can be sent, and needs nothing more."""
    if esm_class & 0x40 and (not octets or octets[0] + 1 > len(octets)):
        octets = b"\0" + octets[:200]
    if len(octets) > 254 or in_payload:
        pdu = submit(data_coding=data_coding, esm_class=esm_class, tlvs=((PAYLOAD, octets), *tlvs))
    else:
        pdu = submit(octets, data_coding=data_coding, esm_class=esm_class, tlvs=tuple(tlvs))
    one = content(concatenation=style, class_style=class_style)
    try:
        found = one.fit(pdu, PLAIN, lambda: 9)
    except Unfit:
        return
    for part in found or ():
        wire.encode(part)
        assert one.fit(part, one.writing, lambda: 9) in (None, [part])
