"""Every way in which the simulated carrier can behave, seen from the other end of the wire."""

from __future__ import annotations

import re
from typing import Any

import pytest
from attrs import evolve
from simulator_kit import CARRIER, World, balanced, receipts, status

from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp import wire
from smppgw.smpp.net import SmppProtocol
from smppgw.smpp.session import (
    BindAnswer,
    Close,
    Event,
    Late,
    Pending,
    Request,
    Response,
    Role,
    Session,
    Timing,
)
from smppgw.sms import receipt


class Peer:
    """An ESME whose every move is the test's; it answers deliver_sm by itself."""

    def __init__(self, world: World, bind: type[wire.Bind] = wire.BindTransceiver, **fields: Any):
        self.world = world
        self.events_seen: list[Event] = []
        self.gone = ""
        self.delivery_status = 0
        self.request = bind(**{"system_id": "peer", **fields})
        session = Session(Role.ESME, window=1000, timing=Timing(), now=world.clock.seconds())
        world.network.connect(CARRIER, session, self)
        world.clock.advance(0)

    def connected(self, protocol: SmppProtocol) -> None:
        self.protocol = protocol
        protocol.send(protocol.session.bind(self.request))

    def events(self, protocol: SmppProtocol, events: list[Event]) -> None:
        self.events_seen += events
        for event in events:
            if isinstance(event, Request):
                answer = event.pdu.response(
                    sequence_number=event.pdu.sequence_number, command_status=self.delivery_status
                )
                protocol.send(protocol.session.respond(answer))

    def writable(self, protocol: SmppProtocol, writable: bool) -> None:
        pass

    def lost(self, protocol: SmppProtocol, reason: str, in_flight: list[Pending]) -> None:
        self.gone = reason

    def submit(self, text: str = "hello", *, advance: float = 0.0, **fields: Any) -> None:
        values = {"registered_delivery": 1, "source_addr": "38100", "destination_addr": "331"}
        self.ask(wire.SubmitSm(short_message=text.encode(), **{**values, **fields}))
        self.world.clock.advance(0)
        self.world.advance(advance)

    def ask(self, *pdus: wire.PDU) -> None:
        session = self.protocol.session
        now = self.world.clock.seconds()
        self.protocol.send_now(b"".join([session.request(pdu, now, pdu) for pdu in pdus]))
        self.world.clock.advance(0)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event.pdu for event in self.events_seen if type(event) is kind]

    @property
    def statuses(self) -> list[int]:
        return [pdu.command_status for pdu in self.of(Response)]

    @property
    def ids(self) -> list[str]:
        return [pdu.message_id for pdu in self.of(Response)]

    @property
    def told(self) -> list[tuple[str | None, str | None]]:
        """stat and err of each receipt by its text."""
        parsed = [receipt.parse(pdu.short_message) for pdu in self.of(Request)]
        return [(one.stat, one.err) for one in parsed]

    @property
    def order(self) -> list[str]:
        return [type(event).__name__ for event in self.events_seen]


# ---------------------------------------------------------------------- binds


@pytest.mark.parametrize(
    "bind", [wire.BindTransceiver, wire.BindTransmitter, wire.BindReceiver], ids=str
)
def test_binds_of_every_kind(bind: type[wire.Bind]) -> None:
    world = World()
    peer = Peer(world, bind)
    (answer,) = peer.of(BindAnswer)
    assert type(answer) is bind.response
    assert (answer.command_status, answer.system_id) == (0, "simulator")
    assert wire.tlv_int(answer, wire.Tag.sc_interface_version) == 0x34
    assert world.carrier.binds[0].name.startswith("peer@127.0.0.1:")
    assert "peer" in repr(world.carrier.binds[0])
    peer.protocol.close("over")
    world.end()
    assert world.carrier.binds == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, 0x0E),
        ({"password": "wrong"}, 0x0E),
        ({"password": "right"}, 0),
        ({"system_id": "nobody", "password": "right"}, 0x0F),
    ],
)
def test_passwords(fields: dict[str, str], expected: int) -> None:
    world = World(passwords={"peer": "right"})
    peer = Peer(world, **fields)
    assert [answer.command_status for answer in peer.of(BindAnswer)] == [expected]
    assert bool(peer.gone) == bool(expected)
    world.end()


def test_every_bind_refused_with_a_status() -> None:
    world = World(bind_status=status("ESME_RBINDFAIL"))
    peer = Peer(world)
    assert peer.of(BindAnswer)[0].command_status == 0x0D
    assert world.carrier.counters == {"binds_refused": 1}
    world.end()


def test_an_old_carrier() -> None:
    world = World(interface_version=0x33)
    peer = Peer(world)
    assert peer.protocol.session.peer_version == 0x33
    world.end()


def test_unbind_after_a_while() -> None:
    world = World(unbind_after=2.0)
    peer = Peer(world)
    world.advance(1.9)
    assert peer.gone == ""
    world.advance(0.2)
    assert peer.order[-2:] == ["PeerUnbind", "Close"]
    world.end()


def test_disconnect_after_a_while() -> None:
    world = World(disconnect_after=2.0)
    peer = Peer(world)
    world.advance(2.1)
    assert Close not in map(type, peer.events_seen)
    assert peer.gone
    assert world.carrier.counters["connections_lost"] == 1
    world.end()


def test_timers_of_lost_binds_do_no_harm() -> None:
    world = World(disconnect_after=2.0, unbind_after=1.0)
    Peer(world)
    world.network.cut()
    world.advance(3)
    world.end()


# ---------------------------------------------------------------------- answers


@pytest.mark.parametrize(
    ("form", "pattern"),
    [
        ("decimal", r"[1-9]\d{8}"),
        ("hex", r"[1-9a-f][0-9a-f]{6,7}"),
        ("HEX", r"[1-9A-F][0-9A-F]{6,7}"),
        ("padded", r"0\d{9}"),
        ("uuid", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    ],
)
def test_forms_of_message_ids(form: str, pattern: str) -> None:
    world = World(message_id=form)
    peer = Peer(world)
    for _ in range(30):
        peer.submit()
    assert all(re.fullmatch(pattern, one) for one in peer.ids)
    assert len(set(peer.ids)) == 30
    told = [receipt.parse(pdu.short_message).id for pdu in peer.of(Request)]
    assert told == peer.ids
    world.end()


def test_data_sm_is_a_message_too() -> None:
    world = World()
    peer = Peer(world)
    payload = ((wire.Tag.message_payload, b"{receipt=UNDELIV}data"),)
    peer.ask(wire.DataSm(destination_addr="331", registered_delivery=1, tlvs=payload))
    world.clock.advance(0)
    (answer,) = peer.of(Response)
    assert type(answer) is wire.DataSmResp
    assert answer.message_id
    assert peer.told == [("UNDELIV", "001")]
    world.end()


def test_other_requests_are_not_supported() -> None:
    world = World()
    peer = Peer(world)
    peer.ask(wire.QuerySm(message_id="1"), wire.CancelSm(), wire.ReplaceSm(), wire.SubmitSm())
    assert peer.statuses == [3, 3, 3, 0]
    world.end()


def test_response_delay_with_jitter() -> None:
    world = World(response_delay=1.0, response_jitter=0.5)
    peer = Peer(world)
    for _ in range(20):
        peer.submit()
    world.advance(0.99)
    assert peer.ids == []
    world.advance(0.25)
    assert 0 < len(peer.ids) < 20
    world.advance(0.3)
    assert len(peer.ids) == 20
    world.end()


def test_never_answering_still_answers_unbind() -> None:
    world = World(answer="never")
    peer = Peer(world)
    peer.submit()
    assert peer.ids == []
    assert world.carrier.counters["taken"] == 1
    peer.protocol.send_now(peer.protocol.session.unbind(0.0))
    world.clock.advance(0)
    assert peer.gone == "unbound"
    world.end()


def test_answering_everything_twice() -> None:
    world = World(answer="twice")
    peer = Peer(world)
    peer.submit()
    assert [one.message_id for one in peer.of(Late)] == peer.ids
    world.end()


def test_answering_with_generic_nack() -> None:
    world = World(answer="nack")
    peer = Peer(world)
    peer.submit()
    (answer,) = peer.of(Response)
    assert type(answer) is wire.GenericNack
    assert answer.command_status == status("ESME_RSYSERR")
    assert world.carrier.counters["refused"] == 1
    world.end()


def test_errors_at_a_rate_that_the_seed_repeats() -> None:
    def run(seed: int) -> list[int]:
        world = World(seed, error_rate=0.3, error_status=0x64)
        peer = Peer(world)
        for _ in range(200):
            peer.submit()
        world.end()
        return peer.statuses

    once = run(5)
    assert set(once) == {0, 0x64}
    assert 40 <= once.count(0x64) <= 80
    assert run(5) == once
    assert run(6) != once


def test_errors_for_a_destination() -> None:
    world = World(destination_statuses={"332": status("ESME_RINVDSTADR")})
    peer = Peer(world)
    peer.submit()
    peer.submit(destination_addr="332")
    assert peer.statuses == [0, 0x0B]
    assert [one.command_status for one in world.carrier.received] == [0, 0x0B]
    world.end()


@pytest.mark.parametrize("name", ["ESME_RTHROTTLED", "ESME_RMSGQFUL"])
def test_throttling(name: str) -> None:
    world = World(throughput=3, throttle_status=status(name))
    one, other = Peer(world), Peer(world)
    for _ in range(2):
        one.submit()
        other.submit()
    assert one.statuses + other.statuses == [0, 0, 0, status(name)]
    world.advance(1)
    one.submit()
    assert one.statuses[-1] == 0
    world.end()


def test_more_unanswered_than_its_window() -> None:
    world = World(window=2, response_delay=1.0)
    peer = Peer(world)
    for _ in range(3):
        peer.submit()
    world.advance(1.1)
    assert peer.statuses == [0, 0, status("ESME_RMSGQFUL")]
    peer.submit(advance=1.1)
    assert peer.statuses[-1] == 0
    world.end()


def test_more_under_way_than_its_queue() -> None:
    world = World(queue=5, receipt_delay=10.0)
    peer = Peer(world)
    for _ in range(7):
        peer.submit()
    assert peer.statuses == [0] * 5 + [status("ESME_RMSGQFUL")] * 2
    world.advance(11)
    peer.submit()
    assert peer.statuses[-1] == 0
    world.end()


def test_receipts_that_nobody_takes_count_in_its_queue() -> None:
    world = World(queue=5)
    peer = Peer(world, wire.BindTransmitter)
    for _ in range(7):
        peer.submit()
    assert world.carrier.waiting == 5
    assert peer.statuses == [0] * 5 + [status("ESME_RMSGQFUL")] * 2
    world.end()


def test_disconnect_every_so_many_messages() -> None:
    world = World(disconnect_every=3)
    peer = Peer(world)
    peer.ask(*(wire.SubmitSm(short_message=b"%d" % number) for number in range(5)))
    assert peer.gone
    assert peer.ids == []
    # What came behind the third in the same read was never taken.
    assert [one.text for one in world.carrier.received] == ["0", "1", "2"]
    assert world.carrier.received[2].message_id
    again = Peer(world)
    again.submit()
    again.submit()
    assert len(again.ids) == 2
    world.end()


def test_a_load_survives_disconnects() -> None:
    world = World(disconnect_every=25, receipt_delay=0.5)
    esme = world.run(60, count=200, window=10)
    report = esme.report()
    assert report["sent"] == 200
    assert report["unanswered"] == world.accounting.report("mt")["unpromised"] + (
        200 - world.accounting.report("mt")["taken"]
    )
    assert report["unanswered"] >= 8
    assert balanced(esme)
    assert receipts(esme) == {"DELIVRD": report["acknowledged"]}
    assert world.accounting.report("mt")["lost"] == 0
    world.end(esme)


# ---------------------------------------------------------------------- receipts


def test_a_receipt_is_as_the_specification_has_it() -> None:
    world = World(receipt_delay=120.0)
    peer = Peer(world)
    peer.submit("a text that is cut after twenty", advance=121, dest_addr_ton=1, source_addr_npi=9)
    (pdu,) = peer.of(Request)
    (message_id,) = peer.ids
    assert pdu.short_message.decode() == (
        f"id:{message_id} sub:001 dlvrd:001 submit date:7001010000 done date:7001010002"
        " stat:DELIVRD err:000 text:a text that is cut a"
    )
    assert (pdu.source_addr, pdu.destination_addr) == ("331", "38100")
    assert (pdu.source_addr_ton, pdu.dest_addr_npi, pdu.esm_class) == (1, 9, 4)
    assert wire.tlv_text(pdu, wire.Tag.receipted_message_id) == message_id
    assert wire.tlv_int(pdu, wire.Tag.message_state) == receipt.DELIVERED
    assert wire.tlv(pdu, wire.Tag.network_error_code) == b"\x03\0\0"
    world.end()


def test_text_only_and_tlv_only() -> None:
    world = World(receipts="text")
    peer = Peer(world)
    peer.submit()
    world.carrier.behaviour = Behaviour(receipts="tlv")
    peer.submit()
    text, tlv = peer.of(Request)
    assert text.tlvs == ()
    assert text.short_message
    assert len(tlv.tlvs) == 3
    assert tlv.short_message == b""
    world.end()


def test_no_receipts() -> None:
    world = World(receipts="never")
    peer = Peer(world)
    peer.submit()
    assert peer.of(Request) == []
    world.end()


@pytest.mark.parametrize(
    ("registered_delivery", "stats"),
    [(0, []), (1, ["DELIVRD", "UNDELIV"]), (2, ["UNDELIV"]), (3, ["DELIVRD"]), (0x10, [])],
)
def test_only_receipts_that_were_asked_for(registered_delivery: int, stats: list[str]) -> None:
    world = World()
    peer = Peer(world)
    peer.submit(registered_delivery=registered_delivery)
    peer.submit("{receipt=UNDELIV}", registered_delivery=registered_delivery)
    assert [stat for stat, _ in peer.told] == stats
    world.end()


def test_a_share_of_failures() -> None:
    world = World(failures={"UNDELIV": 0.2, "EXPIRED": 0.1, "REJECTD": 0.1}, failure_error="017")
    esme = world.run(count=1000, window=50)
    counts = receipts(esme)
    assert sum(counts.values()) == 1000
    assert 150 <= counts["UNDELIV"] <= 250
    assert 60 <= counts["EXPIRED"] <= 140
    assert 60 <= counts["REJECTD"] <= 140
    world.end(esme)


def test_the_error_of_failures() -> None:
    world = World(failures={"UNDELIV": 1.0}, failure_error="017")
    peer = Peer(world)
    peer.submit()
    assert peer.told == [("UNDELIV", "017")]
    assert wire.tlv(peer.of(Request)[0], wire.Tag.network_error_code) == b"\x03\0\x11"
    world.end()


def test_a_receipt_comes_after_a_slow_answer() -> None:
    world = World(response_delay=1.0, receipt_delay=0.5)
    peer = Peer(world)
    peer.submit(advance=1.1)
    assert peer.order == ["BindAnswer", "Response"]
    world.advance(0.5)
    assert peer.order == ["BindAnswer", "Response", "Request"]
    world.end()


def test_a_receipt_before_the_answer() -> None:
    world = World(receipt_first=True)
    peer = Peer(world)
    peer.submit()
    assert peer.order == ["BindAnswer", "Request", "Response"]
    world.end()


def test_the_esme_matches_receipts_that_come_before_the_answer() -> None:
    world = World(receipt_first=True, response_delay=0.3)
    esme = world.run(5, count=20)
    assert receipts(esme) == {"DELIVRD": 20}
    assert esme.report()["receipts_unknown"] == esme.report()["receipts_duplicate"] == 0
    assert esme.settled
    world.end(esme)


def test_receipts_that_come_twice() -> None:
    world = World(receipt_copies=2)
    esme = world.run(0.1, count=10)
    assert receipts(esme) == {"DELIVRD": 10}
    assert esme.report()["receipts_duplicate"] == 10
    world.end(esme)


def test_receipts_twice_before_the_answer() -> None:
    world = World(receipt_copies=2, receipt_first=True)
    esme = world.run(0.1, count=10)
    assert receipts(esme) == {"DELIVRD": 10}
    assert esme.report()["receipts_duplicate"] == 10
    assert esme.report()["receipts_unknown"] == 0
    world.end(esme)


def test_an_intermediate_receipt_first() -> None:
    world = World(receipt_progress=("ENROUTE",), receipt_delay=1.0)
    peer = Peer(world)
    peer.submit(advance=1.1)
    assert peer.told == [("ENROUTE", "000")]
    world.advance(1)
    assert peer.told == [("ENROUTE", "000"), ("DELIVRD", "000")]
    assert [pdu.esm_class for pdu in peer.of(Request)] == [0x20, 0x04]
    esme = world.run(3, count=4)
    assert esme.report()["receipts_intermediate"] == 4
    assert receipts(esme) == {"DELIVRD": 4}
    world.end(esme)


def test_accepted_then_delivered() -> None:
    world = World(receipt_progress=("ACCEPTD",), receipt_delay=1.0)
    esme = world.run(1.1, count=4)
    assert receipts(esme) == {"ACCEPTD": 4}
    world.advance(1)
    assert receipts(esme) == {"DELIVRD": 4}
    assert esme.report()["receipts_changed"] == 4
    assert esme.report()["receipts_duplicate"] == 0
    world.end(esme)


@pytest.mark.parametrize(
    ("response", "told"), [("decimal", "hex"), ("hex", "decimal"), ("padded", "decimal")]
)
def test_an_id_in_another_base_than_in_the_answer(response: str, told: str) -> None:
    world = World(message_id=response, receipt_id=told)
    peer = Peer(world)
    peer.submit()
    parsed = receipt.parse(peer.of(Request)[0].short_message)
    bases = {"decimal": 10, "padded": 10, "hex": 16}
    assert parsed.id != peer.ids[0]
    assert int(parsed.id or "", bases[told]) == int(peer.ids[0], bases[response])
    world.end()


def test_receipts_on_the_bind_of_the_message() -> None:
    world = World(receipt_bind="same")
    peers = [Peer(world) for _ in range(3)]
    for peer in peers:
        peer.submit()
    assert [len(peer.of(Request)) for peer in peers] == [1, 1, 1]
    world.end()


def test_receipts_on_another_bind_of_the_same_account() -> None:
    world = World(receipt_bind="other")
    one, other, stranger = Peer(world), Peer(world), Peer(world, system_id="stranger")
    for _ in range(5):
        one.submit()
    assert [len(peer.of(Request)) for peer in (one, other, stranger)] == [0, 5, 0]
    stranger.submit()
    assert len(stranger.of(Request)) == 1
    world.end()


def test_receipts_on_any_bind() -> None:
    world = World(receipt_bind="any")
    one, other = Peer(world), Peer(world)
    for _ in range(40):
        one.submit()
    assert 10 <= len(one.of(Request)) <= 30
    assert len(one.of(Request)) + len(other.of(Request)) == 40
    world.end()


def test_receipts_of_a_transmitter_go_to_a_receiver() -> None:
    world = World(receipt_bind="same")
    sender = Peer(world, wire.BindTransmitter)
    sender.submit()
    assert world.carrier.waiting == 1
    receiver = Peer(world, wire.BindReceiver)
    world.clock.advance(0)
    assert len(receiver.of(Request)) == 1
    assert world.carrier.waiting == 0
    world.end()


def test_receipts_wait_while_nobody_is_bound() -> None:
    world = World(receipt_delay=1.0)
    peer = Peer(world)
    for text in ("a", "b", "c"):
        peer.submit(text)
    world.network.cut()
    world.advance(2)
    assert world.carrier.waiting == 3
    again = Peer(world)
    world.clock.advance(0)
    texts = [receipt.parse(pdu.short_message).text for pdu in again.of(Request)]
    assert texts == ["a", "b", "c"]
    assert world.carrier.counters["deliveries_taken"] == 3
    world.end()


def test_who_came_once_and_has_nothing_waiting_is_forgotten() -> None:
    world = World()
    for number in range(50):
        peer = Peer(world, system_id=f"peer{number}")
        peer.submit(advance=0.1)
        peer.protocol.close("over")
        world.advance(0.1)
    waits = Peer(world, wire.BindTransmitter, system_id="waits")
    waits.submit(advance=0.1)
    waits.protocol.close("over")
    world.advance(0.1)
    assert list(world.carrier._queues) == ["waits"]
    assert world.carrier.waiting == 1
    world.end()


def test_unanswered_deliveries_come_again_in_order() -> None:
    world = World(timing=Timing(response=2.0), delivery_window=3)
    esme = world.run(0.5, count=5, answer_deliveries=False)
    assert world.carrier.waiting == 2
    world.network.cut()
    assert world.carrier.waiting == 5
    esme.stop()
    peer = Peer(world, system_id="demo")
    world.clock.advance(0)
    texts = [receipt.parse(pdu.short_message).text for pdu in peer.of(Request)]
    assert texts == [f"#mt:{number}#" for number in range(5)]
    world.end(esme)


def test_deliveries_given_up_together_keep_their_order() -> None:
    world = World(timing=Timing(response=2.0))
    esme = world.run(0, answer_deliveries=False)
    for number in range(4):
        world.carrier.send_mo("336", "381", f"mo {number}")
    world.advance(1)
    assert esme.report()["deliveries_unanswered"] == 4
    esme.load = evolve(esme.load, answer_deliveries=True)
    world.advance(2)
    assert [pdu.short_message[-1:] for pdu in esme.inbox] == [b"0", b"1", b"2", b"3"]
    world.end(esme)


def test_a_peer_that_does_not_read_gets_no_more_deliveries() -> None:
    world = World(delivery_window=2000)
    peer = Peer(world)
    (only,) = world.network.wires
    only.client.pauseProducing()
    for _ in range(1000):
        world.carrier.send_mo("336", "381", "x" * 200)
    assert 0 < world.carrier.waiting < 1000
    only.client.resumeProducing()
    world.clock.advance(0)
    assert world.carrier.waiting == 0
    assert len(peer.of(Request)) == 1000
    world.end()


def test_deliveries_are_given_up_and_sent_again() -> None:
    world = World(timing=Timing(response=2.0), delivery_window=2)
    esme = world.run(5, count=2, answer_deliveries=False)
    assert esme.report()["deliveries_unanswered"] == 6
    assert world.carrier.counters["deliveries_again"] == 4
    world.end(esme)


# ---------------------------------------------------------------------- MOs


def test_an_mo() -> None:
    world = World()
    peer = Peer(world)
    delivery = world.carrier.send_mo("33611", "38100", "STOP", service_type="CMT", priority_flag=1)
    world.clock.advance(0)
    (pdu,) = peer.of(Request)
    assert (pdu.source_addr, pdu.destination_addr, pdu.short_message) == ("33611", "38100", b"STOP")
    assert (pdu.service_type, pdu.priority_flag, pdu.data_coding) == ("CMT", 1, 0)
    assert (delivery.command_status, delivery.attempts) == (0, 1)
    world.end()


def test_an_mo_in_ucs2_in_octets_and_long() -> None:
    world = World()
    peer = Peer(world)
    world.carrier.send_mo("33611", "38100", "d\N{LATIN SMALL LETTER E WITH ACUTE}j\u00e0")
    world.carrier.send_mo("33611", "38100", b"\x05\0\x03\x01\x02\x01hi", esm_class=0x40)
    world.carrier.send_mo("33611", "38100", "x" * 255)
    world.clock.advance(0)
    ucs2, octets, long = peer.of(Request)
    assert ucs2.data_coding == 8
    assert ucs2.short_message.decode("utf-16-be") == "d\u00e9j\u00e0"
    assert (octets.esm_class, octets.short_message[6:]) == (0x40, b"hi")
    assert long.short_message == b""
    assert wire.tlv(long, wire.Tag.message_payload) == b"x" * 255
    world.end()


def test_an_mo_that_cannot_be_coded() -> None:
    world = World()
    with pytest.raises(wire.EncodeError):
        world.carrier.send_mo("33611", "38100", "x", service_type="much too long for it")
    with pytest.raises(AttributeError):
        world.carrier.send_mo("33611", "38100", "x", servicetype="x")
    assert world.carrier.waiting == 0


def test_an_mo_waits_for_its_account() -> None:
    world = World()
    delivery = world.carrier.send_mo("33611", "38100", "x", system_id="late")
    peer = Peer(world)
    assert delivery.command_status is None
    late = Peer(world, system_id="late")
    world.clock.advance(0)
    assert delivery.command_status == 0
    assert (len(peer.of(Request)), len(late.of(Request))) == (0, 1)
    world.end()


def test_an_mo_refused_for_a_time_comes_again() -> None:
    world = World(redelivery=1.0)
    peer = Peer(world)
    peer.delivery_status = status("ESME_RMSGQFUL")
    delivery = world.carrier.send_mo("33611", "38100", "x")
    world.advance(2.5)
    assert delivery.attempts == 3
    peer.delivery_status = 0
    world.advance(1)
    assert delivery.command_status == 0
    world.end()


def test_mos_are_accounted_at_both_ends() -> None:
    world = World()
    esme = world.run(count=0)
    for number in range(5):
        world.carrier.send_mo("33611", "38100", f"#mo:{number}#")
    world.clock.advance(0)
    sums = world.accounting.report("mo")
    assert (sums["acknowledged"], sums["taken"], sums["lost"]) == (5, 5, 0)
    assert esme.report()["mos"] == 5
    assert esme.inbox[4].short_message == b"#mo:4#"
    world.end(esme)


# ---------------------------------------------------------------------- scripts in the text


def test_scripted_status_for_the_first_times() -> None:
    world = World()
    peer = Peer(world)
    for _ in range(4):
        peer.submit("{status=0x58,times=2}hello")
    peer.submit("{status=0x58,times=2}hello", destination_addr="332")
    peer.submit("{status=11}hello")
    assert peer.statuses == [0x58, 0x58, 0, 0, 0x58, 11]
    assert world.carrier.texts_to("331") == ["{status=0x58,times=2}hello"] * 2
    world.end()


def test_scripted_receipt() -> None:
    world = World()
    peer = Peer(world)
    peer.submit("{receipt=UNDELIV,err=021}hello")
    peer.submit("{receipt=never}hello")
    peer.submit("{copies=3}hello")
    peer.submit("{after=2}hello")
    assert peer.told == [("UNDELIV", "021")] + [("DELIVRD", "000")] * 3
    world.advance(2.1)
    assert len(peer.told) == 5
    world.end()


def test_scripted_answers() -> None:
    world = World()
    peer = Peer(world)
    peer.submit("{answer=twice,delay=1}")
    assert peer.ids == []
    world.advance(1.1)
    assert len(peer.ids) == len(peer.of(Late)) == 1
    peer.submit("{answer=never,times=1}")
    assert len(peer.ids) == 1
    peer.submit("{answer=never,times=1}")
    assert len(peer.ids) == 2
    peer.submit("{answer=nack,status=0x45}")
    assert peer.statuses[-1] == 0x45
    peer.submit("{answer=disconnect}")
    assert peer.gone
    world.end()


def test_a_script_overrules_the_settings() -> None:
    world = World(answer="never", response_delay=9.0, receipts="tlv", receipt_copies=5)
    peer = Peer(world)
    peer.submit("{answer=once,delay=0,copies=1}")
    assert len(peer.ids) == len(peer.of(Request)) == 1
    world.end()


def test_what_only_looks_like_a_script_is_refused() -> None:
    world = World()
    peer = Peer(world)
    peer.submit("{statsu=0x58}")
    peer.submit("{answer=sometimes}")
    peer.submit("{status=x}")
    assert peer.statuses == [status("ESME_RSUBMITFAIL")] * 3
    assert world.carrier.counters["scripts_bad"] == 3
    peer.submit("{not a script}")
    peer.submit("{status=0x58")
    assert peer.statuses[3:] == [0, 0]
    world.end()


# ---------------------------------------------------------------------- the record


def test_the_record_is_bounded_and_complete() -> None:
    world = World(record=3)
    peer = Peer(world)
    world.advance(1)
    for number in range(5):
        peer.submit(str(number))
    assert [one.text for one in world.carrier.received] == ["2", "3", "4"]
    last = world.carrier.received[-1]
    assert last.time == pytest.approx(1.0)
    assert last.bind == world.carrier.binds[0].name
    assert last.message_id == peer.ids[-1]
    assert last.destination == "331"
    assert world.carrier.counters["taken"] == 5
    world.end()


def test_scripted_texts_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smppgw.simulator.carrier.SIGHTS", 3)
    world = World()
    peer = Peer(world)
    for number in range(10):
        peer.submit(f"{{status=8,times=1}}{number}")
    assert len(world.carrier._sights) == 3
    world.end()


@pytest.mark.parametrize(
    "setting",
    [
        {"answer": "sometimes"},
        {"message_id": "octal"},
        {"receipts": "none"},
        {"receipt_bind": "mine"},
        {"receipt_id": "octal"},
        {"receipt_progress": ("ACCEPTED",)},
        {"failures": {"FAILED": 0.1}},
    ],
)
def test_settings_that_do_not_exist(setting: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="must be in"):
        Behaviour(**setting)


def test_passwords_are_not_shown() -> None:
    assert "hush" not in repr(Behaviour(passwords={"a": "hush"}))
