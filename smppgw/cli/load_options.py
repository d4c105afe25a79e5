"""The options of `smppgw simulate load`.

Owns: their names, words and defaults. Refuses to know what they do (`cli.load_plan`).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path


def add(one: argparse.ArgumentParser) -> None:
    """Add all of them but those that say whom to bind as."""
    _schedule(one.add_argument_group("how much, and when"))
    _binds(one.add_argument_group("on which binds"))
    _messages(one.add_argument_group("what"))
    _far_end(one.add_argument_group("the far end"))
    _report(one.add_argument_group("what comes of it"))


def add_target(one: argparse.ArgumentParser) -> None:
    """Add those that say whom to bind as, and where."""
    group = one.add_argument_group("where to")
    group.add_argument("--host", help="SMPP server (127.0.0.1)")
    group.add_argument("--port", type=_whole(1, 65535), help="its port (2775)")
    group.add_argument("--system-id", metavar="ID", help="whom to bind as")
    group.add_argument(
        "--password-file",
        type=Path,
        metavar="FILE",
        help="its first line is the password (else SMPPGW_PASSWORD, else a question)",
    )
    group.add_argument(
        "-c", "--config", type=Path, metavar="FILE", help="take these from a configuration file"
    )
    group.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="take these from the demo that runs there"
    )


def _schedule(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--rate",
        type=_number(0.001, 1e6),
        metavar="N",
        help="messages per second whatever the answers do (open loop); without it, as many as"
        " the windows allow (closed loop)",
    )
    group.add_argument(
        "--shape",
        choices=("constant", "ramp", "step", "spike", "soak"),
        default="constant",
        help="how the rate goes: up to --rate evenly, in steps, or for the middle fifth only",
    )
    group.add_argument(
        "--seconds", type=_number(0.1, 1e7), metavar="N", help="of sending (30; soak 3600)"
    )
    group.add_argument(
        "--from-rate",
        type=_number(0.0, 1e6),
        metavar="N",
        help="where ramp and step begin (0), and the rate around a spike (a tenth)",
    )
    group.add_argument("--steps", type=_whole(1, 1000), default=5, metavar="N", help="of step (5)")
    group.add_argument(
        "--arrivals",
        choices=("even", "poisson"),
        default="even",
        help="evenly spaced, or by chance around the rate",
    )
    group.add_argument("--count", type=_whole(0, 99_999_999), metavar="N", help="messages, at most")


def _binds(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--binds", type=_whole(1, 10_000), default=1, metavar="N", help="(1)")
    group.add_argument(
        "--bind",
        choices=("transceiver", "pair"),
        default="transceiver",
        help="pair: a transmitter and a receiver",
    )
    group.add_argument(
        "--window", type=_whole(1, 100_000), default=10, metavar="N", help="of each bind (10)"
    )
    group.add_argument(
        "--timeout",
        type=_number(0.1, 86_400),
        default=30.0,
        metavar="SECONDS",
        help="after which a message counts as unanswered, and its answer as late (30)",
    )
    group.add_argument("--system-type", default="", metavar="TYPE", help="of the bind")
    group.add_argument(
        "--tls", nargs="?", const="", metavar="CA", help="by TLS, trusting the system or this file"
    )


def _messages(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--mix",
        default="gsm=1",
        metavar="KIND=WEIGHT,...",
        help="of gsm, ucs2, multipart, payload, flash and binary (gsm=1)",
    )
    group.add_argument(
        "--text", action="append", metavar="TEXT", help="instead of a mix; several in turn"
    )
    group.add_argument("--from", dest="source", metavar="S", help="sender (38100)")
    group.add_argument(
        "--to", default="33600000001", metavar="N", help="first destination (33600000001)"
    )
    group.add_argument(
        "--destinations", type=_whole(1, 1_000_000), default=1000, metavar="N", help="(1000)"
    )
    group.add_argument("--no-receipts", action="store_true", help="ask for none")
    group.add_argument(
        "--receipt-ids",
        choices=("same", "decimal", "hex"),
        default="same",
        help="receipts say the message_id as the answer did, or in another base",
    )
    group.add_argument("--seed", type=int, default=1, metavar="N", help="of chance (1)")


def _far_end(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--carrier-port",
        type=_whole(0, 65535),
        metavar="PORT",
        help="be the carrier, too: the gateway binds here, and every message is seen on both sides",
    )
    group.add_argument(
        "--persona", default="healthy", metavar="NAME", help="how that carrier behaves (healthy)"
    )
    group.add_argument(
        "--mo-rate",
        type=_number(0.001, 1e6),
        metavar="N",
        help="messages per second from its phones",
    )
    group.add_argument(
        "--mo-to", default="38100", metavar="N", help="number the phones write to (38100)"
    )
    group.add_argument(
        "--mo-keywords",
        default="HELLO=1",
        metavar="WORD=WEIGHT,...",
        help="what they write (HELLO=1)",
    )
    group.add_argument(
        "--phones", type=_whole(1, 10_000_000), default=10_000, metavar="N", help="(10000)"
    )
    group.add_argument("--metrics", metavar="URL", help="page from which the queue depth is read")
    group.add_argument(
        "--metric",
        default="smppgw_queue_messages",
        metavar="NAME",
        help="metric that is it, added up (smppgw_queue_messages)",
    )


def _report(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--settle",
        type=_number(0.0, 86_400),
        default=10.0,
        metavar="SECONDS",
        help="for answers and receipts at the end, once none comes any more (10)",
    )
    group.add_argument(
        "--require",
        action="append",
        default=[],
        metavar="CONDITION",
        help='p99<10ms, lost=0, rate>=5000, "rejected<1%%", ...; exit code 4 unless all are met',
    )
    group.add_argument("--output", type=Path, metavar="FILE", help="write the result as JSON")
    group.add_argument("--html", type=Path, metavar="FILE", help="write a report with plots")
    group.add_argument("--json", action="store_true", help="the result on stdout, and no more")


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no number from {least} to {most}")
        return number

    return read


def _number(least: float, most: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no number from {least:g} to {most:g}")
        return number

    return read
