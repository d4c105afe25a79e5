"""A carrier of which every octet is the test's, and ends of a gateway's life other than a crash."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from attrs import define, evolve, field
from relay_kit import GATEWAY, TestEsme, World

from smppgw.core.message import Message
from smppgw.smpp import wire
from smppgw.smpp.net import SmppProtocol, SmppServerFactory
from smppgw.smpp.session import (
    BindRequest,
    Event,
    Expired,
    Pending,
    Request,
    Response,
    Role,
    Session,
    Timing,
)

PHONE = "33600000001"
APPLICATION = "12345"


@define(eq=False)
class Sent:
    """A request of the carrier; `statuses` are the answers it got."""

    pdu: wire.PDU
    statuses: list[int] = field(factory=list)
    lost: bool = False

    @property
    def status(self) -> int | None:
        """The first answer, None while there is none."""
        return self.statuses[0] if self.statuses else None


class ScriptedLink:
    """One bind of the gateway at the carrier."""

    def __init__(self, carrier: ScriptedCarrier) -> None:
        self.carrier = carrier
        self.protocol: SmppProtocol | None = None
        self.kind = ""

    def connected(self, protocol: SmppProtocol) -> None:
        self.protocol = protocol

    def events(self, protocol: SmppProtocol, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, BindRequest):
                self.kind = type(event.pdu).__name__
                protocol.send(protocol.session.accept_bind(event.pdu, "scripted"))
                self.carrier.links.append(self)
            elif isinstance(event, Request):
                self.carrier.submitted(self, event.pdu)
            elif isinstance(event, Response):
                event.context.statuses.append(event.pdu.command_status)
            elif isinstance(event, Expired):
                for pending in event.pending:
                    pending.context.lost = True

    def writable(self, protocol: SmppProtocol, writable: bool) -> None:
        pass

    def lost(self, protocol: SmppProtocol, reason: str, in_flight: list[Pending]) -> None:
        self.protocol = None
        if self in self.carrier.links:
            self.carrier.links.remove(self)
        for pending in in_flight:
            pending.context.lost = True

    def put(self, pdu: wire.PDU) -> Sent:
        """Send a request with the next `flush`."""
        assert self.protocol is not None
        sent = Sent(pdu)
        now = self.carrier.world.clock.seconds()
        self.protocol.send(self.protocol.session.request(pdu, now, sent))
        return sent

    def put_answer(self, submit: wire.PDU, message_id: str = "", status: int = 0) -> None:
        """Answer a submit_sm with the next `flush`."""
        assert self.protocol is not None
        answer = wire.SubmitSmResp(
            message_id=message_id, sequence_number=submit.sequence_number, command_status=status
        )
        self.protocol.send(self.protocol.session.respond(answer))

    def flush(self) -> None:
        """Let what was put leave, in one write."""
        assert self.protocol is not None
        self.protocol.flush()

    def disconnect(self) -> None:
        assert self.protocol is not None
        self.protocol.abort("test")


class ScriptedCarrier:
    """Takes submits and answers them from `ids`, or leaves that to the test when it is None."""

    def __init__(self, world: World, port: int = 2790, ids: Iterator[str] | None = None) -> None:
        self.world = world
        self.ids = ids
        self.links: list[ScriptedLink] = []
        self.submits: list[wire.SubmitSm] = []
        self.given: list[str] = []
        """message_ids, in the order of `submits`."""
        self._origins: dict[int, ScriptedLink] = {}
        self.on_submit: Callable[[ScriptedLink, wire.SubmitSm], None] | None = None
        self.factory = SmppServerFactory(
            lambda now: Session(Role.MC, window=20_000, timing=Timing(response=10_000.0), now=now),
            lambda: ScriptedLink(self),
            world.clock,
            100,
        )
        world.network.listen(f"127.0.0.1:{port}", self.factory)

    def submitted(self, link: ScriptedLink, pdu: wire.PDU) -> None:
        """A submit_sm has come."""
        assert isinstance(pdu, wire.SubmitSm)
        self.submits.append(pdu)
        self._origins[id(pdu)] = link
        if self.on_submit is not None:
            self.on_submit(link, pdu)
        elif self.ids is not None:
            self.given.append(next(self.ids))
            link.put_answer(pdu, self.given[-1])

    @property
    def link(self) -> ScriptedLink:
        """The oldest bind."""
        return self.links[0]

    def answer(self, message_id: str = "", number: int = -1, status: int = 0) -> None:
        """Answer a submit_sm (by default the last) and let that arrive."""
        submit = self.submits[number]
        link = self._origins[id(submit)]
        link.put_answer(submit, message_id, status)
        link.flush()
        self.world.settle()

    def send(self, *pdus: wire.PDU, link: int = 0) -> list[Sent]:
        """Send requests in one write and let them arrive."""
        chosen = self.links[link]
        sent = [chosen.put(pdu) for pdu in pdus]
        chosen.flush()
        self.world.settle()
        return sent

    def receipt(self, message_id: str, stat: str = "DELIVRD", link: int = 0, **fields) -> Sent:
        """Send a receipt in Appendix B text and let it arrive."""
        (sent,) = self.send(by_text(message_id, stat, **fields), link=link)
        return sent

    def mo(self, text: bytes = b"hi", destination: str = "38100", **fields) -> Sent:
        """Send a message from a phone and let it arrive."""
        (sent,) = self.send(mo(text, destination, **fields))
        return sent


def scripted(
    directory: Path, ids: Iterator[str] | None = None, **settings
) -> tuple[World, ScriptedCarrier]:
    """A running gateway with one scripted carrier (the first of its carriers)."""
    world = World(directory / "var", start=False, **settings)
    carrier = ScriptedCarrier(world, world.settings.carriers[0].port, ids)
    world.relay.start()
    world.settle(1)
    return world, carrier


def submit(world: World, esme: TestEsme, remote: ScriptedCarrier, message_id: str, **fields) -> str:
    """A message that the carrier took under `message_id`; its id at the gateway."""
    fields.setdefault("registered_delivery", 1)
    sequence = esme.submit(**fields)
    world.settle()
    remote.answer(message_id)
    world.settle(0.1)  # what the carrier answers is written when there is time
    return esme.id_of(sequence)


def counting(start: int = 100_000_001, form: str = "d") -> Iterator[str]:
    """Message ids that count up."""
    while True:
        yield format(start, form)
        start += 1


STATES = {
    "ENROUTE": 1,
    "DELIVRD": 2,
    "EXPIRED": 3,
    "DELETED": 4,
    "UNDELIV": 5,
    "ACCEPTD": 6,
    "UNKNOWN": 7,
    "REJECTD": 8,
}


def receipt_text(message_id: str, stat: str = "DELIVRD", err: str = "000") -> bytes:
    """A text as in Appendix B."""
    dates = "submit date:2609211200 done date:2609211201"
    return f"id:{message_id} sub:001 dlvrd:001 {dates} stat:{stat} err:{err} text:hello".encode()


def by_text(message_id: str, stat: str = "DELIVRD", err: str = "000", **fields) -> wire.DeliverSm:
    """A receipt that says everything in its text."""
    fields.setdefault("esm_class", 4)
    fields.setdefault("short_message", receipt_text(message_id, stat, err))
    return wire.DeliverSm(source_addr=PHONE, destination_addr=APPLICATION, **fields)


def by_tlv(message_id: str, stat: str = "DELIVRD", err: int = 0, **fields) -> wire.DeliverSm:
    """A receipt that says everything in TLVs."""
    tlvs = (
        wire.Tlv.text(wire.Tag.receipted_message_id, message_id),
        wire.Tlv.integer(wire.Tag.message_state, STATES[stat]),
        wire.Tlv(wire.Tag.network_error_code, b"\x03" + err.to_bytes(2, "big")),
    )
    fields.setdefault("esm_class", 4)
    fields.setdefault("tlvs", tlvs)
    return wire.DeliverSm(source_addr=PHONE, destination_addr=APPLICATION, **fields)


def mo(text: bytes = b"hi", destination: str = "38100", **fields) -> wire.DeliverSm:
    """A message from a phone."""
    fields.setdefault("source_addr", PHONE)
    return wire.DeliverSm(destination_addr=destination, short_message=text, **fields)


def payload(octets: bytes) -> tuple[int, bytes]:
    """message_payload."""
    return (int(wire.Tag.message_payload), octets)


# ---------------------------------------------------------------------- what the gateway knows


def stat_of(pdu: wire.DeliverSm) -> str:
    """`stat` of a receipt that an ESME got."""
    return pdu.short_message.split(b"stat:")[1].split(b" ")[0].decode()


def id_of(pdu: wire.DeliverSm) -> str:
    """`id` of a receipt that an ESME got."""
    return pdu.short_message.split(b"id:")[1].split(b" ")[0].decode()


def texts(pdus: list[wire.DeliverSm]) -> list[bytes]:
    """What an ESME got, in order."""
    return [pdu.short_message for pdu in pdus]


def rows(world: World, sql: str) -> list[tuple]:
    """Rows as they will be once everything is written."""
    world.settle(0.1)
    world.engine.flush()
    return world.engine.select(sql)


def orphans(world: World) -> list[tuple]:
    """(carrier, id as received, state) of the receipts that found no message."""
    return rows(world, "SELECT carrier, remote_id, state FROM orphan ORDER BY id")


def waiting_deliveries(world: World) -> int:
    """Deliveries that are stored and not taken yet."""
    ((count,),) = rows(world, "SELECT count(*) FROM delivery")
    return count


def stored(world: World, message_id: str) -> Message:
    """A message as its row has it, memory left aside."""
    world.settle(0.1)
    world.engine.flush()
    (found,) = world.engine.messages("id = ?", (int(message_id, 16),), 1)
    return found


def bind(
    world: World, answer: int | None, kind: type[wire.Bind] = wire.BindTransceiver
) -> TestEsme:
    """A bound ESME that answers from its first deliver_sm on as told."""
    esme = TestEsme(world, "esme", kind)
    esme.answer = answer
    world.network.connect(GATEWAY, esme.session, esme)
    world.settle()
    return esme


# ---------------------------------------------------------------------- ends


def snapshot(world: World) -> Path:
    """What is on disk now; `lose` goes back to it."""
    world.generation += 1
    copy = world.directory.parent / f"snapshot-{world.generation}"
    shutil.copytree(world.directory, copy, ignore=shutil.ignore_patterns("lock"))
    return copy


def lose(world: World, disk: Path) -> None:
    """kill -9, and what was written since `snapshot` never reached the disk."""
    world.directory = disk
    world.crash()


def restart(world: World, **changes) -> None:
    """An orderly stop and a new start, perhaps with other settings."""
    world.settings = evolve(world.settings, **changes)
    world.network.cut()
    world.network.unlisten(GATEWAY)
    world.settle()
    for call in list(world.clock.getDelayedCalls()):
        owner = getattr(call.func, "__self__", call.func)
        if str(getattr(owner, "__module__", "")).startswith("smppgw.core"):
            if owner is world.store:
                continue
            call.cancel()
    world.store.stop()
    for call in list(world.clock.getDelayedCalls()):
        if getattr(call.func, "__self__", None) is world.store:
            call.cancel()
    world.open()
    world.relay.start()
    world.settle()
