"""A whole gateway in memory: clock, store on disk, carriers and ESMEs on an in-memory network."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

from attrs import evolve
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from smppgw.core.account_settings import AccountSettings
from smppgw.core.auth import Refusal
from smppgw.core.esme import EsmeBind
from smppgw.core.ids import parse_id
from smppgw.core.message import Message
from smppgw.core.plugin import FeatureFactory
from smppgw.core.relay import Relay
from smppgw.core.settings import CarrierSettings, RouteSettings, Settings
from smppgw.core.slot import Slot
from smppgw.core.store.engine import Engine
from smppgw.core.store.group_commit import Store
from smppgw.simulator.behaviour import Behaviour
from smppgw.simulator.carrier import SimulatedCarrier
from smppgw.simulator.memory import MemoryConnector, MemoryNetwork
from smppgw.smpp import wire
from smppgw.smpp.net import SmppProtocol, SmppServerFactory
from smppgw.smpp.session import (
    BindAnswer,
    Event,
    Pending,
    Request,
    Response,
    Role,
    Session,
    Timing,
)

EPOCH = 1_790_000_000.0
GATEWAY = "127.0.0.1:2775"


class InstantSynchronizer:
    """A disk that is durable one turn or `delay` seconds later, or never while `stuck`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.stuck = False
        self.delay = 0.0
        self.dead = False
        """The process that it belongs to was killed."""
        self.syncs = 0
        self._waiting: Callable[[str], None] | None = None

    def sync(self, numbers: tuple[int, ...], done: Callable[[str], None]) -> None:
        self.syncs += 1
        if self.stuck:
            self._waiting = done
        else:
            self._clock.callLater(self.delay, self._done, done)

    def _done(self, done: Callable[[str], None]) -> None:
        if not self.dead:
            done("")

    def go_on(self) -> None:
        self.stuck = False
        done, self._waiting = self._waiting, None
        if done is not None:
            done("")

    def stop(self) -> None:
        pass


class TestEsme:
    """An ESME that keeps everything it gets, and answers deliver_sm as told."""

    __test__ = False

    def __init__(self, world: World, system_id: str, kind: type[wire.Bind]) -> None:
        self._world = world
        self._system_id = system_id
        self._kind = kind
        self.session = Session(Role.ESME, window=10_000, timing=Timing(), now=world.clock.seconds())
        self.protocol: SmppProtocol | None = None
        self.bind_status: int | None = None
        self.responses: dict[int, wire.PDU] = {}
        self.delivered: list[wire.DeliverSm] = []
        self.answer: int | None = 0
        """command_status of its deliver_sm_resp; None = it never answers."""
        self.lost_because = ""

    def connected(self, protocol: SmppProtocol) -> None:
        self.protocol = protocol
        protocol.send(
            self.session.bind(self._kind(system_id=self._system_id, interface_version=0x34))
        )

    def events(self, protocol: SmppProtocol, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, BindAnswer):
                self.bind_status = event.pdu.command_status
            elif isinstance(event, Response):
                self.responses[event.pdu.sequence_number] = event.pdu
            elif isinstance(event, Request) and isinstance(event.pdu, wire.DeliverSm):
                self.delivered.append(event.pdu)
                if self.answer is not None:
                    resp = wire.DeliverSmResp(
                        sequence_number=event.pdu.sequence_number, command_status=self.answer
                    )
                    protocol.send(self.session.respond(resp))

    def writable(self, protocol: SmppProtocol, writable: bool) -> None:
        pass

    def lost(self, protocol: SmppProtocol, reason: str, in_flight: list[Pending]) -> None:
        self.protocol = None
        self.lost_because = reason

    def request(self, pdu: wire.PDU) -> int:
        """Send any request; the sequence_number under which `responses` will have its answer."""
        assert self.protocol is not None
        data = self.session.request(pdu, self._world.clock.seconds())
        self.protocol.send_now(data)
        return pdu.sequence_number

    def submit(self, destination: str = "33600000001", text: bytes = b"hello", **fields) -> int:
        """Send a submit_sm."""
        fields.setdefault("source_addr", "12345")
        fields.setdefault("dest_addr_ton", 1)
        fields.setdefault("dest_addr_npi", 1)
        fields.setdefault("destination_addr", destination)
        return self.request(wire.SubmitSm(short_message=text, **fields))

    def status(self, sequence: int) -> int | None:
        """command_status of an answer, None while there is none."""
        answer = self.responses.get(sequence)
        return None if answer is None else answer.command_status

    def id_of(self, sequence: int) -> str:
        """message_id of a submit's answer."""
        answer = self.responses[sequence]
        assert answer.command_status == 0, wire.status_name(answer.command_status)
        return answer.message_id

    def unbind(self) -> None:
        assert self.protocol is not None
        self.protocol.send_now(self.session.unbind(self._world.clock.seconds()))

    def disconnect(self) -> None:
        assert self.protocol is not None
        self.protocol.abort("test")


class World:
    """The gateway and everything around it; `settle` lets what is under way arrive."""

    def __init__(
        self,
        directory: Path,
        carriers: tuple[CarrierSettings, ...] | None = None,
        accounts: tuple[AccountSettings, ...] | None = None,
        routes: tuple[RouteSettings, ...] | None = None,
        behaviours: dict[str, Behaviour] | None = None,
        start: bool = True,
        seed: int = 1,
        features: tuple[FeatureFactory, ...] = (),
        **rest,
    ) -> None:
        self.features = features
        self.directory = directory
        self.clock = Clock()
        self.clock.advance(EPOCH)
        self.network = MemoryNetwork(self.clock)
        if carriers is None:
            carriers = (carrier("a"),)
        if accounts is None:
            accounts = (account("esme"),)
        if routes is None:
            routes = (RouteSettings(prefix="", carriers=tuple((one.name,) for one in carriers)),)
        self.settings = Settings(carriers=carriers, accounts=accounts, routes=routes, **rest)
        self.simulated: dict[str, SimulatedCarrier] = {}
        for one in carriers:
            behaviour = (behaviours or {}).get(one.name, Behaviour())
            simulated = SimulatedCarrier(behaviour, self.clock, Random(seed))
            self.simulated[one.name] = simulated
            self.network.listen(f"{one.host}:{one.port}", simulated.factory)
        self.generation = 0
        self.open()
        if start:
            self.start()

    def start(self) -> None:
        """Let gateway and features begin."""
        self.relay.start()
        self.slot.start()
        self.settle()

    def open(self) -> None:
        """Open the store and make the gateway (not started)."""
        self.engine = Engine(self.directory)
        self.sync = InstantSynchronizer(self.clock)
        self.store = Store(self.engine, self.clock, self.sync)
        self.relay = Relay(
            self.settings, self.store, self.clock, MemoryConnector(self.network), Random(2)
        )
        self.slot = Slot(self.relay, self.features)
        self.factory = SmppServerFactory(
            lambda now: Session(Role.MC, window=1, timing=Timing(), now=now),
            lambda: EsmeBind(self.relay, self.settings.smpp, self.check),
            self.clock,
            1000,
        )
        self.network.listen(GATEWAY, self.factory)

    def check(
        self, system_id: str, password: str, source: str
    ) -> Deferred[AccountSettings | Refusal]:
        """Every configured account may bind, whatever its password."""
        found = self.relay.accounts.get(system_id)
        return succeed(Refusal(0x0F, "unknown") if found is None else found.settings)

    def esme(
        self, system_id: str = "esme", kind: type[wire.Bind] = wire.BindTransceiver
    ) -> TestEsme:
        """A bound ESME."""
        esme = TestEsme(self, system_id, kind)
        self.network.connect(GATEWAY, esme.session, esme)
        self.settle()
        return esme

    def settle(self, seconds: float = 0.0, step: float = 0.25) -> None:
        """Let everything under way arrive, then `seconds` pass in steps."""
        for _ in range(200):
            self.clock.advance(0)
        while seconds > 0:
            self.clock.advance(min(step, seconds))
            seconds -= step
            for _ in range(30):
                self.clock.advance(0)

    def message(self, message_id: str) -> Message:
        """A message of the gateway by the id its ESME got."""
        number = parse_id(message_id)
        assert number is not None
        found = self.engine.message(number)
        assert found is not None
        return found

    def crash(self) -> None:
        """kill -9 and a new start: what was on disk is all there is."""
        self.generation += 1
        copy = self.directory.parent / f"after-crash-{self.generation}"
        shutil.copytree(self.directory, copy, ignore=shutil.ignore_patterns("lock"))
        old = self.clock
        self.sync.dead = True
        self.network.cut()
        self.network.unlisten(GATEWAY)
        for call in list(old.getDelayedCalls()):
            module = getattr(getattr(call.func, "__self__", call.func), "__module__", "")
            if str(module).startswith(("smppgw.core", "smppgw.features")):
                call.cancel()
        self.engine.close()
        self.directory = copy
        self.open()
        self.start()

    def ledger(self, name: str = "esme") -> dict[str, int]:
        """The ledger line of an account, checked against the messages in the store."""
        line = self.relay.ledger.lines("account")[name]
        self.engine.flush()
        ((pending,),) = self.engine.select(
            "SELECT count(*) FROM message WHERE account = ? AND state >= 20 AND part_of = 0",
            (name,),
        )
        assert line["pending"] == pending, (line, pending)
        return line


def carrier(name: str, port: int = 2790, **fields) -> CarrierSettings:
    """A carrier at the in-memory network."""
    return evolve(
        CarrierSettings(name=name, host="127.0.0.1", port=port, system_id="gw", password="pw"),
        **fields,
    )


def account(system_id: str, **fields) -> AccountSettings:
    """An account."""
    return AccountSettings(system_id=system_id, password="pw", **fields)
