"""Templates of receipts: what is written, what is refused, and that the default is Appendix B."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.sms.receipt import (
    DELIVERED,
    ENROUTE,
    EXPIRED,
    REJECTED,
    STATE_WORDS,
    UNDELIVERABLE,
    error_code,
    format_receipt,
    parse,
)
from smppgw.sms.receipt_format import (
    APPENDIX_B,
    MOST_OCTETS,
    ReceiptFormatError,
    Template,
)

SUBMITTED = 1_790_000_039.75
"""2026-09-21 14:13:59 UTC; the minute is not to be rounded up."""
DONE = 1_790_000_040.0
"""One second later, in the next minute: 14:14:00."""
ID = "0123456789abcdef"

times = st.floats(0, 4e9)
errors = st.one_of(
    st.integers(0, 99_999).map(str), st.text("0123456789abnul", max_size=6), st.just("000")
)
states = st.one_of(st.sampled_from(sorted(STATE_WORDS)), st.integers(0, 255))


def written(source: str, state: int = DELIVERED, err: str = "000", **more: object) -> str:
    return Template(source).write(ID, state, SUBMITTED, DONE, err, **more).decode("latin-1")


def fault(source: str) -> str:
    with pytest.raises(ReceiptFormatError) as caught:
        Template(source)
    return str(caught.value)


# ---------------------------------------------------------------------- Appendix B


@given(
    id=st.text(st.characters(max_codepoint=0x2FFF), max_size=30),
    state=states,
    submitted=times,
    done=times,
    err=errors,
    text=st.one_of(st.binary(max_size=64), st.text(max_size=64)),
    sub=st.integers(0, 1200),
    dlvrd=st.none() | st.integers(0, 255),
)
def test_the_default_is_what_the_quicker_way_writes(
    id: str,
    state: int,
    submitted: float,
    done: float,
    err: str,
    text: str | bytes,
    sub: int,
    dlvrd: int | None,
) -> None:
    arguments = (id, state, submitted, done, err)
    more = {"text": text, "sub": sub, "dlvrd": dlvrd}
    assert Template(APPENDIX_B).write(*arguments, **more) == format_receipt(*arguments, **more)


def test_the_default_word_for_word() -> None:
    assert written(APPENDIX_B, text=b"hello") == (
        "id:0123456789abcdef sub:001 dlvrd:001 submit date:2609211413 done date:2609211414"
        " stat:DELIVRD err:000 text:hello"
    )


# ---------------------------------------------------------------------- names and dates


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{id} {stat}", f"{ID} DELIVRD"),
        ("{stat}{id}", f"DELIVRD{ID}"),
        ("{id}{id}{stat}{stat}", f"{ID}{ID}DELIVRDDELIVRD"),
        ("{id};{stat};done={done_date}", f"{ID};DELIVRD;done=2609211414"),
        ("{id}{stat} {submit_date:10}", f"{ID}DELIVRD 2609211413"),
        ("{id}{stat} {submit_date:12}", f"{ID}DELIVRD 260921141359"),
        ("{id}{stat} {submit_date:14}", f"{ID}DELIVRD 20260921141359"),
        ("{id}{stat} {done_date}", f"{ID}DELIVRD 2609211414"),
        ("{id}{stat} {done_date:12}", f"{ID}DELIVRD 260921141400"),
        ("{id}{stat} {done_date:14}", f"{ID}DELIVRD 20260921141400"),
        (
            "{id}{stat} {done_date:12} {submit_date:12} {done_date}",
            f"{ID}DELIVRD 260921141400 260921141359 2609211414",
        ),
        ("{id}{stat} {err} {sub} {dlvrd}", f"{ID}DELIVRD 000 001 001"),
        ("{text}{id}{stat}{text}", f"hi{ID}DELIVRDhi"),
        ("{{{id}}} {{id}} {{{{{stat}}}}}", f"{{{ID}}} {{id}} {{{{DELIVRD}}}}"),
        ("100% %s %(id)s {id}%{stat}%%", f"100% %s %(id)s {ID}%DELIVRD%%"),
    ],
)  # fmt: skip
def test_what_stands_in_its_place(source: str, expected: str) -> None:
    assert written(source, text=b"hi") == expected


@pytest.mark.parametrize(
    ("state", "more", "expected"),
    [
        (DELIVERED, {}, "DELIVRD 001 001"),
        (UNDELIVERABLE, {}, "UNDELIV 001 000"),
        (ENROUTE, {}, "ENROUTE 001 000"),
        (DELIVERED, {"sub": 3}, "DELIVRD 003 003"),
        (EXPIRED, {"sub": 3}, "EXPIRED 003 000"),
        (REJECTED, {"sub": 3, "dlvrd": 2}, "REJECTD 003 002"),
        (DELIVERED, {"sub": 255, "dlvrd": 0}, "DELIVRD 255 000"),
        (77, {}, "UNKNOWN 001 000"),
    ],
)
def test_states_and_counts(state: int, more: dict[str, int], expected: str) -> None:
    assert written("{id}{stat} {sub} {dlvrd}", state, **more) == ID + expected


@pytest.mark.parametrize(
    ("err", "expected"),
    [
        ("", "000"),
        ("7", "007"),
        ("21b", "21b"),
        ("0021", "021"),
        ("1234", "999"),
        ("null", "000"),
    ],
)
def test_errors_have_three_characters(err: str, expected: str) -> None:
    assert written("{id}{stat}{err}", UNDELIVERABLE, err) == f"{ID}UNDELIV{expected}"
    assert error_code(err) == expected


@given(octets=st.binary(max_size=64))
def test_octets_of_the_text_stay_as_they_are(octets: bytes) -> None:
    template = Template("{id} {text} {stat}")
    assert template.write(ID, DELIVERED, 0, 0, text=octets) == b"%b %b DELIVRD" % (
        ID.encode(),
        octets,
    )


def test_a_text_is_written_in_ascii_as_everywhere() -> None:
    assert written("{id}{stat} {text}", text="é 5€") == f"{ID}DELIVRD ? 5?"


@given(submitted=times, done=times, width=st.sampled_from((10, 12, 14)))
def test_dates_are_utc_and_never_ahead(submitted: float, done: float, width: int) -> None:
    template = Template(f"{{id}} {{stat}} {{submit_date:{width}}} {{done_date:{width}}}")
    shown = template.write(ID, DELIVERED, submitted, done).decode().split()[2:]
    form = {10: "%y%m%d%H%M", 12: "%y%m%d%H%M%S", 14: "%Y%m%d%H%M%S"}[width]
    for text, time in zip(shown, (submitted, done), strict=True):
        assert len(text) == width
        assert text == datetime.fromtimestamp(int(time), UTC).strftime(form)


@given(
    width=st.sampled_from(["", ":10", ":12", ":14"]),
    state=st.sampled_from(sorted(STATE_WORDS)),
    done=st.integers(946_684_800, 4_000_000_000),
)
def test_who_reads_receipts_reads_these(width: str, state: int, done: int) -> None:
    template = Template(f"stat:{{stat}} done date:{{done_date{width}}} err:{{err}} id:{{id}}")
    found = parse(template.write(ID, state, 0, done, "21"))
    assert (found.id, found.state, found.err) == (ID, state, "021")
    assert found.done_date is not None
    exact = datetime.fromtimestamp(done, UTC).replace(tzinfo=None)
    assert found.done_date == (exact if width in {":12", ":14"} else exact.replace(second=0))


# ---------------------------------------------------------------------- faults

EXAMPLES = "id, sub, dlvrd, submit_date, done_date, stat, err, text"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("", "{id} and {stat} are missing"),
        ("id:x stat:y", "{id} and {stat} are missing"),
        ("{id}", "{stat} is missing"),
        ("{stat} {text}", "{id} is missing"),
        ("{{id}} {stat}", "{id} is missing"),
        ("{id}{stat}{foo}", f"{{foo}} is none of {EXAMPLES}"),
        ("{id}{stat}{}", f"{{}} is none of {EXAMPLES}"),
        ("{id}{stat}{0}", f"{{0}} is none of {EXAMPLES}"),
        ("{ID}{stat}", f"{{ID}} is none of {EXAMPLES}"),
        ("{id }{stat}", f"{{id }} is none of {EXAMPLES}"),
        ("{id!r}{stat}", f"{{id!r}} is none of {EXAMPLES}"),
        ("{id.__class__}{stat}", f"{{id.__class__}} is none of {EXAMPLES}"),
        ("{id}{stat}{submit date}", f"{{submit date}} is none of {EXAMPLES}"),
        ("{id}{stat}{:12}", f"{{:12}} is none of {EXAMPLES}"),
        ("{id:16}{stat}", "{id:16} has a width, which only dates have"),
        ("{id}{stat:}", "{stat:} has a width, which only dates have"),
        ("{id}{stat}{done_date:11}", "{done_date:11}: a date has 10, 12 or 14 digits"),
        ("{id}{stat}{done_date:}", "{done_date:}: a date has 10, 12 or 14 digits"),
        ("{id}{stat}{submit_date: 12}", "{submit_date: 12}: a date has 10, 12 or 14 digits"),
        ("{id}{stat}{submit_date:%y}", "{submit_date:%y}: a date has 10, 12 or 14 digits"),
        ("{id}{stat", "the { at 5 is without its other half; {{ and }} stand for braces"),
        ("{id}{stat}}", "the } at 11 is without its other half; {{ and }} stand for braces"),
        ("{id}}{stat}", "the } at 5 is without its other half; {{ and }} stand for braces"),
        ("{{id}{stat}", "the } at 5 is without its other half; {{ and }} stand for braces"),
        ("{id{stat}}", "the { at 1 is without its other half; {{ and }} stand for braces"),
        ("{", "the { at 1 is without its other half; {{ and }} stand for braces"),
        ("état {id}{stat}", "'é' is no printable ASCII"),
        ("{id}\t{stat}", "'\\t' is no printable ASCII"),
        ("{id}{stat}\x7f", "'\\x7f' is no printable ASCII"),
        ("{id}{stat}😀", "'😀' is no printable ASCII"),
    ],
)
def test_what_is_no_template(source: str, reason: str) -> None:
    assert fault(source) == reason


@given(source=st.text("{}ab:12id stat_done", max_size=40))
def test_any_text_is_a_template_or_is_refused_in_words(source: str) -> None:
    try:
        template = Template(source)
    except ReceiptFormatError as error:
        reason = str(error)
    else:
        reason = template.write(ID, DELIVERED, 0, 0).decode()
        assert ID in reason
    assert reason


# ---------------------------------------------------------------------- length


@pytest.mark.parametrize(
    ("source", "text", "octets"),
    [
        ("{id}{stat}", 0, 27),
        ("{id}{stat}", 64, 27),
        ("{id}{stat}{text}", 0, 27),
        ("{id}{stat}{text}", 64, 91),
        ("{id}{stat}{text}{text}", 64, 155),
        ("{id}{stat}{submit_date}{done_date:12}", 0, 49),
        ("{id}{stat}{done_date:14}{done_date:14}", 0, 55),
        ("{id}{stat}{sub}{dlvrd}{err}", 0, 36),
        ("{{{id}}}%{stat}", 0, 30),
        (APPENDIX_B, 20, 132),
        (APPENDIX_B, 64, 176),
    ],
)
def test_the_longest_receipt(source: str, text: int, octets: int) -> None:
    assert Template(source).longest(text) == octets


PIECES = ("{id}", "{stat}", "{sub}", "{dlvrd}", "{err}", "{text}", "{submit_date}", "{{", "}}")
PIECES += ("{submit_date:12}", "{done_date:14}", "%", " key:")


@given(
    pieces=st.lists(st.sampled_from(PIECES), max_size=12),
    length=st.integers(0, 64),
)
def test_none_is_longer_than_the_longest(pieces: list[str], length: int) -> None:
    template = Template("{id}{stat}" + "".join(pieces))
    worst = template.write("f" * 20, EXPIRED, SUBMITTED, DONE, "999", text=b"x" * length, sub=255)
    assert len(worst) == template.longest(length)
    usual = template.write(ID, DELIVERED, SUBMITTED, DONE, text=b"x" * (length // 2))
    assert len(usual) <= template.longest(length)


def test_the_default_fits_whatever_the_length_of_its_text() -> None:
    assert Template(APPENDIX_B).longest(64) <= MOST_OCTETS
