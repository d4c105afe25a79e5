"""The settings of a carrier as segmentation wants them, and which contradict each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.core.settings import CarrierSettings
from smppgw.core.texts import alphabet_faults, data_coding_faults, shifts_septets, text_terms
from smppgw.sms.alphabet import Alphabet
from smppgw.sms.cut import MEASURES
from smppgw.sms.message_class import ClassStyle, MessageClass
from smppgw.sms.segment import Style, segment


def carrier(**values: object) -> CarrierSettings:
    return CarrierSettings(name="c", system_id="s", **values)


def test_the_terms_of_a_carrier_with_nothing_special() -> None:
    assert text_terms(carrier()) == {
        "alphabets": (Alphabet.GSM7, Alphabet.UCS2),
        "languages": (),
        "style": Style.UDH8,
        "maximum_parts": 255,
        "class_style": ClassStyle.F0,
        "data_codings": {},
    }
    assert segment("a" * 200, **text_terms(carrier())) == segment("a" * 200, data_codings={})


def test_the_terms_of_a_carrier_with_everything_special() -> None:
    terms = text_terms(
        carrier(
            alphabets=("latin1", "ucs2-le"),
            shift_languages=("turkish", "urdu"),
            data_codings={"0": "latin1", "0xF1": "gsm7"},
            class_style="subunit",
            concatenation="sar",
            maximum_parts=3,
        )
    )
    assert terms == {
        "alphabets": (Alphabet.LATIN1, Alphabet.UCS2_LE),
        "languages": (1, 13),
        "style": Style.SAR,
        "maximum_parts": 3,
        "class_style": ClassStyle.SUBUNIT,
        "data_codings": {0: Alphabet.LATIN1, 0xF1: Alphabet.GSM7},
    }
    (first, _) = segment("é" * 200, message_class=MessageClass.FLASH, **terms).parts
    assert (first.data_coding, first.dest_addr_subunit, first.units) == (3, 1, 134)


@pytest.mark.parametrize(
    ("table", "faults"),
    [
        ({}, {}),
        ({"0": "gsm7", "0x01": "latin1", "255": "binary"}, {}),
        ({"0x01": "gsm7", "1": "gsm7"}, {"1": "data_coding 0x01 is there already"}),
        (
            {"256": "gsm7", "x": "gsm7", "2": "binary"},
            {
                "256": "'256' is no data_coding: 0 to 255, or 0x00 to 0xFF",
                "x": "'x' is no data_coding: 0 to 255, or 0x00 to 0xFF",
            },
        ),
    ],
)
def test_faults_of_data_codings(table: dict[str, str], faults: dict[str, str]) -> None:
    assert data_coding_faults(table) == faults


@pytest.mark.parametrize(
    ("names", "table", "faults"),
    [
        (("gsm7", "ucs2"), {}, {}),
        (("gsm7", "latin1", "iso8859-5", "iso8859-8", "utf8"), {"9": "utf8"}, {}),
        (("gsm7", "gsm7", "ucs2", "gsm7"), {}, {1: "is there already", 3: "is there already"}),
        (
            ("ucs2", "gsm7"),
            {},
            {1: "is never used: ucs2 before it holds every text"},
        ),
        (
            ("gsm7", "gsm7-packed"),
            {},
            {
                1: "has data_coding 0x00 as gsm7 has; data_codings can say which other value"
                " means it"
            },
        ),
        (("gsm7", "gsm7-packed"), {"0": "gsm7", "0xF1": "gsm7-packed"}, {}),
        (
            ("gsm7", "ucs2"),
            {"0": "latin1"},
            {0: "data_coding 0x00 is not gsm7 there, nor is any other"},
        ),
        (("gsm7", "ucs2"), {"0": "latin1", "0xF1": "gsm7"}, {}),
        (("gsm7", "gsm7-packed"), {"0xF1": "gsm7-packed"}, {}),
        (("gsm7-packed", "ucs2"), {}, {}),
        (("latin1", "ucs2"), {"0": "latin1", "3": "binary"}, {}),
    ],
)
def test_faults_of_alphabets(
    names: tuple[str, ...], table: dict[str, str], faults: dict[int, str]
) -> None:
    assert alphabet_faults(names, table) == faults


@pytest.mark.parametrize(
    ("names", "can"),
    [
        (("gsm7",), True),
        (("ucs2", "gsm7-packed"), True),
        (("latin1", "ucs2"), False),
        (("gsm7-vodafone-de",), False),
    ],
)
def test_national_tables_need_gsm7(names: tuple[str, ...], can: bool) -> None:
    assert shifts_septets(names) is can


@given(
    names=st.lists(st.sampled_from(list(MEASURES)), min_size=1, max_size=4).map(tuple),
    table=st.dictionaries(
        st.integers(0, 255).map(str), st.sampled_from(list(Alphabet)), max_size=4
    ),
)
def test_settings_without_fault_can_be_used(names: tuple[str, ...], table: dict[str, str]) -> None:
    if alphabet_faults(names, table):
        return
    terms = text_terms(carrier(alphabets=names, data_codings=table))
    found = segment("a", **terms)
    assert found.alphabet is names[0]
    said = table.get(str(found.parts[0].data_coding), names[0])
    assert said == names[0]
