"""How a carrier takes texts: its settings as `sms.segment` wants them.

Owns: the names in the settings, and which of them contradict each other.
Refuses to know: how texts are written and cut (`sms`), files and lines (`ops.config`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

from smppgw.core.settings import CarrierSettings
from smppgw.sms.alphabet import Alphabet
from smppgw.sms.choose import HOLDING_ALL, NATIONAL, Style, spoken
from smppgw.sms.data_coding import parse_overrides
from smppgw.sms.message_class import ClassStyle
from smppgw.sms.national import NAMES

_TABLES = {name: table for table, name in NAMES.items()}


class TextTerms(TypedDict):
    """What `sms.segment.segment` has to know of a carrier, as its keyword arguments."""

    alphabets: tuple[Alphabet, ...]
    languages: tuple[int, ...]
    style: Style
    maximum_parts: int
    class_style: ClassStyle
    data_codings: Mapping[int, Alphabet]


def text_terms(carrier: CarrierSettings) -> TextTerms:
    """The terms of a carrier whose settings are good; made once and used for every text."""
    return {
        "alphabets": tuple(map(Alphabet, carrier.alphabets)),
        "languages": tuple(_TABLES[name] for name in carrier.shift_languages),
        "style": Style(carrier.concatenation),
        "maximum_parts": carrier.maximum_parts,
        "class_style": ClassStyle(carrier.class_style),
        "data_codings": parse_overrides(carrier.data_codings),
    }


def data_coding_faults(table: Mapping[str, str]) -> dict[str, str]:
    """Key -> what is wrong with it: no data_coding, or one that is there already."""
    faults: dict[str, str] = {}
    known: set[int] = set()
    for key, name in table.items():
        try:
            (value,) = parse_overrides({key: name})
        except ValueError as error:
            faults[key] = str(error)
            continue
        if value in known:
            faults[key] = f"data_coding 0x{value:02X} is there already"
        known.add(value)
    return faults


def alphabet_faults(names: Sequence[str], data_codings: Mapping[str, str]) -> dict[int, str]:
    """Index in `alphabets` -> why that one can never be used, or not be told from another."""
    faults: dict[int, str] = {}
    overrides = parse_overrides(data_codings)
    said: dict[int, Alphabet] = {}
    for index, alphabet in enumerate(map(Alphabet, names)):
        before = names[:index]
        reached = next((one for one in before if one in HOLDING_ALL), None)
        if alphabet in before:
            faults[index] = "is there already"
        elif reached is not None:
            faults[index] = f"is never used: {reached} before it holds every text"
        else:
            try:
                value, _ = spoken(alphabet, overrides=overrides)
            except ValueError as error:
                faults[index] = str(error)
                continue
            if value in said:
                faults[index] = (
                    f"has data_coding 0x{value:02X} as {said[value]} has; data_codings can say"
                    " which other value means it"
                )
            said.setdefault(value, alphabet)
    return faults


def shifts_septets(names: Sequence[str]) -> bool:
    """Whether national shift tables can be used with one of these alphabets."""
    return any(name in NATIONAL for name in names)
