"""Addresses: one key for one number, names left alone, refusals by status."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.core.address import (
    check_destination,
    check_source,
    destination_key,
    mask,
    normalise,
)

OK, BAD_SOURCE, BAD_DESTINATION = 0, 0x0A, 0x0B

LATIN = st.text(st.characters(max_codepoint=255, exclude_characters="\0"), max_size=25)
LIKE_NUMBERS = st.text("0123456789+ .-()", max_size=25)
TONS = st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7, 255])
NPIS = st.sampled_from([0, 1, 3, 8, 9, 14, 18, 255])


@pytest.mark.parametrize(
    ("address", "ton", "npi"),
    [
        ("33612345678", 1, 1),
        ("+33612345678", 1, 1),
        ("+33612345678", 0, 0),
        ("0033612345678", 0, 1),
        ("0033612345678", 1, 1),
        ("+33 6 12 34 56 78", 1, 1),
        ("+33.6.12.34.56.78", 0, 0),
        ("+33 (6) 12-34-56-78", 1, 1),
        (" 33612345678 ", 0, 0),
        ("+0033612345678", 1, 1),
        ("00033612345678", 0, 0),
        # Whatever TON and NPI claim, a carrier may rewrite them: consent must not depend on them.
        ("+33612345678", 5, 0),
        ("0033612345678", 5, 0),
        ("0033612345678", 7, 255),
        ("+33612345678", 2, 8),
        ("+33.612345678", 1, 14),
        ("+33612345678", 0, 14),
    ],
)
def test_all_ways_to_write_a_number_are_one_key(address: str, ton: int, npi: int) -> None:
    assert normalise(address, ton, npi) == "33612345678"


@pytest.mark.parametrize(
    ("address", "ton", "npi"),
    [
        ("38100", 3, 0),
        ("38100", 0, 1),
        ("38100", 6, 0),
        ("00123456", 0, 0),  # eight digits: a short code, not a country
        ("0033612345678", 2, 1),  # national, network specific ...: 00 means nothing there
        ("0033612345678", 3, 0),
        ("0033612345678", 4, 0),
        ("0033612345678", 6, 0),
        ("0612345678", 2, 1),
        ("0612345678", 0, 0),
        ("MyBrand", 5, 0),
        ("My Brand", 5, 0),
        ("My-Brand.", 0, 0),
        ("1-800-FLOWERS", 5, 0),
        ("+MyBrand", 0, 0),
        ("++33612345678", 1, 1),
        ("3361+2345678", 1, 1),
        ("", 0, 0),
        ("+", 1, 1),
        (" - ", 0, 0),
        ("000000000000", 0, 0),
        ("10.0.0.1", 0, 14),
        ("10.0.0.1", 0, 18),
        ("\u0663\u0663\u0666", 1, 1),  # digits, but not of a telephone
        ("00" + 9 * "\u0663", 1, 1),
        ("3361234567\xb2", 1, 1),
        ("caf\xe9", 5, 0),
    ],
)
def test_names_and_short_codes_stay(address: str, ton: int, npi: int) -> None:
    assert normalise(address, ton, npi) == address


@given(st.one_of(LATIN, LIKE_NUMBERS), TONS, NPIS)
def test_a_key_is_its_own_key(address: str, ton: int, npi: int) -> None:
    key = normalise(address, ton, npi)
    assert normalise(key, ton, npi) == key


@given(st.one_of(LATIN, LIKE_NUMBERS), TONS, NPIS)
def test_a_key_is_digits_or_the_address_itself(address: str, ton: int, npi: int) -> None:
    key = normalise(address, ton, npi)
    assert key == address or (key.isascii() and key.isdecimal() and key in _digits(address))


def _digits(address: str) -> str:
    return "".join(character for character in address if character in "0123456789")


@given(st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True), st.data())
def test_decoration_does_not_matter(number: str, data: st.DataObject) -> None:
    prefix = data.draw(st.sampled_from(["", "+", "00", "+00"]))
    decorated = prefix + "".join(
        digit + data.draw(st.sampled_from(["", " ", "-", "."])) for digit in number
    )
    assert normalise(decorated, data.draw(st.sampled_from([0, 1, 5])), 1) == number


@pytest.mark.parametrize(
    ("address", "ton"),
    [
        ("", 0),
        ("", 5),
        ("", 1),
        ("38100", 3),
        ("33612345678", 1),
        ("+33612345678", 1),
        ("+33 6 12 34 56 78", 1),
        ("33612", 1),  # short for a number: kannel only warns
        ("MyBrand", 5),
        ("ElevenChars", 5),
        ("Caf\x05", 5),  # a letter of the GSM alphabet
        ("33612345678", 5),
        ("MyBrand", 0),
        ("A longer name, 20 ch", 0),
        ("1" * 20, 0),
        ("caf\xe9", 255),
    ],
)
def test_good_sources(address: str, ton: int) -> None:
    assert check_source(address, ton) == OK


@pytest.mark.parametrize(
    ("address", "ton"),
    [
        ("TwelveChars!", 5),
        ("336123456789", 5),
        ("MyBrand", 1),
        ("33612x45678", 1),
        ("+", 1),
        ("++33612345678", 1),
        ("\u0663\u0663\u0666", 1),
        ("1" * 21, 0),
        ("x" * 21, 0),
        ("3361\n2345678", 0),
        ("bell\x07", 0),
        (" ", 0),
    ],
)
def test_bad_sources(address: str, ton: int) -> None:
    assert check_source(address, ton) == BAD_SOURCE


@pytest.mark.parametrize(
    ("address", "ton"),
    [
        ("33612345678", 1),
        ("+33612345678", 1),
        ("0033612345678", 0),
        ("38100", 3),
        ("0612345678", 2),
        ("someone", 5),
        ("10.0.0.1", 0),
        ("1" * 20, 1),
    ],
)
def test_good_destinations(address: str, ton: int) -> None:
    assert check_destination(address, ton) == OK


@pytest.mark.parametrize(
    ("address", "ton"),
    [
        ("", 0),
        ("", 1),
        (" ", 0),
        ("+", 1),
        ("-", 1),
        ("1" * 21, 0),
        ("33612x45678", 1),
        ("someone", 1),
        ("3361\r2345678", 0),
        ("3361234567\xb2", 1),
    ],
)
def test_bad_destinations(address: str, ton: int) -> None:
    assert check_destination(address, ton) == BAD_DESTINATION


@given(LATIN, TONS)
def test_checks_give_their_own_status_only(address: str, ton: int) -> None:
    assert check_source(address, ton) in {OK, BAD_SOURCE}
    assert check_destination(address, ton) in {OK, BAD_DESTINATION}


@given(st.one_of(LATIN, LIKE_NUMBERS), NPIS)
def test_an_international_number_that_passes_has_a_key_of_digits(address: str, npi: int) -> None:
    if check_destination(address, 1) == OK:
        key = normalise(address, 1, npi)
        assert key.isascii()
        assert key.isdecimal()


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("33612345678", "+3361234****"),
        ("+33612345678", "+3361234****"),
        ("0612345678", "061234****"),
        ("123456789", "+12345****"),
        ("+33 6 12 34 56 78", "+3361234****"),
        ("(06) 12-34.56.78", "061234****"),
        ("38100", "38100"),
        ("12345678", "12345678"),
        ("MyBank", "MyBank"),
        ("", ""),
        ("+", "+"),
    ],
)
def test_masking(address: str, shown: str) -> None:
    assert mask(address) == shown


@given(st.text("0123456789", min_size=9, max_size=20))
def test_the_last_digits_of_a_long_number_never_show(digits: str) -> None:
    shown = mask(digits)
    assert shown.endswith("****")
    assert len(shown.lstrip("+")) == len(digits)
    assert shown.lstrip("+")[:-4] == digits[:-4]


@given(
    st.text(max_size=25) | st.from_regex(r"[+]?[0-9 ().-]{0,22}", fullmatch=True),
    st.integers(0, 6),
    st.integers(0, 18),
)
def test_a_destination_has_a_key_when_it_is_not_refused(address: str, ton: int, npi: int) -> None:
    refused = check_destination(address, ton)
    expected = "" if refused else normalise(address, ton, npi)
    assert destination_key(address, ton, npi) == expected
    assert bool(refused) == (not expected)
