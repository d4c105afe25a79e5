"""How an account wants its receipts: what a file may say, and what is wrong with the rest."""

from __future__ import annotations

import json

import pytest

from smppgw.core.account_settings import AccountSettings, receipt_format_fault
from smppgw.ops.config import ConfigError, parse
from smppgw.sms.receipt_format import APPENDIX_B

KEPT = 'accounts["a"].receipt_format'


def text(receipt_format: str, extra: str = "") -> str:
    said = json.dumps(receipt_format)
    return f"[[accounts]]\nsystem_id = 'a'\npassword = 'p'\nreceipt_format = {said}\n{extra}\n"


def good(receipt_format: str, extra: str = "") -> AccountSettings:
    loaded = parse(text(receipt_format, extra), "x.toml", {})
    assert loaded.warnings == ()
    return loaded.settings.accounts[0]


def faults(receipt_format: str, extra: str = "") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text(receipt_format, extra), "x.toml", {})
    return [str(fault).removeprefix("x.toml:") for fault in caught.value.faults]


def test_the_default_is_appendix_b_and_needs_no_template() -> None:
    account = AccountSettings(system_id="a")
    assert account.receipt_format == APPENDIX_B
    assert account.receipt_template is None
    assert good(APPENDIX_B).receipt_template is None


def test_another_one_is_compiled() -> None:
    account = good("{id}|{stat}|{done_date:12}")
    assert account.receipt_format == "{id}|{stat}|{done_date:12}"
    assert account.receipt_template is not None
    assert account.receipt_template.write("1", 2, 0, 0) == b"1|DELIVRD|700101000000"


@pytest.mark.parametrize(
    ("receipt_format", "reason"),
    [
        ("", "{id} and {stat} are missing"),
        ("{id}", "{stat} is missing"),
        ("{stat} {err}", "{id} is missing"),
        (
            "{id}{stat}{submitdate}",
            "{submitdate} is none of id, sub, dlvrd, submit_date, done_date, stat, err, text",
        ),
        ("{id}{stat", "the { at 5 is without its other half; {{ and }} stand for braces"),
        ("{id}{stat}{done_date:11}", "{done_date:11}: a date has 10, 12 or 14 digits"),
        ("{id}{stat:7}", "{stat:7} has a width, which only dates have"),
        ("reçu {id}{stat}", "'ç' is no printable ASCII"),
        ("{id}{stat}" + "x" * 228, "a receipt can have 255 octets, which is more than 254"),
    ],
)
def test_what_is_wrong(receipt_format: str, reason: str) -> None:
    assert faults(receipt_format) == [f"4 {KEPT}: {reason}"]


def test_other_types_and_characters_are_faults_of_the_key() -> None:
    assert faults("{id}\n{stat}") == [
        f"4 {KEPT}: has characters that cannot be printed, such as a line end"
    ]
    with pytest.raises(ConfigError) as caught:
        parse("[[accounts]]\nsystem_id = 'a'\npassword = 'p'\nreceipt_format = 5\n", "x.toml", {})
    assert [one.reason for one in caught.value.faults] == [
        "expected a string, found a whole number"
    ]


def test_the_length_of_the_text_counts() -> None:
    longest = "{id}{stat}{text}" + "x" * 163
    assert good(longest, "receipt_text = 64").receipt_text == 64
    assert good(longest + "x" * 44).receipt_text == 20
    assert faults(longest + "x", "receipt_text = 64") == [
        f"4 {KEPT}: a receipt can have 255 octets, which is more than 254"
    ]
    assert good(longest + "x" * 64, "receipt_text = 0")


def test_a_faulty_length_of_the_text_hides_nothing() -> None:
    assert faults("{id}", "receipt_text = 'x'") == [
        f"4 {KEPT}: {{stat}} is missing",
        '5 accounts["a"].receipt_text: expected a whole number, found a string',
    ]


def test_it_is_no_reference_to_the_environment() -> None:
    assert faults("${ID}") == [f"4 {KEPT}: only passwords may be taken from the environment"]
    assert good("${id}{stat}").receipt_template is not None


def test_each_account_has_its_own() -> None:
    both = text("{id} {stat}") + "[[accounts]]\nsystem_id = 'b'\npassword = 'p'\n"
    first, second = parse(both, "x.toml", {}).settings.accounts
    assert first.receipt_template is not None
    assert second.receipt_template is None


@pytest.mark.parametrize("length", [0, 20, 64])
def test_the_default_has_no_fault(length: int) -> None:
    assert receipt_format_fault(APPENDIX_B, length) == ""
