"""`smppgw simulate carrier`: a simulated carrier as a process of its own.

Owns: what the process says, second by second, and its orderly end.
Refuses to know: how a carrier or a phone behaves (`simulator`).
"""

from __future__ import annotations

import json
import signal
from argparse import Namespace
from random import Random
from types import FrameType
from typing import Any, Final

from attrs import evolve
from twisted.internet.error import CannotListenError
from twisted.internet.task import LoopingCall

from smppgw.cli.output import OK, USAGE, CommandFault, complain, folded, say, say_json
from smppgw.cli.run import begin_log, raise_file_limit, steady_time
from smppgw.core.settings import LogSettings
from smppgw.simulator.behaviour import Behaviour
from smppgw.simulator.carrier import SimulatedCarrier
from smppgw.simulator.personas import PERSONAS
from smppgw.simulator.phones import FIRST, Phones, Population
from smppgw.sms.segment import segment

PATIENCE: Final = 2.0
"""Seconds that peers have to answer our unbind."""

_GROWING: Final = ("taken", "refused", "delivered", "mos")


def carrier(arguments: Namespace) -> int:
    """Run a persona until a signal, or list them; returns the exit code."""
    if arguments.persona == "list":
        return _list(as_json=arguments.json)
    persona = PERSONAS.get(arguments.persona)
    if persona is None:
        complain(f"no persona {arguments.persona!r}; there are: {', '.join(PERSONAS)}")
        return USAGE
    behaviour = changed(persona.behaviour, arguments)
    population = _population(arguments, persona.phones)
    for text in () if population is None else population.answers:
        try:
            segment(text)
        except ValueError as error:
            complain(f"--answers {text[:20]!r}: {error}")
            return USAGE
    logging = begin_log(LogSettings(level="warn"))
    from twisted.internet import reactor  # noqa: PLC0415

    steady_time(reactor)
    raise_file_limit()
    logging.attend(reactor)
    simulated = SimulatedCarrier(behaviour, reactor, Random(arguments.seed))  # noqa: S311
    phones = None
    if population is not None:
        # Apart from the carrier's chance, so that neither changes what the other does.
        phones = Phones(simulated, Random(f"phones {arguments.seed}"), population)  # noqa: S311
    return CarrierProcess(reactor, simulated, phones, arguments).run()


def changed(behaviour: Behaviour, arguments: Namespace) -> Behaviour:
    """How a persona behaves with what the options ask for besides."""
    asked = {"unbind_after": arguments.unbind_after, "delivery_window": arguments.window}
    changes: Any = {name: value for name, value in asked.items() if value is not None}
    return evolve(behaviour, **changes)


def _list(*, as_json: bool) -> int:
    if as_json:
        say_json({name: persona.about for name, persona in PERSONAS.items()})
        return OK
    width = max(map(len, PERSONAS)) + 2
    for name, persona in PERSONAS.items():
        say(*folded(f"{name:{width}}{persona.about}", " " * width))
    return OK


def _population(arguments: Namespace, own: Population | None) -> Population | None:
    """The phones of the persona, or those that the options ask for."""
    asked = {
        "count": arguments.phones,
        "answers": arguments.answers,
        "every": arguments.every,
        "number": arguments.number,
    }
    changes: Any = {name: value for name, value in asked.items() if value is not None}
    if arguments.phones == 0 or (own is None and not changes):
        return None
    return evolve(own or Population(), **changes)


def state(simulated: SimulatedCarrier, phones: Phones | None) -> dict[str, int]:
    """What a carrier has done so far and what it has before it, as counts.

    `answers_due` are messages that wait for their answer, `delivered` are deliver_sm that the
    gateway took, `to_deliver` those it has not; `planned` are answers and receipts whose time has
    not come; `mos` are texts of the phones, `stopped` pairs of sender and phone.
    """
    counters = simulated.counters
    return {
        "binds": len(simulated.binds),
        "taken": counters["taken"],
        "refused": counters["refused"],
        "answers_due": sum(bind.unanswered for bind in simulated.binds),
        "delivered": counters["deliveries_taken"],
        "to_deliver": simulated.waiting + sum(bind.delivering for bind in simulated.binds),
        # Next to them there is the next turn of the phones.
        "planned": max(0, len(simulated.agenda) - (phones is not None)),
        "mos": 0 if phones is None else phones.sent,
        "stopped": len(simulated.consent),
        "connections_lost": counters["connections_lost"],
    }


def line(seconds: float, now: dict[str, int], before: dict[str, int]) -> str:
    """The state on one line, with what has grown since the one before."""
    words = [f"{seconds:6.0f} s"]
    for name, count in now.items():
        if not count and name not in ("binds", "taken", "refused", "delivered"):
            continue
        grown = count - before.get(name, 0)
        more = f" (+{grown})" if name in _GROWING and grown else ""
        words.append(f"{name.replace('_', ' ')} {count}{more}")
    return "  ".join(words)


class CarrierProcess:
    """A simulated carrier that listens on TCP, says what it does, and ends in order.

    SIGTERM and SIGINT: listen no more, unbind everybody, exit with 0; a second one: at once.
    """

    def __init__(
        self,
        reactor: Any,
        simulated: SimulatedCarrier,
        phones: Phones | None,
        arguments: Namespace,
    ) -> None:
        self._reactor = reactor
        self._carrier = simulated
        self._phones = phones
        self._arguments = arguments
        self._json: bool = arguments.json
        self._loop = LoopingCall(self._tell)
        self._loop.clock = reactor
        self._before: dict[str, int] = {}
        self._began = 0.0
        self._deadline: float | None = None
        self._port: Any = None
        self._ended = False
        self._trouble = ""
        self._unread: BrokenPipeError | None = None

    def run(self) -> int:
        """Run the reactor until a signal.

        Raises CommandFault when it cannot listen or say what it does, BrokenPipeError when nobody
        reads that any more.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._signalled)
        self._reactor.callWhenRunning(self._start)
        self._reactor.run(installSignalHandlers=False)
        if self._trouble:
            raise CommandFault(self._trouble)
        if self._unread is not None:
            raise self._unread
        return OK

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        """Leave the handler at once: it may have interrupted anything."""
        self._reactor.callFromThread(self._stop)

    def _start(self) -> None:
        asked = self._arguments
        try:
            self._port = self._reactor.listenTCP(
                asked.port, self._carrier.factory, interface=asked.interface
            )
        except CannotListenError as error:
            self._trouble = f"cannot listen on {asked.interface}:{asked.port}: {error.socketError}"
            self._reactor.stop()
            return
        self._began = self._reactor.seconds()
        self._introduce(self._port.getHost())
        if self._phones is not None:
            self._phones.start()
        self._loop.start(1.0, now=False)

    def _introduce(self, address: Any) -> None:
        asked = self._arguments
        population = None if self._phones is None else self._phones.population
        if self._json:
            about: dict[str, Any] = {"persona": asked.persona, "seed": asked.seed}
            about |= {"host": address.host, "port": address.port}
            self._say(json.dumps(about | {"phones": population.count if population else 0}))
            return
        self._say(
            *folded(f"{asked.persona}: {PERSONAS[asked.persona].about}", "  "),
            f"listening on {address.host}:{address.port}, seed {asked.seed};"
            " any system_id and password may bind",
        )
        if population is not None:
            last = FIRST + population.count - 1
            self._say(
                f"every {population.every:g} s one of the phones {FIRST} to {last} writes:"
                f" to who wrote to it, else to {population.number or 'nobody'}"
            )

    def _tell(self) -> None:
        now = state(self._carrier, self._phones)
        seconds = self._reactor.seconds() - self._began
        if self._json:
            self._say(json.dumps({"seconds": round(seconds, 1), **now}))
        else:
            self._say(line(seconds, now, self._before))
        self._before = now

    def _say(self, *lines: str) -> None:
        """Say it, or end when nobody hears it: `| head` has enough, or the disk is full."""
        if self._trouble or self._unread is not None:
            return
        try:
            say(*lines)
        except BrokenPipeError as error:
            self._unread = error
        except OSError as error:
            self._trouble = f"cannot say what it does: {error.strerror}"
        else:
            return
        self._end()

    def _stop(self) -> None:
        if self._deadline is not None or self._port is None:
            self._end()
            return
        self._deadline = self._reactor.seconds() + PATIENCE
        self._port.stopListening()
        for bind in list(self._carrier.binds):
            bind.unbind()
        self._wait()

    def _wait(self) -> None:
        if self._carrier.binds and self._reactor.seconds() < (self._deadline or 0.0):
            self._reactor.callLater(0.05, self._wait)
        else:
            self._end()

    def _end(self) -> None:
        if self._ended:
            return
        self._ended = True
        if self._loop.running:
            self._loop.stop()
            self._tell()
        self._carrier.stop()
        if not self._json:
            self._say("stopped")
        self._reactor.stop()
