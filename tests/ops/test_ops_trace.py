"""A bind watched: every PDU in words, through reconnections, bounded, and nobody is harmed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from attrs import evolve
from log_kit import captured
from relay_kit import World, account, carrier
from twisted.internet.defer import Deferred

from smppgw.core.reload import Reload
from smppgw.core.settings import RouteSettings
from smppgw.ops import trace
from smppgw.ops.trace import Trace, UnknownBind, find
from smppgw.simulator.behaviour import Behaviour
from smppgw.smpp import wire

PHONE = "33612345678"
TEXT = b"a secret"
LINE = re.compile(r"(?:-- )?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (?:(?:<-|->) )?\w")


class Onlooker:
    """Keeps what it is shown."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.ended: list[str] = []
        self.fails = False
        self.stop: Callable[[], None] = lambda: None

    def emit(self, lines: Sequence[str]) -> None:
        if self.fails:
            raise ConnectionError("gone")
        self.lines += lines

    def watch(self, trace: Trace) -> Onlooker:
        self.stop = trace.begin(self.emit, self.ended.append)
        return self

    def about(self, *words: str) -> list[str]:
        return [line for line in self.lines if all(word in line for word in words)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(
        tmp_path / "var",
        carriers=(carrier("a", window=100), carrier("b", port=2791, binds=2)),
        accounts=(account("esme", binds=3), account("other")),
        routes=(RouteSettings(carriers=(("a",),)),),
        behaviours={"a": Behaviour(receipt_delay=0.5)},
    )


def pending(world: World) -> int:
    """Delayed calls of traces."""
    return sum(
        "trace" in str(getattr(call.func, "__module__", ""))
        or "ops" in str(getattr(getattr(call.func, "__self__", None), "__module__", ""))
        for call in world.clock.getDelayedCalls()
    )


# ---------------------------------------------------------------------- which bind


def test_binds_are_found_by_name(world: World) -> None:
    esme = world.esme()
    assert esme.bind_status == 0
    (bind,) = world.relay.accounts["esme"].binds
    assert find(world.relay, "esme#1") is bind
    assert find(world.relay, "esme") is bind
    assert find(world.relay, "a") is find(world.relay, "a#1")
    assert find(world.relay, "carrier:b#2").name == "b#2"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("esme#7", "no bind esme#7; did you mean esme#1?"),
        ("b", "b can be carrier:b#1, carrier:b#2: say which"),
        ("zzz", "no bind zzz; there are a#1, b#1, b#2, esme#1"),
        ("x\n\x1b[2J", "no bind x\\n\\x1b[2J; there are a#1, b#1, b#2, esme#1"),
    ],
)
def test_what_is_none_is_said_with_what_there_is(world: World, name: str, says: str) -> None:
    world.esme()
    with pytest.raises(UnknownBind) as raised:
        Trace(world.relay, name)
    assert str(raised.value) == says


def test_there_may_be_none_at_all(tmp_path: Path) -> None:
    world = World(tmp_path / "var", carriers=())
    with pytest.raises(LookupError, match="no bind a; there is none now"):
        Trace(world.relay, "a")


def test_an_account_and_a_carrier_of_one_name(tmp_path: Path) -> None:
    world = World(tmp_path / "var", accounts=(account("a"),))
    world.esme("a")
    with pytest.raises(UnknownBind, match="a#1 can be account:a#1, carrier:a#1: say which"):
        Trace(world.relay, "a#1")
    assert find(world.relay, "account:a#1") is world.relay.accounts["a"].binds[0]


# ---------------------------------------------------------------------- what is seen


def test_a_message_and_its_receipt_at_the_account(world: World) -> None:
    esme = world.esme()
    seen = Onlooker().watch(Trace(world.relay, "esme#1"))
    esme.submit(PHONE, TEXT, registered_delivery=1)
    world.settle(3)
    kinds = [line.split()[1:3] for line in seen.lines]
    assert kinds == [
        ["<-", "submit_sm"],
        ["->", "submit_sm_resp"],
        ["->", "deliver_sm"],
        ["<-", "deliver_sm_resp"],
    ]
    assert all(LINE.match(line) for line in seen.lines)
    assert "destination_addr=+3361234**** (ton 1 npi 1)" in seen.lines[0]
    assert "short_message=<8 octets>" in seen.lines[0]
    assert "ESME_ROK message_id=0" in seen.lines[1]
    assert "stat=DELIVRD err=000" in seen.lines[2]
    said = "".join(seen.lines)
    assert PHONE not in said
    assert "secret" not in said
    seen.stop()


def test_the_same_revealed(world: World) -> None:
    esme = world.esme()
    seen = Onlooker().watch(Trace(world.relay, "esme#1", reveal=True))
    esme.submit(PHONE, TEXT)
    world.settle(1)
    assert f"destination_addr={PHONE} " in seen.lines[0]
    assert 'text="a secret"' in seen.lines[0]
    seen.stop()


def test_raw_octets_can_be_read_back(world: World) -> None:
    with pytest.raises(ValueError, match="revealed"):
        Trace(world.relay, "a", raw=True)
    seen = Onlooker().watch(Trace(world.relay, "a", reveal=True, raw=True))
    world.esme().submit(PHONE, TEXT)
    world.settle(1)
    world.simulated["a"].disconnect()
    world.settle(30)
    decoded = []
    for line in seen.lines:
        if not line.startswith("# "):
            moment, direction, octets = line.split("  ")
            assert moment.endswith("Z")
            decoded.append((direction, wire.decode(bytes.fromhex(octets))))
    kinds = [(direction, type(pdu).__name__) for direction, pdu in decoded]
    assert kinds == [
        ("->", "SubmitSm"),
        ("<-", "SubmitSmResp"),
        ("->", "BindTransceiver"),
        ("<-", "BindTransceiverResp"),
    ]
    assert decoded[0][1].short_message == TEXT  # type: ignore[attr-defined]
    assert decoded[2][1].password == "**"  # type: ignore[attr-defined]
    seen.stop()


def test_only_one_bind_is_watched(world: World) -> None:
    first, second = world.esme(), world.esme()
    seen = Onlooker().watch(Trace(world.relay, "esme#2"))
    first.submit(PHONE, TEXT)
    world.settle(1)
    assert seen.lines == []
    second.submit(PHONE, TEXT)
    world.settle(1)
    assert len(seen.lines) == 2
    seen.stop()


def test_nothing_is_seen_after_the_end(world: World) -> None:
    esme = world.esme()
    seen = Onlooker().watch(Trace(world.relay, "esme#1"))
    link = Onlooker().watch(Trace(world.relay, "a#1"))
    seen.stop()
    link.stop()
    link.stop()
    before = list(link.lines)
    esme.submit(PHONE, TEXT)
    world.settle(2)
    world.simulated["a"].disconnect()
    esme.disconnect()
    world.settle(20)
    assert (seen.lines, seen.ended) == ([], [])
    assert (link.lines, link.ended) == (before, [])
    assert pending(world) == 0
    assert world.relay.carriers["a"].links[0].taps == ()


def test_two_watch_the_same_bind(world: World) -> None:
    one = Onlooker().watch(Trace(world.relay, "a#1"))
    two = Onlooker().watch(Trace(world.relay, "a#1"))
    esme = world.esme()
    esme.submit(PHONE, TEXT)
    world.settle(1)
    assert one.lines == two.lines
    one.stop()
    esme.submit(PHONE, TEXT)
    world.settle(1)
    assert len(two.about("submit_sm ")) == 2
    assert len(one.about("submit_sm ")) == 1
    two.stop()


def test_a_trace_that_begins_inside_a_pdu(world: World) -> None:
    esme = world.esme()
    assert esme.protocol is not None
    octets = wire.encode(
        wire.SubmitSm(sequence_number=77, destination_addr=PHONE, short_message=TEXT)
    )
    esme.protocol.send_now(octets[:30])
    world.settle(1)
    seen = Onlooker().watch(Trace(world.relay, "esme#1"))
    esme.protocol.send_now(octets[30:])
    world.settle(1)
    assert [line.split()[2:4] for line in seen.lines] == [
        ["submit_sm", "seq=77"],
        ["submit_sm_resp", "seq=77"],
    ]
    seen.stop()


def test_a_malformed_pdu_and_what_is_no_pdu(world: World) -> None:
    esme = world.esme()
    seen = Onlooker().watch(Trace(world.relay, "esme#1"))
    assert esme.protocol is not None
    esme.protocol.send_now(wire.frame(4, 0, 9, b"\0a secret"))
    esme.protocol.send_now(b"GET / HTTP/1.1\r\n\r\n")
    world.settle(1)
    assert seen.about("<- submit_sm seq=9 malformed: ")
    assert seen.about("-- ", "<- no PDU: command_length")
    assert "secret" not in "".join(seen.lines)
    world.settle(20)
    assert seen.ended == [""]


# ---------------------------------------------------------------------- ends


@pytest.mark.parametrize("end", ["unbind", "disconnect"])
def test_it_ends_with_the_bind_of_an_account(world: World, end: str) -> None:
    esme = world.esme()
    seen = Onlooker().watch(Trace(world.relay, "esme#1"))
    getattr(esme, end)()
    world.settle(10)
    assert seen.ended == [""]
    assert seen.about("-- ", "connection lost: ")
    assert bool(seen.about("<- unbind ")) is (end == "unbind")
    seen.stop()
    assert pending(world) == 0


def test_a_carrier_is_watched_while_it_binds_again(world: World) -> None:
    seen = Onlooker().watch(Trace(world.relay, "a#1"))
    world.settle(3)
    assert [line[28:] for line in seen.lines] == ["bound"]
    world.simulated["a"].disconnect()
    world.settle(0)
    assert seen.about("connection lost: ")
    world.settle(20)
    assert seen.ended == []
    said = [line.split("Z ", 1)[1] for line in seen.about("-- ")]
    assert [said[0], *said[2:]] in (["bound", "connecting", "bound"], ["bound", "bound"])
    assert seen.about("-> bind_transceiver", "system_id=gw password=*** ")
    assert seen.about("<- bind_transceiver_resp", "ESME_ROK")
    assert seen.lines[-1].endswith("Z bound")
    seen.stop()


def test_a_carrier_that_cannot_be_reached_is_watched(tmp_path: Path) -> None:
    world = World(tmp_path / "var", start=False)
    world.network.unlisten("127.0.0.1:2790")
    seen = Onlooker().watch(Trace(world.relay, "a#1"))
    world.relay.start()
    world.settle(3)
    assert seen.lines[0].endswith("Z idle")
    assert seen.about("waiting: cannot connect to 127.0.0.1:2790: refused")
    world.network.listen("127.0.0.1:2790", world.simulated["a"].factory)
    world.settle(60)
    assert seen.about("-> bind_transceiver ")
    seen.stop()


def test_new_settings_of_a_carrier_and_its_end(world: World) -> None:
    seen = Onlooker().watch(Trace(world.relay, "a#1"))
    reload = Reload(world.relay, world.settings, world.clock)
    old = world.relay.carriers["a"].links[0]

    def change(**fields: object) -> None:
        changing = Deferred.fromCoroutine(reload.apply(evolve(reload.settings, **fields)))  # type: ignore[arg-type]
        world.settle(5)
        assert changing.called

    change(carriers=(carrier("a", window=7), *world.settings.carriers[1:]))
    assert seen.about("-- ", "the carrier has new settings")
    assert seen.about("-> unbind")
    assert old.taps == ()
    assert seen.lines[-1].endswith("Z bound")
    world.esme().submit(PHONE, TEXT)
    world.settle(1)
    assert len(seen.about("-> submit_sm ")) == 1
    change(carriers=world.settings.carriers[1:], routes=())
    assert seen.lines[-1].endswith("the carrier is no more")
    assert seen.ended == [""]
    assert pending(world) == 0


# ---------------------------------------------------------------------- bounds and faults


def test_a_fast_bind_drops_lines_and_counts_them(world: World) -> None:
    esme = world.esme()
    seen = Onlooker().watch(Trace(world.relay, "esme#1", per_second=10))
    for n in range(50):
        esme.submit(f"336{n:08}", TEXT)
    world.settle(0.2)
    assert len(seen.lines) == 10
    world.settle(2)
    assert seen.lines[10:] == ["... 90 PDUs not shown"]
    esme.submit(PHONE, TEXT)
    world.settle(1)
    assert len(seen.lines) == 13
    seen.stop()


def test_what_is_not_shown_is_not_read_either(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[bytes] = []
    words = trace.pdu_text

    def counted(frame: bytes, *, reveal: bool) -> str:
        read.append(frame)
        return words(frame, reveal=reveal)

    monkeypatch.setattr(trace, "pdu_text", counted)
    esme = world.esme()
    seen = Onlooker().watch(Trace(world.relay, "esme#1", per_second=10))
    for n in range(50):
        esme.submit(f"336{n:08}", TEXT)
    world.settle(0.2)
    assert len(read) == 10
    seen.stop()
    assert seen.lines[-1] == "... 90 PDUs not shown"


@pytest.mark.parametrize("name", ["esme#1", "a#1"])
def test_an_onlooker_that_fails_harms_no_traffic(world: World, name: str) -> None:
    esme = world.esme()
    seen = Onlooker().watch(Trace(world.relay, name))
    seen.fails = True
    with captured() as events:
        sequences = [esme.submit(PHONE, TEXT) for _ in range(3)]
        world.settle(3)
    assert [esme.status(one) for one in sequences] == [0, 0, 0]
    assert seen.ended == ["it failed; the log says why"]
    assert len([one for one in events if "log_failure" in one]) == 1
    assert pending(world) == 0
    assert all(not link.taps for link in world.relay.carriers["a"].links)


def test_a_fault_of_ours_ends_the_trace_and_nothing_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(frame: bytes, *, reveal: bool) -> str:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(trace, "pdu_text", fail)
    esme = world.esme()
    seen = Onlooker().watch(Trace(world.relay, "esme#1"))
    with captured() as events:
        sequence = esme.submit(PHONE, TEXT)
        world.settle(1)
    assert esme.status(sequence) == 0
    assert seen.ended == ["it failed; the log says why"]
    assert "a fault of ours" in str([one.get("log_failure") for one in events])
