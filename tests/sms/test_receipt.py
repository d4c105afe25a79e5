"""Receipts of every dialect collected in vectors/receipts.json, and the one we write."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smppgw.sms import receipt as module
from smppgw.sms.receipt import (
    ACCEPTED,
    DELETED,
    DELIVERED,
    ENROUTE,
    EXPIRED,
    REJECTED,
    SCHEDULED,
    SKIPPED,
    STATE_WORDS,
    UNDELIVERABLE,
    UNKNOWN,
    Receipt,
    format_receipt,
    is_final,
    looks_like_receipt,
    network_error_code,
    parse,
    supersedes,
)

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "receipts.json").read_text()
)["receipts"]

REGULAR = (
    "id:0123456789 sub:002 dlvrd:001 submit date:1005232039 done date:1005242339"
    " stat:DELIVRD err:012 text:This is a sample mes"
)
DEFINITE = {DELIVERED, EXPIRED, DELETED, UNDELIVERABLE, REJECTED, SKIPPED}
STATES = st.sampled_from(sorted(STATE_WORDS))
IDS = st.from_regex(r"[0-9A-Za-z][0-9A-Za-z.-]{0,63}", fullmatch=True)


def date(text: str) -> datetime | None:
    """The date a receipt with this `done date` has."""
    return parse(f"id:1 done date:{text} stat:DELIVRD").done_date


# Reading: the collected receipts


@pytest.mark.parametrize("as_octets", [False, True])
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["text"][:40])
def test_collected_receipt(vector: dict[str, Any], as_octets: bool) -> None:
    text, expected = vector["text"], vector["parsed"]
    found = parse(text.encode("latin-1") if as_octets else text)
    assert found.id == expected.get("id")
    assert found.stat == expected.get("stat")
    assert found.sub == expected.get("sub")
    assert found.dlvrd == expected.get("dlvrd")
    assert found.err == expected.get("err")
    assert found.text == expected.get("text")
    assert found.state is not None


def test_collected_states_are_all_known_but_one() -> None:
    unknown = [parse(v["text"]).stat for v in VECTORS if parse(v["text"]).state == UNKNOWN]
    assert unknown == ["BADSTAT"]


def test_collected_dates_are_read_unless_zero_or_garbage() -> None:
    unread = set()
    for vector in VECTORS:
        found = parse(vector["text"])
        pairs = (("submit date", found.submit_date), ("done date", found.done_date))
        unread |= {vector["parsed"].get(key) for key, value in pairs if value is None}
    assert unread == {None, "0000000000", "000000000000", "150701adsfas1202"}


def test_collected_receipts_look_like_receipts_except_without_id() -> None:
    odd = [v["text"] for v in VECTORS if not looks_like_receipt(v["text"])]
    assert [text[:12] for text in odd] == ["i:0123456789"]


def test_regular_receipt_whole() -> None:
    assert parse(REGULAR) == Receipt(
        id="0123456789",
        state=DELIVERED,
        stat="DELIVRD",
        sub="002",
        dlvrd="001",
        submit_date=datetime(2010, 5, 23, 20, 39),  # noqa: DTZ001
        done_date=datetime(2010, 5, 24, 23, 39),  # noqa: DTZ001
        err="012",
        text="This is a sample mes",
    )


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["text"][:40])
def test_regular_way_and_key_scan_agree(vector: dict[str, Any]) -> None:
    text = vector["text"]
    assert parse("#" + text) == parse(text)


def test_regular_way_is_taken_for_the_appendix_b_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_scan", None)
    assert parse(REGULAR).id == "0123456789"
    assert parse(format_receipt("ab12", EXPIRED, 0, 0)).state == EXPIRED


# Reading: single deviations


@pytest.mark.parametrize(
    "permutation", list(itertools.permutations(("id:7", "stat:EXPIRED", "err:9")))
)
def test_keys_in_any_order_before_the_text(permutation: tuple[str, ...]) -> None:
    found = parse(" ".join(permutation) + " text:hello")
    assert (found.id, found.state, found.err, found.text) == ("7", EXPIRED, "9", "hello")


def test_keys_in_any_case() -> None:
    found = parse("ID:7 SUBMIT DATE:1005232039 Stat:delivrd ERR:001 TEXT:Hi")
    assert (found.id, found.state, found.err, found.text) == ("7", DELIVERED, "001", "Hi")
    assert found.submit_date is not None


def test_first_occurrence_wins() -> None:
    found = parse("id:1 id:2 stat:DELIVRD stat:UNDELIV")
    assert (found.id, found.state) == ("1", DELIVERED)


def test_text_of_the_message_is_not_read_as_keys() -> None:
    found = parse("id:1 err:000 stat:DELIVRD text:id:2 stat:UNDELIV err:9")
    assert (found.id, found.state, found.err) == ("1", DELIVERED, "000")
    assert found.text == "id:2 stat:UNDELIV err:9"


def test_text_closes_a_receipt_without_stat() -> None:
    found = parse("id:1 err:000 text:hello stat:UNDELIV")
    assert (found.id, found.state, found.text) == ("1", None, "hello stat:UNDELIV")


def test_blank_text_does_not_hide_later_keys() -> None:
    found = parse("id:1 text: \0 stat:UNDELIV err:7")
    assert (found.state, found.err, found.text) == (UNDELIVERABLE, "7", "")


def test_keys_after_a_text_that_comes_first() -> None:
    found = parse("text:Meep meep err:042 stat:FAILED id:foo")
    assert (found.id, found.state, found.err) == ("foo", UNDELIVERABLE, "042")
    assert found.text == "Meep meep"


@pytest.mark.parametrize("prefix", ["419318028472222#", "4790000000SMSAlert^", "?", "Ref: 5; "])
def test_anything_before_the_id(prefix: str) -> None:
    assert parse(prefix + REGULAR) == parse(REGULAR)


def test_key_glued_to_a_word_is_not_a_key() -> None:
    found = parse("id:1 dfdfsub:0 void:3 stat:DELIVRD")
    assert (found.id, found.sub) == ("1", None)


@pytest.mark.parametrize("separator", [", ", "; ", "\r\n", "|", "\t"])
def test_other_separators(separator: str) -> None:
    found = parse(separator.join(("id:a-1.b", "stat:REJECTD", "err:5")) + "\0")
    assert (found.id, found.state, found.err) == ("a-1.b", REJECTED, "5")


def test_letter_that_only_folds_to_ascii_makes_no_key() -> None:
    assert parse("id:1 \u017ftat:DELIVRD").stat is None


def test_blank_after_the_colon() -> None:
    found = parse("id: 12 stat: DELIVRD err: 003")
    assert (found.id, found.state, found.err) == ("12", DELIVERED, "003")


@pytest.mark.parametrize("text", ["", "\0", "STOP", b"\xff\x00\xe9", "id:", "done date:1005232039"])
def test_nothing_to_read(text: str | bytes) -> None:
    found = parse(text)
    assert (found.id, found.state, found.stat) == (None, None, None)


def test_stat_without_word_is_unknown() -> None:
    assert parse("id:1 stat: err:1").state == UNKNOWN


def test_octets_beyond_ascii_are_latin_1() -> None:
    found = parse(REGULAR.encode() + b" \xe9\x1b\xff")
    assert found.text == "This is a sample mes \xe9\x1b\xff"


def test_trailing_nul_of_the_text_is_dropped_and_inner_ones_stay() -> None:
    assert parse(REGULAR + "\0a\0").text == "This is a sample mes\0a"


def test_repr_hides_the_text() -> None:
    assert "sample" not in repr(parse(REGULAR))


@given(st.one_of(st.text(), st.binary()))
@example("id:٣ submit date:٢٠١٥٠٦٢٠١٦ \u017ftat:DELIVRD")
@example("id:1 done date:²²²²²²²²²² stat:DELIVRD")
def test_never_raises(text: str | bytes) -> None:
    assert isinstance(parse(text), Receipt)
    assert looks_like_receipt(text) in {True, False}


KEYS = (
    "id:",
    "sub:",
    "submit date:",
    "donedate:",
    "stat:",
    "err:",
    "text:",
    "Text:",
    " ",
    "\0",
    "7",
)


@given(st.lists(st.one_of(st.sampled_from(KEYS), st.text(max_size=5))).map("".join))
def test_never_raises_on_pieces_of_receipts(text: str) -> None:
    found = parse(text)
    assert (found.state is None) == (found.stat is None)
    assert found.id != ""


# Reading: states


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("SCHEDLD", SCHEDULED),
        ("ENROUTE", ENROUTE),
        ("DELIVRD", DELIVERED),
        ("EXPIRED", EXPIRED),
        ("DELETED", DELETED),
        ("UNDELIV", UNDELIVERABLE),
        ("ACCEPTD", ACCEPTED),
        ("UNKNOWN", UNKNOWN),
        ("REJECTD", REJECTED),
        ("SKIPPED", SKIPPED),
        ("FAILED", UNDELIVERABLE),
        ("REJECTED", REJECTED),
        ("DND_REJECTED", REJECTED),
        ("UNDELIVERABLE", UNDELIVERABLE),
        ("DELIVERED", DELIVERED),
        ("ACCEPTED", ACCEPTED),
        ("ACKED", ENROUTE),
        ("BUFFRED", ENROUTE),
        ("BUFFERD", ENROUTE),
        ("0", DELIVERED),
        ("BADSTAT", UNKNOWN),
        ("42", UNKNOWN),
    ],
)
def test_word_of_stat(word: str, state: int) -> None:
    for text in (f"id:1 stat:{word} err:0", REGULAR.replace("DELIVRD", word)):
        assert (parse(text).state, parse(text).stat) == (state, word)
        assert parse(text.replace(word, word.lower())).state == state


# Reading: dates


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("1005232039", "2010-05-23T20:39:00"),
        ("110206193041", "2011-02-06T19:30:41"),
        ("201506201641", "2015-06-20T16:41:00"),
        ("200101010030", "2020-01-01T01:00:30"),
        ("20110314181534", "2011-03-14T18:15:34"),
        ("991231235959", "2099-12-31T23:59:59"),
        ("180711070003912+", "2018-07-11T07:00:03.900000+03:00"),
        ("180711070003912-", "2018-07-11T07:00:03.900000-03:00"),
        ("180711070003948+", "2018-07-11T07:00:03.900000+12:00"),
    ],
)
def test_date(text: str, iso: str) -> None:
    assert date(text) == datetime.fromisoformat(iso)
    assert parse(REGULAR.replace("1005242339", text)).done_date == datetime.fromisoformat(iso)


@pytest.mark.parametrize(
    "text",
    [
        "0000000000",
        "000000000000",
        "00000000000000",
        "1502300000",
        "1502282460",
        "2015W0101T",
        "150701",
        "10052320390",
        "150701adsfas1202",
        "180711070003949+",
        "000000001000000R",
        "18071107000391x+",
        "-",
    ],
)
def test_no_date(text: str) -> None:
    found = parse(f"id:1 done date:{text} stat:DELIVRD")
    assert (found.done_date, found.state) == (None, DELIVERED)


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)),  # noqa: DTZ001
    st.integers(0, 48),
    st.sampled_from([1, -1]),
)
def test_dates_of_unambiguous_width_come_back(when: datetime, quarters: int, sign: int) -> None:
    minute = when.replace(second=0, microsecond=0)
    tenth = when.replace(microsecond=when.microsecond // 100_000 * 100_000)
    assert date(when.strftime("%y%m%d%H%M")) == minute
    assert date(when.strftime("%Y%m%d%H%M%S")) == when.replace(microsecond=0)
    assert date(when.strftime("%y%m%d%H%M%S")) == when.replace(microsecond=0)
    zone = timezone(sign * timedelta(minutes=15 * quarters))
    written = f"{when:%y%m%d%H%M%S}{when.microsecond // 100_000}{quarters:02}{'+-'[sign < 0]}"
    assert date(written) == tenth.replace(tzinfo=zone)


# Is it a receipt?


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("id:1 stat:DELIVRD", True),
        (b"id:1 stat:delivrd", True),
        ("id:1 err:0 stat:ODDWORD", True),
        ("my id: 5 stat: good", False),
        ("id:1 err:000", False),
        ("stat:DELIVRD err:000", False),
        ("id: stat:DELIVRD", False),
        ("Text:hello", False),
        ("STOP", False),
        ("", False),
    ],
)
def test_looks_like_receipt(text: str | bytes, answer: bool) -> None:
    assert looks_like_receipt(text) is answer


# Which state follows which


def test_final_states() -> None:
    assert {state for state in range(256) if is_final(state)} == DEFINITE | {ACCEPTED, UNKNOWN}
    assert not is_final(-1)


@pytest.mark.parametrize("old", sorted(DEFINITE))
def test_definite_end_stays(old: int) -> None:
    assert not any(supersedes(new, old) for new in range(-1, 256))


@pytest.mark.parametrize("new", sorted(DEFINITE))
@pytest.mark.parametrize("old", [SCHEDULED, ENROUTE, ACCEPTED, UNKNOWN, 77])
def test_definite_end_replaces_the_provisional(new: int, old: int) -> None:
    assert supersedes(new, old)


def test_order_of_the_provisional_states() -> None:
    order = [SCHEDULED, ENROUTE, ACCEPTED, UNKNOWN]
    for (low, old), (high, new) in itertools.product(enumerate(order), repeat=2):
        assert supersedes(new, old) is (high > low)


def test_state_nobody_knows_changes_nothing() -> None:
    assert not any(supersedes(99, old) for old in [*STATE_WORDS, 98, 99])


@given(st.lists(STATES, min_size=1))
def test_outcome_of_receipts_in_any_order(states: list[int]) -> None:
    outcome = ENROUTE
    for state in states:
        outcome = state if supersedes(state, outcome) else outcome
    definite = [state for state in states if state in DEFINITE]
    expected = definite[0] if definite else max([*states, ENROUTE])
    assert outcome == expected


# Writing

SUBMITTED = datetime(2010, 5, 23, 20, 39, 59, tzinfo=UTC).timestamp()
DONE = datetime(2010, 5, 24, 23, 39, tzinfo=UTC).timestamp()


def test_written_as_in_appendix_b() -> None:
    written = format_receipt(
        "0123456789", DELIVERED, SUBMITTED, DONE, "012", text="This is a sample mes"
    )
    assert written == REGULAR.replace("sub:002", "sub:001").encode()


def test_written_failure() -> None:
    assert format_receipt("1f", UNDELIVERABLE, SUBMITTED + 0.9, DONE) == (
        b"id:1f sub:001 dlvrd:000 submit date:1005232039 done date:1005242339"
        b" stat:UNDELIV err:000 text:"
    )


def test_counters_as_told() -> None:
    written = format_receipt("1", DELIVERED, SUBMITTED, DONE, sub=3)
    assert b"sub:003 dlvrd:003" in written
    written = format_receipt("1", EXPIRED, SUBMITTED, DONE, sub=3, dlvrd=1)
    assert b"sub:003 dlvrd:001" in written


def test_octets_of_the_text_stay_and_characters_become_ascii() -> None:
    assert format_receipt("1", DELIVERED, 0, 0, text=b"\x00\xe9\xff").endswith(b"text:\x00\xe9\xff")
    assert format_receipt("1", DELIVERED, 0, 0, text="\u20ac \xe9 a").endswith(b"text:? ? a")


@pytest.mark.parametrize(
    ("err", "written"),
    [
        ("", "000"),
        ("0", "000"),
        ("7", "007"),
        ("21b", "21b"),
        ("000", "000"),
        ("0000", "000"),
        ("0012", "012"),
        ("1234", "999"),
        ("null", "000"),
    ],
)
def test_err_has_three_characters(err: str, written: str) -> None:
    assert f" err:{written} text:".encode() in format_receipt("1", EXPIRED, 0, 0, err)


def test_state_words_have_seven_letters() -> None:
    assert {len(word) for word in STATE_WORDS.values()} == {7}
    assert sorted(STATE_WORDS) == list(range(10))


def test_state_nobody_knows_is_written_unknown() -> None:
    assert b" stat:UNKNOWN " in format_receipt("1", 200, 0, 0)


YEAR_2000 = 946_684_800
EPOCHS = st.floats(YEAR_2000, 4_000_000_000)


@given(
    IDS,
    STATES,
    st.tuples(EPOCHS, EPOCHS),
    st.integers(0, 999),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
)
def test_what_we_write_we_read(
    id: str, state: int, times: tuple[float, float], err: int, text: str
) -> None:
    found = parse(format_receipt(id, state, *times, f"{err:03}", text=text))
    assert (found.id, found.state, found.text) == (id, state, text)
    assert (found.err, found.stat) == (f"{err:03}", STATE_WORDS[state])
    for read, epoch in zip((found.submit_date, found.done_date), times, strict=True):
        assert read is not None
        assert read.replace(tzinfo=UTC).timestamp() == epoch // 60 * 60


# network_error_code


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"\x03\x00\x00", (3, 0)),
        (b"\x03\x01\x02", (3, 258)),
        (b"\x08\x30\x31", (8, 0x3031)),
        (b"000", (0, 0)),
        (b"021", (0, 21)),
        (b"021\0", (0, 21)),
        (b"7", (0, 7)),
        (b"\x03\x00\x0b\x00", (3, 11)),
        (b"\x01\x21", (0, 0x121)),
        (b"\x21", (0, 0x21)),
        (b"\x00\x00\x00", (0, 0)),
        (b"", (0, 0)),
    ],
)
def test_network_error_code(octets: bytes, expected: tuple[int, int]) -> None:
    assert network_error_code(octets) == expected


@given(st.one_of(st.binary(), st.text("0123456789", max_size=6000).map(str.encode)))
@example(b"9" * 6000)
def test_network_error_code_never_raises(octets: bytes) -> None:
    network, code = network_error_code(octets)
    assert 0 <= network <= 255
    assert 0 <= code <= 0xFFFF or (network == 0 and code <= 99_999)
