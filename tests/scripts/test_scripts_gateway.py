"""The scripts that kill and measure a gateway, in small: real processes, real kills."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from scripts_kit import report, script


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the scripts put data; a socket of the gateway needs a short path."""
    with TemporaryDirectory() as directory:
        monkeypatch.setenv("TMPDIR", directory)
        yield Path(directory)


def test_nothing_is_lost_by_kills_under_load(place: Path) -> None:
    found = report("crash", "--kills", "3", "--rate", "800", "--window", "20", "--settle", "30")
    assert len(found["kills"]) == 3
    assert found["acknowledged"] > 500
    assert found["lost"] == found["receipts_missing"] == found["out_of_order"] == 0
    assert found["duplicates"] <= found["duplicates_allowed"] == 60
    assert found["taken"] == found["acknowledged"] + found["unpromised"] - found["ended_untaken"]
    assert found["pending"] == 0
    assert found["ledger"]["balanced"] is True
    acknowledged = [kill["acknowledged"] for kill in found["kills"]]
    assert acknowledged == sorted(acknowledged)
    assert acknowledged[0] > 0
    assert list(place.iterdir()) == []  # all was well: nothing is left


def test_the_proof_can_fail(place: Path) -> None:
    # Nobody can have had every receipt at once.
    code, out, err = script("crash", "--kills", "1", "--rate", "500", "--settle", "0", "--json")
    assert code == 1
    found = json.loads(out)
    assert found["ok"] is False
    assert found["receipts_missing"] > 0
    assert any("receipts_missing" in fault for fault in found["faults"])
    (left,) = place.iterdir()
    assert str(left) in err
    assert {"smppgw.toml", "log", "var"} <= {one.name for one in left.iterdir()}


def test_a_backlog_in_small() -> None:
    found = report("backlog", "--count", "3000", "--slowest", "0")
    assert [line["accepted"] >= 300 for line in found["accepted"]] == [True] * 10
    assert found["accepted"][-1]["accepted"] == 3000
    assert found["drained"][-1]["drained"] == 3000
    assert found["sums"]["taken"] == found["sums"]["acknowledged"] == 3000
    assert found["sums"]["lost"] == found["sums"]["out_of_order"] == 0
    assert 0 < found["ready_cpu"] <= found["ready"] + 1
    assert 0 < found["log"] < 100 * 2**20


def test_a_history_in_small() -> None:
    found = report(
        "backlog",
        *("--count", "0", "--history", "2000", "--compare", "300"),
        *("--rounds", "1", "--slowest", "0"),
    )
    assert found["history"]["octets"] > 100_000
    assert len(found["history"]["full"]) == len(found["history"]["empty"]) == 1
    assert found["history"]["throughput_ratio"] > 0


def test_a_history_is_what_the_gateway_itself_leaves(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "scripts"))
    from history import fill  # noqa: PLC0415

    from smppgw.core.message import State  # noqa: PLC0415
    from smppgw.core.store.engine import Engine  # noqa: PLC0415
    from smppgw.smpp import wire  # noqa: PLC0415

    _, octets = fill(place / "var", 1000, "load", "far")
    engine = Engine(place / "var")
    messages = engine.messages("1 ORDER BY id", (), 2000)
    ledger = engine.select("SELECT scope, name, accepted, delivered FROM ledger ORDER BY scope")
    engine.close()
    assert octets > 0
    assert ledger == [("account", "load", 1000, 1000), ("carrier", "far", 1000, 1000)]
    assert len(messages) == len({one.id for one in messages}) == 1000
    first, last = messages[0], messages[-1]
    assert {one.state for one in messages} == {State.DELIVERED}
    assert (first.account, first.carrier, first.link) == ("load", "far", "far#1")
    assert len(first.destination) == 11
    assert first.sent_at < first.answered_at < first.final_at < first.receipt_at
    assert 3 * 86_400_000 < last.final_at - first.final_at < 6 * 86_400_000
    assert last.remote_id == "10000999"
    body = wire.decode(wire.frame(wire.CommandId.submit_sm, 0, 1, first.body))
    assert isinstance(body, wire.SubmitSm)
    database = sqlite3.connect(place / "var" / "smppgw.db")
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


def test_idle_binds_in_small() -> None:
    found = report(
        "idle", "--binds", "20", "--seconds", "1.2", "--enquire-link", "1", "--most-cpu", "100"
    )
    assert found["binds"] == 20
    assert found["connections_lost"] == 0
    assert found["octets_per_bind"] >= 0
