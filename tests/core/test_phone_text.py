"""What phones write: texts as deliver_sm and back, and the way of one that is made up."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from relay_kit import World, carrier
from twisted.python.failure import Failure

from smppgw.core.phone_text import Refused, inject, mo_pdus, mo_text
from smppgw.core.settings import NumberSettings
from smppgw.smpp import wire

SETTINGS = carrier("a")
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=60)


@given(TEXTS)
def test_a_short_text_comes_back(text: str) -> None:
    pdus = mo_pdus("33612345678", "38100", text, SETTINGS)
    if len(pdus) == 1:
        assert mo_text(wire.body_of(pdus[0]), SETTINGS) == text


def test_a_long_one_is_cut_with_headers() -> None:
    pdus = mo_pdus("33612345678", "38100", "a" * 400, SETTINGS)
    assert [one.short_message[4:6] for one in pdus] == [b"\3\1", b"\3\2", b"\3\3"]
    assert len({one.short_message[3] for one in pdus}) == 1
    assert all(one.esm_class == 0x40 for one in pdus)


@pytest.mark.parametrize(
    ("address", "kind"),
    [("33612345678", (1, 1)), ("+33612345678", (1, 1)), ("38100", (0, 1)), ("SHOP", (5, 0))],
)
def test_kinds_of_addresses(address: str, kind: tuple[int, int]) -> None:
    (pdu,) = mo_pdus(address, address, "x", SETTINGS)
    assert (pdu.source_addr_ton, pdu.source_addr_npi) == kind
    assert (pdu.dest_addr_ton, pdu.dest_addr_npi) == kind
    assert pdu.source_addr == pdu.destination_addr == address.removeprefix("+")


def test_the_codes_of_a_carrier_are_read_as_its_own() -> None:
    latin = carrier("a", data_codings={"0x00": "latin1"})
    body = wire.body_of(wire.DeliverSm(short_message=b"\xe9"))
    assert mo_text(body, latin) == "é"
    assert mo_text(body, None) != "é"


def test_octets_are_no_text() -> None:
    pdu = wire.DeliverSm(data_coding=0x04, short_message=b"\0\1\2")
    assert mo_text(wire.body_of(pdu), SETTINGS) is None


def test_it_is_answered_when_it_is_on_disk(tmp_path: Path) -> None:
    world = World(tmp_path / "var", numbers=(NumberSettings(address="38100", account="esme"),))
    world.sync.stuck = True
    done: list[object] = []
    one = world.relay.carriers["a"]
    kept = inject(one, mo_pdus("33612345678", "38100", "a" * 200, one.settings))
    kept.addBoth(done.append)
    world.settle()
    assert done == []
    world.sync.go_on()
    world.settle()
    assert done == [None]
    assert world.relay.inbox.received == 2
    (delivered,) = world.esme().delivered
    assert delivered.short_message == b"a" * 200


def test_a_store_that_refuses_is_told(tmp_path: Path) -> None:
    world = World(tmp_path / "var")
    one = world.relay.carriers["a"]
    world.store.trouble = "disk full"
    failed: list[Failure] = []
    inject(one, mo_pdus("33612345678", "38100", "x", one.settings)).addErrback(failed.append)
    assert failed[0].check(Refused)
