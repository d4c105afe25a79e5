"""CPU of the relay in microseconds per message, by stage; no sockets, no waiting for a disk.

One account submits in batches, one carrier answers and sends a receipt for each message, the
receipt goes back to the account. The code between the transports is the gateway's own, journal
and rows included; only the wait for fdatasync is left out. The best of several runs counts: what
disturbs a run makes it slower, never faster.
"""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from playing import Report, parser
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from smppgw.core.account_settings import AccountSettings
from smppgw.core.esme import EsmeBind
from smppgw.core.link import Link
from smppgw.core.relay import Relay
from smppgw.core.settings import CarrierSettings, RouteSettings, Settings
from smppgw.core.store.engine import Engine
from smppgw.core.store.group_commit import Store
from smppgw.core.store.synchronizer import Done
from smppgw.smpp import wire
from smppgw.smpp.net import SmppProtocol
from smppgw.smpp.session import Role, Session, Timing
from smppgw.sms import receipt

START = 1.8e9
"""Epoch seconds at which the clock begins."""
TURN = 0.004
"""Seconds between two turns: changes that nobody waits for are written too."""
TEXT = b"the quick brown fox jumps over the lazy dog and says so in a message of some length"
BODIES = tuple(
    wire.body_of(
        wire.SubmitSm(
            source_addr="38100",
            dest_addr_ton=1,
            dest_addr_npi=1,
            destination_addr=f"336{number:08d}",
            registered_delivery=1,
            short_message=TEXT,
        )
    )
    for number in range(1000)
)
SETTINGS = Settings(
    accounts=(
        AccountSettings(system_id="load", password="-", window=5000, delivery_window=1000),  # noqa: S106
    ),
    carriers=(CarrierSettings(name="far", host="far", system_id="gw", window=1000),),
    routes=(RouteSettings(carriers=(("far",),)),),
)
SUBMIT_SM, DELIVER_SM = 4, 5


class Memory:
    """Stands in for the network and for the disk: connections to carriers, and durability."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.protocol: SmppProtocol
        self.waiting: Done | None = None

    def connect(
        self, settings: CarrierSettings, host: str, port: int, session: Session, handler: Link
    ) -> Deferred[SmppProtocol]:
        """A connection to a carrier stands at once."""
        self.protocol = joined(SmppProtocol(session, handler, self._clock))
        return succeed(self.protocol)

    def sync(self, numbers: tuple[int, ...], done: Done) -> None:
        """What was written is durable when the run says so."""
        self.waiting = done

    def stop(self) -> None:
        """Nothing is open."""


class Run:
    """One gateway, and both ends of it."""

    def __init__(self, directory: Path) -> None:
        self.stages: dict[str, float] = {}
        self._clock = Clock()
        self._clock.advance(START)
        self._memory = Memory(self._clock)
        self._engine = Engine(directory)
        store = Store(self._engine, self._clock, self._memory)
        relay = Relay(SETTINGS, store, self._clock, self._memory, Random(1))  # noqa: S311
        relay.start()
        relay.scheduler.stop()
        self._far = self._memory.protocol
        self._far.dataReceived(wire.encode(wire.BindTransceiverResp(sequence_number=1)))
        bind = EsmeBind(relay, SETTINGS.smpp, lambda *_: succeed(SETTINGS.accounts[0]))
        session = Session(Role.MC, window=1, timing=Timing(), now=START)
        self._near = joined(SmppProtocol(session, bind, self._clock))
        self._near.dataReceived(
            wire.encode(wire.BindTransceiver(interface_version=0x34, sequence_number=1))
        )
        taken(self._far)
        taken(self._near)
        self._remote_id = 10**9

    def messages(self, count: int, batch: int) -> float:
        """Send so many messages, see their receipts; CPU us per message of all stages."""
        sent = ended = 0
        answers = deliveries = b""
        while ended < count:
            if sent < count:
                size = min(batch, count - sent)
                self._stage("submits", self._near.dataReceived, submits(sent, size))
                sent += size
            if answers:
                self._stage("answers and receipts", self._far.dataReceived, answers)
            if deliveries:
                self._stage("receipts taken", self._near.dataReceived, deliveries)
            self._stage("commit", self._clock.advance, TURN)
            done, self._memory.waiting = self._memory.waiting, None
            if done is not None:
                self._stage("release", done, "")
            answers = self._carrier_says()
            deliveries, receipts = self._esme_says()
            ended += receipts
        for stage in self.stages:
            self.stages[stage] *= 1e6 / count
        return sum(self.stages.values())

    def _stage(self, name: str, work: Callable[[Any], object], argument: Any) -> None:
        began = time.thread_time()
        work(argument)
        self.stages[name] = self.stages.get(name, 0.0) + time.thread_time() - began

    def _carrier_says(self) -> bytes:
        """Answers to the submits that came, then their receipts."""
        answers, receipts = [], []
        for command_id, sequence in requests(taken(self._far)):
            if command_id != SUBMIT_SM:
                continue
            self._remote_id += 1
            remote_id = str(self._remote_id)
            body = remote_id.encode() + b"\0"
            answers.append(wire.frame(SUBMIT_SM | wire.RESPONSE, 0, sequence, body))
            receipts.append(carrier_receipt(remote_id, self._remote_id & 0x7FFFFFFF))
        return b"".join(answers + receipts)

    def _esme_says(self) -> tuple[bytes, int]:
        """Answers to the receipts that came, and how many."""
        found = [seq for command_id, seq in requests(taken(self._near)) if command_id == DELIVER_SM]
        answers = [wire.frame(DELIVER_SM | wire.RESPONSE, 0, seq, b"\0") for seq in found]
        return b"".join(answers), len(found)

    def close(self) -> None:
        """Close the files."""
        self._engine.close()


def joined(protocol: SmppProtocol) -> SmppProtocol:
    """The protocol on a transport that keeps what is written."""
    protocol.makeConnection(StringTransport())  # type: ignore[no-untyped-call]
    return protocol


def taken(protocol: SmppProtocol) -> bytes:
    """What the protocol has written since the last time."""
    transport: Any = protocol.transport
    data: bytes = transport.value()
    transport.clear()
    return data


def requests(data: bytes) -> Iterator[tuple[int, int]]:
    """(command_id, sequence_number) of every frame."""
    at = 0
    while at < len(data):
        length, command_id, _, sequence = (
            int.from_bytes(data[at + place : at + place + 4], "big") for place in (0, 4, 8, 12)
        )
        yield command_id, sequence
        at += length


def submits(first: int, count: int) -> bytes:
    """So many submit_sm frames in one read."""
    return b"".join(
        wire.frame(SUBMIT_SM, 0, number + 2, BODIES[number % len(BODIES)])
        for number in range(first, first + count)
    )


def carrier_receipt(remote_id: str, sequence: int) -> bytes:
    """A receipt with text and TLVs."""
    pdu = wire.DeliverSm(
        source_addr="33600000001",
        destination_addr="38100",
        esm_class=0x04,
        short_message=receipt.format_receipt(
            remote_id, receipt.DELIVERED, START, START, text=TEXT[:20]
        ),
        tlvs=(
            wire.Tlv.text(wire.Tag.receipted_message_id, remote_id),
            wire.Tlv.integer(wire.Tag.message_state, receipt.DELIVERED),
        ),
        sequence_number=sequence,
    )
    return wire.encode(pdu)


def measure(count: int, batch: int) -> dict[str, float]:
    """One run in a directory of its own: us per message of each stage, and `total`."""
    with tempfile.TemporaryDirectory(prefix="smppgw-") as directory:
        run = Run(Path(directory))
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)  # as the gateway has it
        try:
            total = run.messages(count, batch)
        finally:
            gc.unfreeze()
            run.close()
    return {**{name: round(us, 2) for name, us in run.stages.items()}, "total": round(total, 2)}


def main() -> int:
    """The command line."""
    options = parser(__doc__)
    options.add_argument("--count", type=int, default=20_000, help="messages of a run (20000)")
    options.add_argument("--batch", type=int, default=50, help="messages in one read (50)")
    options.add_argument("--runs", type=int, default=5, help="how many (5)")
    arguments = options.parse_args()
    report = Report(arguments.json)
    runs = [measure(arguments.count, arguments.batch) for _ in range(arguments.runs)]
    best = min(runs, key=lambda run: run["total"])
    report.figures |= {"us_per_message": best, "totals": [run["total"] for run in runs]}
    for name, us in best.items():
        report.say(f"{name:22}{us:8.2f} us")
    report.say("all runs              " + "  ".join(f"{run['total']:.1f}" for run in runs))
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
