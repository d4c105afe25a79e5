"""What memory holds, table by table: all of it, with a bound where there is one."""

from __future__ import annotations

from pathlib import Path

from relay_kit import World, carrier

from smppgw.core.account_settings import Priority
from smppgw.core.held import held
from smppgw.core.order import PARKED
from smppgw.core.queue import HEAD
from smppgw.core.settings import RouteSettings
from smppgw.simulator.behaviour import Behaviour


def found(world: World) -> dict[tuple[str, str], tuple[int, int | None]]:
    return {(whose, one.what): (one.number, one.bound) for whose, one in held(world.relay)}


def test_what_waits_is_counted_where_it_is(tmp_path: Path) -> None:
    world = World(
        tmp_path / "var",
        carriers=(carrier("a", window=2), carrier("b", 2791)),
        behaviours={
            "a": Behaviour(answer="never", receipts="never"),
            "b": Behaviour(receipts="never"),
        },
        routes=(
            RouteSettings(prefix="1", carriers=(("a",),)),
            RouteSettings(prefix="2", carriers=(("b",),)),
        ),
    )
    esme = world.esme()
    for number in range(5):
        esme.submit(f"1{number}")
    esme.submit("10")  # behind the first, to the same destination
    esme.submit("20", registered_delivery=1)
    world.settle()
    tables = found(world)
    assert tables["carrier a", "unanswered"] == (2, 2)
    assert tables["carrier a", "head of the queue"] == (4, len(Priority) * HEAD)
    assert tables["carrier a", "behind another one, or to be retried"] == (0, 2 * PARKED)
    assert tables["carrier b", "receipts awaited"][0] == 1
    assert tables["gateway", "messages"] == (len(world.engine.live), None)
    assert tables["gateway", "records without a row yet"][0] == world.engine.behind
    assert tables["account esme", "head of its deliveries"] == (0, 1_000)


def test_everything_but_the_sum_has_a_bound(tmp_path: Path) -> None:
    world = World(tmp_path / "var")
    tables = found(world)
    assert {what for (_, what), (_, bound) in tables.items() if bound is None} == {"messages"}
    assert all(number <= bound for number, bound in tables.values() if bound is not None)


def test_receipts_and_references_are_among_them(tmp_path: Path) -> None:
    world = World(tmp_path / "var")
    esme = world.esme()
    esme.submit(text=b"", registered_delivery=1, tlvs=((0x0424, b"a" * 200),))
    world.settle(3)
    tables = found(world)
    assert tables["gateway", "concatenation references"][0] == 1
    assert tables["gateway", "ended, for repeated receipts"][0] == 2
