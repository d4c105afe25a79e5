"""Message classes, in data_coding and in dest_addr_subunit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.sms.message_class import (
    ClassStyle,
    MessageClass,
    class_of,
    subunit_of,
)

TABLE: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "dcs.json").read_text()
)["table"]
CLASSES = st.sampled_from(MessageClass)
OCTETS = st.integers(0, 255)


def test_the_table_has_every_value() -> None:
    assert [row["data_coding"] for row in TABLE] == list(range(256))


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row["hex"])
def test_class_in_data_coding(row: dict[str, Any]) -> None:
    assert class_of(row["data_coding"]) == row["recommended_input"]["class"]


@pytest.mark.parametrize(
    ("data_coding", "expected"),
    [
        (0x00, None),
        (0x01, None),
        (0x08, None),
        (0x10, MessageClass.FLASH),
        (0x18, MessageClass.FLASH),
        (0x1A, MessageClass.SIM),
        (0x16, MessageClass.SIM),
        (0x40, None),
        (0x51, MessageClass.ME),
        (0x90, None),
        (0xC0, None),
        (0xD1, None),
        (0xE3, None),
        (0xF0, MessageClass.FLASH),
        (0xF1, MessageClass.ME),
        (0xF6, MessageClass.SIM),
        (0xF7, MessageClass.TE),
        (0xFB, MessageClass.TE),
    ],
)
def test_classes_peers_send(data_coding: int, expected: MessageClass | None) -> None:
    assert class_of(data_coding) is expected


@pytest.mark.parametrize(
    ("subunit", "expected"),
    [
        (0, None),
        (1, MessageClass.FLASH),
        (2, MessageClass.ME),
        (3, MessageClass.SIM),
        (4, MessageClass.TE),
        (5, None),
        (255, None),
    ],
)
def test_class_in_dest_addr_subunit(subunit: int, expected: MessageClass | None) -> None:
    assert class_of(0x00, subunit) is expected
    assert class_of(0x08, subunit) is expected


@given(CLASSES, OCTETS.filter(lambda value: class_of(value) is None))
def test_every_class_survives_its_subunit(message_class: MessageClass, data_coding: int) -> None:
    assert class_of(data_coding, subunit_of(message_class)) is message_class


@given(OCTETS.filter(lambda value: class_of(value) is not None), OCTETS)
def test_data_coding_wins_over_the_subunit(data_coding: int, subunit: int) -> None:
    assert class_of(data_coding, subunit) is class_of(data_coding)


@given(st.integers(), st.none() | st.integers())
def test_nothing_raises(data_coding: int, subunit: int | None) -> None:
    assert class_of(data_coding, subunit) in {None, *MessageClass}


@pytest.mark.parametrize("data_coding", [-1, -240, 0x110, 0x1F0, 1 << 32])
def test_a_number_that_is_no_octet_has_no_class(data_coding: int) -> None:
    assert class_of(data_coding) is None


def test_numbers_of_the_classes() -> None:
    assert [(one.name, one.value) for one in MessageClass] == [
        ("FLASH", 0),
        ("ME", 1),
        ("SIM", 2),
        ("TE", 3),
    ]
    assert [subunit_of(one) for one in MessageClass] == [1, 2, 3, 4]


def test_styles_as_a_configuration_names_them() -> None:
    assert [ClassStyle(name) for name in ("0xF0", "0x1x", "subunit")] == list(ClassStyle)
