"""Commits: durable, applied, undone in time, and fair to whoever else edits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from errno import ENOSPC
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from relay_kit import account
from revisions_kit import HASH, Managed, file_of
from twisted.internet.defer import Deferred, succeed
from twisted.logger import capturedLogs

from smppgw.core.passwords import verify_password
from smppgw.core.settings import NumberSettings
from smppgw.ops.config import load, parse
from smppgw.ops.revisions import EditError, editors
from smppgw.ops.revisions import configuration as module
from smppgw.ops.revisions.editors import at_rest, clock_time


@pytest.fixture
def managed(tmp_path: Path) -> Managed:
    return Managed(tmp_path / "var")


def edit_error(action: Any, *arguments: Any) -> str:
    with pytest.raises(EditError) as caught:
        action(*arguments)
    return str(caught.value)


# ---------------------------------------------------------------------- one operator


def test_without_a_commit_the_file_is_all(managed: Managed) -> None:
    configuration = managed.configuration
    assert configuration.settings is managed.file.settings
    assert configuration.errors() == []
    assert configuration.revisions.all() == ()
    assert not configuration.editors.dirty("ops")


def test_an_edit_is_nothing_until_it_is_committed(managed: Managed) -> None:
    managed.new_account()
    assert managed.configuration.editors.dirty("ops")
    assert not managed.may_bind("new")
    committed = managed.commit("a first one")
    assert committed.said == ("account new: new",)
    assert (committed.revision.number, committed.revision.operator) == (1, "ops")
    assert committed.revision.comment == "a first one"
    assert not managed.configuration.editors.dirty("ops")
    assert managed.may_bind("new")


def test_a_commit_outlives_a_kill(managed: Managed) -> None:
    managed.new_account()
    managed.commit()
    managed.restart()
    assert managed.may_bind("new")
    assert managed.configuration.owner_of("account", "new") == "revision 1"


def test_a_commit_touches_nothing_else(managed: Managed) -> None:
    links = [link for one in managed.world.relay.carriers.values() for link in one.links]
    before = [link.bound_at for link in links]
    esme = managed.world.esme()
    managed.new_account()
    managed.commit()
    assert [link.bound_at for link in links] == before
    assert esme.protocol is not None


def test_what_a_commit_would_do_is_said_before(managed: Managed) -> None:
    managed.edit("add", "carrier", "c", {"host": "127.0.0.1", "port": "2792", "system_id": "gw"})
    managed.commit()
    managed.edit("set", "carrier", "c", "window", "5")
    plan = managed.configuration.plan("ops", "ops")
    assert [(str(one), one.unbinds) for one in plan.consequences] == [
        ("carrier c: its links unbind and bind anew: window", True)
    ]
    managed.edit("unset", "carrier", "c", "window")
    managed.edit("set", "carrier", "c", "throughput", "5")
    (one,) = managed.configuration.plan("ops", "ops").consequences
    assert not one.unbinds
    assert managed.commit().said == ("carrier c: changed, its links stay bound",)


def test_faults_keep_a_commit_from_being_made(managed: Managed) -> None:
    managed.edit("add", "route", "44", {"carriers": "nowhere"})
    managed.edit("add", "account", "x", {})
    plan = managed.configuration.plan("ops", "ops")
    assert [str(one) for one in plan.faults] == [
        "account x: needs password_hash or password",
        'route 44 carriers[0]: there is no carrier "nowhere"',
    ]
    reason = managed.refused(managed.configuration.commit("ops", "ops"))
    assert reason.startswith("account x: needs password")
    assert managed.configuration.revisions.all() == ()
    assert managed.configuration.editors.dirty("ops")


def test_nothing_to_commit(managed: Managed) -> None:
    assert managed.refused(managed.configuration.commit("ops", "ops")) == "nothing to commit"


def test_an_edit_taken_back_leaves_nothing(managed: Managed) -> None:
    managed.new_account()
    assert managed.edit("delete", "account", "new") == ["nothing differs from what is in force"]
    assert not managed.configuration.editors.dirty("ops")


def test_discarding(managed: Managed) -> None:
    managed.new_account()
    assert managed.configuration.editors.discard("ops")
    assert not managed.configuration.editors.discard("ops")
    assert managed.configuration.difference("ops") == []


def test_a_refused_first_edit_leaves_no_session_behind(managed: Managed) -> None:
    edit_error(managed.edit, "set", "account", "esme", "window", "3")
    assert managed.configuration.editors.all() == ()


@pytest.mark.parametrize("comment", ["x" * 201, "two\nlines", "\x1b[31m"])
def test_comments_are_short_lines(managed: Managed, comment: str) -> None:
    managed.new_account()
    assert "comment" in managed.refused(managed.configuration.commit("ops", "ops", comment))


@pytest.mark.parametrize("minutes", [-1, 24 * 60 + 1])
def test_a_confirmation_takes_a_day_at_most(managed: Managed, minutes: int) -> None:
    managed.new_account()
    assert "minutes" in managed.refused(managed.configuration.commit("ops", "ops", "", minutes))


def test_a_commit_that_is_too_large(managed: Managed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_OCTETS", 50)
    managed.new_account()
    assert "octets" in managed.refused(managed.configuration.commit("ops", "ops"))
    assert managed.configuration.editors.dirty("ops")


def test_a_commit_is_judged_once(managed: Managed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large configuration takes its time, and messages wait meanwhile."""
    judged: list[Any] = []

    def merge(*arguments: Any) -> Any:
        judged.append(arguments)
        return real(*arguments)

    real = module.merge
    monkeypatch.setattr(module, "merge", merge)
    managed.new_account("one")
    managed.configuration.plan("ops", "ops")
    managed.commit()
    assert len(judged) == 1
    managed.new_account("two")
    managed.configuration.plan("ops", "ops")
    managed.edit("set", "account", "two", "window", "3")
    managed.commit()
    assert len(judged) == 3
    assert managed.world.relay.accounts["two"].settings.window == 3


# ---------------------------------------------------------------------- durable, then ok


def test_ok_comes_after_the_disk_and_after_the_change(managed: Managed) -> None:
    managed.new_account()
    managed.world.sync.stuck = True
    results = managed.start_work(managed.configuration.commit("ops", "ops"))
    managed.world.settle(5)
    assert results == []
    assert "new" not in managed.world.relay.accounts
    managed.world.sync.go_on()
    managed.world.settle(1)
    assert len(results) == 1
    assert managed.may_bind("new")


class Full:
    """A journal on a disk that is full."""

    def __init__(self, journal: Any) -> None:
        self._journal = journal

    def append(self, payload: bytes) -> None:
        raise OSError(ENOSPC, "no space left")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)


@contextmanager
def full_disk(managed: Managed) -> Iterator[None]:
    engine = managed.world.engine
    journal = engine.journal
    engine.journal = Full(journal)  # type: ignore[assignment]
    yield
    engine.journal = journal
    managed.world.settle(3)


def test_a_disk_that_refuses_refuses_commits(managed: Managed) -> None:
    managed.new_account()
    with full_disk(managed):
        for _ in range(2):
            reason = managed.refused(managed.configuration.commit("ops", "ops"))
            assert reason == "the store cannot be written: [Errno 28] no space left"
        assert not managed.may_bind("new")
        assert managed.configuration.editors.dirty("ops")
    managed.commit(minutes=5)
    assert managed.may_bind("new")
    with full_disk(managed):
        reason = managed.refused(managed.configuration.confirm())
        assert reason.startswith("the store cannot be written: ")
    assert managed.configuration.revisions.newest.confirm_until
    managed.finish(managed.configuration.confirm())


def test_an_undoing_does_not_wait_for_a_full_disk(managed: Managed) -> None:
    managed.new_account()
    managed.commit(minutes=1)
    with full_disk(managed):
        managed.world.settle(90)
        assert not managed.may_bind("new")
    managed.restart()
    assert not managed.may_bind("new")
    assert managed.configuration.revisions.newest.number == 2


def test_edits_made_while_the_disk_works_go_on_from_there(managed: Managed) -> None:
    managed.new_account("one")
    managed.world.sync.stuck = True
    managed.start_work(managed.configuration.commit("ops", "ops"))
    managed.world.settle()
    managed.new_account("two")
    managed.world.sync.go_on()
    managed.world.settle(1)
    assert managed.configuration.difference("ops")[0] == "+account two"
    assert managed.may_bind("one")
    assert not managed.may_bind("two")
    managed.commit()
    assert managed.may_bind("two")


def test_who_stops_waiting_does_not_stop_the_commit(managed: Managed) -> None:
    managed.new_account()
    managed.world.sync.stuck = True
    waiting: Deferred[Any] = Deferred.fromCoroutine(managed.configuration.commit("ops", "ops"))
    waiting.addErrback(lambda failure: None)
    managed.world.settle()
    waiting.cancel()
    managed.world.sync.go_on()
    managed.world.settle(1)
    assert managed.may_bind("new")
    assert managed.configuration.revisions.newest.number == 1


def test_an_apply_that_fails_is_told_and_the_next_commit_works(
    managed: Managed, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(managed.reload, "_accounts", lambda settings: 1 / 0)
        managed.new_account()
        with pytest.raises(ZeroDivisionError):
            managed.commit()
    managed.new_account("other")
    assert managed.commit().revision.number == 2


# ---------------------------------------------------------------------- two operators


def test_the_second_is_told_of_the_first(managed: Managed) -> None:
    managed.new_account("one")
    (began,) = managed.configuration.editors.all()
    managed.world.settle(60)
    assert managed.edit("add", "account", "two", {}, by="ada") == [
        f"ops edits too, since {clock_time(began.since)}"
    ]
    told = managed.edit("add", "account", "three", {}, by="bob")
    assert len(told) == 2
    assert told[1].startswith("ada edits too, since ")
    assert managed.edit("add", "account", "four", {}, by="bob") == []  # told once


def test_edits_of_different_objects_are_carried_over(managed: Managed) -> None:
    managed.new_account("one")
    managed.new_account("two", by="ada")
    managed.commit()
    committed = managed.commit(by="ada")
    assert [one.operator for one in committed.since] == ["ops"]
    assert managed.may_bind("one")
    assert managed.may_bind("two")
    assert managed.configuration.difference("x", 1, 2)[0] == "+account two"


def test_edits_of_the_same_object_are_refused_with_what_happened(managed: Managed) -> None:
    managed.new_account()
    managed.commit()
    managed.edit("set", "account", "new", "window", "5")
    managed.edit("set", "account", "new", "binds", "5", by="ada")
    managed.commit()
    reason = managed.refused(managed.configuration.commit("ada", "ada"))
    assert reason == (
        "account new changed meanwhile (revision 2 of ops): see diff 1 2,"
        " then discard and edit anew"
    )
    managed.configuration.editors.discard("ada")
    managed.edit("set", "account", "new", "binds", "5", by="ada")
    managed.commit(by="ada")
    settings = managed.world.relay.accounts["new"].settings
    assert (settings.window, settings.binds) == (5, 5)


def test_commits_wait_for_each_other(managed: Managed) -> None:
    managed.new_account("one")
    managed.new_account("two", by="ada")
    managed.world.sync.stuck = True
    first = managed.start_work(managed.configuration.commit("ops", "ops"))
    second = managed.start_work(managed.configuration.commit("ada", "ada"))
    managed.world.settle()
    managed.world.sync.go_on()
    managed.world.settle(2)
    assert (first[0].revision.number, second[0].revision.number) == (1, 2)
    assert managed.may_bind("one")
    assert managed.may_bind("two")


def test_sessions_that_edit_are_bounded(managed: Managed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editors, "MOST", 2)
    managed.new_account("one", by="a")
    managed.new_account("two", by="b")
    assert "too many" in edit_error(managed.new_account, "three", "c")
    managed.new_account("more", by="b")


# ---------------------------------------------------------------------- going back


def test_rollback_makes_an_old_revision_the_candidate(managed: Managed) -> None:
    managed.new_account("one")
    managed.commit()
    managed.new_account("two")
    managed.commit()
    managed.configuration.rollback("ops", "ops", 1)
    assert managed.configuration.difference("ops")[0] == "-account two"
    assert managed.commit("back").said == ("account two: removed",)
    assert managed.configuration.revisions.newest.number == 3
    assert managed.configuration.difference("ops", 1, 3) == []
    assert managed.configuration.difference("ops", 2)[0] == "-account two"
    managed.configuration.rollback("ops", "ops", 0)
    managed.commit()
    assert not managed.may_bind("one")


def test_rollback_to_what_is_not_kept(managed: Managed) -> None:
    reason = edit_error(managed.configuration.rollback, "ops", "ops", 7)
    assert "revision 7 is not kept" in reason
    assert "revision 9" in edit_error(managed.configuration.difference, "ops", 9)


def test_an_unconfirmed_commit_is_undone_in_time(managed: Managed) -> None:
    managed.new_account("one")
    managed.commit()
    managed.new_account("two")
    committed = managed.commit("risky", minutes=5)
    assert (committed.revision.back_to, managed.may_bind("two")) == (1, True)
    managed.world.settle(280)
    assert managed.may_bind("two")
    managed.world.settle(30)
    assert not managed.may_bind("two")
    assert managed.may_bind("one")
    newest = managed.configuration.revisions.newest
    assert (newest.number, newest.operator) == (3, "smppgw")
    assert newest.comment == "revision 2 of ops was not confirmed"
    assert newest.confirm_until == 0
    assert managed.configuration.difference("ops", 1, 3) == []
    managed.restart()
    assert not managed.may_bind("two")


def test_a_confirmed_commit_stays(managed: Managed) -> None:
    managed.new_account()
    managed.commit(minutes=5)
    assert managed.finish(managed.configuration.confirm()).number == 1
    managed.world.settle(600)
    assert managed.may_bind("new")
    managed.restart(down=3600)
    assert managed.may_bind("new")
    assert "no commit waits" in managed.refused(managed.configuration.confirm())


def test_others_cannot_commit_on_top_of_what_is_unconfirmed(managed: Managed) -> None:
    managed.new_account("one")
    managed.commit(minutes=5)
    managed.new_account("two", by="ada")
    reason = managed.refused(managed.configuration.commit("ada", "ada"))
    assert reason.startswith("revision 1 of ops waits for its confirmation until ")
    managed.finish(managed.configuration.confirm())
    managed.commit(by="ada")


def test_the_same_operator_settles_it_with_another_commit(managed: Managed) -> None:
    managed.new_account("one")
    managed.commit(minutes=5)
    managed.new_account("two")
    managed.commit()
    managed.world.settle(600)
    assert managed.may_bind("one")
    assert managed.may_bind("two")
    assert [one.confirm_until for one in managed.configuration.revisions.all()] == [0, 0]


def test_trying_again_falls_back_to_where_it_began(managed: Managed) -> None:
    managed.new_account("zero")
    managed.commit()
    managed.new_account("one")
    managed.commit(minutes=5)
    managed.world.settle(60)
    managed.new_account("two")
    assert managed.commit(minutes=5).revision.back_to == 1
    managed.world.settle(270)
    assert managed.may_bind("two")
    managed.world.settle(60)
    assert managed.configuration.difference("ops", 1, 4) == []
    assert managed.may_bind("zero")
    assert not managed.may_bind("one")


def test_edits_under_way_survive_an_undoing(managed: Managed) -> None:
    managed.new_account("one")
    managed.commit(minutes=1)
    managed.new_account("two", by="ada")
    managed.world.settle(90)
    assert managed.configuration.difference("ada")[0] == "+account two"
    managed.commit(by="ada")
    assert managed.may_bind("two")
    assert not managed.may_bind("one")


# ---------------------------------------------------------------------- with the file


def test_what_the_file_declares_later_wins_and_comes_back(managed: Managed) -> None:
    managed.edit("add", "account", "new", {"password_hash": HASH, "window": "7"})
    managed.commit()
    accounts = (*managed.file.settings.accounts, account("new", window=3))
    declared = file_of(evolve(managed.file.settings, accounts=accounts))
    with capturedLogs() as logged:
        said = managed.finish(managed.configuration.reload(declared))
    assert said == ["account new: changed"]
    assert managed.world.relay.accounts["new"].settings.window == 3
    (error,) = managed.configuration.errors()
    assert error.startswith("account new: gw.toml:")
    assert error.endswith(" declares it, and wins; left out")
    assert error in [event.get("line") for event in logged]
    assert managed.configuration.owner_of("account", "new").startswith("gw.toml:")
    managed.edit("delete", "account", "new")
    assert managed.configuration.plan("ops", "ops").consequences == ()
    managed.configuration.editors.discard("ops")
    # Another commit does not need it to fit, and does not lose it.
    managed.new_account("other")
    managed.commit()
    assert managed.finish(managed.configuration.reload(managed.file)) == ["account new: changed"]
    assert managed.world.relay.accounts["new"].settings.window == 7
    assert managed.configuration.errors() == []


def test_what_leans_on_the_file_is_left_out_when_that_goes(managed: Managed) -> None:
    managed.edit("add", "number", "38100", {"account": "esme"})
    managed.commit()
    gone = file_of(evolve(managed.file.settings, accounts=()))
    managed.finish(managed.configuration.reload(gone))
    assert managed.configuration.settings.numbers == ()
    assert managed.configuration.errors() == [
        'number 38100 account: there is no account "esme"; left out'
    ]
    managed.finish(managed.configuration.reload(managed.file))
    assert managed.configuration.settings.numbers == (
        NumberSettings(address="38100", account="esme"),
    )


def test_what_is_left_out_is_said_at_the_start(managed: Managed) -> None:
    managed.edit("add", "number", "38100", {"account": "esme"})
    managed.commit()
    managed.file = file_of(evolve(managed.file.settings, accounts=()))
    with capturedLogs() as logged:
        managed.restart()
    assert managed.configuration.errors()[0] in [event.get("line") for event in logged]
    (one,) = managed.configuration.left_out
    assert (one.table, one.name) == ("numbers", "38100")


def test_an_object_that_is_left_out_can_be_mended(managed: Managed) -> None:
    managed.edit("add", "number", "38100", {"account": "esme"})
    managed.commit()
    managed.finish(
        managed.configuration.reload(file_of(evolve(managed.file.settings, accounts=())))
    )
    managed.edit("set", "number", "38100", "profile", "campaign")
    assert "no account" in managed.refused(managed.configuration.commit("ops", "ops"))
    managed.edit("unset", "number", "38100", "account")
    managed.commit()
    assert managed.configuration.errors() == []


def test_owners(managed: Managed) -> None:
    managed.new_account()
    managed.commit()
    owner_of = managed.configuration.owner_of
    assert owner_of("account", "new") == "revision 1"
    assert owner_of("account", "esme").startswith("gw.toml:")
    assert owner_of("route", "").startswith("gw.toml:")
    assert owner_of("account", "nobody") == ""
    assert "no kind" in edit_error(owner_of, "thing", "x")


def test_the_export_is_all_there_is_and_reads_back(managed: Managed, tmp_path: Path) -> None:
    managed.new_account()
    managed.edit("add", "carrier", "c", {"host": "h", "system_id": "s", "password": "clear"})
    managed.edit("add", "route", "44", {"carriers": "a+c,b"})
    managed.commit()
    path = tmp_path / "exported.toml"
    path.write_text(managed.configuration.export())
    loaded = load(path, {})
    assert loaded.settings == managed.configuration.settings
    assert [one.system_id for one in loaded.settings.accounts] == ["esme", "new"]
    assert loaded.settings.carriers[2].password == "clear"


def test_a_revision_that_cannot_be_read_is_loud_and_lost_for_nobody(managed: Managed) -> None:
    managed.new_account("one")
    managed.commit()
    managed.new_account("two")
    managed.commit()
    managed.world.settle(1)
    managed.world.engine.flush()
    managed.world.engine.select("UPDATE revision SET objects = '[[' WHERE number = 2")
    with capturedLogs() as logged:
        managed.restart()
    (error,) = managed.configuration.errors()
    assert error.startswith("revision 2 cannot be read: ")
    assert error in [event.get("line") for event in logged]
    assert "cannot be read" in edit_error(managed.new_account, "three")
    managed.configuration.rollback("ops", "ops", 1)
    managed.commit()
    assert managed.may_bind("one")
    assert managed.configuration.errors() == []


# ---------------------------------------------------------------------- passwords


def hashed(kind: str, values: dict[str, str]) -> dict[str, str]:
    results: list[Any] = []
    threads: list[Any] = []

    def in_thread(function: Any, *arguments: Any) -> Deferred[Any]:
        threads.append(function)
        return succeed(function(*arguments))

    Deferred.fromCoroutine(at_rest(kind, values, in_thread)).addBoth(results.append)
    (result,) = results
    if not isinstance(result, dict):
        result.raiseException()
    return dict(result)


def test_a_password_is_kept_as_its_hash() -> None:
    found = hashed("account", {"window": "3", "password": "secret"})
    assert set(found) == {"window", "password_hash"}
    assert verify_password(found["password_hash"], "secret")
    assert "password_hash" in hashed("operator", {"password": "été €"})


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("carrier", {"password": "clear"}),
        ("account", {"password": "${FROM_THERE}"}),
        ("account", {"window": "3"}),
        ("route", {}),
    ],
)
def test_what_stays_as_it_is_typed(kind: str, values: dict[str, str]) -> None:
    assert hashed(kind, values) == values


@pytest.mark.parametrize("password", ["", "a\x00b", "a\nb", "€"])
def test_passwords_that_are_refused(password: str) -> None:
    reason = edit_error(hashed, "account", {"password": password})
    assert reason.startswith("password: ")
    assert "€" not in reason


def test_a_hashed_account_is_let_in_by_its_settings(managed: Managed) -> None:
    managed.edit("add", "account", "new", hashed("account", {"password": "pw"}))
    managed.commit()
    stored = managed.world.relay.accounts["new"].settings
    assert (stored.password, verify_password(stored.password_hash, "pw")) == ("", True)
    text = managed.configuration.revisions.text(1)
    assert parse(text, "x", {}).settings.accounts == (stored,)
