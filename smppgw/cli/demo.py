"""`smppgw demo`: gateway, simulated carrier and one message, on this machine, in one process.

Owns: the demonstration and its words.
Refuses to know: how any of its players works.

While it runs, `demo.json` in its data directory tells `smppgw send` how to bind.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import string
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from random import SystemRandom
from shlex import quote
from typing import Any

from attrs import evolve
from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.error import CannotListenError
from twisted.python.failure import Failure

from smppgw.app import Gateway
from smppgw.cli.client import DEMO_DIR
from smppgw.cli.output import CommandFault, say, width
from smppgw.cli.run import START_ERRORS, Process, begin_log, start_error
from smppgw.cli.target import DEMO_FILE
from smppgw.core.account_settings import AccountSettings
from smppgw.core.settings import LogSettings, Settings
from smppgw.ops.config import parse
from smppgw.ops.config.demo import DEMO
from smppgw.ops.life import life
from smppgw.ops.life_text import life_text
from smppgw.ops.log import Log
from smppgw.simulator.behaviour import Behaviour
from smppgw.simulator.carrier import SimulatedCarrier
from smppgw.simulator.carrier_bind import CarrierBind, Delivery
from smppgw.simulator.carrier_bind import Message as Submit
from smppgw.smpp import wire
from smppgw.smpp.net import SmppProtocol, connect
from smppgw.smpp.session import (
    BindAnswer,
    Close,
    Event,
    Pending,
    Request,
    Response,
    Role,
    Session,
    Timing,
)
from smppgw.sms import reassemble
from smppgw.sms.alphabet import RAW, decode

LOOPBACK = "127.0.0.1"
LEVEL = "warn"
"""Least level of the log: what the demonstration shows is not in it."""
PHONE = "33612345678"
TEXT = "Hello from smppgw"
RECEIPT_DELAY = 0.5
PHONES_SHOWN = 5
"""Texts that phones are seen to get in one second."""
PATIENCE = 20.0
"""Seconds that the demonstration may take."""

Show = Callable[[str, str], None]
"""(who, what happened)."""


def demo(arguments: Namespace) -> int:
    """Run until a signal, or with `--once` until the receipt is there; returns the exit code."""
    logging = begin_log(LogSettings(level=LEVEL))
    from twisted.internet import reactor  # noqa: PLC0415

    directory: Path = arguments.data_dir
    password, operator_password = _made_up(), _made_up()
    logging.attend(reactor)
    stage = Stage(reactor)
    carrier = ShownCarrier(password, reactor, stage)
    try:
        environ = {"DEMO_PASSWORD": password, "DEMO_OPERATOR_PASSWORD": operator_password}
        settings = _settings(arguments, environ, listen_anywhere(reactor, carrier))
        gateway = Gateway(reactor, settings)
    except START_ERRORS as error:
        raise CommandFault(start_error(error)) from None
    process = DemoProcess(reactor, gateway, logging, carrier, stage, directory, once=arguments.once)
    return process.run()


def _made_up() -> str:
    """A password of 8 characters, which is what SMPP has room for."""
    letters = string.ascii_letters + string.digits
    return "".join(secrets.choice(letters) for _ in range(8))


def _settings(arguments: Namespace, environ: dict[str, str], carrier_port: int) -> Settings:
    settings = parse(DEMO, "demo.toml", environ).settings
    (carrier,) = settings.carriers
    web, shell = settings.web, settings.shell
    if not arguments.port:  # wherever there is room
        web = evolve(web, listen=(f"tcp:0:interface={LOOPBACK}",))
        shell = evolve(shell, listen=(f"tcp:0:interface={LOOPBACK}",))
    return evolve(
        settings,
        gateway=evolve(settings.gateway, data_dir=str(arguments.data_dir)),
        smpp=evolve(settings.smpp, listen=(f"tcp:{arguments.port}:interface={LOOPBACK}",)),
        web=web,
        shell=shell,
        log=LogSettings(level=LEVEL),
        carriers=(evolve(carrier, port=carrier_port),),
    )


def listen_anywhere(reactor: Any, carrier: SimulatedCarrier) -> int:
    """Let the carrier listen where demo.toml says, or where there is room; returns the port."""
    carrier.factory.noisy = False
    try:
        port = reactor.listenTCP(2790, carrier.factory, interface=LOOPBACK)
    except CannotListenError:
        port = reactor.listenTCP(0, carrier.factory, interface=LOOPBACK)
    return int(port.getHost().port)


class Stage:
    """Shows what happens, with seconds since the start, as long as the curtain is up."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self._start = clock.seconds()
        self._second = 0
        self._phones = 0
        self.open = True

    def show(self, who: str, what: str) -> None:
        """One line."""
        if self.open:
            self._say(who, what)

    def phone(self, number: str, text: str) -> None:
        """What a phone gets, also behind the curtain; a load is not shown whole."""
        second = int(self._clock.seconds())
        if second != self._second:
            self._second, self._phones = second, 0
        self._phones += 1
        if not self.open and self._phones <= PHONES_SHOWN:
            self._say("phone", f"+{number} reads {text!r}")

    def _say(self, who: str, what: str) -> None:
        say(f"{self._clock.seconds() - self._start:7.3f} s  {who:8}  {what}")


class ShownCarrier(SimulatedCarrier):
    """A simulated carrier that says what it does."""

    def __init__(self, password: str, clock: Any, stage: Stage) -> None:
        behaviour = Behaviour(
            passwords={"smppgw": password}, receipt_delay=RECEIPT_DELAY, message_id="hex"
        )
        super().__init__(behaviour, clock, SystemRandom())
        self._show = stage.show
        self._phone = stage.phone

    def bound(self, bind: CarrierBind) -> None:
        """A bind stands."""
        self._show("carrier", f"the gateway is bound as {bind.system_id!r}")
        super().bound(bind)

    def take(self, bind: CarrierBind, pdu: Submit) -> None:
        """A message came from the gateway."""
        self._show("carrier", f"submit_sm to {pdu.destination_addr} from the gateway")
        super().take(bind, pdu)
        taken = self.received[-1]
        self._show("carrier", f"answers with message_id {taken.message_id or '(refused)'}")
        self._phone(pdu.destination_addr, _read(pdu))

    def answered(self, delivery: Delivery, command_status: int) -> None:
        """The gateway has taken a receipt."""
        text = delivery.pdu.short_message.decode("latin-1")
        self._show("carrier", f"its receipt was taken: {text[:44]}...")
        super().answered(delivery, command_status)


def _read(pdu: Submit) -> str:
    """The text of one message, as its phone shows it."""
    octets = pdu.short_message if isinstance(pdu, wire.SubmitSm) else b""
    whole = reassemble.whole(pdu.esm_class, pdu.data_coding, octets)
    return "" if whole.alphabet in RAW else decode(whole.octets, whole.alphabet).text


class Demonstrator:
    """An ESME that sends one message and waits for its receipt (a `smpp.net` handler)."""

    def __init__(self, account: AccountSettings, source: str, show: Show) -> None:
        self.done: Deferred[str] = Deferred()
        """Fires with the message_id when the receipt is there, or fails."""
        self._account = account
        self._source = source
        self._show = show
        self.id = ""
        """message_id of the message, once it has one."""

    def connected(self, protocol: SmppProtocol) -> None:
        """Bind."""
        self._show("ESME", f"bind_transceiver as {self._account.system_id!r}")
        request = wire.BindTransceiver(
            system_id=self._account.system_id,
            password=self._account.password,
            interface_version=0x34,
        )
        protocol.send(protocol.session.bind(request))

    def events(self, protocol: SmppProtocol, events: list[Event]) -> None:
        """Submit when bound; done when the receipt came."""
        for event in events:
            match event:
                case BindAnswer(pdu=answer) if answer.command_status == 0:
                    self._submit(protocol)
                case BindAnswer(pdu=answer):
                    self._fail(f"bind refused: {wire.status_name(answer.command_status)}")
                case Response(pdu=wire.SubmitSmResp(command_status=0) as answer):
                    self.id = answer.message_id
                    self._show("ESME", f"submit_sm_resp: message_id {self.id}; it is on disk")
                case Response(pdu=answer):
                    self._fail(f"submit_sm refused: {wire.status_name(answer.command_status)}")
                case Request(pdu=wire.DeliverSm() as delivered):
                    self._delivered(protocol, delivered)
                case Close(reason=reason):
                    self._fail(reason)

    def _submit(self, protocol: SmppProtocol) -> None:
        self._show("ESME", f"submit_sm from {self._source} to {PHONE}: {TEXT!r}")
        request = wire.SubmitSm(
            source_addr=self._source,
            dest_addr_ton=1,
            dest_addr_npi=1,
            destination_addr=PHONE,
            registered_delivery=1,
            short_message=TEXT.encode("ascii"),
        )
        protocol.send(protocol.session.request(request, protocol.session.last_heard))

    def _delivered(self, protocol: SmppProtocol, pdu: wire.DeliverSm) -> None:
        answer = wire.DeliverSmResp(sequence_number=pdu.sequence_number)
        protocol.send(protocol.session.respond(answer))
        # The data directory may hold receipts of an earlier demo that nobody was there to take.
        if self.id and wire.tlv_text(pdu, wire.Tag.receipted_message_id) == self.id:
            text = pdu.short_message.decode("latin-1")
            self._show("ESME", f"deliver_sm: {text[text.find('stat:') :]}")
            if not self.done.called:
                self.done.callback(self.id)

    def writable(self, protocol: SmppProtocol, writable: bool) -> None:
        """Three PDUs are no burden."""

    def lost(self, protocol: SmppProtocol, reason: str, in_flight: list[Pending]) -> None:
        """The connection is gone."""
        self._fail(reason)

    def _fail(self, reason: str) -> None:
        if not self.done.called:
            self.done.errback(CommandFault(reason))


class DemoProcess(Process):
    """The gateway as a process, with a carrier beside it and a demonstration at the start."""

    def __init__(
        self,
        reactor: Any,
        gateway: Gateway,
        log: Log,
        carrier: SimulatedCarrier,
        stage: Stage,
        directory: Path,
        *,
        once: bool,
    ) -> None:
        super().__init__(reactor, gateway, log, None)
        self._carrier = carrier
        self._stage = stage
        self._directory = directory
        self._once = once
        self._port = 0
        settings = gateway.settings
        self._demonstrator = Demonstrator(
            settings.accounts[0], settings.numbers[0].address, stage.show
        )

    def run(self) -> int:
        """Run until a signal, or until the demonstration is over with `once`."""
        try:
            code = super().run()
        finally:
            (self._directory / DEMO_FILE).unlink(missing_ok=True)
        if not self._once:
            say("", "stopped")  # an empty line, for a terminal has written ^C
        return code

    def _not_started(self, failure: Failure) -> None:
        super()._not_started(failure)
        if failure.check(CannotListenError):  # type: ignore[no-untyped-call]
            self._trouble += "; with --port 0 the same command takes a free port"

    def _running(self, _: object) -> None:
        super()._running(_)
        self._port = self._gateway.ports[0].getHost().port  # type: ignore[attr-defined]
        self._write_credentials()
        playing = Deferred.fromCoroutine(self._demonstrate())
        playing.addTimeout(PATIENCE, self._reactor)
        playing.addCallbacks(self._shown, self._failed)

    def _write_credentials(self) -> None:
        account = self._gateway.settings.accounts[0]
        said = {
            "host": LOOPBACK,
            "port": self._port,
            "system_id": account.system_id,
            "password": account.password,
            "source": self._gateway.settings.numbers[0].address,
        }
        file = self._directory / DEMO_FILE
        file.unlink(missing_ok=True)
        with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as out:
            json.dump(said, out)

    async def _demonstrate(self) -> str:
        show, settings = self._stage.show, self._gateway.settings
        show("gateway", f"ESMEs bind at {LOOPBACK}:{self._port}, data in {self._directory}")
        show("carrier", f"simulated, at {LOOPBACK}:{settings.carriers[0].port}")
        carrier = self._gateway.relay.carriers[settings.carriers[0].name]
        while not carrier.usable:
            await task.deferLater(self._reactor, 0.02)
        demonstrator = self._demonstrator
        protocol = await connect(
            self._reactor,
            LOOPBACK,
            self._port,
            lambda now: Session(Role.ESME, window=10, timing=Timing(), now=now),
            demonstrator,
        )
        id = await demonstrator.done
        # The answer to the receipt has to be on disk before its life is whole.
        while not life(self._gateway.store.engine, id)["forwarded"]:
            await task.deferLater(self._reactor, 0.02)
        protocol.send_now(protocol.session.unbind(self._reactor.seconds()))
        return id

    def _shown(self, id: str) -> None:
        found = life(self._gateway.store.engine, id, relay=self._gateway.relay)
        say("", "What the gateway remembers of it:", "", *life_text(found, width()), "")
        if self._once:
            self.stop("the demonstration is over")
            return
        self._stage.open = False
        say(*self._next(id))

    def _failed(self, failure: Failure) -> None:
        if self._stopping:
            return
        reason = failure.getErrorMessage()
        if failure.check(DeferredTimeout):  # type: ignore[no-untyped-call]
            reason = f"no receipt came within {PATIENCE:g} s"
        self._stage.open = False
        id = self._demonstrator.id
        relay = self._gateway.relay
        if id:
            say("", *life_text(life(relay.store.engine, id, relay=relay), width()), "")
        if self._once:
            self._trouble = f"the demonstration failed: {reason}"
            self.stop(reason)
        else:
            say(f"The demonstration failed: {reason}. Everything stays up.", *self._next(id))

    def _next(self, id: str) -> list[str]:
        program = _program()
        where = "" if self._directory == DEMO_DIR else f" --data-dir {quote(str(self._directory))}"
        account = self._gateway.settings.accounts[0]
        operator = self._gateway.settings.operators[0]
        return [
            "Try next, in another terminal, from this directory:",
            f"  {program} send --to {PHONE} --dlr{where} hello",
            f"  {program} send --to {PHONE} --dlr{where} '{{receipt=UNDELIV,err=021}}hello'",
            f"  {program} status{where}",
            f"  {program} message {id or 'ID'}{where}",
            f"  {program} shell{where} -c 'simulate mo {PHONE} 38200 START'",
            f"Bind an ESME of yours to {LOOPBACK}:{self._port}: system_id {account.system_id},"
            f" password {account.password}.",
            f"The operators' shell: {program} shell{where}",
            *(
                f"  or telnet {place}, Username {operator.name}, Password {operator.password}"
                for place in self._gateway.doors.places
            ),
            "Ctrl-C stops.",
        ]


def _program() -> str:
    """How the user called us."""
    called = sys.argv[0]
    if Path(called).name != "smppgw":
        return f"{quote(sys.executable)} -m smppgw"
    place = Path(called).absolute()
    if shutil.which("smppgw") == str(place):
        return "smppgw"
    here = Path.cwd()
    return quote(str(place.relative_to(here) if place.is_relative_to(here) else called))
