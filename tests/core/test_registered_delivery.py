"""registered_delivery: every value, every outcome."""

from __future__ import annotations

import pytest

from smppgw.core.message import FINAL, State
from smppgw.core.registered_delivery import awaits, of_carrier, wants_receipt

GOOD = {State.DELIVERED, State.ACCEPTED}


@pytest.mark.parametrize("other_bits", [0x00, 0x04, 0x08, 0x0C, 0x10, 0xE0, 0xFC])
@pytest.mark.parametrize("state", sorted(FINAL))
def test_who_is_told_what(other_bits: int, state: State) -> None:
    assert not wants_receipt(other_bits | 0, state)
    assert wants_receipt(other_bits | 1, state)
    assert wants_receipt(other_bits | 2, state) == (state not in GOOD)
    assert wants_receipt(other_bits | 3, state) == (state in GOOD)


@pytest.mark.parametrize(
    ("asked", "carrier"),
    [
        *[(0x00, 0x00), (0x01, 0x01), (0x02, 0x01), (0x03, 0x01), (0x10, 0x11), (0x12, 0x11)],
        *[(0x04, 0x04), (0x0C, 0x0C), (0x06, 0x05), (0x1F, 0x1D), (0xE0, 0xE0)],
    ],
)
def test_what_the_carrier_is_asked(asked: int, carrier: int) -> None:
    assert of_carrier(asked) == carrier


def test_what_is_wanted_is_asked_for() -> None:
    for asked in range(256):
        if any(wants_receipt(asked, state) for state in FINAL) or asked & 0x10:
            assert of_carrier(asked) & 3 == 1
        assert awaits(asked) == awaits(of_carrier(asked))
        assert of_carrier(of_carrier(asked)) == of_carrier(asked)
        assert of_carrier(asked) & 0xFC == asked & 0xFC
