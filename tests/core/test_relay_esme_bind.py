"""Who may bind, with the real Authenticator: refusals, limits, stale binds, floods of binds."""

from __future__ import annotations

import gc
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from relay_esme_kit import RawPeer, balanced, bind, raw, say, submit
from relay_kit import World, account
from twisted.internet.defer import Deferred, succeed
from twisted.logger import globalLogPublisher

from smppgw.core.account_settings import AccountSettings
from smppgw.core.auth import Authenticator
from smppgw.core.settings import SmppSettings
from smppgw.smpp import wire
from smppgw.smpp.wire import CommandId, Tag
from smppgw.smpp.wire import CommandStatus as S

RESP = int(CommandId.bind_transceiver_resp)
ENQUIRE = wire.encode(wire.EnquireLink(sequence_number=99))


class Guarded(World):
    """A world whose door has the real Authenticator; `threads` runs what it defers."""

    def __init__(
        self, directory: Path, *accounts: AccountSettings, hide: bool = False, **rest: Any
    ) -> None:
        self.verified = 0
        self.threads: Callable[..., Deferred[bool]] = lambda f, *a: succeed(f(*a))
        super().__init__(directory, accounts=accounts, **rest)
        self.authenticator = Authenticator(
            self._lookup,
            self.clock.seconds,
            lambda *arguments: self.threads(*arguments),  # noqa: PLW0108 - replaced by tests
            hide_bind_reason=hide,
            verify=self._verify,
        )
        self.check = self.authenticator.check  # type: ignore[method-assign]

    def _lookup(self, system_id: str) -> AccountSettings | None:
        found = self.relay.accounts.get(system_id)
        return None if found is None else found.settings

    def _verify(self, stored: str, password: str) -> bool:
        self.verified += 1
        return stored == f"hash of {password}"


def status(peer: RawPeer) -> int:
    """command_status of the answer to the bind, which must be the only one and header-only."""
    (answer,) = peer.pdus
    assert answer.sequence_number == 1
    assert answer.command_status == 0 or len(peer.frames[0]) == 16
    return answer.command_status


@pytest.fixture
def world(tmp_path: Path) -> Guarded:
    return Guarded(
        tmp_path / "var",
        account("esme"),
        AccountSettings(system_id="hashed", password_hash="hash of secret"),
        account("off", enabled=False),
        account("far", allow_from=(ip_network("10.1.0.0/16"),)),
        AccountSettings(system_id="empty"),
    )


@pytest.mark.parametrize("kind", [wire.BindReceiver, wire.BindTransmitter, wire.BindTransceiver])
def test_the_right_password_binds(world: Guarded, kind: type[wire.Bind]) -> None:
    peer = bind(world, kind=kind)
    assert peer.answers() == [(kind.command_id | wire.RESPONSE, 0, 1)]
    assert peer.pdus[0].system_id == "smppgw"
    assert status(bind(world, "hashed", "secret", kind)) == 0
    assert len(world.relay.accounts["esme"].binds) == 1


@pytest.mark.parametrize(
    ("system_id", "password", "source", "expected"),
    [
        ("esme", "wrong", "127.0.0.1", S.ESME_RINVPASWD),
        ("esme", "", "127.0.0.1", S.ESME_RINVPASWD),
        ("esme", "pw ", "127.0.0.1", S.ESME_RINVPASWD),
        ("hashed", "wrong", "127.0.0.1", S.ESME_RINVPASWD),
        ("hashed", "hash of", "127.0.0.1", S.ESME_RINVPASWD),
        ("empty", "", "127.0.0.1", S.ESME_RINVPASWD),
        ("nobody", "pw", "127.0.0.1", S.ESME_RINVSYSID),
        ("", "", "127.0.0.1", S.ESME_RINVSYSID),
        ("ESME", "pw", "127.0.0.1", S.ESME_RINVSYSID),
        ("off", "pw", "127.0.0.1", S.ESME_RBINDFAIL),
        ("esme", "pw", "192.0.2.1", S.ESME_RBINDFAIL),
        ("far", "pw", "127.0.0.1", S.ESME_RBINDFAIL),
        ("far", "pw", "10.1.2.3", 0),
        ("esme", "pw", "127.9.9.9", 0),
    ],
)
def test_who_may_bind(
    world: Guarded, system_id: str, password: str, source: str, expected: int
) -> None:
    peer = bind(world, system_id, password, source=source)
    assert status(peer) == expected
    assert peer.lost == bool(expected)
    bound = sum(len(one.binds) for one in world.relay.accounts.values())
    assert bound == (not expected)
    assert bool(world.factory.connections) == (not expected)


@pytest.mark.parametrize(
    ("system_id", "password"),
    [("esme", "wrong"), ("nobody", "pw"), ("off", "pw"), ("far", "pw"), ("empty", "")],
)
def test_hide_bind_reason_makes_every_refusal_look_the_same(
    tmp_path: Path, system_id: str, password: str
) -> None:
    accounts = (
        account("esme"),
        account("off", enabled=False),
        account("far", allow_from=(ip_network("10.1.0.0/16"),)),
        AccountSettings(system_id="empty"),
    )
    world = Guarded(tmp_path / "var", *accounts, hide=True)
    peer = bind(world, system_id, password)
    assert status(peer) == S.ESME_RBINDFAIL
    assert peer.lost
    assert status(bind(world)) == 0


def test_an_allow_list_that_cannot_be_read_lets_nobody_in(world: Guarded) -> None:
    settings = account("esme", allow_from=("not a network",))
    world.relay.accounts["esme"].settings = settings
    assert status(bind(world)) == S.ESME_RBINDFAIL
    world.authenticator._lookup = lambda system_id: {}[system_id]  # a lookup that raises
    assert status(bind(world)) == S.ESME_RBINDFAIL


def test_repeated_failures_make_the_address_wait(world: Guarded) -> None:
    for _ in range(5):
        assert status(bind(world, password="wrong")) == S.ESME_RINVPASWD
    assert status(bind(world, password="wrong")) == S.ESME_RBINDFAIL
    assert status(bind(world, source="127.0.0.2")) == 0, "another address does not wait"
    world.settle(1.1)
    assert status(bind(world)) == 0
    assert status(bind(world, password="wrong")) == S.ESME_RINVPASWD, "success clears the count"


def test_a_thousand_wrong_passwords_cost_little_and_harm_nobody(world: Guarded) -> None:
    world.factory.max_connections = 2000
    esme = bind(world, "hashed", "secret")
    before = world.verified
    peers = [raw(world, "192.0.2.7", 40_000 + n) for n in range(1000)]
    for n, peer in enumerate(peers):
        peer.transport.write(
            wire.encode(wire.BindTransceiver(system_id="esme", password=f"w{n}", sequence_number=1))
        )
    got = []
    for round_ in range(20):
        world.settle()
        got += say(world, esme, submit(100 + round_))
    assert [one[1] for one in got] == [0] * 20
    assert all(peer.lost for peer in peers)
    assert {status(peer) for peer in peers} <= {S.ESME_RBINDFAIL, S.ESME_RINVPASWD}
    assert world.verified - before <= 10
    assert len(world.factory.connections) == 1
    assert len(world.authenticator.backoff) == 1
    assert not world.authenticator.waiting
    assert status(bind(world, source="127.0.0.1")) == 0
    balanced(world)


def test_no_password_is_ever_logged(world: Guarded) -> None:
    events: list[str] = []

    def observer(event: Any) -> None:
        events.append(repr(sorted(event.items(), key=str)))

    globalLogPublisher.addObserver(observer)
    try:
        bind(world, "esme", "Tr0ub4d")
        bind(world, "nobody", "Tr0ub4d")
        world.threads = lambda f, *a: Deferred()
        pending = bind(world, "hashed", "Tr0ub4d")
        pending.transport.abortConnection()
        world.settle()
        world.check = lambda *a: 1 / 0  # type: ignore[method-assign,assignment]
        bind(world, "esme", "Tr0ub4d")
    finally:
        globalLogPublisher.removeObserver(observer)
    assert len(events) >= 2
    assert not [one for one in events if "Tr0ub4d" in one]


# ---------------------------------------------------------------------------- deciding takes time


def test_what_is_pipelined_behind_a_bind_waits_for_the_decision(world: Guarded) -> None:
    deciding: Deferred[bool] = Deferred()
    world.threads = lambda f, *a: deciding
    peer = raw(world)
    request = wire.BindTransceiver(system_id="hashed", password="secret", sequence_number=1)
    octets = wire.encode(request) + submit(2) + submit(3) + ENQUIRE
    assert say(world, peer, octets[:60], octets[60:]) == []
    deciding.callback(True)
    world.settle()
    got = peer.answers()
    assert got[0] == (RESP, 0, 1)
    assert sorted(one[2] for one in got) == [1, 2, 3, 99]
    assert {one[1] for one in got} == {0}


def test_bind_and_submit_in_one_segment(world: Guarded) -> None:
    peer = raw(world)
    request = wire.BindTransceiver(system_id="esme", password="pw", sequence_number=1)
    got = say(world, peer, wire.encode(request) + submit(2, registered_delivery=1))
    assert got[:2] == [(RESP, 0, 1), (int(CommandId.submit_sm_resp), 0, 2)]
    world.settle(1)
    assert isinstance(peer.pdus[-1], wire.DeliverSm)


def test_what_is_pipelined_behind_a_refused_bind_is_lost_with_it(world: Guarded) -> None:
    peer = raw(world)
    request = wire.BindTransceiver(system_id="esme", password="bad", sequence_number=1)
    assert say(world, peer, wire.encode(request) + submit(2)) == [(RESP, S.ESME_RINVPASWD, 1)]
    assert peer.lost
    assert not world.relay.ledger.lines("account")


def test_a_peer_that_leaves_while_it_is_judged(world: Guarded) -> None:
    deciding: Deferred[bool] = Deferred()
    world.threads = lambda f, *a: deciding
    peer = bind(world, "hashed", "secret")
    peer.transport.abortConnection()
    world.settle()
    deciding.callback(True)
    world.settle()
    assert not world.relay.accounts["hashed"].binds
    assert not world.factory.connections


def test_peers_that_left_cost_no_password_check(world: Guarded) -> None:
    running: list[Deferred[bool]] = []

    def thread(*arguments: Any) -> Deferred[bool]:
        running.append(Deferred())
        return running[-1]

    world.threads = thread
    peers = [bind(world, "hashed", f"guess{n}", source=f"127.0.1.{n}") for n in range(50)]
    for peer in peers:
        peer.transport.abortConnection()
    world.settle(11, 1)  # nothing is read meanwhile, so it is session_init that notices
    assert not world.factory.connections
    for one in running:
        one.callback(False)
    world.settle()
    assert len(running) == 2, "the two that were running already"
    assert not world.authenticator.waiting


def test_a_decision_after_session_init_ran_out(world: Guarded) -> None:
    deciding: Deferred[bool] = Deferred()
    world.threads = lambda f, *a: deciding
    peer = bind(world, "hashed", "secret")
    peer.transport.pauseProducing()  # it does not hear of the end, so the connection lingers
    world.clock.advance(10.5)
    deciding.callback(True)
    world.settle(6)
    assert not world.relay.accounts["hashed"].binds
    assert not world.factory.connections
    gc.collect()


def test_a_check_that_fails_is_a_system_error(world: Guarded) -> None:
    world.check = lambda *a: Deferred().addCallback(  # type: ignore[method-assign,assignment]
        lambda _: None
    )
    failing: Deferred[Any] = Deferred()
    world.check = lambda *a: failing  # type: ignore[method-assign]
    peer = bind(world)
    failing.errback(RuntimeError("no thread to be had"))
    world.settle()
    assert status(peer) == S.ESME_RSYSERR
    assert peer.lost


# ---------------------------------------------------------------------------- how many


def test_one_bind_too_many_and_the_slot_of_a_lost_one(tmp_path: Path) -> None:
    world = Guarded(tmp_path / "var", account("esme", binds=2))
    first, second = bind(world), bind(world, kind=wire.BindReceiver)
    third = bind(world)
    assert status(third) == S.ESME_RBINDFAIL
    assert third.lost
    first.transport.abortConnection()
    world.settle()
    fourth = bind(world)
    assert status(fourth) == 0
    say(world, second, wire.encode(wire.Unbind(sequence_number=9)))
    assert status(bind(world)) == 0
    names = [one.name for one in world.relay.accounts["esme"].binds]
    assert names == ["esme#3", "esme#4"]


def test_a_stale_bind_is_probed_and_its_slot_freed(tmp_path: Path) -> None:
    world = Guarded(tmp_path / "var", account("esme", binds=1))
    stale = bind(world)
    stale.transport.stall()  # the network is gone and nobody was told
    stale.transport.other.stall()
    world.settle(1)
    assert status(bind(world)) == S.ESME_RBINDFAIL
    world.settle(29, 1)
    assert status(bind(world)) == S.ESME_RBINDFAIL, "asking again does not prolong the wait"
    world.settle(32, 1)
    assert status(bind(world)) == 0


def test_a_live_bind_that_is_probed_stays(tmp_path: Path) -> None:
    world = Guarded(tmp_path / "var", account("esme", binds=1))
    first = bind(world)
    for n in range(3):
        assert status(bind(world)) == S.ESME_RBINDFAIL
        probes = [one for one in first.pdus if isinstance(one, wire.EnquireLink)]
        assert len(probes) == n + 1
        say(
            world,
            first,
            wire.encode(wire.EnquireLinkResp(sequence_number=probes[-1].sequence_number)),
        )
        world.settle(5)
    world.settle(40, 1)
    for probe in [one for one in first.pdus if isinstance(one, wire.EnquireLink)][3:]:
        resp = wire.EnquireLinkResp(sequence_number=probe.sequence_number)
        say(world, first, wire.encode(resp))
    assert not first.lost
    assert say(world, first, submit(5))[0][1] == 0


def test_a_hundred_binds_at_once_fill_the_limit_exactly(tmp_path: Path) -> None:
    world = Guarded(tmp_path / "var", account("esme", binds=10))
    peers = [raw(world, port=41_000 + n) for n in range(100)]
    request = wire.BindTransceiver(system_id="esme", password="pw", sequence_number=1)
    for peer in peers:
        peer.transport.write(wire.encode(request))
    world.settle()
    answers = [peer.pdus[0].command_status for peer in peers]
    assert answers == [0] * 10 + [S.ESME_RBINDFAIL] * 90
    probes = sum(isinstance(one, wire.EnquireLink) for peer in peers for one in peer.pdus)
    assert probes == 10, "a crowd at the door is no reason to ask everybody inside each time"
    assert len(world.relay.accounts["esme"].binds) == 10
    assert len(world.factory.connections) == 10


@pytest.mark.parametrize("version", [0x00, 0x33, 0x34, 0x35, 0x50])
def test_every_interface_version_binds(world: Guarded, version: int) -> None:
    peer = bind(world, interface_version=version)
    assert status(peer) == 0
    tlvs = peer.pdus[0].tlvs
    assert tlvs == (() if version < 0x34 else ((int(Tag.sc_interface_version), b"\x34"),))


def test_our_system_id_is_that_of_the_settings(tmp_path: Path) -> None:
    world = Guarded(tmp_path / "var", account("esme"), smpp=SmppSettings(system_id="me"))
    assert bind(world).pdus[0].system_id == "me"


def test_who_does_not_bind_is_closed(world: Guarded) -> None:
    peer = raw(world)
    say(world, peer, ENQUIRE)
    world.settle(9)
    assert not peer.lost
    world.settle(2)
    assert peer.lost
