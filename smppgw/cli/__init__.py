"""The command line: `smppgw COMMAND`, also `python -m smppgw COMMAND`.

Owns: which commands and options there are. Errors are one line on stderr; the exit code is 0, 1
for a fault, 2 for a wrong command line, and what `run` documents.
Refuses to know: what commands do. Their modules are loaded when they run, and none of them imports
the reactor before it is needed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from smppgw._version import __version__
from smppgw.cli import load_options
from smppgw.cli.output import FAULT, USAGE, CommandFault, complain

INTERRUPTED = 130
LEVELS = ("debug", "info", "warn", "error", "critical")


class Parser(argparse.ArgumentParser):
    """argparse, with errors of one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and leave with USAGE."""
        complain(f"{self.prog}: {message} ({self.prog} --help shows more)")
        raise SystemExit(USAGE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (`sys.argv` unless arguments are given)."""
    _open_standard_files()
    parsed = _parser().parse_args(arguments)
    module, _, name = parsed.does.partition(":")
    try:
        command: Callable[[argparse.Namespace], int] = getattr(
            import_module(f"smppgw.cli.{module}"), name
        )
        return command(parsed)
    except CommandFault as fault:
        complain(*(line for line in str(fault).splitlines() if line))
        return FAULT
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has enough.
        _say_no_more()
        return FAULT
    except OSError as error:  # a full disk behind our output, for one
        _say_no_more()
        complain(" ".join(str(error).split()))
        return FAULT


def _open_standard_files() -> None:
    """Open what whoever started us has closed: nothing of ours may get the descriptors 0 to 2.

    What another library or a process of ours says would end in that file else.
    """
    for name, mode, descriptor in (("stdin", "r", 0), ("stdout", "w", 1), ("stderr", "w", 2)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest, which is this one
            os.set_inheritable(descriptor, True)
            file = os.fdopen(descriptor, mode, encoding="utf-8", closefd=False)
            setattr(sys, name, file)


def _say_no_more() -> None:
    """Nothing is left to say at exit either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="smppgw", description="A durable SMPP gateway in one process.")
    parser.add_argument("--version", action="version", version=f"smppgw {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)

    def command(name: str, does: str, about: str) -> argparse.ArgumentParser:
        one: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about)
        one.set_defaults(does=does)
        return one

    one = command("run", "run:run", "Run the gateway; SIGTERM drains and stops, SIGHUP reloads.")
    _config(one, required=True)
    one.add_argument(
        "--log-level", choices=LEVELS, default="", help="least level logged, whatever FILE says"
    )

    one = command("check", "run:check", "Check a configuration file.")
    _config(one, required=True)

    one = command("demo", "demo:demo", "Gateway, simulated carrier and a message on its way.")
    one.add_argument(
        "--data-dir",
        type=Path,
        default=Path("var/demo"),
        metavar="DIR",
        help="where the demo keeps its messages (var/demo)",
    )
    one.add_argument(
        "--port", type=_port, default=2775, help="where ESMEs bind (2775; 0: any free one)"
    )
    one.add_argument("--once", action="store_true", help="stop after the demonstration")

    _send(command("send", "send:send", "Send one message through any SMPP server, by smpplib."))

    _encode(command("encode", "encode:encode", "What a text costs, and in which parts it goes."))

    about = "A simulated peer to test with."
    one = commands.add_parser("simulate", help=about, description=about)
    peers = one.add_subparsers(metavar="PEER", required=True, parser_class=Parser)
    about = "A simulated carrier that behaves as its persona says; Ctrl-C or SIGTERM ends it."
    _simulate_carrier(peers.add_parser("carrier", help=about, description=about))
    about = "A load test against any SMPP server, exactly accounted for; Ctrl-C ends it in order."
    _simulate_load(peers.add_parser("load", help=about, description=about))

    one = command("password", "password:password", "Make a password_hash.")
    one.add_argument("name", nargs="?", metavar="NAME", help="whose password, for the question")

    one = command("dlr", "dlr:dlr", "Explain a delivery receipt.")
    one.add_argument("text", metavar="TEXT", help="the receipt: id:... stat:... and so on")
    one.add_argument("--json", action="store_true", help="machine-readable output")

    _shell(command("shell", "shell:shell", "The operators' shell, from this machine."))

    one = command("status", "show:status", "What a running gateway does now.")
    _gateway(one)

    one = command("message", "show:message", "The whole life of one message.")
    one.add_argument("id", metavar="ID", help="message_id, as its submit_sm_resp gave it")
    _gateway(one)
    one.add_argument("--reveal", action="store_true", help="show numbers whole")
    return parser


def _shell(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "-c",
        "--command",
        dest="lines",
        action="append",
        metavar="LINE",
        help="carry out a line and leave; may be given several times, the first that fails is the"
        " last (without, and without a terminal: lines from stdin)",
    )
    which = one.add_mutually_exclusive_group()
    which.add_argument("--config", type=Path, metavar="FILE", help="configuration file")
    which.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="data_dir of the gateway (var, or the demo's)"
    )


def _send(one: argparse.ArgumentParser) -> None:
    one.add_argument("text", metavar="TEXT", help="the text; a long one goes in parts")
    one.add_argument("--to", required=True, metavar="N", help="destination")
    one.add_argument("--from", dest="source", metavar="S", help="sender")
    _written(one, "udh8")
    one.add_argument(
        "--dlr", action="store_true", help="ask for a receipt of each part and wait for them"
    )
    one.add_argument(
        "--wait",
        type=_seconds,
        default=30.0,
        metavar="SECONDS",
        help="how long to wait for receipts (30)",
    )
    one.add_argument("--host", help="SMPP server")
    one.add_argument("--port", type=_port, help="its port")
    one.add_argument("--system-id", metavar="ID", help="whom to bind as")
    one.add_argument(
        "--password-file",
        type=Path,
        metavar="FILE",
        help="its first line is the password (else SMPPGW_PASSWORD, else a question)",
    )
    _gateway(one)


def _encode(one: argparse.ArgumentParser) -> None:
    one.add_argument("text", metavar="TEXT", help="the text; positions in it count from 1")
    one.add_argument("--carrier", metavar="NAME", help="as this carrier of -c FILE wants it")
    _config(one)
    one.add_argument("--clause", default="", metavar="TEXT", help="comes behind the text")
    _written(one, "udh8, or what the carrier wants")
    one.add_argument("--json", action="store_true", help="machine-readable output")


def _written(one: argparse.ArgumentParser, style: str) -> None:
    one.add_argument(
        "--class",
        dest="message_class",
        choices=("flash", "me", "sim", "te"),
        help="flash: shown at once and not kept; me: kept in the handset; sim: kept on the SIM"
        " card; te: handed to what is connected",
    )
    one.add_argument(
        "--style",
        choices=("udh8", "udh16", "sar", "payload"),
        help=f"how a long text goes ({style})",
    )
    one.add_argument(
        "--smart",
        action="store_true",
        help="replace what GSM 7-bit lacks by what looks like it, when that is all it takes",
    )


def _simulate_carrier(one: argparse.ArgumentParser) -> None:
    one.set_defaults(does="simulate:carrier")
    one.add_argument(
        "--persona", default="healthy", metavar="NAME", help="how it behaves; `list` shows them"
    )
    one.add_argument("--port", type=_port, default=2790, help="where it listens; 0: any (2790)")
    one.add_argument(
        "--interface", default="127.0.0.1", metavar="ADDRESS", help="and on which (127.0.0.1)"
    )
    one.add_argument(
        "--seed",
        type=int,
        default=1,
        metavar="N",
        help="of chance: the same messages in the same order meet the same fate (1)",
    )
    one.add_argument(
        "--unbind-after", type=_seconds, metavar="SECONDS", help="unbind each bind after so long"
    )
    one.add_argument(
        "--window",
        type=_window,
        metavar="N",
        help="deliver_sm, receipts among them, that a bind may leave unanswered",
    )
    one.add_argument(
        "--phones", type=_count, metavar="N", help="handsets, from 33600000001 on; 0: none"
    )
    one.add_argument(
        "--answers", type=_texts, metavar="TEXTS", help='what they write: "STOP,HELP,..."'
    )
    one.add_argument(
        "--every", type=_every, metavar="SECONDS", help="from one message of theirs to the next"
    )
    one.add_argument(
        "--number",
        type=_number,
        metavar="N",
        help='whom they write to unless they were written to (38100; "": nobody)',
    )
    one.add_argument("--json", action="store_true", help="one JSON document on each line")


def _simulate_load(one: argparse.ArgumentParser) -> None:
    one.set_defaults(does="load:load")
    load_options.add_target(one)
    load_options.add(one)


def _gateway(one: argparse.ArgumentParser) -> None:
    which = one.add_mutually_exclusive_group()
    _config(which)
    which.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="data_dir of the gateway (var, or the demo's)"
    )
    one.add_argument("--json", action="store_true", help="machine-readable output")


def _config(one: argparse._ActionsContainer, *, required: bool = False) -> None:
    one.add_argument(
        "-c", "--config", type=Path, required=required, metavar="FILE", help="configuration file"
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds, up to a day")
    return seconds


def _every(text: str) -> float:
    seconds = _seconds(text)
    if seconds < 0.001:
        raise argparse.ArgumentTypeError(f"{text!r} is too little: 0.001 seconds at least")
    return seconds


def _number(text: str) -> str:
    if text and not (len(text) <= 20 and text.isascii() and text.isalnum()):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of at most 20 digits")
    return text


def _port(text: str) -> int:
    try:
        port = int(text)
    except ValueError:
        port = -1
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port")
    return port


def _count(text: str) -> int:
    try:
        count = int(text)
    except ValueError:
        count = -1
    if not 0 <= count <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of phones, up to 1000000")
    return count


def _window(text: str) -> int:
    try:
        window = int(text)
    except ValueError:
        window = 0
    if not 1 <= window <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no window, from 1 to 10000")
    return window


def _texts(text: str) -> tuple[str, ...]:
    texts = tuple(one.strip() for one in text.split(",") if one.strip())
    if not texts:
        raise argparse.ArgumentTypeError("no text is left of it")
    return texts
