"""What a carrier's keys about texts demand, one by one and of each other."""

from __future__ import annotations

import pytest

from smppgw.core.settings import CarrierSettings
from smppgw.ops.config import ConfigError, parse


def text(extra: str) -> str:
    return f"[[carriers]]\nname = 'c'\nsystem_id = 's'\nhost = 'h'\n{extra}\n"


def good(extra: str) -> CarrierSettings:
    loaded = parse(text(extra), "x.toml", {})
    assert loaded.warnings == ()
    return loaded.settings.carriers[0]


def faults(extra: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text(extra), "x.toml", {})
    return [str(fault).removeprefix("x.toml:") for fault in caught.value.faults]


def test_the_defaults() -> None:
    carrier = good("")
    assert carrier.alphabets == ("gsm7", "ucs2")
    assert carrier.shift_languages == ()
    assert carrier.data_codings == {}
    assert carrier.class_style == "0xF0"
    assert carrier.concatenation == "udh8"
    assert carrier.maximum_parts == 255


def test_all_of_them() -> None:
    carrier = good(
        "alphabets = ['gsm7', 'latin1', 'ucs2']\nshift_languages = ['turkish', 'portuguese']\n"
        "class_style = '0x1x'\nconcatenation = 'udh16'\nmaximum_parts = 8\n"
        "data_codings = { 0x01 = 'gsm7', 241 = 'gsm7' }"
    )
    assert carrier.alphabets == ("gsm7", "latin1", "ucs2")
    assert carrier.shift_languages == ("turkish", "portuguese")
    assert carrier.data_codings == {"0x01": "gsm7", "241": "gsm7"}
    assert (carrier.class_style, carrier.concatenation) == ("0x1x", "udh16")
    assert carrier.maximum_parts == 8
    assert good("[carriers.data_codings]\n0 = 'gsm7'").data_codings == {"0": "gsm7"}


@pytest.mark.parametrize(
    ("extra", "key", "reason"),
    [
        ("alphabets = 'gsm7'", "alphabets", "expected an array, found a string"),
        ("alphabets = []", "alphabets", "must not be empty"),
        ("alphabets = ['gsm']", "alphabets[0]", '"gsm" is not allowed: must be "gsm7",'),
        ("alphabets = ['binary']", "alphabets[0]", '"binary" is not allowed: must be'),
        ("alphabets = ['gsm7', 'gsm7']", "alphabets[1]", '"gsm7": is there already'),
        (
            "alphabets = ['ucs2', 'gsm7']",
            "alphabets[1]",
            '"gsm7": is never used: ucs2 before it holds every text',
        ),
        (
            "alphabets = ['gsm7', 'gsm7-packed', 'ucs2']",
            "alphabets[1]",
            '"gsm7-packed": has data_coding 0x00 as gsm7 has',
        ),
        (
            "data_codings = {0 = 'latin1'}",
            "data_codings",
            '"gsm7": data_coding 0x00 is not gsm7 there, nor is any other',
        ),
        (
            "alphabets = ['ucs2']\ndata_codings = {8 = 'binary'}",
            "alphabets[0]",
            '"ucs2": data_coding 0x08 is not ucs2 there, nor is any other',
        ),
        ("data_codings = {x = 'gsm7'}", "data_codings.x", "'x' is no data_coding: 0 to 255"),
        ("data_codings = {256 = 'gsm7'}", "data_codings.256", "'256' is no data_coding"),
        (
            "data_codings = {1 = 'gsm7', 0x01 = 'gsm7'}",
            "data_codings.0x01",
            "data_coding 0x01 is there already",
        ),
        ("data_codings = {1 = 'gsm8'}", "data_codings.1", '"gsm8" is not allowed: must be'),
        ("data_codings = {1 = 5}", "data_codings.1", "expected a string, found a whole number"),
        ("data_codings = 'gsm7'", "data_codings", "expected a table, found a string"),
        ("shift_languages = ['french']", "shift_languages[0]", '"french" is not allowed'),
        (
            "shift_languages = ['urdu', 'urdu']",
            "shift_languages[1]",
            '"urdu" is there already',
        ),
        (
            "shift_languages = ['urdu']\nalphabets = ['latin1', 'ucs2']",
            "shift_languages",
            "needs gsm7 in alphabets",
        ),
        ("class_style = 'F0'", "class_style", '"F0" is not allowed: must be "0xF0", "0x1x"'),
        ("concatenation = 'udh'", "concatenation", '"udh" is not allowed: must be "udh8",'),
        ("maximum_parts = 0", "maximum_parts", "0 is out of range: must be 1 to 255"),
        ("maximum_parts = 256", "maximum_parts", "256 is out of range: must be 1 to 255"),
        (
            "interface_version = 0x33\nconcatenation = 'sar'",
            "concatenation",
            '"sar" needs TLVs, which interface_version 0x33 has not',
        ),
        (
            "interface_version = 0\nclass_style = 'subunit'",
            "class_style",
            '"subunit" needs TLVs, which interface_version 0x00 has not',
        ),
    ],
)
def test_what_is_wrong(extra: str, key: str, reason: str) -> None:
    (found,) = faults(extra)
    place, _, said = found.partition(": ")
    assert place.partition(" ")[2] == f'carriers["c"].{key}'
    assert said.startswith(reason)


def test_old_versions_without_tlvs() -> None:
    good("interface_version = 0x33")
    good("interface_version = 0x33\nconcatenation = 'udh16'\nclass_style = '0x1x'")
    good("interface_version = 0x34\nconcatenation = 'payload'\nclass_style = 'subunit'")


def test_faulty_values_do_not_hide_the_others() -> None:
    found = faults(
        "alphabets = ['gsm', 'gsm7', 'gsm7']\nshift_languages = [5, 'urdu', 'urdu']\n"
        "data_codings = {x = 'gsm7', 1 = 'gsm8'}\ninterface_version = 'x'\nconcatenation = 'sar'"
    )
    assert [one.partition(": ")[0] for one in found] == [
        '5 carriers["c"].alphabets[0]',
        '6 carriers["c"].shift_languages[0]',
        '6 carriers["c"].shift_languages[2]',
        '7 carriers["c"].data_codings.1',
        '7 carriers["c"].data_codings.x',
        '8 carriers["c"].interface_version',
    ]
