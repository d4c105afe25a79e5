"""The feature slot: messages from phones to features and texts back, whole or not at all."""

from __future__ import annotations

from errno import ENOSPC
from pathlib import Path
from typing import Any

import pytest
from mo_kit import come, parts_of, statuses
from relay_kit import carrier
from relay_peers import PHONE, mo
from slot_kit import NUMBERS, Echo, Place
from turn_kit import turn
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from smppgw.core import seen
from smppgw.core.account_settings import Priority
from smppgw.core.plugin import Mo, Mt, NoRoute, State
from smppgw.core.proof import Evidence
from smppgw.core.reload import Reload
from smppgw.core.settings import NumberSettings, RouteSettings
from smppgw.core.store.schema import SchemaError


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def say(text: bytes, **fields: Any) -> Any:
    return mo(text, **fields)


def test_a_message_is_answered_by_the_feature(place: Place) -> None:
    esme = place.world.esme()
    sent = come(place.world, say(b"say hello"))
    assert statuses(sent) == [0]
    assert place.texts == ["hello"]
    assert place.heard == [(PHONE, "say hello")]
    assert esme.delivered == []
    (one,) = place.echo.seen
    assert (one.carrier, one.source, one.number, one.text) == (
        "a",
        PHONE,
        NUMBERS[0],
        "say hello",
    )
    assert one.origin == "a#1 sequence 1"


def test_a_text_leaves_after_the_commit_that_answers_the_message(place: Place) -> None:
    place.world.sync.stuck = True
    sent = come(place.world, say(b"say hello"))
    assert (statuses(sent), place.texts) == ([None], [])
    place.world.sync.go_on()
    place.world.settle()
    assert (statuses(sent), place.texts) == ([0], ["hello"])


def test_what_no_feature_wants_goes_to_the_owner(place: Place) -> None:
    esme = place.world.esme()
    assert statuses(come(place.world, say(b"hi"))) == [0]
    assert [one.short_message for one in esme.delivered] == [b"hi"]
    assert place.heard == [(PHONE, "hi")]


def test_features_do_not_see_other_numbers(place: Place) -> None:
    esme = place.world.esme()
    come(place.world, say(b"say hello", destination="38200"))
    assert place.echo.seen == []
    assert [one.short_message for one in esme.delivered] == [b"say hello"]


def test_the_same_message_again_is_answered_and_nothing_else(place: Place) -> None:
    assert statuses(come(place.world, say(b"say hello"), say(b"say hello"))) == [0, 0]
    assert place.texts == ["hello"]
    place.world.settle(59)
    come(place.world, say(b"say hello"))
    assert place.texts == ["hello"]
    place.world.settle(61)
    come(place.world, say(b"say hello"))
    assert place.texts == ["hello", "hello"]


def test_what_is_remembered_of_messages_is_bounded(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen, "SWEEP", 3)
    for number in range(8):
        come(place.world, say(b"quiet", source_addr=f"336000001{number:02}"))
    place.world.settle(61)
    for number in range(9):
        come(place.world, say(b"quiet", source_addr=f"336000002{number:02}"))
    ((count,),) = place.world.engine.select("SELECT count(*) FROM mo_recent")
    assert count == 9
    (held,) = place.world.slot.held()
    assert held.number == 17
    place.world.settle(61)
    come(place.world, say(b"quiet"))
    (held,) = place.world.slot.held()
    assert held.number == 10


def test_a_crowd_of_messages_makes_the_oldest_forgotten(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen, "KNOWN", 4)
    for number in range(9):
        come(place.world, say(b"say hello", source_addr=f"336000001{number:02}"))
    (held,) = place.world.slot.held()
    assert held.number <= held.bound == 4
    come(place.world, say(b"say hello", source_addr="33600000108"))
    assert len(place.heard) == 9
    come(place.world, say(b"say hello", source_addr="33600000100"))
    assert len(place.heard) == 10


def test_a_message_that_was_refused_is_no_repetition_when_it_comes_again(place: Place) -> None:
    """The one that came before it and stayed still counts."""
    come(place.world, say(b"say hello"))
    place.world.settle(1)
    journal: Any = place.world.engine.journal
    append = journal.append

    def full(payload: bytes) -> None:
        raise OSError(ENOSPC, "disk is full")

    journal.append = full
    sent = come(place.world, say(b"say hello"), say(b"say more"))
    place.world.settle(0.5)
    assert 0 not in statuses(sent)
    journal.append = append
    place.world.settle(3)
    assert statuses(come(place.world, say(b"say hello"), say(b"say more"))) == [0, 0]
    assert place.texts == ["hello", "more"]


def test_what_came_before_the_tables_changed_is_a_repetition(place: Place) -> None:
    come(place.world, say(b"say hello"))
    select = place.world.engine.select
    place.world.settle(5)
    select("INSERT INTO mo_seen SELECT fingerprint, at FROM mo_recent")
    select("DELETE FROM mo_recent")
    place.world.crash()
    come(place.world, say(b"say hello"))
    assert place.texts == ["hello"]


def test_a_repetition_is_known_after_a_crash(place: Place) -> None:
    come(place.world, say(b"say hello"))
    place.world.crash()
    come(place.world, say(b"say hello"))
    assert place.texts == ["hello"]
    assert place.heard == [(PHONE, "say hello")]


def test_a_fault_of_a_feature_costs_nothing_but_its_answer(place: Place) -> None:
    esme = place.world.esme()
    with capturedLogs() as logs:
        sent = come(place.world, say(b"bug"), say(b"say on"))
    assert statuses(sent) == [0, 0]
    assert place.heard == [(PHONE, "say on")]
    assert place.texts == ["on"]
    assert [one.short_message for one in esme.delivered] == [b"bug"]
    failed = [event for event in logs if "reference" in event]
    assert len(failed) == 1
    assert "bug" not in failed[0]["log_format"]


@pytest.mark.parametrize("fails", [False, True])
def test_a_feature_may_say_sorry(place: Place, fails: bool) -> None:
    def sorry(mo: Mo) -> None:
        place.echo.reply(mo, "sorry")
        if fails:
            raise KeyError("that, too")

    place.echo.sorry = sorry  # type: ignore[attr-defined]
    esme = place.world.esme()
    with capturedLogs() as logs:
        assert statuses(come(place.world, say(b"bug"))) == [0]
    place.world.settle(1)
    assert place.texts == ([] if fails else ["sorry"])
    assert [one.short_message for one in esme.delivered] == [b"bug"]
    assert len([event for event in logs if event.get("log_failure")]) == 1 + fails


def test_a_feature_that_fails_after_a_stop_has_stopped_nothing(place: Place) -> None:
    world, phone = place.world, PHONE
    world.relay.carriers["a"].hold()
    esme = world.esme()
    submitted = esme.submit(destination=phone, source_addr="38100")
    world.settle(0.2)
    waiting = esme.id_of(submitted)
    stopped, raises = Evidence(phone=phone, scope="38100", event="stop", at=1), [True]

    def take(mo: Mo) -> bool:
        place.echo.host.consent.stop(stopped)
        if raises:
            raise KeyError("bug")
        return True

    place.echo.take = take  # type: ignore[method-assign]
    assert statuses(come(world, say(b"STOP"))) == [0]
    assert world.relay.consent.standing(phone, "38100") is None
    assert world.message(waiting).state == State.WAITING
    raises.clear()
    assert statuses(come(world, say(b"STOP now"))) == [0]
    assert world.message(waiting).state == State.DELETED


def test_a_fault_on_a_number_without_owner_keeps_the_message(tmp_path: Path) -> None:
    place = Place(tmp_path, numbers=(NumberSettings(address="38100", profile="campaign"),))
    come(place.world, say(b"bug"))
    place.world.settle(2)
    ((reason,),) = place.world.engine.select("SELECT reason FROM unrouted")
    assert reason.startswith("a feature failed (")


def test_a_disk_that_refuses_leaves_the_message_with_the_carrier(place: Place) -> None:
    def full(payload: bytes) -> None:
        raise OSError(ENOSPC, "disk is full")

    journal: Any = place.world.engine.journal
    append, journal.append = journal.append, full
    sent = come(place.world, say(b"say hello"))
    place.world.settle(0.5)
    assert statuses(sent)[0] not in (0, None)
    assert (place.texts, place.heard) == ([], [])
    journal.append = append
    place.world.settle(3)
    assert statuses(come(place.world, say(b"say hello"))) == [0]
    assert place.texts == ["hello"]


# ---------------------------------------------------------------- parts


def test_parts_come_as_one_message(place: Place) -> None:
    text = "say " + "long words " * 30
    come(place.world, *reversed(parts_of(text)))
    (one,) = place.echo.seen
    assert (one.text, one.missing, one.first_missing) == (text, 0, False)
    assert one.in_parts
    assert "".join(place.texts) == text[4:]
    assert place.world.engine.select("SELECT * FROM mo_ready") == []


def test_parts_that_are_missing_are_told(place: Place) -> None:
    first, second, third = parts_of("say " + "long words " * 36)
    come(place.world, third, first)
    place.world.settle(301, step=10)
    (one,) = place.echo.seen
    assert (one.missing, one.first_missing) == (1, False)
    come(place.world, second, third)
    place.world.settle(301, step=10)
    assert (place.echo.seen[1].missing, place.echo.seen[1].first_missing) == (1, True)


def test_a_message_in_parts_survives_a_crash_before_it_is_handled(place: Place) -> None:
    parts = parts_of("say " + "long words " * 30)
    come(place.world, *parts[:-1])
    place.world.settle(1)
    come(place.world, parts[-1], settle=False)
    for _ in range(400):
        turn(place.world)
        if place.world.engine.select("SELECT * FROM mo_ready"):
            break
    assert place.heard == []
    place.world.crash()
    assert len(place.heard) == 1
    assert place.world.engine.select("SELECT * FROM mo_ready") == []


def test_parts_that_no_feature_wants_go_to_the_owner(place: Place) -> None:
    esme = place.world.esme()
    come(place.world, *parts_of("other " + "long words " * 30))
    assert len(esme.delivered) == 1
    assert len(place.heard) == 1


# ---------------------------------------------------------------- texts


def test_a_text_asks_for_a_receipt_and_its_end_is_told(place: Place) -> None:
    come(place.world, say(b"say hello"))
    place.world.settle(5)
    assert place.echo.ends == [(place.echo.sent[0], State.DELIVERED, "000")]


def test_a_text_goes_by_the_carrier_of_its_number(tmp_path: Path) -> None:
    place = Place(
        tmp_path,
        carriers=(carrier("a"), carrier("b", 2791)),
        routes=(RouteSettings(prefix="", carriers=(("b",),)),),
    )
    come(place.world, say(b"say hello"))
    assert place.texts == ["hello"]


TEXTS = ["hello", "\u00e7a va \u2603", "[\u20ac]", "x" * 500, "\u2603" * 200]


@pytest.mark.parametrize("text", TEXTS)
def test_any_text_arrives(place: Place, text: str) -> None:
    host = place.echo.host
    done = host.transact(lambda: host.send(Mt("38100", PHONE, text, priority=Priority.CODES)))
    place.world.settle(1)
    assert "".join(place.texts) == text
    message = place.world.engine.message(_result(done))
    assert message is not None
    assert message.priority == Priority.CODES


def _result(done: Deferred[int]) -> int:
    found: list[int] = []
    done.addCallback(found.append)
    return found[0]


def test_a_text_that_goes_nowhere_is_told(tmp_path: Path) -> None:
    place = Place(tmp_path, routes=(RouteSettings(prefix="44", carriers=(("a",),)),))
    host = place.echo.host
    with pytest.raises(NoRoute, match="ESME_RINVDSTADR"):
        host.check(Mt("38100", PHONE, "hello"))
    done = host.transact(lambda: host.send(Mt("38100", PHONE, "hello")))
    place.world.settle()
    ((number, state, why),) = place.echo.ends
    assert (number, state) == (_result(done), State.REJECTED)
    assert "ESME_RINVDSTADR" in why


def test_what_did_not_stay_is_counted(place: Place) -> None:
    host = place.echo.host

    def work() -> None:
        host.change("INSERT INTO echo_heard VALUES (1, '', 'never')")
        raise ValueError("no")

    before = host.undone
    come(place.world, say(b"quiet"))
    assert host.undone == before
    host.transact(work).addErrback(lambda failure: None)
    place.world.settle()
    assert host.undone == before + 1
    assert place.heard == [(PHONE, "quiet")]


def test_a_text_for_later_waits(place: Place) -> None:
    host = place.echo.host
    due = host.now() + 60_000
    host.transact(lambda: host.send(Mt("38100", PHONE, "later", due=due)))
    place.world.settle(55)
    assert place.texts == []
    place.world.crash()
    place.world.settle(10)
    assert place.texts == ["later"]


def test_work_that_raises_sends_nothing(place: Place) -> None:
    host = place.echo.host

    def work() -> None:
        host.send(Mt("38100", PHONE, "hello"))
        raise ValueError("no")

    failed: list[Any] = []
    host.transact(work).addErrback(failed.append)
    host.transact(lambda: None)
    place.world.settle()
    assert failed[0].check(ValueError)
    assert place.texts == []


def test_the_ledger_balances(place: Place) -> None:
    for number in range(5):
        come(place.world, say(b"say %d" % number))
    place.world.settle(5)
    line = place.world.ledger("@echo")
    assert (line["accepted"], line["delivered"], line["pending"]) == (5, 5, 0)
    assert place.world.relay.accounts["@echo"].queued == 0


def test_nobody_binds_as_a_feature(place: Place) -> None:
    assert not place.world.relay.accounts["@echo"].settings.enabled


# ---------------------------------------------------------------- tables


def test_tables_are_made_once_and_brought_up_to_date(place: Place) -> None:
    come(place.world, say(b"quiet"))
    place.world.crash()
    assert place.heard == [(PHONE, "quiet")]
    more = (*Echo.migrations, "ALTER TABLE echo_heard ADD COLUMN mood TEXT;")
    Echo.migrations = more
    try:
        place.world.crash()
        assert place.world.engine.select("SELECT mood FROM echo_heard") == [(None,)]
    finally:
        Echo.migrations = more[:1]
    with pytest.raises(SchemaError, match="feature echo were written by a newer smppgw"):
        place.world.engine.migrate("echo", Echo.migrations)


def test_a_gateway_without_the_feature_starts_and_gives_its_messages_to_the_owner(
    place: Place,
) -> None:
    come(place.world, say(b"say hello"))
    place.world.features = ()
    place.world.crash()
    esme = place.world.esme()
    come(place.world, say(b"say more"))
    assert [one.short_message for one in esme.delivered] == [b"say more"]


def test_start_and_stop(place: Place) -> None:
    assert place.echo.running
    place.world.slot.stop()
    assert not place.echo.running


def test_a_feature_that_cannot_start_does_not_stop_others(tmp_path: Path) -> None:
    class Lame(Echo):
        name = "lame"
        migrations = ()

        def start(self) -> None:
            raise RuntimeError("lame")

        def take(self, mo: Mo) -> bool:
            return False

    place = Place(tmp_path, start=False)
    place.world.engine.close()
    place.world.network.unlisten("127.0.0.1:2775")
    place.world.features = (Lame, place.make)
    place.world.open()
    with capturedLogs() as logs:
        place.world.start()
    assert place.echo.running
    assert any(event.get("name") == "lame" for event in logs)
    come(place.world, say(b"say hello"))
    assert place.texts == ["hello"]


def test_accounts_of_features_survive_a_reload(place: Place) -> None:
    reload = Reload(place.world.relay, place.world.settings, place.world.clock)
    done = Deferred.fromCoroutine(reload.apply(place.world.settings))
    place.world.settle(1)
    said: list[Any] = []
    done.addCallback(said.append)
    assert said == [[]]
    come(place.world, say(b"say hello"))
    assert place.texts == ["hello"]
