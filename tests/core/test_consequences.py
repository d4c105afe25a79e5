"""What is predicted of new settings is what happens, key by key, with binds that are watched."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Any

import attrs
import pytest
from attrs import evolve
from relay_kit import World, account, carrier
from twisted.internet.defer import Deferred

from smppgw.core.account_settings import AccountSettings
from smppgw.core.consequences import IN_PLACE, RECONNECTING, Consequence, consequences
from smppgw.core.message import State
from smppgw.core.reload import Reload
from smppgw.core.settings import (
    CarrierSettings,
    NumberSettings,
    OperatorSettings,
    RouteSettings,
    Settings,
    StatusRule,
)

PHONE = "33612345678"
RECEIPTS = "id:{id} sub:{sub} dlvrd:{dlvrd} stat:{stat}"
OTHER_VALUES: dict[str, Any] = {
    "host": "localhost",
    "hosts": ("127.0.0.1:2790", "127.0.0.1:2791"),
    "tls_ca": "ca.pem",
    "tls_cert": "cert.pem",
    "alphabets": ("ucs2",),
    "shift_languages": ("turkish",),
    "data_codings": {"0x03": "gsm7"},
    "concatenation": "udh16",
    "statuses": {"0x45": StatusRule(action="fail")},
    "allow_from": (ip_network("10.0.0.0/8"),),
    "receipt_format": RECEIPTS,
    "addr_ton": 1,
    "port": 2791,
    "interface_version": 0x33,
}
"""Another value of the keys where adding to the default would give none."""
CONNECTS_DIFFERENTLY = ("tls",)
"""Keys whose other value leads nowhere in memory; see the test of the pure part."""


def other(settings: Any, name: str) -> Any:
    """The same settings with another value of one key."""
    value = getattr(settings, name)
    choices = getattr(attrs.fields(type(settings)), name).metadata["choices"]
    if name in OTHER_VALUES:
        changed = OTHER_VALUES[name]
        if name == "hosts":
            return evolve(settings, hosts=changed, host="")
    elif isinstance(value, bool):
        changed = not value
    elif isinstance(value, str) and choices:
        changed = next(one for one in choices if one != value)
    elif isinstance(value, str):
        changed = value + "x"
    else:
        changed = value + 1
    assert changed != value
    return evolve(settings, **{name: changed})


def keys(cls: type, *without: str) -> list[str]:
    return [one.name for one in attrs.fields(cls) if one.name not in without]


class Watched:
    """A world with one carrier and one account, whose binds are remembered."""

    def __init__(self, directory: Path) -> None:
        self.world = World(
            directory,
            carriers=(carrier("a"), carrier("b", port=2791)),
            routes=(RouteSettings(carriers=(("a",),)),),
        )
        self.esme = self.world.esme()
        self.reload = Reload(self.world.relay, self.world.settings, self.world.clock)
        self.sessions = self._sessions()

    def _sessions(self) -> list[Any]:
        relay = self.world.relay
        return [
            *(link._session for one in relay.carriers.values() for link in one.links),
            self.esme.protocol,
        ]

    def change(self, settings: Settings) -> tuple[list[Consequence], bool]:
        """Apply settings: what was predicted, and whether a bind really ended."""
        predicted = consequences(self.reload.settings, settings)
        done: list[list[str]] = []
        changing = Deferred.fromCoroutine(self.reload.apply(settings))
        changing.addCallback(done.append)
        self.world.settle(5)
        assert done, "the change did not come to its end"
        return predicted, self._sessions() != self.sessions

    def delivers(self) -> None:
        """Messages move, whatever changed."""
        esme = self.world.esme()
        if esme.bind_status == 0:
            before = len(self.world.simulated["a"].received)
            sequence = esme.submit(PHONE, b"x")
            self.world.settle(3)
            assert esme.status(sequence) == 0
            assert len(self.world.simulated["a"].received) == before + 1


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "var")


@pytest.mark.parametrize("name", keys(CarrierSettings, "name", *CONNECTS_DIFFERENTLY))
def test_every_key_of_a_carrier_does_to_binds_what_is_said(watched: Watched, name: str) -> None:
    a, b = watched.world.settings.carriers
    new = evolve(watched.world.settings, carriers=(other(a, name), b))
    (predicted,), ended = watched.change(new)
    assert predicted.thing == "carrier a"
    assert predicted.unbinds is ended
    assert predicted.unbinds is (name not in IN_PLACE)
    assert name in predicted.words
    now = watched.world.relay.carriers["a"]
    assert now.settings == new.carriers[0]
    if name not in ("host", "port", "hosts", "enabled", "bind"):
        watched.delivers()


def test_tls_binds_anew(watched: Watched) -> None:
    a, b = watched.world.settings.carriers
    new = evolve(watched.world.settings, carriers=(evolve(a, tls=True), b))
    (predicted,) = consequences(watched.world.settings, new)
    assert str(predicted) == "carrier a: its links unbind and bind anew: tls"


@pytest.mark.parametrize("name", keys(AccountSettings, "system_id"))
def test_every_key_of_an_account_does_to_binds_what_is_said(watched: Watched, name: str) -> None:
    (esme,) = watched.world.settings.accounts
    new = evolve(watched.world.settings, accounts=(other(esme, name),))
    (predicted,), ended = watched.change(new)
    assert predicted.thing == "account esme"
    assert predicted.unbinds is ended
    assert predicted.unbinds is (name in ("enabled", "delivery_window"))
    assert watched.world.relay.accounts["esme"].settings == new.accounts[0]
    watched.delivers()


@pytest.mark.parametrize(
    ("fields", "said", "unbinds"),
    [
        (
            {"routes": (RouteSettings(carriers=(("b",),)),)},
            "routes: 1 (now 1), no bind ends",
            False,
        ),
        ({"numbers": (NumberSettings(address="1"),)}, "numbers: 1 (now 0), no bind ends", False),
        ({"operators": (OperatorSettings(name="o"),)}, "operator o: new", False),
        (
            {"carriers": (carrier("a"),)},
            "carrier b: removed, its links unbind, its queue is routed anew",
            True,
        ),
        (
            {"accounts": ()},
            "account esme: removed, its binds end, what it has queued goes on",
            True,
        ),
        (
            {"accounts": (account("esme"), account("new"))},
            "account new: new, may bind",
            False,
        ),
        (
            {"carriers": (carrier("a"), carrier("b", port=2791, enabled=False))},
            "carrier b: its links unbind: enabled",
            True,
        ),
        (
            {"carriers": (carrier("a"), carrier("b", port=2791, throughput=5))},
            "carrier b: throughput in place, no bind ends",
            False,
        ),
    ],
)
def test_objects_that_come_change_and_go(
    watched: Watched, fields: dict[str, Any], said: str, unbinds: bool
) -> None:
    predicted, ended = watched.change(evolve(watched.world.settings, **fields))
    assert [str(one) for one in predicted] == [said]
    assert predicted[0].unbinds is unbinds
    assert ended is unbinds


def test_a_new_carrier_ends_no_bind_of_another(watched: Watched) -> None:
    settings = watched.world.settings
    links = [link for one in watched.world.relay.carriers.values() for link in one.links]
    before = [link._session for link in links]
    new = evolve(settings, carriers=(*settings.carriers, carrier("c", port=2792)))
    predicted, _ = watched.change(new)
    assert [str(one) for one in predicted] == ["carrier c: new, binds"]
    assert [link._session for link in links] == before


def test_nothing_follows_from_the_same_settings(watched: Watched) -> None:
    assert consequences(watched.world.settings, watched.world.settings) == []


def test_what_needs_a_restart_is_predicted(watched: Watched) -> None:
    settings = watched.world.settings
    new = evolve(settings, gateway=evolve(settings.gateway, retention=60.0))
    assert [str(one) for one in consequences(settings, new)] == [
        "[gateway]: changed, needs a restart"
    ]


def test_an_operator_that_changes_and_one_that_goes() -> None:
    old = Settings(operators=(OperatorSettings(name="a"), OperatorSettings(name="b")))
    new = Settings(operators=(OperatorSettings(name="a", role="admin"),))
    assert [str(one) for one in consequences(old, new)] == [
        "operator a: changed",
        "operator b: removed",
    ]


# ---------------------------------------------------------------------- in place, and in force


def test_a_lower_rate_holds_at_once(watched: Watched) -> None:
    a, b = watched.world.settings.carriers
    watched.change(
        evolve(watched.world.settings, carriers=(evolve(a, throughput=2, adaptive=False), b))
    )
    for n in range(20):
        watched.esme.submit(f"3360000{n:04}", b"x")
    watched.world.settle(3)
    assert 6 <= len(watched.world.simulated["a"].received) <= 9


def test_a_rate_that_is_lifted_lets_the_queue_go(watched: Watched) -> None:
    a, b = watched.world.settings.carriers
    slow = evolve(watched.world.settings, carriers=(evolve(a, throughput=0.1), b))
    watched.change(slow)
    for n in range(20):
        watched.esme.submit(f"3360000{n:04}", b"x")
    watched.world.settle(1)
    assert len(watched.world.simulated["a"].received) < 3
    watched.change(evolve(slow, carriers=(a, b)))
    assert len(watched.world.simulated["a"].received) == 20


def test_a_new_rule_for_a_status_holds_for_the_next_answer(watched: Watched) -> None:
    a, b = watched.world.settings.carriers
    rule = {"0x58": StatusRule(action="fail")}
    watched.change(evolve(watched.world.settings, carriers=(evolve(a, statuses=rule), b)))
    sequence = watched.esme.submit(PHONE, b"{status=0x58}x")
    watched.world.settle(5)
    message = watched.world.message(watched.esme.id_of(sequence))
    assert (message.state, message.attempts) == (State.REJECTED, 1)


def test_what_is_rewritten_is_rewritten_from_now_on(watched: Watched) -> None:
    a, b = watched.world.settings.carriers
    new = evolve(a, source_ton=5, receipts="always")
    watched.change(evolve(watched.world.settings, carriers=(new, b)))
    watched.esme.submit(PHONE, b"x")
    watched.world.settle(1)
    assert watched.world.relay.carriers["a"].outgoing._settings.source_ton == 5
    (received,) = watched.world.simulated["a"].received
    assert received.message_id


@pytest.mark.parametrize("name", sorted(RECONNECTING))
def test_a_link_that_waits_tries_at_once_when_the_waiting_changes(
    watched: Watched, name: str
) -> None:
    world = watched.world
    a, b = world.settings.carriers
    world.network.unlisten("127.0.0.1:2790")
    world.simulated["a"].disconnect()
    world.settle(400)
    world.network.listen("127.0.0.1:2790", world.simulated["a"].factory)
    link = world.relay.carriers["a"].links[0]
    link.next_attempt = 0.0
    link._timer.reset(10_000)
    watched.change(evolve(world.settings, carriers=(other(a, name), b)))
    assert world.relay.carriers["a"].usable


def test_a_disabled_carrier_is_not_bound_by_a_change_in_place(watched: Watched) -> None:
    a, b = watched.world.settings.carriers
    off = evolve(watched.world.settings, carriers=(evolve(a, enabled=False), b))
    watched.change(off)
    watched.change(evolve(off, carriers=(evolve(a, enabled=False, reconnect=2.0), b)))
    assert watched.world.simulated["a"].binds == []


def test_a_carrier_whose_change_failed_comes_with_the_next_one(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = watched.world
    a, b = world.settings.carriers
    with monkeypatch.context() as patch:
        patch.setattr(world.relay, "add_carrier", lambda *_: 1 / 0)
        broken = evolve(world.settings, carriers=(evolve(a, window=6), b))
        watched.change(broken)
    assert "a" not in world.relay.carriers
    watched.change(evolve(broken, carriers=(evolve(a, throughput=100), b)))
    watched.delivers()
