"""`smppgw dlr`: receipts explained to people and as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.cli import main
from smppgw.cli.output import FAULT, OK, USAGE, WIDTH
from smppgw.core.receipt_words import STATES, receipt_record
from smppgw.sms.receipt import STATE_WORDS, parse

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "receipts.json").read_text()
)["receipts"]
KEYS = ["id", "state", "sub", "dlvrd", "submit_date", "done_date", "err", "text"]
REGULAR = (
    "id:0123456789 sub:002 dlvrd:001 submit date:1005232039 done date:1005242339"
    " stat:DELIVRD err:012 text:This is a sample mes"
)


def as_json(capsys: pytest.CaptureFixture[str], text: str) -> dict[str, Any]:
    assert main(["dlr", text, "--json"]) == OK
    captured = capsys.readouterr()
    assert captured.err == ""
    record: dict[str, Any] = json.loads(captured.out)
    return record


def rows(capsys: pytest.CaptureFixture[str], text: str) -> dict[str, str]:
    """Field -> the rest of its row."""
    assert main(["dlr", text]) == OK
    captured = capsys.readouterr()
    assert captured.err == ""
    heading, *lines = captured.out.splitlines()
    assert heading.split() == ["FIELD", "VALUE", "MEANING"]
    assert all(len(line) <= WIDTH for line in lines)
    return {line.split()[0]: line.partition(" ")[2].strip() for line in lines}


def fault(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line on stderr."""
    assert main(["dlr", *arguments]) == FAULT
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    return line


def test_a_receipt_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert as_json(capsys, REGULAR) == {
        "id": "0123456789",
        "state": "DELIVRD",
        "sub": "002",
        "dlvrd": "001",
        "submit_date": "2010-05-23T20:39:00",
        "done_date": "2010-05-24T23:39:00",
        "err": "012",
        "text": "This is a sample mes",
    }


def test_the_keys_are_always_these(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(as_json(capsys, REGULAR)) == KEYS
    assert list(as_json(capsys, "id:1 stat:EXPIRED")) == KEYS


def test_what_is_absent_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    assert as_json(capsys, "id:1 stat:EXPIRED") == {
        **dict.fromkeys(KEYS),
        "id": "1",
        "state": "EXPIRED",
    }


def test_a_date_that_cannot_be_read_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    record = as_json(capsys, "id:1 submit date:0000000000 done date:2010-05-24 stat:EXPIRED")
    assert (record["submit_date"], record["done_date"]) == (None, None)


def test_a_date_with_a_zone_keeps_it(capsys: pytest.CaptureFixture[str]) -> None:
    text = "id:1 done date:180711070003912+ stat:DELIVRD"
    assert as_json(capsys, text)["done_date"] == "2018-07-11T07:00:03.900000+03:00"
    assert "zone" not in rows(capsys, text)["done_date"]


@pytest.mark.parametrize(
    ("stat", "word"),
    [("FAILED", "UNDELIV"), ("delivrd", "DELIVRD"), ("0", "DELIVRD"), ("NOSUCH", "UNKNOWN")],
)
def test_the_word_of_the_specification_whatever_was_written(
    capsys: pytest.CaptureFixture[str], stat: str, word: str
) -> None:
    text = f"id:1 stat:{stat}"
    assert as_json(capsys, text)["state"] == word
    shown = rows(capsys, text)["state"]
    assert shown.split()[0] == word
    assert shown.endswith(f"(written {stat})")


def test_a_receipt_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(capsys, REGULAR)
    assert list(found) == KEYS
    assert found["id"].startswith("0123456789 ")
    assert found["state"].split(maxsplit=1) == ["DELIVRD", "delivered to the handset"]
    assert found["submit_date"].endswith("in the zone of the carrier")
    assert found["text"].startswith("This is a sample mes ")


def test_absent_fields_are_dashes(capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(capsys, "id:1 stat:EXPIRED text:")
    assert {key for key, value in found.items() if value.split() == ["-", "-"]} == {
        "sub",
        "dlvrd",
        "submit_date",
        "done_date",
        "err",
        "text",
    }


def test_every_state_has_words() -> None:
    assert STATES.keys() == STATE_WORDS.keys()
    assert all(STATES.values())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a receipt: id: and stat: are missing"),
        ("hello", "not a receipt: id: and stat: are missing"),
        ("i:0123456789 err:000", "not a receipt: id: and stat: are missing"),
        ("id: stat:DELIVRD", "not a receipt: id: is missing"),
        ("stat:DELIVRD err:000", "not a receipt: id: is missing"),
        ("id:1 err:000 text:a\nb", "not a receipt: stat: is missing"),
        ("id:1 stat: err:000", "not a receipt: stat: is missing"),
    ],
)
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_text_that_is_no_receipt(
    capsys: pytest.CaptureFixture[str], text: str, says: str, options: tuple[str, ...]
) -> None:
    assert fault(capsys, text, *options) == says


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["text"][:40])
def test_collected_receipts(capsys: pytest.CaptureFixture[str], vector: dict[str, Any]) -> None:
    text, expected = vector["text"], vector["parsed"]
    if not (expected.get("id") and expected.get("stat")):
        assert "missing" in fault(capsys, text)
        return
    record = as_json(capsys, text)
    assert record["id"] == expected["id"]
    assert record["err"] == expected.get("err")
    assert list(rows(capsys, text)) == KEYS


def test_a_terminal_is_not_steered(capsys: pytest.CaptureFixture[str]) -> None:
    text = "id:1 stat:DELIVRD text:a\x1b[31m\nid:2"
    assert main(["dlr", text]) == OK
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert len(out.splitlines()) == 1 + len(KEYS)
    assert as_json(capsys, text)["text"] == "a\x1b[31m\nid:2"


def test_an_argument_that_is_no_utf8(capsys: pytest.CaptureFixture[str]) -> None:
    assert as_json(capsys, "id:1 stat:DELIVRD text:a\udce9")["text"] == "a\ufffd"


def test_a_receipt_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["dlr"])
    assert left.value.code == USAGE
    assert "TEXT" in capsys.readouterr().err


def test_help_names_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--help"])
    assert not left.value.code
    assert "Explain a delivery receipt." in capsys.readouterr().out


@given(st.text(max_size=60) | st.builds("id:{} stat:{} text:{}".format, *[st.text(max_size=9)] * 3))
def test_any_receipt_is_a_record(text: str) -> None:
    record = receipt_record(parse(text))
    assert list(record) == KEYS
    assert record["state"] in {None, *STATE_WORDS.values()}
