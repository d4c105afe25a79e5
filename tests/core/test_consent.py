"""STOP and START: what passes, what is taken back, and the proof of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from relay_kit import World, account, carrier
from twisted.internet.defer import Deferred

from smppgw.core import phone_set, proof
from smppgw.core.consent import EVERYTHING, STOPPED_STATUS, ConsentState
from smppgw.core.message import State
from smppgw.core.phone_set import PhoneSet
from smppgw.core.plugin import Mt
from smppgw.core.proof import FIRST, Evidence, ProofBroken

PHONE = "33600000001"
OTHER = "33600000002"
NUMBER = "36180"


def said(event: str = "stop", phone: str = PHONE, scope: str = NUMBER, **more: Any) -> Evidence:
    return Evidence(phone=phone, scope=scope, event=event, at=1_790_000_000_000, **more)


class Place:
    """A gateway whose carrier takes nothing until it is released, and one ESME."""

    def __init__(self, directory: Path, **fields: Any) -> None:
        self.world = World(
            directory / "var", carriers=(carrier("a"),), accounts=(account("esme", **fields),)
        )
        self.world.relay.carriers["a"].hold()
        self.esme = self.world.esme()

    @property
    def consent(self) -> Any:
        return self.world.relay.consent

    def work(self, work: Any) -> Any:
        found: list[Any] = []
        done: Deferred[Any] = self.world.store.transact(work)
        done.addBoth(found.append)
        self.world.settle(0.1)
        return found[0]

    def stop(self, **more: Any) -> Any:
        return self.work(lambda: self.consent.stop(said(**more)))

    def submit(self, **fields: Any) -> int:
        fields = {"destination": PHONE, "source_addr": NUMBER, "registered_delivery": 1, **fields}
        sequence = self.esme.submit(**fields)
        self.world.settle(0.1)
        return sequence

    def status(self, **fields: Any) -> int | None:
        return self.esme.status(self.submit(**fields))

    @property
    def receipts(self) -> list[bytes]:
        return [one.short_message for one in self.esme.delivered]

    @property
    def records(self) -> list[tuple[Any, ...]]:
        return self.world.engine.select(f"{proof.SELECT} ORDER BY id")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_nothing_passes_to_a_phone_that_said_stop(place: Place) -> None:
    assert place.status() == 0
    place.stop()
    assert place.status() == STOPPED_STATUS
    assert place.status(destination=OTHER) == 0
    assert place.status(source_addr="36181") == 0


def test_a_phone_may_come_as_it_is_written(place: Place) -> None:
    place.stop()
    assert place.status(destination="0033600000001") == STOPPED_STATUS
    assert place.status(destination="+33600000001") == STOPPED_STATUS


def test_start_lets_messages_pass_again(place: Place) -> None:
    place.stop()
    place.work(lambda: place.consent.start(said("start")))
    assert place.status() == 0
    standing = place.consent.standing(PHONE, NUMBER)
    assert standing is not None
    assert standing.state is ConsentState.ACTIVE


def test_who_has_yet_to_confirm_gets_nothing(place: Place) -> None:
    place.work(lambda: place.consent.pend(said("pending"), until=1))
    assert place.status() == STOPPED_STATUS
    assert place.consent.standing(PHONE, NUMBER).until == 1


def test_stop_to_everything(place: Place) -> None:
    place.stop(scope=EVERYTHING)
    assert place.status() == STOPPED_STATUS
    assert place.status(source_addr="anyone", source_addr_ton=5) == STOPPED_STATUS
    place.work(lambda: place.consent.start(said("start")))
    assert place.status() == STOPPED_STATUS
    assert [one.scope for one in place.consent.standings(PHONE)] == [EVERYTHING, NUMBER]


def test_an_account_may_want_a_receipt_instead(tmp_path: Path) -> None:
    place = Place(tmp_path, stopped="receipt")
    place.stop()
    sequence = place.submit()
    assert place.esme.status(sequence) == 0
    (receipt,) = place.receipts
    assert b"stat:REJECTD err:053" in receipt
    line = place.world.ledger()
    assert (line["accepted"], line["rejected"], line["pending"]) == (1, 1, 0)
    assert place.world.relay.queued == 0
    assert place.world.relay.accounts["esme"].queued == 0


@pytest.mark.parametrize(
    ("past_stop", "priority_flag", "status"),
    [
        ("none", 3, STOPPED_STATUS),
        ("codes", 1, STOPPED_STATUS),
        ("codes", 3, 0),
        ("transactional", 1, 0),
        ("transactional", 0, 0),
    ],
)
def test_policy_of_classes(tmp_path: Path, past_stop: str, priority_flag: int, status: int) -> None:
    place = Place(tmp_path, past_stop=past_stop)
    place.stop()
    assert place.status(priority_flag=priority_flag) == status
    place.stop(scope=EVERYTHING)
    assert place.status(priority_flag=priority_flag) == STOPPED_STATUS


# ---------------------------------------------------------------- what is taken back


def test_stop_takes_back_what_waits(place: Place) -> None:
    waiting = place.esme.id_of(place.submit())
    deferred = place.esme.id_of(place.submit(schedule_delivery_time="000001000000000R"))
    other = place.esme.id_of(place.submit(destination=OTHER))
    sender = place.esme.id_of(place.submit(source_addr="36181"))
    killed = place.stop()
    ids = {place.world.message(one).id for one in (waiting, deferred)}
    assert set(killed) == ids
    place.world.settle(1)
    assert len(place.receipts) == 2
    assert all(b"stat:DELETED err:053" in one for one in place.receipts)
    assert place.world.message(waiting).state == State.DELETED
    assert place.world.message(other).state == State.WAITING
    assert place.world.message(sender).state == State.WAITING
    assert place.world.ledger()["cancelled"] == 2


def test_stop_takes_back_the_parts_of_a_text(place: Place) -> None:
    long = place.esme.id_of(place.submit(text=b"", tlvs=((0x0424, b"word " * 80),)))
    assert place.world.message(long).state == State.IN_PARTS
    assert place.stop() == (place.world.message(long).id,)
    place.world.settle(1)
    assert place.world.message(long).state == State.DELETED
    assert place.world.relay.queued == 0


def test_what_a_carrier_has_is_not_taken_back(place: Place) -> None:
    place.world.relay.carriers["a"].release()
    sent = place.esme.id_of(place.submit())
    place.world.settle(2)
    assert place.stop() == ()
    assert place.world.message(sent).state == State.DELIVERED


def test_messages_of_every_account_are_taken_back(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.world.relay.accounts["esme"].settings  # noqa: B018
    waiting = place.esme.id_of(place.submit())
    assert place.stop(scope=EVERYTHING) == (place.world.message(waiting).id,)


def test_a_crash_keeps_all_of_it(place: Place) -> None:
    waiting = place.esme.id_of(place.submit())
    place.stop()
    place.world.crash()
    place.world.relay.carriers["a"].hold()
    place.esme = place.world.esme()
    assert place.world.message(waiting).state == State.DELETED
    assert place.status() == STOPPED_STATUS
    assert proof.verify(place.records)[0] == 1


def test_a_work_that_fails_stops_nothing(place: Place) -> None:
    def work() -> None:
        place.consent.stop(said())
        raise ValueError("no")

    waiting = place.esme.id_of(place.submit())
    place.work(work)
    assert place.status() == 0
    assert place.records == []
    assert place.world.message(waiting).state == State.WAITING
    assert place.receipts == []
    assert place.world.message(waiting).id in place.stop()  # the one that failed left nothing
    assert place.world.message(waiting).state == State.DELETED


# ---------------------------------------------------------------- texts of features


def test_only_the_confirmation_passes_from_a_feature(tmp_path: Path) -> None:
    class Silent:
        name = "silent"
        migrations = ()
        ends: list[Any] = []  # noqa: RUF012

        def commands(self) -> list[Any]:
            return []

        def start(self) -> None: ...
        def stop(self) -> None: ...
        def take(self, mo: Any) -> bool:
            return False

        def ended(self, message: int, state: State, error: str) -> None:
            self.ends.append((state, error))

    hosts: list[Any] = []

    def make(host: Any) -> Any:
        hosts.append(host)
        return Silent()

    world = World(tmp_path / "var", features=(make,))
    (host,) = hosts

    def work() -> None:
        host.consent.stop(said())
        host.send(Mt(NUMBER, PHONE, "you are out", exempt=True))
        host.send(Mt(NUMBER, PHONE, "buy more"))

    host.transact(work)
    world.settle(2)
    assert world.simulated["a"].texts_to(PHONE) == ["you are out"]
    assert "STOP" in Silent.ends[0][1]


# ---------------------------------------------------------------- proof


def test_each_change_leaves_a_record(place: Place) -> None:
    place.stop(octets="53544f50", text="STOP", word="STOP", language="en", origin="a#1 sequence 7")
    place.work(lambda: place.consent.start(said("start")))
    first, second = place.records
    assert first[-2] == FIRST
    assert second[-2] == first[-1]
    assert proof.verify([first, second]) == (2, second[-1])
    fields = json.loads(next(proof.exported([first])))
    assert (fields["phone"], fields["word"], fields["octets"]) == (PHONE, "STOP", "53544f50")
    assert fields["killed"] == []
    assert place.consent.standing(PHONE, NUMBER).proof == second[0]


def test_stop_again_is_recorded_and_changes_nothing(place: Place) -> None:
    place.stop()
    assert place.stop() == ()
    assert len(place.records) == 2


@pytest.mark.parametrize("place_in_row", range(len(proof.COLUMNS)))
def test_a_changed_record_breaks_the_chain(place: Place, place_in_row: int) -> None:
    for _ in range(3):
        place.stop(text="STOP")
    rows = [list(row) for row in place.records]
    changed = rows[1][place_in_row]
    rows[1][place_in_row] = changed + 1 if isinstance(changed, int) else f"{changed}x"
    with pytest.raises(ProofBroken, match=f"chain broken at record {rows[1][0]}"):
        proof.verify(rows)


def test_a_removed_record_breaks_the_chain(place: Place) -> None:
    for _ in range(3):
        place.stop()
    rows = place.records
    with pytest.raises(ProofBroken, match=str(rows[2][0])):
        proof.verify([rows[0], rows[2]])


# ---------------------------------------------------------------- many phones

PHONES = st.one_of(
    st.text("0123456789", min_size=1, max_size=20),
    st.sampled_from(["0", "00", "07", "7", "123456789012345678", "abc", "", "+33"]),
)


@given(st.lists(PHONES), st.lists(st.tuples(st.booleans(), PHONES), max_size=60), st.integers(1, 5))
def test_a_phone_set_is_a_set(first: list[str], steps: list[tuple[bool, str]], piece: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phone_set, "PIECE", piece)
        found, model = PhoneSet(first), {one for one in first if _number(one)}
        for inside, phone in steps:
            (found.add if inside else found.discard)(phone)
            if _number(phone):
                (model.add if inside else model.discard)(phone)
            assert bool(found) == bool(model)
        for phone in {*first, *(phone for _, phone in steps)}:
            assert (phone in found) == (phone in model)


def _number(phone: str) -> bool:
    return phone.isascii() and phone.isdecimal() and len(phone) <= phone_set.LONGEST
