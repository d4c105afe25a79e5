"""New settings while messages move: nothing is lost, nothing is sent twice, what changed holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from relay_kit import World, account, carrier
from twisted.internet.defer import Deferred

from smppgw.core.account_settings import AccountSettings
from smppgw.core.binding import LinkState
from smppgw.core.message import State
from smppgw.core.reload import Reload
from smppgw.core.settings import CarrierSettings, NumberSettings, RouteSettings, Settings
from smppgw.core.store.audit import Count
from smppgw.simulator.behaviour import Behaviour
from smppgw.simulator.carrier import SimulatedCarrier

PHONE = "33612345678"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(
        tmp_path / "var",
        carriers=(carrier("a", window=5), carrier("b", port=2791, window=5)),
        accounts=(account("esme", window=10_000, binds=100),),
        routes=(RouteSettings(prefix="", carriers=(("a",),)),),
    )


class Changing:
    """A world whose settings change."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.reload = Reload(world.relay, world.settings, world.clock)
        self.said: list[str] = []
        self.done = False

    def begin(self, settings: Settings) -> None:
        """Start a change; `done` tells when it is over."""
        self.done = False
        changing = Deferred.fromCoroutine(self.reload.apply(settings))
        changing.addCallback(self._ended)
        self.world.settle()

    def _ended(self, said: list[str]) -> None:
        self.said = said
        self.done = True

    def to(self, seconds: float = 5, **fields: Any) -> list[str]:
        """Change some tables and let it come to its end."""
        self.begin(evolve(self.reload.settings, **fields))
        self.world.settle(seconds)
        assert self.done
        return self.said

    def carriers(self, *carriers: CarrierSettings, **fields: Any) -> list[str]:
        return self.to(carriers=carriers, **fields)


@pytest.fixture
def change(world: World) -> Changing:
    return Changing(world)


def route(*names: str, prefix: str = "") -> RouteSettings:
    return RouteSettings(prefix=prefix, carriers=tuple((name,) for name in names))


def sent_once(world: World, count: int, *names: str) -> None:
    """Every one of `count` messages reached the carriers, none of them twice."""
    texts = [one.text for name in names for one in world.simulated[name].received if one.message_id]
    assert sorted(texts) == sorted(f"text {n}" for n in range(count))


def flood(world: World, count: int, first: int = 0) -> None:
    """Submit in portions that no buffer holds up."""
    esme = world.esme()
    for n in range(first, first + count):
        esme.submit(f"336{n % 50:08}", f"text {n}".encode())
        if n % 500 == 499:
            world.settle()


def balanced(world: World) -> None:
    found = Count(world.engine, world.relay.ledger).finish()
    assert found.balanced, (found.ledger, found.counted)


# ---------------------------------------------------------------------- the simple ones


def test_the_same_settings_change_nothing(change: Changing) -> None:
    before = change.world.relay.carriers["a"]
    assert change.to() == []
    assert change.world.relay.carriers["a"] is before
    assert before.links[0].state is LinkState.BOUND


def test_what_needs_a_restart_is_said(change: Changing) -> None:
    settings = change.reload.settings
    assert change.to(
        gateway=evolve(settings.gateway, retention=60.0),
        smpp=evolve(settings.smpp, system_id="other"),
    ) == ["[gateway] changed: needs a restart", "[smpp] changed: needs a restart"]


def test_routes(change: Changing) -> None:
    assert change.to(routes=(route("b"),)) == ["routes: 1"]
    esme = change.world.esme()
    esme.submit(PHONE, b"x")
    change.world.settle(1)
    assert change.world.simulated["b"].texts_to(PHONE) == ["x"]


def test_numbers(change: Changing) -> None:
    number = NumberSettings(address="38100", account="esme")
    esme = change.world.esme()
    assert change.to(numbers=(number,)) == ["numbers: 1"]
    change.world.simulated["a"].send_mo(PHONE, "38100", "STOP")
    change.world.settle(1)
    assert esme.delivered[0].short_message == b"STOP"
    assert change.to(numbers=()) == ["numbers: 0"]
    change.world.simulated["a"].send_mo(PHONE, "38100", "STOP")
    change.world.settle(1)
    assert change.world.relay.inbox.unrouted == 1


# ---------------------------------------------------------------------- accounts


def accounts(change: Changing, *accounts: AccountSettings) -> list[str]:
    return change.to(accounts=accounts)


def test_a_new_account_may_bind(change: Changing) -> None:
    assert change.world.esme("new").bind_status != 0
    (esme,) = change.reload.settings.accounts
    assert accounts(change, esme, account("new")) == ["account new: new"]
    assert change.world.esme("new").bind_status == 0


def test_limits_hold_at_once(change: Changing) -> None:
    esme = change.world.esme()
    assert accounts(change, account("esme", throughput=1, binds=1, priority="bulk")) == [
        "account esme: changed"
    ]
    statuses = [esme.submit(f"3360000000{n}") for n in range(3)]
    change.world.settle()
    assert [esme.status(one) for one in statuses] == [0, 0x58, 0x58]
    assert change.world.message(esme.id_of(statuses[0])).priority == 2
    assert change.world.esme().bind_status == 0x0D


def test_a_removed_account_is_unbound_and_keeps_what_it_has(change: Changing) -> None:
    world = change.world
    esme = world.esme()
    sequence = esme.submit(PHONE, b"{after=20}x", registered_delivery=1)
    world.settle()
    assert accounts(change) == ["account esme: removed"]
    assert esme.protocol is None
    world.settle(30)
    id = esme.id_of(sequence)
    assert world.message(id).state == State.DELIVERED
    assert accounts(change, account("esme")) == ["account esme: changed"]
    back = world.esme()
    world.settle(1)
    assert len(back.delivered) == 1
    assert world.message(id).receipt_to.startswith("esme#")


def test_a_window_agreed_at_the_bind_is_agreed_anew(change: Changing) -> None:
    esme = change.world.esme()
    accounts(change, account("esme", delivery_window=3))
    assert esme.protocol is None
    esme = change.world.esme()
    esme.answer = None
    for n in range(5):
        esme.submit(f"3360000000{n}", registered_delivery=1)
    change.world.settle(1)
    assert len(esme.delivered) == 3


def test_a_new_password_ends_no_bind(change: Changing) -> None:
    esme = change.world.esme()
    accounts(change, evolve(account("esme"), password="another"))
    assert esme.protocol is not None
    assert change.world.relay.accounts["esme"].settings.password == "another"


def test_an_account_takes_over_what_one_of_its_name_left(tmp_path: Path) -> None:
    world = World(tmp_path / "var", carriers=(carrier("a"),))
    world.relay.carriers["a"].hold()
    esme = world.esme()
    for n in range(3):
        esme.submit(f"3360000000{n}", registered_delivery=1)
    world.settle(1)
    esme.disconnect()
    world.settle(1)
    world.settings = evolve(world.settings, accounts=())
    world.crash()  # its carrier is held no more: everything is sent
    world.settle(2)
    change = Changing(world)
    accounts(change, account("esme"))
    assert world.relay.accounts["esme"].spooled == 3
    back = world.esme()
    world.settle(1)
    assert len(back.delivered) == 3
    assert world.relay.accounts["esme"].spooled == 0
    balanced(world)


# ---------------------------------------------------------------------- carriers


def test_a_new_carrier_binds_and_takes_messages(change: Changing) -> None:
    world = change.world
    world.simulated["c"] = SimulatedCarrier(Behaviour(), world.clock, world.relay._random)
    world.network.listen("127.0.0.1:2792", world.simulated["c"].factory)
    said = change.carriers(
        *change.reload.settings.carriers, carrier("c", port=2792), routes=(route("c"),)
    )
    assert said == ["carrier c: new", "routes: 1"]
    world.esme().submit(PHONE, b"x")
    world.settle(1)
    assert world.simulated["c"].texts_to(PHONE) == ["x"]


def test_a_changed_carrier_binds_anew_with_its_settings(change: Changing) -> None:
    world = change.world
    a, b = change.reload.settings.carriers
    old = world.relay.carriers["b"].links[0]
    assert change.carriers(evolve(a, window=3, binds=2), b) == [
        "carrier a: changed, its links bind anew"
    ]
    links = world.relay.carriers["a"].links
    assert [link.name for link in links] == ["a#1", "a#2"]
    assert all(link.state is LinkState.BOUND and link.window == 3 for link in links)
    assert len(world.simulated["a"].binds) == 2
    assert world.relay.carriers["b"].links == [old]


@pytest.mark.parametrize("count", [3, 40, 3_000])
def test_a_queue_survives_the_change_of_its_carrier(change: Changing, count: int) -> None:
    world = change.world
    a, b = change.reload.settings.carriers
    world.relay.carriers["a"].hold()
    flood(world, count)
    world.settle(1)
    world.relay.carriers["a"].release()
    world.simulated["a"].behaviour = Behaviour(response_delay=0.02)
    world.settle()
    change.begin(evolve(change.reload.settings, carriers=(evolve(a, window=7), b)))
    world.settle(200, step=0.02)
    assert change.done
    sent_once(world, count, "a")
    balanced(world)


def test_order_per_destination_survives_the_change(change: Changing) -> None:
    world = change.world
    a, b = change.reload.settings.carriers
    world.simulated["a"].behaviour = Behaviour(response_delay=0.1)
    esme = world.esme()
    for n in range(20):
        esme.submit(PHONE, f"text {n}".encode())
    world.settle(0.5, step=0.05)
    change.begin(evolve(change.reload.settings, carriers=(evolve(a, in_order=False), b)))
    for n in range(20, 30):
        esme.submit(PHONE, f"text {n}".encode())
    world.settle(20, step=0.05)
    assert change.done
    assert world.simulated["a"].texts_to(PHONE)[:20] == [f"text {n}" for n in range(20)]
    sent_once(world, 30, "a")


def test_what_comes_during_the_change_waits_for_the_new_carrier(change: Changing) -> None:
    world = change.world
    a, b = change.reload.settings.carriers
    world.simulated["a"].behaviour = Behaviour(response_delay=2.0)
    flood(world, 5)
    world.settle(0.5)
    change.begin(evolve(change.reload.settings, carriers=(evolve(a, window=6), b)))
    assert not change.done
    assert "a" not in world.relay.carriers
    for place in range(10):
        flood(world, 10, 5 + 10 * place)
        world.settle(0.1)
    world.settle(200)
    assert change.done
    sent_once(world, 105, "a")
    balanced(world)


def test_other_carriers_of_the_route_serve_meanwhile(change: Changing) -> None:
    world = change.world
    a, b = change.reload.settings.carriers
    change.to(routes=(route("a", "b"),))
    world.simulated["a"].behaviour = Behaviour(response_delay=2.0)
    flood(world, 1)
    world.settle(0.5)
    change.begin(evolve(change.reload.settings, carriers=(evolve(a, window=6), b)))
    flood(world, 1, 1)
    world.settle(0.5)
    assert len(world.simulated["b"].received) == 1
    world.settle(10)
    sent_once(world, 2, "a", "b")


def test_receipts_of_what_the_old_links_sent_find_their_messages(change: Changing) -> None:
    world = change.world
    a, b = change.reload.settings.carriers
    esme = world.esme()
    for n in range(30):
        esme.submit(f"336000000{n:02}", b"{after=10}x", registered_delivery=1)
    world.settle(1)
    forms = world.relay.carriers["a"].forms
    change.carriers(evolve(a, window=6), b)
    world.settle(20)
    assert len(esme.delivered) == 30
    assert world.relay.receipts.orphans == 0
    assert world.relay.carriers["a"].forms is forms


def test_another_form_of_ids_is_learned_from_the_start(change: Changing) -> None:
    a, b = change.reload.settings.carriers
    change.carriers(evolve(a, receipt_id="exact"), b)
    assert change.world.relay.carriers["a"].forms.setting == "exact"


def test_a_hold_of_an_operator_stays(change: Changing) -> None:
    a, b = change.reload.settings.carriers
    change.world.relay.carriers["a"].hold()
    change.carriers(evolve(a, window=6), b)
    assert change.world.relay.carriers["a"].held
    assert not change.world.relay.carriers["a"].usable
    change.carriers(evolve(a, window=7), b)
    change.world.relay.carriers["a"].release()
    assert change.world.relay.carriers["a"].usable


def test_a_carrier_that_is_disabled_keeps_its_queue(change: Changing) -> None:
    world = change.world
    a, b = change.reload.settings.carriers
    world.relay.carriers["a"].hold()
    flood(world, 10)
    world.settle(1)
    world.relay.carriers["a"].release()
    world.simulated["a"].behaviour = Behaviour(response_delay=1)
    change.carriers(evolve(a, enabled=False), b)
    assert world.simulated["a"].binds == []
    change.carriers(a, b)
    world.settle(10)
    sent_once(world, 10, "a")


def test_a_removed_carrier_gives_its_queue_to_the_others(change: Changing) -> None:
    world = change.world
    _, b = change.reload.settings.carriers
    world.relay.carriers["a"].hold()
    flood(world, 2_500)
    world.settle(1)
    assert change.carriers(b, routes=(route("b"),)) == [
        "routes: 1",
        "carrier a: removed, its queue is routed anew",
    ]
    world.settle(200)
    assert world.simulated["a"].binds == []
    assert list(world.relay.carriers) == ["b"]
    sent_once(world, 2_500, "b")
    balanced(world)
    assert world.relay.ledger.lines("carrier")["a"]["moved"] == 2_500


def test_what_a_removed_carrier_has_in_flight_is_waited_for(change: Changing) -> None:
    world = change.world
    _, b = change.reload.settings.carriers
    world.simulated["a"].behaviour = Behaviour(response_delay=3.0)
    flood(world, 8)  # five fill the window
    world.settle(1)
    change.begin(evolve(change.reload.settings, carriers=(b,), routes=(route("b"),)))
    assert change.world.relay.leaving
    world.settle(20)
    assert change.done
    assert change.world.relay.leaving == []
    assert len(world.simulated["a"].received) == 5
    sent_once(world, 8, "a", "b")
    balanced(world)


def test_a_carrier_that_never_answers_does_not_hold_the_change_for_ever(tmp_path: Path) -> None:
    world = World(
        tmp_path / "var",
        carriers=(carrier("a", response_timeout=5.0), carrier("b", port=2791)),
        routes=(route("a"),),
    )
    change = Changing(world)
    (_, b) = world.settings.carriers
    esme = world.esme()
    esme.submit(PHONE, b"{answer=never}x")
    world.settle(1)
    change.begin(evolve(world.settings, carriers=(b,), routes=(route("b"),)))
    world.settle(200)
    assert change.done
    (sent,) = world.simulated["b"].received  # its outcome was unknown: sent once more
    assert sent.destination == PHONE
    balanced(world)


def test_a_carrier_comes_back_under_its_name(change: Changing) -> None:
    world = change.world
    a, b = change.reload.settings.carriers
    change.carriers(b, routes=(route("b"),))
    change.carriers(a, b, routes=(route("a"),))
    flood(world, 5)
    world.settle(2)
    sent_once(world, 5, "a")
    assert world.relay.moves.strays == []


def test_a_link_that_waits_for_its_next_attempt_goes_at_once(change: Changing) -> None:
    world = change.world
    a, b = change.reload.settings.carriers
    world.network.unlisten("127.0.0.1:2790")
    world.simulated["a"].disconnect()
    world.settle(10)
    flood(world, 3)
    world.network.listen("127.0.0.1:2799", world.simulated["a"].factory)
    change.carriers(evolve(a, port=2799), b)
    world.settle(5)
    sent_once(world, 3, "a")


def test_nothing_binds_once_the_gateway_stops(change: Changing) -> None:
    a, b = change.reload.settings.carriers
    change.reload.stop()
    change.carriers(evolve(a, window=6), b)
    assert change.world.relay.carriers["a"].links[0].state is LinkState.IDLE


def test_a_change_that_fails_says_so_and_spares_the_others(
    change: Changing, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = change.reload.settings.carriers
    real = change.world.relay.add_carrier

    def add(settings: CarrierSettings, stored: dict[int, int]) -> None:
        if settings.name == "a":
            raise RuntimeError("no room")
        real(settings, stored)

    monkeypatch.setattr(change.world.relay, "add_carrier", add)
    said = change.carriers(evolve(a, window=6), evolve(b, window=6))
    assert said[-1] == "a carrier could not be changed; see above"
    assert change.world.relay.carriers["b"].links[0].window == 6
