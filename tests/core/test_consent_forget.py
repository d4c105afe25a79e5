"""Forgetting a person: what stays in the records, and that the chain still holds."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from test_consent import NUMBER, OTHER, PHONE, Place, said

from smppgw.core import proof
from smppgw.core.consent import EVERYTHING, ConsentState
from smppgw.core.proof import ProofBroken, Verifier


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.stop(octets="53544f50", text="STOP", word="STOP", language="en", origin="a#1 sequence 7")
    place.stop(phone=OTHER, text="Stop please")
    place.work(lambda: place.consent.start(said("start", scope="36181")))
    return place


def forget(place: Place) -> Any:
    return place.work(lambda: place.consent.forget(PHONE, "operator ops"))


def test_what_is_personal_is_blank_and_the_chain_holds(place: Place) -> None:
    before = place.records
    assert forget(place) == (2, 1)
    after = place.records
    assert proof.verify(after)[0] == 4
    assert [row[-1] for row in after[:3]] == [row[-1] for row in before]
    assert after[1] == before[1]
    blank = json.loads(next(proof.exported(after[:1])))
    assert blank == {
        "id": before[0][0],
        "at": before[0][1],
        "phone": "",
        "scope": NUMBER,
        "event": "stop",
        "octets": "",
        "text": "",
        "word": "STOP",
        "language": "en",
        "origin": "",
        "reply": 0,
        "killed": [],
        "salt": "",
        "previous": before[0][-2],
        "hash": before[0][-1],
    }
    certificate = json.loads(next(proof.exported(after[3:])))
    assert (certificate["event"], certificate["phone"]) == ("forget", "")
    assert certificate["killed"] == [before[0][0], before[2][0]]
    assert certificate["origin"] == "operator ops"


def test_the_number_is_nowhere_but_in_the_stop_that_is_kept(place: Place) -> None:
    forget(place)
    assert all(PHONE not in str(row) for row in place.records)
    (kept,) = place.consent.standings(PHONE)
    assert (kept.scope, kept.state, kept.at) == (NUMBER, ConsentState.STOPPED, 0)
    assert place.status() == 0x453
    place.world.crash()
    assert place.consent.refuses(NUMBER, PHONE)
    assert proof.verify(place.records)[0] == 4


def test_who_has_yet_to_confirm_is_kept_out(place: Place) -> None:
    place.work(lambda: place.consent.pend(said("pending", scope="36182"), until=9))
    assert forget(place) == (3, 2)
    found = {one.scope: one.state for one in place.consent.standings(PHONE)}
    assert found == {NUMBER: ConsentState.STOPPED, "36182": ConsentState.STOPPED}


def test_it_can_be_done_again_and_come_back(place: Place) -> None:
    forget(place)
    assert forget(place) == (0, 1)
    place.work(lambda: place.consent.start(said("start")))
    assert place.status() == 0
    assert forget(place) == (1, 0)
    assert place.consent.standings(PHONE) == []
    assert proof.verify(place.records)[0] == 7


def test_the_salt_makes_two_hashes_of_one_thing(place: Place) -> None:
    first = proof.row_of(1, said(), proof.FIRST, "00")
    assert first[-1] != proof.row_of(1, said(), proof.FIRST, "01")[-1]
    salts = {row[proof.COLUMNS.index("salt")] for row in place.records}
    assert len(salts) == 3
    assert all(len(one) == 16 for one in salts)


def test_records_of_before_there_was_a_salt_hold() -> None:
    values = (1, 2, PHONE, NUMBER, "stop", "", "", "", "", "", 0, "[]", "")
    text = json.dumps(list(values[:-1]), ensure_ascii=False, separators=(",", ":"))
    old = hashlib.sha256(f"{proof.FIRST}\n{text}".encode()).hexdigest()
    assert proof.verify([(*values, proof.FIRST, old)]) == (1, old)


# ---------------------------------------------------------------- who blanks without saying so


def test_a_record_that_nobody_said_was_blanked(place: Place) -> None:
    place.world.engine.flush()
    place.world.engine.select(proof.BLANK, (OTHER,))
    with pytest.raises(ProofBroken, match=f"record {place.records[1][0]} is blank"):
        proof.verify(place.records)


def test_a_certificate_counts_for_what_it_names(place: Place) -> None:
    forget(place)
    place.world.engine.flush()
    place.world.engine.select(proof.BLANK, (OTHER,))
    with pytest.raises(ProofBroken, match="is blank, and no record says why"):
        proof.verify(place.records)


def test_a_certificate_cannot_be_written_anew(place: Place) -> None:
    forget(place)
    rows = [list(row) for row in place.records]
    rows[3][proof.COLUMNS.index("killed")] = "[]"
    with pytest.raises(ProofBroken, match=f"chain broken at record {rows[3][0]}"):
        proof.verify(rows)


@pytest.mark.parametrize("page", [1, 2, 3, 100])
def test_pages_are_read_as_one(place: Place, page: int) -> None:
    forget(place)
    rows, verifier = place.records, Verifier()
    for begin in range(0, len(rows), page):
        verifier.read(rows[begin : begin + page])
    verifier.finish()
    assert (verifier.count, verifier.last) == (4, rows[-1][-1])


def test_states_come_in_pages(place: Place) -> None:
    place.stop(scope=EVERYTHING)
    seen: list[tuple[str, str]] = []
    after = ("", "")
    while found := place.consent.page(after, 1):
        after = (found[0].phone, found[0].scope)
        seen.append(after)
    assert seen == [(PHONE, "*"), (PHONE, NUMBER), (PHONE, "36181"), (OTHER, NUMBER)]


def test_a_clock_that_is_set_back_leaves_the_chain_whole(place: Place) -> None:
    last = place.records[-1][0]

    class SetBack:
        def next(self) -> int:
            return int(last - 1_000_000)

    relay: Any = place.world.relay
    relay.ids = SetBack()
    place.stop()
    place.stop()
    assert proof.verify(place.records)[0] == 5
    assert place.consent.standing(PHONE, NUMBER).proof == last + 2


def test_a_record_of_forgetting_that_names_a_phone_can_be_blanked(place: Place) -> None:
    place.work(lambda: place.consent.record(said("forget")))
    forget(place)
    assert proof.verify(place.records)[0] == 5
