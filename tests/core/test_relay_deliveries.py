"""Deliveries to ESMEs: in order, on whichever bind receives, answered or given again."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from relay_kit import GATEWAY, TestEsme, World, account
from relay_peers import (
    ScriptedCarrier,
    by_text,
    counting,
    mo,
    rows,
    scripted,
    texts,
    waiting_deliveries,
)

from smppgw.core import account as account_module
from smppgw.core.settings import NumberSettings
from smppgw.smpp import wire

NUMBERS = (NumberSettings(address="38100", account="esme"),)
TEMPORARY = (0x64, 0x08, 0x14, 0x58)


def start(directory: Path, **fields) -> tuple[World, ScriptedCarrier]:
    """A gateway with one account that owns the number 38100."""
    fields.setdefault("delivery_retry", 5.0)
    return scripted(
        directory, ids=counting(), accounts=(account("esme", **fields),), numbers=NUMBERS
    )


def send(remote: ScriptedCarrier, first: int, last: int) -> list[bytes]:
    """MOs numbered first..last, all taken by the gateway; their texts."""
    words = [b"%05d" % n for n in range(first, last + 1)]
    for sent in remote.send(*(mo(word) for word in words)):
        assert sent.status == 0
    return words


def respond(esme: TestEsme, delivered: wire.DeliverSm, status: int = 0) -> None:
    """Answer a deliver_sm late."""
    assert esme.protocol is not None
    answer = wire.DeliverSmResp(sequence_number=delivered.sequence_number, command_status=status)
    esme.protocol.send_now(esme.session.respond(answer))


# ---------------------------------------------------------------------- which bind


def test_only_receiving_binds_get_deliveries(tmp_path: Path) -> None:
    world, remote = start(tmp_path)
    sender = world.esme(kind=wire.BindTransmitter)
    words = send(remote, 1, 3)
    world.settle(2)
    assert sender.delivered == []
    assert waiting_deliveries(world) == 3
    receiver = world.esme(kind=wire.BindReceiver)
    assert texts(receiver.delivered) == words
    receiver.unbind()
    world.settle()
    more = send(remote, 4, 6)
    assert len(receiver.delivered) == 3
    transceiver = world.esme()
    assert texts(transceiver.delivered) == more
    assert sender.delivered == []
    assert waiting_deliveries(world) == 0
    assert world.relay.accounts["esme"].spooled == 0


def test_several_binds_share(tmp_path: Path) -> None:
    world, remote = start(tmp_path, delivery_window=2)
    binds = [world.esme(kind=wire.BindReceiver), world.esme(), world.esme(kind=wire.BindReceiver)]
    for bind in binds:
        bind.answer = None
    words = send(remote, 1, 20)
    assert [len(bind.delivered) for bind in binds] == [2, 2, 2]
    assert sorted(word for bind in binds for word in texts(bind.delivered)) == words[:6]
    for bind in binds:
        bind.answer = 0
        for delivered in list(bind.delivered):
            respond(bind, delivered)
    world.settle()
    assert sorted(word for bind in binds for word in texts(bind.delivered)) == words
    assert all(len(bind.delivered) >= 5 for bind in binds)


def test_accounts_do_not_get_each_other_s(tmp_path: Path) -> None:
    world, remote = scripted(
        tmp_path,
        accounts=(account("esme"), account("other")),
        numbers=(*NUMBERS, NumberSettings(address="38200", account="other")),
    )
    remote.send(mo(b"1"), mo(b"2", "38200"), mo(b"3"))
    other = world.esme("other")
    assert texts(other.delivered) == [b"2"]
    assert texts(world.esme().delivered) == [b"1", b"3"]
    assert len(other.delivered) == 1


# ---------------------------------------------------------------------- window


@pytest.mark.parametrize("window", [1, 3, 10])
def test_the_window_is_respected_and_moves_by_answers(tmp_path: Path, window: int) -> None:
    world, remote = start(tmp_path, delivery_window=window)
    esme = world.esme()
    esme.answer = None
    words = send(remote, 1, 30)
    answered = 0
    while answered < len(words):
        assert texts(esme.delivered) == words[: answered + window]
        respond(esme, esme.delivered[answered])
        answered += 1
        world.settle()
    assert texts(esme.delivered) == words


def test_an_answer_given_twice_counts_once(tmp_path: Path) -> None:
    world, remote = start(tmp_path, delivery_window=2)
    esme = world.esme()
    esme.answer = None
    words = send(remote, 1, 10)
    first = esme.delivered[0]
    assert esme.protocol is not None
    answer = wire.encode(wire.DeliverSmResp(sequence_number=first.sequence_number))
    esme.protocol.send_now(answer + answer + answer)
    world.settle()
    assert texts(esme.delivered) == words[:3], "one place became free, not three"
    assert world.relay.accounts["esme"].spooled == 9
    assert len(world.relay.accounts["esme"].binds) == 1
    # An answer to what was never sent, likewise.
    esme.protocol.send_now(wire.encode(wire.DeliverSmResp(sequence_number=77)))
    world.settle()
    assert len(esme.delivered) == 3


def test_answers_in_any_order_and_shape(tmp_path: Path) -> None:
    """Peers send deliver_sm_resp with an id, with a NUL, without anything."""
    world, remote = start(tmp_path, delivery_window=4)
    esme = world.esme()
    esme.answer = None
    words = send(remote, 1, 8)
    assert esme.protocol is not None
    bodies = [b"", b"\0", b"id-1\0", b"no NUL"]
    for delivered, body in zip(reversed(esme.delivered[:4]), bodies, strict=True):
        esme.protocol.send_now(wire.frame(0x80000005, 0, delivered.sequence_number, body))
    world.settle()
    assert texts(esme.delivered) == words
    assert waiting_deliveries(world) == 4


# ---------------------------------------------------------------------- refusals


@pytest.mark.parametrize("status", TEMPORARY)
def test_a_temporary_refusal_is_tried_again_in_order(tmp_path: Path, status: int) -> None:
    world, remote = start(tmp_path, delivery_window=4, delivery_retry=5.0)
    esme = world.esme()
    esme.answer = status
    words = send(remote, 1, 10)
    assert texts(esme.delivered) == words[:4]
    world.settle(4)
    assert len(esme.delivered) == 4, "not before delivery_retry"
    assert world.relay.accounts["esme"].last_refusal == status
    world.settle(3)
    assert texts(esme.delivered) == words[:4] * 2
    esme.answer = 0
    world.settle(8)
    assert texts(esme.delivered) == words[:4] * 2 + words
    assert waiting_deliveries(world) == 0


def test_one_temporary_refusal_among_answers(tmp_path: Path) -> None:
    world, remote = start(tmp_path, delivery_window=3)
    esme = world.esme()
    esme.answer = None
    words = send(remote, 1, 6)
    respond(esme, esme.delivered[1], 0x64)
    respond(esme, esme.delivered[0], 0x64)
    respond(esme, esme.delivered[2])
    esme.answer = 0
    world.settle(7)
    assert texts(esme.delivered) == [*words[:3], words[0], words[1], *words[3:]]


def test_a_temporary_refusal_of_a_receipt_leaves_its_message_alone(tmp_path: Path) -> None:
    world, remote = start(tmp_path)
    esme = world.esme()
    sequence = esme.submit(registered_delivery=1)
    world.settle()
    esme.answer = 0x64
    remote.receipt(remote.given[0])
    world.settle(1)
    assert world.message(esme.id_of(sequence)).receipt_to == ""
    esme.answer = 0
    world.settle(8)
    assert world.message(esme.id_of(sequence)).receipt_to == "esme#1 sequence 2"


@pytest.mark.parametrize("status", [0x65, 0x66, 0x01, 0x0B, 0x45, 0x421])
def test_a_refusal_for_good_is_not_tried_again(tmp_path: Path, status: int) -> None:
    world, remote = start(tmp_path)
    esme = world.esme()
    sequence = esme.submit(registered_delivery=1)
    world.settle()
    esme.answer = status
    words = send(remote, 1, 3)
    remote.receipt(remote.given[0])
    world.settle(20)
    assert texts(esme.delivered)[:3] == words
    assert len(esme.delivered) == 4
    assert waiting_deliveries(world) == 0
    assert world.relay.accounts["esme"].spooled == 0
    taker = world.message(esme.id_of(sequence)).receipt_to
    assert taker == f"refused by esme#1: {wire.status_name(status)}"
    esme.answer = 0
    more = send(remote, 4, 4)
    assert texts(esme.delivered)[4:] == more


def test_a_generic_nack_is_a_refusal(tmp_path: Path) -> None:
    world, remote = start(tmp_path)
    esme = world.esme()
    esme.answer = None
    send(remote, 1, 2)
    assert esme.protocol is not None
    for delivered, status in zip(esme.delivered, (0x03, 0), strict=True):
        esme.protocol.send_now(wire.header(0x80000000, status, delivered.sequence_number))
    world.settle(1)
    assert waiting_deliveries(world) == 0
    esme.answer = 0
    send(remote, 3, 3)
    assert len(esme.delivered) == 3


# ---------------------------------------------------------------------- silence


def test_what_is_never_answered_is_given_again(tmp_path: Path) -> None:
    world, remote = start(tmp_path, delivery_window=3)
    esme = world.esme()
    esme.answer = None
    words = send(remote, 1, 5)
    world.settle(59)
    assert texts(esme.delivered) == words[:3]
    world.settle(8)
    assert texts(esme.delivered) == words[:3] * 2
    late = esme.delivered[0]
    respond(esme, late)
    world.settle()
    assert waiting_deliveries(world) == 5, "too late: nobody can tell what was meant"
    esme.answer = 0
    world.settle(70)
    assert texts(esme.delivered) == words[:3] * 2 + words
    assert waiting_deliveries(world) == 0


def test_an_esme_that_never_reads_slows_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_module, "HEAD", 50)
    monkeypatch.setattr(account_module, "LOAD", 20)
    world, remote = scripted(
        tmp_path,
        accounts=(account("esme", delivery_window=5), account("other", delivery_window=5)),
        numbers=(*NUMBERS, NumberSettings(address="38200", account="other")),
    )
    deaf, other = world.esme(), world.esme("other")
    deaf_wire = next(w for w in world.network.wires if w.client.protocol is deaf.protocol)
    deaf_wire.server.stall()
    for n in range(40):
        for sent in remote.send(
            *(
                mo(b"%d" % m, number)
                for m in range(n * 10, n * 10 + 10)
                for number in ("38100", "38200")
            )
        ):
            assert sent.status == 0
    assert texts(other.delivered) == [b"%d" % n for n in range(400)]
    assert deaf.delivered == []
    account_of = world.relay.accounts["esme"]
    assert account_of.spooled == 400
    assert len(account_of._head) <= 50 + 5
    assert waiting_deliveries(world) == 400
    deaf_wire.cut()
    again = world.esme()
    world.settle(3)
    assert texts(again.delivered) == [b"%d" % n for n in range(400)]


# ---------------------------------------------------------------------- binds that come and go


@pytest.mark.parametrize("end", ["disconnect", "unbind"])
def test_an_end_in_the_middle_loses_nothing(tmp_path: Path, end: str) -> None:
    world, remote = start(tmp_path, delivery_window=4)
    esme = world.esme()
    esme.answer = None
    words = send(remote, 1, 10)
    respond(esme, esme.delivered[0])
    respond(esme, esme.delivered[2])
    world.settle()
    assert texts(esme.delivered) == words[:6]
    getattr(esme, end)()
    world.settle(1)
    again = world.esme()
    taken = {words[0], words[2]}
    assert texts(again.delivered) == [word for word in words if word not in taken]
    assert waiting_deliveries(world) == 0


def test_the_end_of_each_of_several_binds_keeps_the_order(tmp_path: Path) -> None:
    world, remote = start(tmp_path, delivery_window=2)
    binds = [world.esme() for _ in range(3)]
    for bind in binds:
        bind.answer = None
    words = send(remote, 1, 9)
    for bind in binds:
        bind.disconnect()
        world.settle()
    again = world.esme()
    assert texts(again.delivered) == words


def test_another_bind_takes_over_at_once(tmp_path: Path) -> None:
    world, remote = start(tmp_path, delivery_window=5)
    first, second = world.esme(), world.esme()
    first.answer = None
    words = send(remote, 1, 20)
    first.disconnect()
    world.settle()
    assert set(texts(second.delivered)) >= set(words) - {words[0]}
    assert waiting_deliveries(world) == 0


def test_an_unbind_while_the_commit_is_under_way(tmp_path: Path) -> None:
    world, remote = start(tmp_path)
    esme = world.esme()
    world.sync.stuck = True
    sent = remote.send(*(mo(b"%d" % n) for n in range(3)))
    esme.unbind()
    world.settle()
    world.sync.go_on()
    world.settle(1)
    assert [one.status for one in sent] == [0, 0, 0]
    assert esme.delivered == []
    again = world.esme()
    assert texts(again.delivered) == [b"0", b"1", b"2"]
    assert world.relay.accounts["esme"].spooled == 0


def test_a_disconnect_while_the_commit_is_under_way(tmp_path: Path) -> None:
    world, remote = start(tmp_path)
    esme = world.esme()
    world.sync.stuck = True
    remote.send(*(mo(b"%d" % n) for n in range(3)))
    esme.disconnect()
    world.settle()
    again = world.esme()
    world.sync.go_on()
    world.settle(1)
    assert texts(again.delivered) == [b"0", b"1", b"2"]


def test_closing_a_bind_that_does_not_answer_the_unbind(tmp_path: Path) -> None:
    """Nothing is launched to it meanwhile, over and over."""
    world, remote = start(tmp_path)
    esme = world.esme()
    deaf_wire = next(w for w in world.network.wires if w.client.protocol is esme.protocol)
    deaf_wire.client.stall()
    (bind,) = world.relay.accounts["esme"].binds
    bind.close("test")
    commits = world.store.commits
    words = send(remote, 1, 3)
    world.settle(5)
    assert world.store.commits - commits < 20
    assert not world.relay.accounts["esme"].receiving
    world.settle(40)
    again = world.esme()
    assert texts(again.delivered) == words


def test_a_bind_taken_over_by_a_probe_still_delivers(tmp_path: Path) -> None:
    """Our enquire_link is unanswered beside deliveries when the connection breaks."""
    world, remote = start(tmp_path, binds=1)
    esme = world.esme()
    esme.answer = None
    deaf_wire = next(w for w in world.network.wires if w.client.protocol is esme.protocol)
    words = send(remote, 1, 3)
    deaf_wire.client.stall()
    refused = world.esme()
    assert refused.bind_status == 0x0D
    deaf_wire.cut()
    world.settle()
    again = world.esme()
    assert texts(again.delivered) == words


def test_deliveries_that_leave_are_durable_first(tmp_path: Path) -> None:
    world, remote = start(tmp_path)
    esme = world.esme()
    world.sync.stuck = True
    (sent,) = remote.send(mo(b"hello"))
    world.settle(2)
    assert (sent.status, esme.delivered) == (None, [])
    world.sync.go_on()
    world.settle()
    assert (sent.status, texts(esme.delivered)) == (0, [b"hello"])


def test_mos_and_receipts_keep_their_common_order(tmp_path: Path) -> None:
    world, remote = start(tmp_path, delivery_window=1)
    esme = world.esme(kind=wire.BindTransmitter)
    for n in range(5):
        esme.submit(f"3360000000{n}", registered_delivery=1)
    world.settle()
    expected = []
    for n, remote_id in enumerate(remote.given):
        remote.send(mo(b"mo-%d" % n), by_text(remote_id))
        expected += [b"mo-%d" % n, b"id:"]
    receiver = world.esme(kind=wire.BindReceiver)
    world.settle(1)
    got = [
        pdu.short_message[:3] if pdu.esm_class else pdu.short_message for pdu in receiver.delivered
    ]
    assert got == expected
    assert [bool(pdu.esm_class) for pdu in receiver.delivered] == [False, True] * 5


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("send"), st.integers(1, 6)),
            st.tuples(st.just("bind"), st.sampled_from([wire.BindReceiver, wire.BindTransceiver])),
            st.tuples(st.just("answer"), st.sampled_from([0, 0, 0x64, None])),
            st.tuples(st.just("disconnect"), st.integers(0, 3)),
            st.tuples(st.just("crash"), st.none()),
            st.tuples(st.just("wait"), st.sampled_from([0.5, 6.0, 40.0])),
        ),
        max_size=14,
    )
)
def test_whatever_happens_everything_arrives_in_order(
    tmp_path_factory: pytest.TempPathFactory, steps: list
) -> None:
    """One bind at a time, so that order can be seen; first sights are in order, nothing is lost."""
    patch = pytest.MonkeyPatch()
    patch.setattr(account_module, "HEAD", 6)
    patch.setattr(account_module, "LOAD", 3)
    try:
        world, remote = start(
            tmp_path_factory.mktemp("any"), delivery_window=3, delivery_retry=2.0, binds=8
        )
        esmes: list[TestEsme] = []
        words: list[bytes] = []
        answer: int | None = 0

        def bind(kind: type[wire.Bind]) -> None:
            if esmes and esmes[-1].protocol is not None:
                esmes[-1].disconnect()
                world.settle()
            esme = TestEsme(world, "esme", kind)
            esme.answer = answer
            esmes.append(esme)
            world.network.connect(GATEWAY, esme.session, esme)
            world.settle()

        for what, value in steps:
            if what == "send":
                words += send(remote, len(words) + 1, len(words) + value)
            elif what == "bind":
                bind(value)
            elif what == "answer":
                answer = value
                if esmes:
                    esmes[-1].answer = answer
            elif what == "disconnect":
                if esmes and esmes[-1].protocol is not None:
                    esmes[-1].disconnect()
                    world.settle()
            elif what == "crash":
                world.settle(0.1)
                world.crash()
                world.settle(2)
            else:
                world.settle(value)
        answer = 0
        bind(wire.BindTransceiver)
        world.settle(90)
        got = [text for esme in esmes for text in texts(esme.delivered)]
        assert list(dict.fromkeys(got)) == words
        assert world.relay.accounts["esme"].spooled == 0
        assert rows(world, "SELECT count(*) FROM delivery") == [(0,)]
    finally:
        patch.undo()
        world.network.cut()
        world.engine.close()
