"""A phone that said STOP gets nothing, whichever way a message takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from relay_kit import World, account, carrier
from test_consent import NUMBER, OTHER, PHONE, Place, said

from smppgw.core.account_settings import Priority
from smppgw.core.consent import EVERYTHING, STOPPED_STATUS
from smppgw.core.message import State
from smppgw.core.plugin import Mt
from smppgw.core.settings import RouteSettings
from smppgw.smpp import wire

LIST = "list:promo"
TEXT = b"0123456789" * 30


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def sent(place: Place, name: str = "a") -> list[str]:
    return [one.destination for one in place.world.simulated[name].received]


def later(place: Place, **more: Any) -> None:
    """The phone said STOP, and nothing was taken back: as for a list of very many."""
    place.work(lambda: place.consent.stop(said(**more), recall=False))


def release(place: Place, seconds: float = 2) -> None:
    place.world.relay.carriers["a"].release()
    place.world.settle(seconds)


# ---------------------------------------------------------------- at the door


@pytest.mark.parametrize("source", [NUMBER, f"+{NUMBER}", "3 61-80"])
def test_a_sender_may_be_written_in_any_way(place: Place, source: str) -> None:
    place.stop()
    assert place.status(source_addr=source) == STOPPED_STATUS


def test_a_long_code_may_be_written_in_any_way(place: Place) -> None:
    place.stop(scope="447624800379")
    for source in ("447624800379", "+447624800379", "00447624800379"):
        assert place.status(source_addr=source, source_addr_ton=1) == STOPPED_STATUS


def test_submit_multi_leaves_out_who_said_stop(place: Place) -> None:
    place.stop()
    to = tuple(wire.DestAddress(1, 1, one) for one in (PHONE, OTHER))
    pdu = wire.SubmitMulti(source_addr=NUMBER, dest_address=to, short_message=b"hello")
    sequence = place.esme.request(pdu)
    place.world.settle(0.1)
    answer: Any = place.esme.responses[sequence]
    assert answer.command_status == 0
    assert [(one.destination_addr, one.error_status_code) for one in answer.unsuccess_sme] == [
        (PHONE, STOPPED_STATUS)
    ]
    release(place)
    assert sent(place) == [OTHER]


def test_data_sm_is_refused(place: Place) -> None:
    place.stop()
    pdu = wire.DataSm(
        source_addr=NUMBER,
        dest_addr_ton=1,
        destination_addr=PHONE,
        tlvs=((wire.Tag.message_payload, b"hello"),),
    )
    sequence = place.esme.request(pdu)
    place.world.settle(0.1)
    assert place.esme.status(sequence) == STOPPED_STATUS


def test_a_part_that_an_esme_cut_is_refused(place: Place) -> None:
    place.stop()
    assert place.status(text=b"\5\0\3\7\2\1hello", esm_class=0x40) == STOPPED_STATUS


def test_stop_comes_before_the_route(tmp_path: Path) -> None:
    place = Place.__new__(Place)
    place.world = World(tmp_path / "var", routes=(RouteSettings(prefix="44", carriers=(("a",),)),))
    place.esme = place.world.esme()
    assert place.status() == wire.CommandStatus.ESME_RINVDSTADR
    place.stop()
    assert place.status() == STOPPED_STATUS


def test_replace_sm_gives_no_new_text_to_who_said_stop(place: Place) -> None:
    waiting = place.esme.id_of(place.submit())
    later(place)
    pdu = wire.ReplaceSm(message_id=waiting, source_addr=NUMBER, short_message=b"buy")
    sequence = place.esme.request(pdu)
    place.world.settle(0.1)
    assert place.esme.status(sequence) == STOPPED_STATUS


# ---------------------------------------------------------------- on the way


def test_what_waits_ends_when_its_turn_comes(place: Place) -> None:
    waiting = place.esme.id_of(place.submit())
    other = place.esme.id_of(place.submit(destination=OTHER))
    later(place)
    assert place.world.message(waiting).state == State.WAITING
    release(place)
    assert place.world.message(waiting).state == State.DELETED
    assert b"stat:DELETED err:053" in place.receipts[0]
    assert place.world.message(other).state == State.DELIVERED
    assert sent(place) == [OTHER]
    line = place.world.ledger()
    assert (line["accepted"], line["cancelled"], line["pending"]) == (2, 1, 0)
    assert place.world.relay.queued == 0


def test_what_was_deferred_ends_when_it_is_due(place: Place) -> None:
    release(place, 0)
    deferred = place.esme.id_of(place.submit(schedule_delivery_time="000000000100000R"))
    later(place)
    place.world.settle(70, step=1)
    assert place.world.message(deferred).state == State.DELETED
    assert sent(place) == []


def test_a_text_in_parts_ends_whole(place: Place) -> None:
    long = place.esme.id_of(place.submit(text=b"", tlvs=((0x0424, TEXT),)))
    assert place.world.message(long).state == State.IN_PARTS
    later(place)
    release(place)
    assert place.world.message(long).state == State.DELETED
    assert sent(place) == []
    assert len(place.receipts) == 1
    assert place.world.relay.queued == 0


def test_a_text_that_has_begun_is_finished(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.world.relay.carriers["a"].release()
    long = place.esme.submit(
        text=b"",
        tlvs=((0x0424, TEXT),),
        destination=PHONE,
        source_addr=NUMBER,
    )
    place.world.settle(0)
    for _ in range(100):
        if sent(place):
            break
        place.world.clock.advance(0)
    later(place)
    place.world.settle(5)
    assert place.esme.status(long) == 0
    assert len(sent(place)) == 2


def test_a_move_to_another_carrier_ends_it(tmp_path: Path) -> None:
    routes = (RouteSettings(prefix="", carriers=(("a",), ("b",))),)
    world = World(tmp_path / "var", carriers=(carrier("a"), carrier("b", 2791)), routes=routes)
    esme = world.esme()
    for one in world.relay.carriers.values():
        one.hold()
    waiting = esme.submit(destination=PHONE, source_addr=NUMBER)
    world.settle(0.1)
    message = world.message(esme.id_of(waiting))
    done = world.store.transact(lambda: world.relay.consent.stop(said(), recall=False))
    world.settle(0.1)
    assert done.called
    world.relay.move(message, "b")
    assert message.state == State.DELETED
    assert message.error == "053"


# ---------------------------------------------------------------- parts that wait for the others


@pytest.fixture
def gathering(tmp_path: Path) -> Place:
    place = Place.__new__(Place)
    place.world = World(
        tmp_path / "var",
        carriers=(carrier("a", concatenation="payload", interface_version="3.4"),),
        accounts=(account("esme"),),
    )
    place.esme = place.world.esme()
    return place


def part(place: Place, number: int, total: int = 2) -> str:
    header = bytes((5, 0, 3, 7, total, number))
    sequence = place.submit(text=header + b"x" * 100, esm_class=0x40)
    return place.esme.id_of(sequence)


def test_stop_takes_back_parts_that_wait_for_the_others(gathering: Place) -> None:
    first = part(gathering, 1)
    message = gathering.world.message(first)
    assert message.state == State.GATHERING
    assert gathering.stop() == (message.id,)
    assert message.state == State.DELETED
    assert len(gathering.world.relay.gathering) == 0
    assert gathering.world.relay.queued == 0
    gathering.world.settle(40, step=1)
    assert sent(gathering) == []
    assert b"stat:DELETED err:053" in gathering.receipts[0]
    gathering.world.crash()
    assert len(gathering.world.relay.gathering) == 0


def test_parts_that_wait_go_nowhere_when_the_others_do_not_come(gathering: Place) -> None:
    message = gathering.world.message(part(gathering, 1))
    later(gathering)
    gathering.world.settle(40, step=1)
    assert message.state == State.DELETED
    assert sent(gathering) == []


def test_a_joined_text_is_taken_back_with_all_that_brought_it(gathering: Place) -> None:
    gathering.world.relay.carriers["a"].hold()
    ids = [part(gathering, number) for number in (1, 2)]
    messages = [gathering.world.message(one) for one in ids]
    assert all(one.joined for one in messages)
    assert gathering.stop() == tuple(one.id for one in messages)
    gathering.world.settle(1)
    assert [one.state for one in messages] == [State.DELETED, State.DELETED]
    assert len(gathering.receipts) == 2
    gathering.world.relay.carriers["a"].release()
    gathering.world.settle(2)
    assert sent(gathering) == []
    assert gathering.world.relay.queued == 0


# ---------------------------------------------------------------- what passes


def test_what_may_pass_is_not_taken_back(tmp_path: Path) -> None:
    place = Place(tmp_path, past_stop="codes")
    code = place.esme.id_of(place.submit(priority_flag=3))
    advert = place.esme.id_of(place.submit(priority_flag=1))
    assert place.stop() == (place.world.message(advert).id,)
    release(place)
    assert place.world.message(code).state == State.DELIVERED
    place.world.relay.carriers["a"].hold()
    code = place.esme.id_of(place.submit(priority_flag=3))
    assert place.stop(scope=EVERYTHING) == (place.world.message(code).id,)


def test_an_operator_who_expedites_does_not_get_past_stop(place: Place) -> None:
    waiting = place.world.message(place.esme.id_of(place.submit()))
    later(place)
    waiting.priority = Priority.EXPEDITED
    release(place)
    assert waiting.state == State.DELETED


def test_start_after_stop_to_everything_opens_one_sender(place: Place) -> None:
    place.stop(scope=EVERYTHING)
    place.work(lambda: place.consent.start(evolve(said("start"), at=1_790_000_000_001)))
    assert place.status() == 0
    assert place.status(source_addr="36181") == STOPPED_STATUS
    found = place.consent.effective(PHONE, NUMBER)
    assert found.scope == NUMBER
    assert place.consent.effective(PHONE, "36181").scope == EVERYTHING


# ---------------------------------------------------------------- lists, exempt texts


class Silent:
    name = "silent"
    migrations = ()

    def __init__(self, host: Any) -> None:
        self.host = host
        self.ends: list[Any] = []

    def commands(self) -> list[Any]:
        return []

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def take(self, mo: Any) -> bool:
        return False

    def ended(self, message: int, state: State, error: str) -> None:
        self.ends.append((state, error))


class Sender(Place):
    """A feature that sends, and a carrier that takes nothing until it is released."""

    def __init__(self, directory: Path) -> None:
        self.made: list[Silent] = []

        def make(host: Any) -> Any:
            self.made.append(Silent(host))
            return self.made[-1]

        self.world = World(directory / "var", features=(make,))
        self.world.relay.carriers["a"].hold()
        self.esme = self.world.esme()

    def send(self, **fields: Any) -> int:
        host = self.made[-1].host
        done: list[int] = []
        mt = Mt(NUMBER, PHONE, "hello", **fields)
        host.transact(lambda: host.send(mt)).addCallback(done.append)
        self.world.settle(0.1)
        return done[0]


@pytest.fixture
def sender(tmp_path: Path) -> Sender:
    return Sender(tmp_path)


def test_stop_to_a_list_holds_up_that_list_only(sender: Sender) -> None:
    waiting = sender.send(scope=LIST)
    other = sender.send(scope="list:news")
    assert sender.stop(scope=LIST) == (waiting,)
    sender.send(scope=LIST)
    assert "STOP" in sender.made[0].ends[-1][1]
    sender.send()
    release(sender)
    assert sent(sender) == [PHONE, PHONE]
    message = sender.world.engine.message(other)
    assert message is not None
    assert message.state == State.DELIVERED
    assert sender.status() == 0  # an ESME's message is for no list


def test_stop_to_the_number_holds_up_its_lists(sender: Sender) -> None:
    waiting = sender.send(scope=LIST)
    assert sender.stop() == (waiting,)


def test_a_list_counts_when_the_turn_of_a_message_comes(sender: Sender) -> None:
    sender.send(scope=LIST)
    later(sender, scope=LIST)
    release(sender)
    assert sent(sender) == []


def test_a_confirmation_is_never_taken_back(sender: Sender) -> None:
    sender.send(exempt=True)
    assert sender.stop() == ()
    assert sender.stop(scope=EVERYTHING) == ()
    sender.world.crash()
    sender.world.settle(5)
    assert sent(sender) == [PHONE]


def test_a_feature_that_fails_after_stop_has_taken_nothing_back(sender: Sender) -> None:
    """What becomes of messages cannot be undone: it is the last that happens."""
    waiting = sender.send()

    def fails(*values: Any) -> None:
        raise OSError("no row")

    sender.consent._put = fails
    sender.stop()
    message = sender.world.engine.message(waiting)
    assert message is not None
    assert message.state == State.WAITING
