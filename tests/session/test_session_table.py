"""The whole matrix: every command, in every state, in both directions, against a typed table."""

from __future__ import annotations

import pytest
from session_kit import REQUESTS, RESPONSES, octets, sample, session_in, split

from smppgw.smpp import wire
from smppgw.smpp.session import (
    LEGAL,
    BindRequest,
    Close,
    Late,
    LocalError,
    PeerUnbind,
    Refused,
    Request,
    Role,
    State,
)

# Typed from SMPP 5.0 section 2.4: who may send. E = ESME, M = message centre, B = both.
TABLE = """
                     OPEN  OUTBOUND  BOUND_TX  BOUND_RX  BOUND_TRX  UNBOUND  CLOSED
bind_receiver         E       E         -         -          -         -       -
bind_transmitter      E       E         -         -          -         -       -
bind_transceiver      E       E         -         -          -         -       -
outbind               M       -         -         -          -         -       -
enquire_link          B       B         B         B          B         B       -
unbind                -       -         B         B          B         -       -
submit_sm             -       -         E         -          E         -       -
submit_multi          -       -         E         -          E         -       -
query_sm              -       -         E         -          E         -       -
cancel_sm             -       -         E         -          E         -       -
replace_sm            -       -         E         -          E         -       -
broadcast_sm          -       -         E         -          E         -       -
query_broadcast_sm    -       -         E         -          E         -       -
cancel_broadcast_sm   -       -         E         -          E         -       -
data_sm               -       -         E         M          B         -       -
deliver_sm            -       -         -         M          M         -       -
alert_notification    -       -         -         M          M         -       -
"""
HEAD, *ROWS = [line.split() for line in TABLE.strip().splitlines()]
SENDERS = {
    (row[0], State[state]): row[position]
    for row in ROWS
    for position, state in enumerate(HEAD, start=1)
}
LETTER = {Role.ESME: "E", Role.MC: "M"}
CELLS = [
    pytest.param(role, state, name, id=f"{role.value}-{state.value}-{name}")
    for role in Role
    for state in State
    for name in REQUESTS
]
BOUND = (State.BOUND_TX, State.BOUND_RX, State.BOUND_TRX)
NO_RESPONSE = ("outbind", "alert_notification")


def may(sender: Role, state: State, name: str) -> bool:
    return SENDERS[name, state] in (LETTER[sender], "B")


def test_the_table_names_every_request_and_every_state() -> None:
    assert {row[0] for row in ROWS} == set(REQUESTS)
    assert [state.value for state in State] == HEAD


@pytest.mark.parametrize(("role", "state", "name"), CELLS)
def test_the_code_has_the_same_table(role: Role, state: State, name: str) -> None:
    assert (REQUESTS[name]().command_id in LEGAL[role, state]) == may(role, state, name)


@pytest.mark.parametrize(("role", "state", "name"), CELLS)
def test_what_the_peer_sends(role: Role, state: State, name: str) -> None:
    session = session_in(role, state)
    events = session.receive(octets(name, 0xFFFFFFF0), 1.0)
    output = split(session.take_output())
    command_id = REQUESTS[name]().command_id
    if state is State.CLOSED:
        assert (events, output) == ([], [])
    elif not may(role.peer, state, name):
        bound_twice = name.startswith("bind_") and role is Role.MC and state in BOUND
        status = 0x05 if bound_twice else 0x04
        assert events[0] == Refused(command_id, status)
        answer = 0x80000000 if name in NO_RESPONSE else command_id | 0x80000000
        assert [(pdu.command_id, pdu.command_status) for pdu in output] == [(answer, status)]
        assert output[0].sequence_number == 0xFFFFFFF0
        closes = name == "unbind" and state is not State.UNBOUND
        assert [type(event) for event in events[1:]] == [Close] * closes
        assert closes or session.state is state
    elif name == "enquire_link":
        assert events == []
        assert output == [wire.EnquireLinkResp(sequence_number=0xFFFFFFF0)]
    elif name == "unbind":
        assert [type(event) for event in events] == [PeerUnbind, Close]
        assert output == [wire.UnbindResp(sequence_number=0xFFFFFFF0)]
    elif name.startswith("bind_"):
        assert events == [BindRequest(sample(name, 0xFFFFFFF0))]
        assert session.holding
        assert output == []
    else:
        assert events == [Request(sample(name, 0xFFFFFFF0))]
        assert output == []
        assert session.owed == (name not in NO_RESPONSE) + (state is State.UNBOUND)
        assert session.state is (State.OUTBOUND if name == "outbind" else state)


@pytest.mark.parametrize(("role", "state", "name"), CELLS)
def test_what_we_request(role: Role, state: State, name: str) -> None:
    session = session_in(role, state)
    early = name == "enquire_link" and state not in BOUND
    guided = name.startswith("bind_") or name == "unbind"
    pdu = sample(name, 0)
    if may(role, state, name) and not early and not guided:
        before = session.in_flight
        assert split(session.request(pdu, 1.0)) == [pdu]
        assert pdu.sequence_number > 0
        assert session.in_flight == before + (name not in NO_RESPONSE)
    else:
        with pytest.raises(LocalError):
            session.request(pdu, 1.0)
        assert session.in_flight == 0
        assert session.state is state


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("role", list(Role))
def test_binding_and_unbinding_have_their_own_methods(role: Role, state: State) -> None:
    for name in ("bind_receiver", "bind_transmitter", "bind_transceiver"):
        session = session_in(role, state)
        if may(role, state, name):
            assert split(session.bind(sample(name)))[0].command_id == REQUESTS[name]().command_id
        else:
            with pytest.raises(LocalError):
                session.bind(sample(name))
    session = session_in(role, state)
    if may(role, state, "unbind"):
        assert split(session.unbind(1.0))[0].command_id == 0x06
    else:
        with pytest.raises(LocalError):
            session.unbind(1.0)


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_bind_takes_nothing_but_binds(name: str) -> None:
    if name.startswith("bind_"):
        return
    with pytest.raises(LocalError):
        session_in(Role.ESME, State.OPEN).bind(sample(name))


@pytest.mark.parametrize("kind", RESPONSES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("role", list(Role))
def test_a_response_is_never_answered_and_never_refused(
    role: Role, state: State, kind: type[wire.PDU]
) -> None:
    session = session_in(role, state)
    pdu = kind(sequence_number=4711, command_status=8)
    events = session.receive(wire.encode(pdu), 1.0)
    assert [type(event) for event in events] == [Late] * (state is not State.CLOSED)
    assert session.take_output() == b""
    assert session.state is state


@pytest.mark.parametrize("kind", RESPONSES, ids=lambda kind: kind.__name__)
def test_responses_are_not_requested_and_requests_do_not_respond(kind: type[wire.PDU]) -> None:
    session = session_in(Role.MC, State.BOUND_TRX)
    with pytest.raises(LocalError):
        session.request(kind(), 0.0)
    assert session.respond(kind(sequence_number=9)) == wire.encode(kind(sequence_number=9))


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_a_request_cannot_be_a_response(name: str) -> None:
    with pytest.raises(LocalError):
        session_in(Role.MC, State.BOUND_TRX).respond(sample(name))
