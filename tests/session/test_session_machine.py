"""Random stories: two linked sessions, any command, any split, any time; and plain noise."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from session_kit import BINDS, REQUESTS, RESPONSES, TIMING, octets, sample, session_in

from smppgw.smpp import wire
from smppgw.smpp.session import (
    LEGAL,
    BindAnswer,
    BindRequest,
    Close,
    Expired,
    Late,
    LocalError,
    PeerUnbind,
    Refused,
    Request,
    Response,
    Role,
    Session,
    State,
)

SIDES = st.sampled_from(list(Role))
NAMES = st.sampled_from(sorted(REQUESTS))
HANDED = st.sampled_from(("submit_sm", "deliver_sm", "data_sm", "query_sm"))
BOUND = (State.BOUND_TX, State.BOUND_RX, State.BOUND_TRX)


class TwoEnds(RuleBasedStateMachine):
    """Nothing asked is ever lost, answered twice or reordered, whatever is tried."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.ends = {
            role: Session(role, window=3, timing=TIMING, now=0.0, first_sequence=0x7FFFFFFC)
            for role in Role
        }
        self.pipes = {role: bytearray() for role in Role}  # what travels to that role
        self.open: dict[Role, list[int]] = {role: [] for role in Role}
        self.owed: dict[Role, list[wire.PDU]] = {role: [] for role in Role}
        self.asked_binds: list[wire.Bind] = []
        self.over: set[Role] = set()
        self.sent: dict[Role, list[int]] = {role: [] for role in Role}
        self.seen: dict[Role, list[int]] = {role: [] for role in Role}
        self.counter = 0

    def write(self, role: Role, data: bytes) -> None:
        assert role not in self.over or data == b""
        self.pipes[role.peer] += data

    def take(self, role: Role, events: list[object]) -> None:
        for event in events[:-1]:
            assert not isinstance(event, Close)
        for event in events:
            self.take_one(role, event)
        if role not in self.over:
            self.write(role, self.ends[role].take_output())

    def take_one(self, role: Role, event: object) -> None:
        session = self.ends[role]
        match event:
            case Request(pdu):
                self.seen[role].append(pdu.command_id)
                if pdu.response is not None:
                    self.owed[role].append(pdu)
            case Response(_, context, sent_at):
                self.open[role].remove(context)
                assert sent_at <= self.now
            case Expired(pending):
                contexts = [waiting.context for waiting in pending]
                assert contexts == self.open[role][: len(contexts)]
                del self.open[role][: len(contexts)]
            case BindRequest(pdu):
                assert role is Role.MC
                self.asked_binds.append(pdu)
            case BindAnswer(pdu):
                assert role is Role.ESME
                assert (pdu.command_status == 0) == (session.state in (*BOUND, State.UNBOUND))
            case Close():
                self.write(role, session.take_output())
                self.over.add(role)
                if role is Role.MC:
                    self.asked_binds.clear()
            case _:
                assert isinstance(event, Refused | PeerUnbind | Late)

    @initialize(name=st.sampled_from([*sorted(BINDS.values()), "bind_transceiver", ""]))
    def start(self, name: str) -> None:
        if name:
            self.bind(name)
            self.deliver(Role.MC, 1000)
            self.judge(True)
            self.deliver(Role.ESME, 1000)
            assert self.ends[Role.ESME].state is self.ends[Role.MC].state is not State.OPEN

    @rule(name=st.sampled_from(sorted(BINDS.values())))
    def bind(self, name: str) -> None:
        session = self.ends[Role.ESME]
        try:
            self.write(Role.ESME, session.bind(sample(name)))
        except LocalError:
            assert session._window.own or session.state not in (State.OPEN, State.OUTBOUND)

    @precondition(lambda self: self.asked_binds)
    @rule(accepted=st.booleans())
    def judge(self, accepted: bool) -> None:
        session = self.ends[Role.MC]
        pdu = self.asked_binds.pop()
        if accepted:
            self.write(Role.MC, session.accept_bind(pdu, "mc"))
        else:
            self.write(Role.MC, session.refuse_bind(pdu, 0x0E))
        self.take(Role.MC, session.receive(b"", self.now))

    @rule(role=SIDES, name=HANDED, times=st.integers(1, 4))
    def work(self, role: Role, name: str, times: int) -> None:
        """What sessions mostly do, so that the stories do not end before they begin."""
        for _ in range(times):
            self.request(role, name, False)
        self.deliver(role.peer, 100_000)
        while self.owed[role.peer] and role.peer not in self.over:
            self.respond(role.peer, 0, None)
        self.deliver(role, 100_000)

    @rule(role=SIDES, name=NAMES, raw=st.booleans())
    def request(self, role: Role, name: str, raw: bool) -> None:
        session = self.ends[role]
        self.counter += 1
        pdu: wire.PDU | wire.RawPdu = sample(name)
        if raw:
            pdu = wire.RawPdu(pdu.command_id, wire.body_of(pdu))
        room = session.room
        legal = pdu.command_id in LEGAL[role, session.state]
        try:
            data = session.request(pdu, self.now, self.counter)
        except LocalError:
            guided = name.startswith("bind_") or name in ("unbind", "enquire_link")
            assert not legal or guided or room == 0
            return
        assert legal
        assert 1 <= pdu.sequence_number <= 0x7FFFFFFF
        if name not in ("outbind", "alert_notification"):
            assert room > 0
            self.open[role].append(self.counter)
        if name != "enquire_link":
            self.sent[role].append(pdu.command_id)
        self.write(role, data)

    @precondition(lambda self: any(self.owed.values()))
    @rule(role=SIDES, position=st.integers(0, 5), kind=st.sampled_from((*RESPONSES, None)))
    def respond(self, role: Role, position: int, kind: type[wire.PDU] | None) -> None:
        if not self.owed[role] or role in self.over:
            return
        pdu = self.owed[role].pop(position % len(self.owed[role]))
        answer = (kind or pdu.response)(sequence_number=pdu.sequence_number)
        self.write(role, self.ends[role].respond(answer))

    @rule(role=SIDES, size=st.one_of(st.integers(1, 40), st.just(100_000)))
    def deliver(self, role: Role, size: int) -> None:
        session, pipe = self.ends[role], self.pipes[role]
        data = bytes(pipe[:size])
        del pipe[:size]
        if role not in self.over:
            self.take(role, session.receive(data, self.now))

    @rule(role=SIDES, really=st.integers(0, 5))
    def unbind(self, role: Role, really: int) -> None:
        if really:
            return
        try:
            self.write(role, self.ends[role].unbind(self.now))
        except LocalError:
            assert self.ends[role].state not in BOUND or self.ends[role].room == 0

    @rule(step=st.sampled_from((0.0, 0.5, 0.5, 2.0, 4.0, 31.0)))
    def wait(self, step: float) -> None:
        self.now += step
        for role, session in self.ends.items():
            events = session.tick(self.now)
            self.take(role, events)
            assert session.tick(self.now) == []
            assert session.next_deadline() > self.now

    @invariant()
    def books_balance(self) -> None:
        for role, session in self.ends.items():
            assert session.in_flight == len(self.open[role])
            assert session.in_flight <= session.window
            if session.state in BOUND:
                assert session.owed == len(self.owed[role])
            sent, seen = self.sent[role], self.seen[role.peer]
            # In order, and nothing invented; what was refused or is on its way is missing.
            remaining = iter(sent)
            assert all(command_id in remaining for command_id in seen)

    def teardown(self) -> None:
        for role, session in self.ends.items():
            assert [pending.context for pending in session.close()] == self.open[role]


TestTwoEnds = TwoEnds.TestCase
TestTwoEnds.settings = settings(max_examples=120, stateful_step_count=60, deadline=None)

PIECES = st.one_of(
    NAMES.map(lambda name: octets(name, 9)),
    st.builds(
        lambda kind, number, status: wire.encode(
            kind(sequence_number=number, command_status=status)
        ),
        st.sampled_from(RESPONSES),
        st.integers(0, 4),
        st.sampled_from((0, 8, 0x422)),
    ),
    st.builds(
        wire.frame,
        st.sampled_from([*(int(c) for c in wire.CommandId), 0x22, 0x80000022]),
        st.just(0),
        st.integers(0, 0xFFFFFFFF),
        st.binary(max_size=40),
    ),
    st.binary(max_size=30),
)


@settings(deadline=None, max_examples=300)
@given(
    role=SIDES,
    state=st.sampled_from(list(State)),
    pieces=st.lists(PIECES, max_size=12),
    cuts=st.lists(st.integers(1, 50), min_size=1, max_size=20),
)
def test_noise_never_raises_and_the_split_does_not_matter(
    role: Role, state: State, pieces: list[bytes], cuts: list[int]
) -> None:
    stream = b"".join(pieces)
    asks = "submit_sm" if role is Role.ESME else "deliver_sm"

    def story(parts: list[bytes]) -> tuple[object, ...]:
        session = session_in(role, state)
        if wire.CommandId[asks] in session._requestable:
            session.request(sample(asks), 0.0, "mine")
        events: list[object] = []
        output = b""
        for part in parts:
            new = session.receive(part, 1.0)
            while session.holding:
                assert isinstance(new[-1], BindRequest)
                events += new
                output += session.take_output()
                output += session.refuse_bind(new[-1].pdu, 0x0E)
                new = session.receive(b"", 1.0)
            events += new
            output += session.take_output()
        # The number in the nack of a bad length is 0 if it had not arrived, and a response behind
        # the end may come before or after Close: nothing else may differ.
        closed = [event.reason for event in events if isinstance(event, Close)]
        if closed == ["command_length out of bounds"]:
            output = output[:-4]
        shown = [repr(event) for event in events if not isinstance(event, Close)]
        return shown, closed, output, session.state, len(session.close())

    parts: list[bytes] = []
    start = 0
    while start < len(stream):
        size = cuts[len(parts) % len(cuts)]
        parts.append(stream[start : start + size])
        start += size
    assert story(parts) == story([stream])
