"""Logging in over SSH, and what hostile peers get for their trouble."""

from __future__ import annotations

from pathlib import Path
from struct import pack
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from ssh_kit import House, Visitor, new_key
from twisted.conch.ssh.common import NS
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.transport import (
    MSG_DISCONNECT,
    MSG_KEXDH_INIT,
    MSG_KEXINIT,
    MSG_NEWKEYS,
    MSG_SERVICE_REQUEST,
    SSHServerTransport,
)
from twisted.conch.ssh.userauth import MSG_USERAUTH_REQUEST
from twisted.logger import capturedLogs

from smppgw.core.command import Command, text
from smppgw.ops.operators import NEUTRAL, TRIES
from smppgw.ops.shell.crowd import MOST_FROM_ONE, MOST_SSH
from smppgw.ops.shell.ssh import (
    EXCHANGE_TIME,
    GOODBYE,
    LOGIN_TIME,
    MOST_UNPARSED,
)
from smppgw.ops.shell.ssh_login import MOST_REQUESTS, PENALTY

LINKS = Command(("show", "links"), lambda call: text("fr-a up"), "links")


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path, LINKS)


def patiently(visitor: Visitor) -> Visitor:
    """The client goes on until nothing more comes, refusals included."""
    for _ in range(10):
        visitor.pump()
        visitor.house.clock.advance(PENALTY)
    return visitor


class TestPassword:
    def test_the_right_one(self, house: House) -> None:
        visitor = house.visit()
        visitor.pump()
        assert visitor.inside
        assert visitor.open().run("show links").output == b"fr-a up\n"

    def test_the_second_one_may_be_right(self, house: House) -> None:
        visitor = patiently(house.visit(passwords=("wrong", "right")))
        assert visitor.inside
        assert house.audit.refusals == [
            ("login of ops from 127.0.0.1: wrong password", "127.0.0.1", "ssh")
        ]

    def test_a_refusal_is_not_told_at_once(self, house: House) -> None:
        visitor = house.visit(passwords=("wrong", "right"))
        visitor.pump()
        assert visitor.passwords == ["right"]
        house.clock.advance(PENALTY)
        visitor.pump()
        assert visitor.inside

    def test_three_are_all_that_a_connection_has(self, house: House) -> None:
        visitor = patiently(house.visit(passwords=("1", "2", "3", "right")))
        assert visitor.lost
        assert visitor.goodbye == NEUTRAL.encode()
        assert len(house.audit.refusals) == TRIES
        assert house.factory.connections == set()

    def test_a_name_that_nobody_has(self, house: House) -> None:
        visitor = patiently(house.visit(name="hunter2", passwords=("x",)))
        assert not visitor.inside
        assert house.audit.refusals[0][0] == "login from 127.0.0.1: unknown name"

    def test_from_elsewhere(self, house: House) -> None:
        visitor = patiently(house.visit(host="10.0.0.1"))
        assert not visitor.inside
        assert "allow_from" in house.audit.refusals[0][0]

    def test_what_the_log_says(self, house: House) -> None:
        with capturedLogs() as captured:
            patiently(house.visit(passwords=("hunter2",)))
        said = [one["log_format"].format(**one) for one in captured if "shell" in one["log_format"]]
        assert said == ["shell: login of ops from 127.0.0.1: wrong password (ssh)"]
        assert "hunter2" not in str(captured)

    def test_an_address_that_failed_too_often_waits(self, house: House) -> None:
        for _ in range(5):
            house.operators.check("ops", "wrong", "127.0.0.1")
        visitor = house.visit()
        visitor.pump()
        assert not visitor.inside
        assert "too many failures" in house.audit.refusals[-1][0]

    def test_who_leaves_while_it_is_decided(self, house: House) -> None:
        house.slow = []
        visitor = house.visit()
        visitor.pump()
        visitor.leave()
        house.slow[0].callback(True)
        assert house.audit.logins == []
        assert house.factory.connections == set()

    def test_a_stored_password_is_not_checked_in_the_reactor(self, house: House) -> None:
        house.slow = []
        visitor = house.visit()
        visitor.pump()
        assert not visitor.inside
        house.slow[0].callback(True)
        visitor.pump()
        assert visitor.inside


class TestKeys:
    @pytest.mark.parametrize("kind", ["ssh-ed25519", "ecdsa-sha2-nistp256"])
    def test_the_right_one(self, house: House, kind: str) -> None:
        visitor = house.visit(passwords=(), keys=(new_key(kind),))
        visitor.pump()
        assert visitor.inside
        assert visitor.open().run("show links").status == 0

    def test_one_of_many(self, house: House) -> None:
        others = tuple(new_key(number=number) for number in range(1, 10))
        visitor = house.visit(passwords=(), keys=(*others, new_key()))
        visitor.pump()
        assert visitor.inside, "offering is no try, and nobody waits for the next"
        assert house.audit.refusals == []

    def test_too_many(self, house: House) -> None:
        others = tuple(new_key(number=number % 10 + 1) for number in range(MOST_REQUESTS + 5))
        visitor = patiently(house.visit(passwords=(), keys=others))
        assert visitor.lost
        assert not visitor.inside

    def test_another_key_and_then_the_password(self, house: House) -> None:
        visitor = house.visit(keys=(new_key(number=1),))
        visitor.pump()
        assert visitor.inside

    def test_without_the_private_key(self, house: House) -> None:
        """What somebody can do who has seen the public key."""
        visitor = greeted(house)
        for _ in range(TRIES):
            signed(visitor, new_key(), "ssh-ed25519", by=new_key(number=1))
            house.clock.advance(PENALTY)
        visitor.pump()
        assert visitor.lost
        assert [reason for reason, _, _ in house.audit.refusals] == [
            "login of ops from 127.0.0.1: the signature is wrong"
        ] * TRIES

    def test_a_disabled_operator(self, house: House) -> None:
        house.configured = [evolve(house.configured[0], enabled=False)]
        assert not patiently(house.visit(passwords=(), keys=(new_key(),))).inside

    @pytest.mark.parametrize("algorithm", ["rsa-sha2-512", "rsa-sha2-256"])
    def test_an_rsa_key_signs_with_sha_2(self, house: House, algorithm: str) -> None:
        visitor = greeted(house)
        signed(visitor, new_key("ssh-rsa"), algorithm)
        assert service_of(visitor) == "Channels"

    def test_and_not_with_sha_1(self, house: House) -> None:
        visitor = greeted(house)
        signed(visitor, new_key("ssh-rsa"), "ssh-rsa")
        assert service_of(visitor) == "Login"

    def test_a_signature_of_another_kind_than_it_says(self, house: House) -> None:
        visitor = greeted(house)
        key = new_key("ssh-rsa")
        said = NS("ops") + NS("ssh-connection") + NS("publickey") + b"\1"
        said += NS("rsa-sha2-512") + NS(key.public().blob())
        body = NS(visitor.client.sessionID) + bytes((MSG_USERAUTH_REQUEST,)) + said
        signature = key.sign(body, signatureType=b"ssh-rsa")
        visitor.client.sendPacket(MSG_USERAUTH_REQUEST, said + NS(signature))
        visitor.pump()
        assert service_of(visitor) == "Login"

    def test_a_signature_of_another_connection(self, house: House) -> None:
        first, second = greeted(house), greeted(house)
        second.client.sessionID, own = first.client.sessionID, second.client.sessionID
        assert second.client.sessionID != own
        signed(second, new_key(), "ssh-ed25519")
        assert service_of(second) == "Login"
        signed(first, new_key(), "ssh-ed25519")
        assert service_of(first) == "Channels"

    def test_clients_are_told_which_signatures_are_taken(self, house: House) -> None:
        visitor = house.visit()
        visitor.pump()
        told = visitor.client.peerExtensions[b"server-sig-algs"].split(b",")
        assert {b"ssh-ed25519", b"rsa-sha2-512", b"ecdsa-sha2-nistp256"} <= set(told)
        assert b"ssh-rsa" not in told


class Silent:
    """A service of the client that answers nothing."""

    name = b"ssh-userauth"
    transport: Any = None

    def serviceStarted(self) -> None:
        """Nothing."""

    serviceStopped = serviceStarted

    def packetReceived(self, number: int, packet: bytes) -> None:
        """Nothing."""


def quiet(house: House) -> Visitor:
    """A client that has agreed on keys and says nothing of itself."""
    visitor = house.visit(passwords=())
    visitor.client.instance = Silent()
    visitor.client.connectionSecure = lambda: None
    visitor.pump()
    return visitor


def greeted(house: House) -> Visitor:
    """One that has asked for the login, too."""
    visitor = quiet(house)
    visitor.client.sendPacket(MSG_SERVICE_REQUEST, NS("ssh-userauth"))
    visitor.pump()
    return visitor


def signed(visitor: Visitor, key: Key, algorithm: str, by: Key | None = None) -> None:
    """Ask to be let in by a key, signed by it or another."""
    said = NS("ops") + NS("ssh-connection") + NS("publickey") + b"\1"
    said += NS(algorithm) + NS(key.public().blob())
    body = NS(visitor.client.sessionID) + bytes((MSG_USERAUTH_REQUEST,)) + said
    signature = (by or key).sign(body, signatureType=algorithm.encode())
    visitor.client.sendPacket(MSG_USERAUTH_REQUEST, said + NS(signature))
    visitor.pump()


def service_of(visitor: Visitor) -> str:
    assert visitor.server is not None
    return type(visitor.server.service).__name__


def ask(visitor: Visitor, name: str, password: str, next_: str = "ssh-connection") -> None:
    visitor.client.sendPacket(
        MSG_USERAUTH_REQUEST, NS(name) + NS(next_) + NS("password") + b"\0" + NS(password)
    )
    visitor.pump()


@pytest.fixture(scope="module")
def often(tmp_path_factory: Any) -> House:
    """A house for many examples: its scrypt takes more time than they do."""
    return House(tmp_path_factory.mktemp("ssh"), LINKS)


class TestHostile:
    def test_who_says_nothing_is_cut_off(self, house: House) -> None:
        visitor = house.visit(passwords=())
        house.clock.advance(LOGIN_TIME)
        visitor.near.unsent = b""
        house.clock.advance(GOODBYE)
        visitor.pump()
        assert visitor.lost
        assert house.factory.connections == set()

    def test_asking_for_the_login_anew_gives_no_more_time_and_no_more_tries(
        self, house: House
    ) -> None:
        visitor = greeted(house)
        ask(visitor, "ops", "wrong")
        house.clock.advance(PENALTY)
        visitor.client.sendPacket(MSG_SERVICE_REQUEST, NS("ssh-userauth"))
        visitor.pump()
        assert visitor.lost

    @pytest.mark.parametrize("service", ["ssh-connection", "ssh-userauth2", "", "x" * 1000])
    def test_no_other_service_is_had_without_login(self, house: House, service: str) -> None:
        visitor = quiet(house)
        visitor.client.sendPacket(MSG_SERVICE_REQUEST, NS(service))
        visitor.pump()
        assert visitor.lost

    def test_no_login_in_clear(self, house: House) -> None:
        visitor = house.visit(passwords=())
        assert visitor.server is not None
        visitor.client._keyExchangeState = visitor.client._KEY_EXCHANGE_NONE
        visitor.near.unsent = b""
        visitor.client.transport.write(b"SSH-2.0-x\r\n")
        visitor.client.sendPacket(MSG_SERVICE_REQUEST, NS("ssh-userauth"))
        visitor.server.dataReceived(visitor.near.take())
        assert visitor.far.closing or visitor.far.gone

    def test_a_login_for_something_else(self, house: House) -> None:
        visitor = greeted(house)
        ask(visitor, "ops", "right", "sftp")
        assert visitor.lost
        assert house.audit.logins == []

    def test_two_requests_at_once(self, house: House) -> None:
        """Guessing in parallel would be more than three tries."""
        visitor = greeted(house)
        body = NS("ops") + NS("ssh-connection") + NS("password") + b"\0"
        for password in ("1", "2", "3", "4", "right"):
            visitor.client.sendPacket(MSG_USERAUTH_REQUEST, body + NS(password))
        patiently(visitor)
        assert visitor.lost
        assert len(house.audit.refusals) == 1
        assert house.audit.logins == []

    def test_nothing_counts_after_the_last_word(self, house: House) -> None:
        visitor = quiet(house)
        visitor.client.sendPacket(MSG_SERVICE_REQUEST, NS("nonsense"))
        visitor.client.sendPacket(MSG_SERVICE_REQUEST, NS("ssh-userauth"))
        body = NS("ops") + NS("ssh-connection") + NS("password") + b"\0" + NS("right")
        visitor.client.sendPacket(MSG_USERAUTH_REQUEST, body)
        visitor.pump()
        assert visitor.lost
        assert visitor.server is not None
        assert visitor.server._operator is None

    def test_exchanging_keys_for_ever(self, house: House) -> None:
        visitor = quiet(house)
        visitor.client.sendKexInit()
        visitor.pump()
        assert visitor.lost
        assert visitor.goodbye == b"keys were exchanged just now"

    def test_secrets_without_end(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each costs the reactor a millisecond, and nothing but a few octets to send."""
        visitor = quiet(house)
        computed: list[bytes] = []
        monkeypatch.setattr(
            SSHServerTransport,
            "ssh_KEX_DH_GEX_REQUEST_OLD",
            lambda _, packet: computed.append(packet),
        )
        for _ in range(10):
            visitor.client._keyExchangeState = visitor.client._KEY_EXCHANGE_NONE
            visitor.client.sendPacket(MSG_KEXDH_INIT, NS(bytes(32)))
        visitor.pump()
        assert visitor.lost
        assert len(computed) == 1

    def test_new_keys_at_times_are_fine(self, house: House) -> None:
        session = house.session()
        for _ in range(3):
            house.clock.advance(EXCHANGE_TIME)
            session.visitor.client.sendKexInit()
            session.visitor.pump()
            assert not session.visitor.lost
        assert session.run("show links").output == b"fr-a up\n"

    def test_new_keys_that_never_come_hold_nothing(self, house: House) -> None:
        session = house.session().terminal()
        house.clock.advance(EXCHANGE_TIME)
        server = session.visitor.server
        assert server is not None
        server.ssh_KEXINIT(session.visitor.client.ourKexInitPayload[1:])
        assert server.full, "what is written now would be kept by Conch without a limit"
        house.clock.advance(EXCHANGE_TIME)
        session.visitor.pump()
        assert session.visitor.lost

    def test_a_long_packet(self, house: House) -> None:
        visitor = house.visit(passwords=())
        assert visitor.server is not None
        visitor.server.dataReceived(b"SSH-2.0-x\r\n" + pack(">L", 1_000_000))
        visitor.server.dataReceived(bytes(MOST_UNPARSED - 4))
        assert not visitor.far.gone
        visitor.server.dataReceived(bytes(1))
        assert visitor.far.gone

    def test_no_line_end(self, house: House) -> None:
        visitor = house.visit()
        assert visitor.server is not None
        visitor.server.dataReceived(b"SSH-2.0-" + b"x" * 5000)
        assert visitor.far.closing or visitor.far.gone

    def test_connections_without_end(self, house: House) -> None:
        visitors = [house.visit(passwords=()) for _ in range(MOST_SSH + 10)]
        assert len(house.factory.connections) == MOST_SSH
        assert sum(visitor.lost for visitor in visitors) == 10
        house.factory.close()
        for visitor in visitors[:MOST_SSH]:
            visitor.pump()
        assert house.factory.connections == set()

    def test_one_other_machine_leaves_room_for_others(self, house: House) -> None:
        far = [house.visit(passwords=(), host="10.0.0.1") for _ in range(MOST_FROM_ONE + 5)]
        assert sum(visitor.lost for visitor in far) == 5
        assert not house.visit(host="10.0.0.2").lost

    def test_a_goodbye_that_nobody_reads(self, house: House) -> None:
        visitor = quiet(house)
        visitor.stuck = True
        visitor.client.sendPacket(MSG_SERVICE_REQUEST, NS("nonsense"))
        visitor.pump()
        assert not visitor.lost
        house.clock.advance(GOODBYE)
        visitor.pump()
        assert visitor.lost

    @pytest.mark.parametrize("number", [MSG_NEWKEYS, MSG_DISCONNECT, MSG_KEXINIT, 32, 34])
    def test_packets_out_of_place(self, house: House, number: int) -> None:
        visitor = quiet(house)
        visitor.client._keyExchangeState = visitor.client._KEY_EXCHANGE_NONE
        visitor.client.sendPacket(number, b"")
        visitor.pump()
        visitor.client.sendPacket(MSG_SERVICE_REQUEST, NS("ssh-userauth"))
        visitor.pump()
        assert visitor.lost

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.binary(max_size=200), max_size=8), st.booleans())
    def test_any_octets(self, often: House, chunks: list[bytes], named: bool) -> None:
        often.empty()
        server = often.visit(passwords=()).server
        assert server is not None
        with capturedLogs() as captured:
            for chunk in ([b"SSH-2.0-x\r\n"] if named else []) + chunks:
                server.dataReceived(chunk)
        assert not any("log_failure" in one for one in captured)
        assert often.audit.logins == []

    @settings(max_examples=40, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.integers(1, 110),
                st.binary(max_size=60)
                | st.lists(st.binary(max_size=12), max_size=6).map(
                    lambda parts: b"".join(NS(part) for part in parts)
                ),
            ),
            max_size=12,
        )
    )
    def test_any_packets_before_the_login(
        self, often: House, packets: list[tuple[int, bytes]]
    ) -> None:
        often.empty()
        visitor = greeted(often)
        with capturedLogs() as captured:
            for number, body in packets:
                visitor.client._keyExchangeState = visitor.client._KEY_EXCHANGE_NONE
                visitor.client.sendPacket(number, body)
                visitor.pump()
            patiently(visitor)
        assert not any("log_failure" in one for one in captured)
        assert not visitor.inside
        assert often.audit.logins == []

    @settings(max_examples=40, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.integers(80, 100),
                st.binary(max_size=40)
                | st.builds(
                    lambda channel, kind, wants, rest: (
                        bytes((0, 0, 0, channel)) + NS(kind) + bytes((wants,)) + rest
                    ),
                    st.integers(0, 2),
                    st.sampled_from([b"exec", b"shell", b"pty-req", b"signal", b"window-change"]),
                    st.integers(0, 1),
                    st.binary(max_size=30),
                ),
            ),
            max_size=12,
        )
    )
    def test_any_packets_after_it_end_one_connection_at_most(
        self, often: House, packets: list[tuple[int, bytes]]
    ) -> None:
        often.empty()
        other = often.session().terminal()
        session = often.session()
        session.visitor.client.dataReceived = lambda octets: None  # it would be confused
        for number, body in packets:
            if not session.visitor.lost:
                session.visitor.client.sendPacket(number, body)
                session.visitor.pump()
        assert "fr-a up" in other.type("show links\r")
