"""CPU of the codec in microseconds per PDU: decode, encode, framing, session, receipt text.

The best of several repetitions counts: what disturbs one makes it slower, never faster.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import thread_time
from timeit import repeat

from playing import Report, parser

from smppgw.smpp import wire
from smppgw.smpp.session import Role, Session, Timing
from smppgw.sms import receipt

NOW = 1.8e9
TEXT = b"the quick brown fox jumps over the lazy dog and says so in a message of some length"
RECEIPT = receipt.format_receipt("0123456789abcdef", receipt.DELIVERED, NOW, NOW, text=TEXT[:20])
PDUS: tuple[wire.PDU, ...] = (
    wire.SubmitSm(
        source_addr="38100",
        dest_addr_ton=1,
        dest_addr_npi=1,
        destination_addr="33600000001",
        registered_delivery=1,
        short_message=TEXT,
        sequence_number=1,
    ),
    wire.SubmitSmResp(message_id="0123456789abcdef", sequence_number=1),
    wire.DeliverSm(
        source_addr="33600000001",
        destination_addr="38100",
        esm_class=0x04,
        short_message=RECEIPT,
        tlvs=(
            wire.Tlv.text(wire.Tag.receipted_message_id, "0123456789abcdef"),
            wire.Tlv.integer(wire.Tag.message_state, receipt.DELIVERED),
        ),
        sequence_number=1,
    ),
    wire.DeliverSmResp(sequence_number=1),
    wire.EnquireLink(sequence_number=1),
    wire.BindTransceiver(system_id="load", password="secret", sequence_number=1),  # noqa: S106
)
IN_A_READ = 50

Measure = Callable[[Callable[[], object], int], float]
"""(work, PDUs that one call handles) -> us per PDU."""


def codec(measure: Measure) -> dict[str, dict[str, float]]:
    """Octets, decode and encode of each PDU."""
    figures = {}
    for pdu in PDUS:
        frame = wire.encode(pdu)
        figures[type(pdu).__name__] = {
            "octets": len(frame),
            "decode": measure(lambda frame=frame: wire.decode(frame), 1),  # type: ignore[misc]
            "encode": measure(lambda pdu=pdu: wire.encode(pdu), 1),  # type: ignore[misc]
        }
    return figures


def around(measure: Measure) -> dict[str, float]:
    """What surrounds the codec on the way of a message."""
    submit = PDUS[0]
    body = wire.body_of(submit)
    stream = wire.encode(submit) * IN_A_READ
    frames = wire.FrameBuffer(70_000)
    return {
        "relayed body under a new header": measure(
            lambda: wire.encode(wire.RawPdu(wire.CommandId.submit_sm, body)), 1
        ),
        "framing, 50 in a read": measure(lambda: frames.feed(stream), IN_A_READ),
        "session, 50 in a read": measure(_reading(stream), IN_A_READ),
        "receipt text read": measure(lambda: receipt.parse(RECEIPT), 1),
        "receipt text written": measure(
            lambda: receipt.format_receipt("0123456789abcdef", receipt.DELIVERED, NOW, NOW), 1
        ),
    }


def _reading(stream: bytes) -> Callable[[], object]:
    """A bound session that reads submit_sm, each of them answered."""
    session = Session(Role.MC, window=10, timing=Timing(), now=NOW)
    (request,) = session.receive(wire.encode(PDUS[-1]), NOW)
    session.accept_bind(request.pdu, "gateway")  # type: ignore[union-attr, arg-type]

    def read() -> None:
        events = session.receive(stream, NOW)
        assert len(events) == IN_A_READ
        session.answered(IN_A_READ)

    return read


def main() -> int:
    """The command line."""
    options = parser(__doc__)
    options.add_argument("--count", type=int, default=20_000, help="PDUs of a repetition (20000)")
    options.add_argument("--repeat", type=int, default=5, help="repetitions (5)")
    arguments = options.parse_args()
    report = Report(arguments.json)

    def measure(work: Callable[[], object], pdus: int) -> float:
        calls: int = max(1, arguments.count // pdus)
        times: list[float] = repeat(work, timer=thread_time, number=calls, repeat=arguments.repeat)
        return round(1e6 * min(times) / (calls * pdus), 3)

    report.figures |= {"pdus": codec(measure), "around": around(measure)}
    report.say(f"{'us per PDU':18}{'octets':>8}{'decode':>8}{'encode':>8}")
    for name, figures in report.figures["pdus"].items():
        octets, decode, encode = figures.values()
        report.say(f"{name:18}{octets:8}{decode:8.2f}{encode:8.2f}")
    for name, us in report.figures["around"].items():
        report.say(f"{name:34}{us:8.2f}")
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
