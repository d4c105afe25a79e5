"""The figures of a running gateway, and the proof of its ledger."""

from __future__ import annotations

import json
import sqlite3
import threading
from pathlib import Path
from random import Random
from typing import Any

import pytest
from relay_kit import World, account, carrier
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from smppgw.core.figures import moment
from smppgw.core.settings import RouteSettings
from smppgw.core.store import audit
from smppgw.core.store.audit import AuditTimeout, Count
from smppgw.ops import readings
from smppgw.ops import status as status_module
from smppgw.ops.desk import Desk
from smppgw.ops.rates import Rates
from smppgw.ops.status import glance, resident_octets, status
from smppgw.ops.status_text import status_text
from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp import wire

PHONE = "33612345678"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "var")


def in_a_thread(function: Any, *arguments: Any) -> Deferred[Any]:
    """Really another thread, but waited for."""
    outcome: list[Any] = []

    def work() -> None:
        try:
            outcome.append(function(*arguments))
        except Exception:
            outcome.append(Failure())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return maybeDeferred(lambda: outcome[0])


def look(world: World) -> dict[str, Any]:
    """The answer to `status`, and that JSON can say it."""
    found = answers(world, Rates(world.relay.counters, world.clock))
    assert json.loads(json.dumps(found[0])) == found[0]
    return found[0]


def answers(world: World, rates: Rates) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    answer = maybeDeferred(status, Desk(world.relay, rates, in_a_thread), {})
    answer.addCallback(found.append)
    return found


def proved(world: World) -> audit.Audit:
    found = Count(world.engine, world.relay.ledger).finish()
    assert found.balanced, (found.ledger, found.counted)
    return found


# ---------------------------------------------------------------------- figures


def test_a_gateway_that_just_started(world: World) -> None:
    found = look(world)
    (link,) = found["links"]
    assert (link["link"], link["carrier"], link["kind"]) == ("a#1", "a", "transceiver")
    assert (link["state"], link["reason"], link["host"]) == ("bound", "", "127.0.0.1")
    assert (link["in_flight"], link["window"], link["next_attempt"]) == (0, 10, None)
    assert link["port"] == 2790
    assert link["since"].startswith("2026-09-2")
    assert found["accounts"] == [
        {
            "account": "esme",
            "binds": 0,
            "most_binds": 4,
            "decision": None,
            "queued": 0,
            "deliveries": 0,
        }
    ]
    assert found["binds"] == []
    assert found["queues"] == []
    assert found["ledger"] == {
        "balanced": True,
        "not_counted": "",
        "accounts": [],
        "carriers": [],
    }
    assert found["receipts"] == {"matched": 0, "early": 0, "orphans": 0, "duplicates": 0}
    assert found["inbox"] == {"received": 0, "unrouted": 0, "partial": 0, "assembling": 0}
    assert found["store"]["trouble"] == ""
    assert found["store"]["file"] > 0
    assert found["memory"]["rss"] > 1024**2
    assert found["carriers"][0]["receipt_ids"].startswith("not learned yet")


def test_binds_and_what_they_have_under_way(world: World) -> None:
    esme = world.esme()
    world.esme(kind=wire.BindTransmitter)
    esme.answer = None
    esme.submit(PHONE, registered_delivery=1)
    world.settle(1)
    world.sync.stuck = True
    esme.submit(PHONE)
    world.settle()
    one, two = look(world)["binds"]
    assert (one["account"], one["bind"], one["kind"]) == ("esme", "esme#1", "transceiver")
    assert one["peer"].startswith("127.0.0.1:")
    assert (one["unanswered"], one["window"]) == (1, 50)
    assert (one["deliveries"], one["delivery_window"]) == (1, 50)
    assert one["received"] == 2
    assert (two["bind"], two["kind"], two["deliveries"]) == ("esme#2", "transmitter", 0)


def test_only_so_many_binds_are_listed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_module, "MOST_BINDS", 2)
    for _ in range(3):
        world.esme()
    found = look(world)
    assert len(found["binds"]) == 2
    assert found["binds_left_out"] == 1


def test_a_link_that_cannot_connect(world: World) -> None:
    world.network.unlisten("127.0.0.1:2790")
    world.network.cut()
    world.settle(1)
    found = look(world)
    (link,) = found["links"]
    assert (link["state"], link["since"]) == ("waiting", None)
    assert link["reason"].startswith("cannot connect to 127.0.0.1:2790: ")
    assert link["next_attempt"] > found["time"]
    assert found["carriers"][0]["usable"] is False


def test_a_link_whose_credentials_are_refused(tmp_path: Path) -> None:
    behaviours = {"a": Behaviour(passwords={"gw": "another"})}
    world = World(tmp_path / "var", behaviours=behaviours)
    (link,) = look(world)["links"]
    assert link["state"] == "refused"
    assert "ESME_RINVPASWD" in link["reason"]
    assert link["next_attempt"] is not None


def test_a_disabled_carrier(tmp_path: Path) -> None:
    world = World(tmp_path / "var", carriers=(carrier("a", enabled=False),))
    found = look(world)
    (link,) = found["links"]
    assert (link["state"], link["host"], link["port"]) == ("disabled", "", 0)
    assert found["carriers"][0]["enabled"] is False


def test_how_long_it_has_been_up(world: World) -> None:
    rates = Rates(world.relay.counters, world.clock)
    world.settle(90)
    (found,) = answers(world, rates)
    assert found["uptime_s"] == pytest.approx(90, abs=1)


def test_a_throttled_carrier(world: World) -> None:
    esme = world.esme()
    esme.submit(PHONE, b"{status=0x58}x")
    world.settle()
    (found,) = look(world)["carriers"]
    assert found["paused_until"] is not None
    assert "ESME_RTHROTTLED" in found["pause_reason"]
    assert "ESME_RTHROTTLED" in found["last_refusal"]
    world.settle(0.9)
    world.relay.carriers["a"].refusals.paused_until = 0.0
    (found,) = look(world)["carriers"]
    assert (found["paused_until"], found["pause_reason"]) == (None, "")


def test_queues_by_carrier_and_class_with_the_age_of_the_oldest(tmp_path: Path) -> None:
    world = World(
        tmp_path / "var",
        carriers=(carrier("a"), carrier("b", port=2791)),
        accounts=(account("esme"), account("bulk", priority="bulk")),
        routes=(
            RouteSettings(prefix="", carriers=(("a",),)),
            RouteSettings(prefix="49", carriers=(("b",),)),
        ),
    )
    for one in world.relay.carriers.values():
        one.hold()
    esme, bulk = world.esme(), world.esme("bulk")
    esme.submit(PHONE)
    world.settle(10)
    esme.submit(PHONE)
    bulk.submit("4915112345678")
    world.settle(2)
    assert [{**one, "oldest_s": round(one["oldest_s"])} for one in look(world)["queues"]] == [
        {"carrier": "a", "class": "transactional", "depth": 2, "oldest_s": 12},
        {"carrier": "b", "class": "bulk", "depth": 1, "oldest_s": 2},
    ]


def test_messages_from_phones(world: World) -> None:
    def part(sequence: int, reference: int) -> None:
        header = bytes((5, 0, 3, reference, 2, sequence))
        world.simulated["a"].send_mo(PHONE, "38100", header + b"text", esm_class=0x40)

    part(1, 1)
    world.settle(400, 5)
    part(1, 2)
    part(1, 3)
    part(2, 3)
    world.settle(1)
    assert look(world)["inbox"] == {"received": 4, "unrouted": 2, "partial": 1, "assembling": 1}


def test_receipts_and_the_form_of_their_ids(tmp_path: Path) -> None:
    behaviours = {"a": Behaviour(message_id="hex", receipt_id="decimal", receipt_copies=2)}
    world = World(tmp_path / "var", behaviours=behaviours)
    esme = world.esme()
    for n in range(25):
        esme.submit(f"336000000{n:02}", registered_delivery=1)
    world.settle(2)
    found = look(world)
    assert found["receipts"] == {"matched": 25, "early": 0, "orphans": 0, "duplicates": 25}
    assert found["carriers"][0]["receipt_ids"].startswith("decimal of the hex in submit_sm_resp")


def test_a_ledger_line_per_account_and_carrier(world: World) -> None:
    esme = world.esme()
    esme.submit(PHONE, registered_delivery=1)
    esme.submit("33600000000", b"{status=0x0b}x")
    esme.submit("33600000001", b"{receipt=never}x", registered_delivery=1)
    world.settle(1)
    ledger = look(world)["ledger"]
    (line,) = ledger["accounts"]
    assert line == {
        "name": "esme",
        "accepted": 3,
        "delivered": 1,
        "undeliverable": 0,
        "expired": 0,
        "cancelled": 0,
        "rejected": 1,
        "unknown": 0,
        "moved": 0,
        "pending": 1,
        "counted": 1,
        "balanced": True,
    }
    assert ledger["balanced"] is True
    assert [one["name"] for one in ledger["carriers"]] == ["a"]


def test_a_ledger_that_does_not_balance_is_said_to_be_so(world: World) -> None:
    esme = world.esme()
    esme.submit(PHONE, registered_delivery=1)
    world.settle(1)
    world.relay.ledger._lines["account", "esme"][0] += 1
    ledger = look(world)["ledger"]
    assert ledger["balanced"] is False
    (line,) = ledger["accounts"]
    assert (line["pending"], line["counted"], line["balanced"]) == (1, 0, False)
    assert ledger["carriers"][0]["balanced"] is True


def test_a_count_that_takes_too_long_leaves_the_counters(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    esme = world.esme()
    esme.submit(PHONE)
    world.settle(1)

    def tired(self: Count) -> None:
        self._connection.close()
        raise AuditTimeout("the count took longer than 5 s")

    monkeypatch.setattr(Count, "finish", tired)
    found = look(world)
    assert found["queues"] == []
    assert found["ledger"]["balanced"] is None
    assert found["ledger"]["not_counted"] == "the count took longer than 5 s"
    assert found["ledger"]["accounts"][0]["accepted"] == 1
    assert found["ledger"]["accounts"][0]["counted"] is None


def test_a_file_that_cannot_be_read_leaves_the_counters(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*arguments: Any) -> None:
        raise sqlite3.DatabaseError("database disk image is malformed")

    monkeypatch.setattr(readings, "Count", damaged)
    assert look(world)["ledger"]["not_counted"] == "database disk image is malformed"


class Slowly:
    """Threads that end when the test says so."""

    def __init__(self) -> None:
        self.working: list[Deferred[Any]] = []
        self._work: list[Any] = []

    def __call__(self, function: Any, *arguments: Any) -> Deferred[Any]:
        self.working.append(Deferred())
        self._work.append((function, arguments))
        return self.working[-1]

    def end(self) -> None:
        function, arguments = self._work.pop(0)
        self.working.pop(0).callback(function(*arguments))


def glanced(desk: Desk) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    Deferred.fromCoroutine(glance(desk)).addCallback(found.append)
    return found


def test_who_glances_gets_figures_of_now_and_the_last_proof(world: World) -> None:
    slowly = Slowly()
    desk = Desk(world.relay, Rates(world.relay.counters, world.clock), slowly)
    world.relay.carriers["a"].hold()
    esme = world.esme()
    esme.submit(PHONE)
    world.settle(1)
    found = glanced(desk)
    assert not found
    world.clock.advance(0.1)
    (first,) = found
    assert first["ledger"]["balanced"] is None
    assert first["ledger"]["not_counted"] == "it is being counted"
    assert "not proved: it is being counted" in "\n".join(status_text(first, 100))
    slowly.end()
    world.clock.advance(3)
    esme.submit(PHONE)
    world.settle(1)
    (second,) = glanced(desk)
    assert slowly.working == []
    assert second["ledger"]["balanced"] is True
    (line,) = second["ledger"]["accounts"]
    assert (line["accepted"], line["pending"], line["counted"]) == (2, 2, None)
    assert [{**one, "oldest_s": round(one["oldest_s"])} for one in second["queues"]] == [
        {"carrier": "a", "class": "transactional", "depth": 2, "oldest_s": 5}
    ]
    said = status_text(second, 100)
    assert said == [line for line in said if "PENDING" not in line or "COUNTED" not in line]
    assert any(line.endswith("what the store holds, counted 4.1 s ago") for line in said)
    assert json.loads(json.dumps(second)) == second


def test_a_proof_that_failed_is_shown_as_it_was(world: World) -> None:
    slowly = Slowly()
    desk = Desk(world.relay, Rates(world.relay.counters, world.clock), slowly)
    world.esme().submit(PHONE)
    world.settle(1)
    world.relay.ledger._lines["account", "esme"][0] += 1
    found = glanced(desk)
    slowly.end()
    (line,) = found[0]["ledger"]["accounts"]
    assert line["counted"] == line["pending"] - 1
    said = status_text(found[0], 100)
    assert "THE LEDGER DOES NOT BALANCE: pending and counted differ" in said
    assert "  ledger: pending and counted differ" in said


def test_moments() -> None:
    assert moment(0) is None
    assert moment(1_790_000_000.25) == "2026-09-21T14:13:20.250Z"


def test_memory_is_measured_in_octets() -> None:
    found = resident_octets()
    assert found is not None
    assert 10 * 1024**2 < found < 10 * 1024**3


# ---------------------------------------------------------------------- the proof


def test_what_is_only_in_memory_counts(world: World) -> None:
    world.relay.carriers["a"].hold()
    esme = world.esme()
    world.sync.stuck = True
    for n in range(5):
        esme.submit(f"3360000000{n}")
    world.settle()
    found = proved(world)
    assert found.counted[("account", "esme")] == 5
    assert [(lane.carrier, lane.depth) for lane in found.lanes] == [("a", 5)]


def test_what_is_only_in_rows_counts(world: World) -> None:
    world.relay.carriers["a"].hold()
    esme = world.esme()
    for n in range(5):
        esme.submit(f"3360000000{n}")
    world.settle(1)
    world.engine.flush()
    world.engine.live.clear()
    assert proved(world).counted == {("account", "esme"): 5, ("carrier", "a"): 5}


def test_the_count_is_of_the_moment_at_which_it_began(world: World) -> None:
    world.relay.carriers["a"].hold()
    esme = world.esme()
    esme.submit(PHONE)
    world.settle(1)
    count = Count(world.engine, world.relay.ledger)
    world.relay.carriers["a"].release()
    esme.submit("33600000000")
    world.settle(10)
    found = count.finish()
    assert found.balanced
    assert found.counted[("account", "esme")] == 1
    assert proved(world).counted == {}


def test_the_count_writes_nothing(world: World) -> None:
    count = Count(world.engine, world.relay.ledger)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        count._connection.execute("DELETE FROM message")
    count.finish()


def test_a_count_has_a_deadline(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.relay.carriers["a"].hold()
    esme = world.esme()
    for n in range(50):
        esme.submit(f"336000000{n:02}")
    world.settle(1)
    monkeypatch.setattr(audit, "STEPS", 1)
    times = iter(range(10_000_000))
    count = Count(world.engine, world.relay.ledger, lambda: float(next(times)))
    with pytest.raises(AuditTimeout, match="longer than 30 s"):
        count.finish(30.0)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        count._connection.execute("SELECT 1")


def test_an_error_that_is_no_timeout_is_told_as_it_is(world: World) -> None:
    count = Count(world.engine, world.relay.ledger)
    count._connection.execute(audit.NEWER)
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        count.finish()


@pytest.mark.parametrize("seed", range(4))
def test_the_ledger_balances_whenever_one_looks(tmp_path: Path, seed: int) -> None:
    """A carrier that refuses, throttles, drops and forgets, and a count in the middle of it all."""
    random = Random(seed)
    behaviour = Behaviour(
        error_rate=0.1, response_delay=0.05, failures={"UNDELIV": 0.3}, disconnect_every=37
    )
    world = World(
        tmp_path / "var",
        carriers=(carrier("a", window=4), carrier("b", port=2791, window=2)),
        accounts=(account("esme"), account("other", max_queue=30)),
        routes=(RouteSettings(prefix="", carriers=(("a", "b"),)),),
        behaviours={"a": behaviour},
    )
    esmes = [world.esme(), world.esme("other")]
    texts = [b"x", b"{status=0x58,times=1}x", b"{receipt=never}x", b"{answer=twice}x"]
    for _ in range(60):
        for _ in range(random.randrange(6)):
            random.choice(esmes).submit(
                f"3360000{random.randrange(40):04}",
                random.choice(texts),
                registered_delivery=random.randrange(2),
            )
        world.settle(random.choice((0, 0.05, 0.3, 1.5)))
        proved(world)
        if random.random() < 0.05:
            world.network.cut()
            esmes = [world.esme(), world.esme("other")]
    assert proved(world).ledger[("account", "esme")]["accepted"] > 20
