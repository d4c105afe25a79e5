"""Samples of every command and sessions brought into every state, for the session tests."""

from __future__ import annotations

from collections.abc import Callable

from smppgw.smpp import wire
from smppgw.smpp.session import Event, Role, Session, State, Timing

TIMING = Timing(session_init=10.0, enquire_link=30.0, inactivity=300.0, response=60.0, pdu=5.0)
ADDRESSES = ("source_addr", "destination_addr")

REQUESTS: dict[str, Callable[[], wire.PDU]] = {
    "bind_receiver": lambda: wire.BindReceiver(system_id="esme", password="secret"),
    "bind_transmitter": lambda: wire.BindTransmitter(system_id="esme", password="secret"),
    "bind_transceiver": lambda: wire.BindTransceiver(system_id="esme", password="secret"),
    "outbind": lambda: wire.Outbind(system_id="mc", password="secret"),
    "unbind": wire.Unbind,
    "enquire_link": wire.EnquireLink,
    "submit_sm": lambda: wire.SubmitSm(destination_addr="336", short_message=b"hello"),
    "submit_multi": lambda: wire.SubmitMulti(
        dest_address=(wire.DestAddress(1, 1, "336"),), short_message=b"hello"
    ),
    "query_sm": lambda: wire.QuerySm(message_id="1"),
    "cancel_sm": lambda: wire.CancelSm(message_id="1"),
    "replace_sm": lambda: wire.ReplaceSm(message_id="1", short_message=b"hello"),
    "broadcast_sm": lambda: wire.BroadcastSm(message_id="1"),
    "query_broadcast_sm": lambda: wire.QueryBroadcastSm(message_id="1"),
    "cancel_broadcast_sm": lambda: wire.CancelBroadcastSm(message_id="1"),
    "data_sm": lambda: wire.DataSm(destination_addr="336", tlvs=((0x0424, b"hello"),)),
    "deliver_sm": lambda: wire.DeliverSm(destination_addr="336", short_message=b"hello"),
    "alert_notification": lambda: wire.AlertNotification(source_addr="336"),
}
RESPONSES = (
    wire.BindReceiverResp,
    wire.BindTransmitterResp,
    wire.BindTransceiverResp,
    wire.UnbindResp,
    wire.EnquireLinkResp,
    wire.SubmitSmResp,
    wire.SubmitMultiResp,
    wire.QuerySmResp,
    wire.CancelSmResp,
    wire.ReplaceSmResp,
    wire.BroadcastSmResp,
    wire.QueryBroadcastSmResp,
    wire.CancelBroadcastSmResp,
    wire.DataSmResp,
    wire.DeliverSmResp,
    wire.GenericNack,
)
BINDS = {
    State.BOUND_TX: "bind_transmitter",
    State.BOUND_RX: "bind_receiver",
    State.BOUND_TRX: "bind_transceiver",
}


def sample(name: str, sequence_number: int = 77) -> wire.PDU:
    """A request of that name as a peer may send it."""
    pdu = REQUESTS[name]()
    pdu.sequence_number = sequence_number
    return pdu


def octets(name: str, sequence_number: int = 77) -> bytes:
    """The same, coded."""
    return wire.encode(sample(name, sequence_number))


def split(data: bytes) -> list[wire.PDU]:
    """The PDUs in what a session wrote."""
    buffer = wire.FrameBuffer(70_000)
    pdus = [wire.decode(frame) for frame in buffer.feed(data)]
    assert buffer.error is None
    assert not buffer.pending
    return pdus


def session_in(
    role: Role, state: State, *, window: int = 10, now: float = 0.0, timing: Timing = TIMING
) -> Session:
    """A session driven into a state by octets and public methods only."""
    session = Session(role, window=window, timing=timing, now=now)
    if state is State.OUTBOUND:
        if role is Role.ESME:
            session.receive(octets("outbind"), now)
        else:
            session.request(sample("outbind"), now)
    elif state in BINDS:
        bind(session, BINDS[state], now)
    elif state is State.UNBOUND:
        bind(session, "bind_transceiver", now)
        owed = "submit_sm" if role is Role.MC else "deliver_sm"
        session.receive(octets(owed, 5) + octets("unbind", 6), now)
    elif state is State.CLOSED:
        session.close()
    assert session.state is state
    assert session.take_output() == b""
    return session


def bind(session: Session, name: str = "bind_transceiver", now: float = 0.0) -> None:
    """Bring an OPEN session into its bound state, whichever end it is."""
    if session.role is Role.MC:
        session.receive(octets(name), now)
        session.accept_bind(sample(name), "smppgw")
    else:
        request = split(session.bind(sample(name)))[0]
        answer = request.response(system_id="mc", sequence_number=request.sequence_number)
        session.receive(wire.encode(answer), now)


class Link:
    """Two sessions back to back; everything sent is received, PDU order kept, time shared."""

    def __init__(self, *, window: int = 10, timing: Timing = TIMING) -> None:
        self.now = 0.0
        self.esme = Session(Role.ESME, window=window, timing=timing, now=0.0)
        self.mc = Session(Role.MC, window=window, timing=timing, now=0.0)

    def to_mc(self, data: bytes) -> list[Event]:
        return self._pass(data, self.mc, self.esme)

    def to_esme(self, data: bytes) -> list[Event]:
        return self._pass(data, self.esme, self.mc)

    def bound(self, name: str = "bind_transceiver") -> Link:
        (event,) = self.to_mc(self.esme.bind(sample(name)))
        self.to_esme(self.mc.accept_bind(event.pdu, "smppgw"))
        return self

    def _pass(self, data: bytes, to: Session, back: Session) -> list[Event]:
        events = to.receive(data, self.now)
        own = to.take_output()
        if own:
            back.receive(own, self.now)
        return events
