"""From the options of `smppgw simulate load` to the objects of a run.

Owns: what each option means, and what does not go together. Refuses to know the reactor's life,
what is printed and what is written.
"""

from __future__ import annotations

from argparse import Namespace
from random import Random
from typing import Any, Final

from attrs import evolve, field, frozen
from twisted.internet.defer import Deferred

from smppgw.cli.output import CommandFault
from smppgw.cli.target import Target
from smppgw.simulator.accounting import Accounting
from smppgw.simulator.carrier import SimulatedCarrier
from smppgw.simulator.esme import SimulatedEsme
from smppgw.simulator.esme_bind import Opener
from smppgw.simulator.figures import Requirement, RequirementError, requirement
from smppgw.simulator.load import Load
from smppgw.simulator.load_run import Gauge, Limits, LoadRun
from smppgw.simulator.messages import Mix, Texts
from smppgw.simulator.mo_flow import MoFlow, MoLoad
from smppgw.simulator.personas import PERSONAS
from smppgw.simulator.shapes import Shape, shape
from smppgw.smpp.net import Handler, SmppProtocol, connect, tls_client_options
from smppgw.smpp.session import Session, Timing

SOURCE: Final = "38100"
SECONDS: Final = 30.0
SOAK_SECONDS: Final = 3600.0
ENDLESS: Final = 99_999_999
"""As many as markers can number."""
RECEIPTS_WINDOW: Final = 50
"""deliver_sm that our carrier sends without an answer, on each bind."""


class PlanError(Exception):
    """The options make no sense together; the text says why."""


@frozen(kw_only=True)
class Plan:
    """What is to be done, as settings; `carrier` says whether we are the carrier, too."""

    target: Target
    load: Load = field(repr=False)
    limits: Limits
    requirements: tuple[Requirement, ...]
    mos: MoLoad | None
    carrier: bool
    persona: str
    seed: int
    tls: str | None
    about: dict[str, Any]
    """The same for people and for the result."""


def plan_of(arguments: Namespace, target: Target) -> Plan:
    """What the options say; raises `PlanError`."""
    try:
        requirements = tuple(requirement(text) for text in arguments.require)
    except RequirementError as error:
        raise PlanError(f"--require {error}") from None
    if arguments.persona not in PERSONAS:
        raise PlanError(f"no persona {arguments.persona!r}; there are: {', '.join(PERSONAS)}")
    if arguments.mo_rate and arguments.carrier_port is None:
        raise PlanError("--mo-rate needs a carrier of ours: --carrier-port")
    seconds = arguments.seconds
    if seconds is None and (arguments.rate or arguments.mo_rate or arguments.count is None):
        seconds = SOAK_SECONDS if arguments.shape == "soak" else SECONDS
    course = _course(arguments, seconds)
    load = _load(arguments, target, course)
    limits = Limits(settle=arguments.settle)
    if seconds is not None:
        limits = evolve(limits, seconds=seconds)
    mos = None
    if arguments.mo_rate:
        mos = MoLoad(
            shape=shape("constant", arguments.mo_rate, seconds or SECONDS),
            number=arguments.mo_to,
            phones=arguments.phones,
            keywords=weights(arguments.mo_keywords, "--mo-keywords"),
        )
    return Plan(
        target=target,
        load=load,
        limits=limits,
        requirements=requirements,
        mos=mos,
        carrier=arguments.carrier_port is not None,
        persona=arguments.persona,
        seed=arguments.seed,
        tls=arguments.tls,
        about=_about(arguments, target, seconds),
    )


def _course(arguments: Namespace, seconds: float | None) -> Shape | None:
    if not arguments.rate:
        if arguments.shape not in ("constant", "soak") or arguments.arrivals != "even":
            raise PlanError("--shape and --arrivals are of an open loop: give --rate, too")
        return None
    return shape(
        arguments.shape,
        arguments.rate,
        seconds or SECONDS,
        from_rate=arguments.from_rate,
        steps=arguments.steps,
    )


def _load(arguments: Namespace, target: Target, course: Shape | None) -> Load:
    try:
        if arguments.text:
            messages: Mix | Texts = Texts(tuple(arguments.text))
        else:
            chance = Random(f"mix {arguments.seed}")  # noqa: S311 - to be repeatable
            messages = Mix(weights(arguments.mix, "--mix"), chance)
    except ValueError as error:
        raise PlanError(f"{'--text' if arguments.text else '--mix'}: {error}") from None
    digits = arguments.to.removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 15):
        raise PlanError(f"--to {arguments.to}: is no number of up to 15 digits")
    international = len(digits) > 8
    numbers = range(int(digits), int(digits) + arguments.destinations)
    return Load(
        system_id=target.system_id,
        password=target.password,
        system_type=arguments.system_type,
        bind=arguments.bind,
        binds=arguments.binds,
        window=arguments.window,
        timing=Timing(response=arguments.timeout),
        count=ENDLESS if arguments.count is None else arguments.count,
        shape=course,
        poisson=arguments.seed if arguments.arrivals == "poisson" else None,
        source=target.source or SOURCE,
        destinations=tuple(f"{number:0{len(digits)}d}" for number in numbers),
        dest_addr_ton=int(international),
        dest_addr_npi=int(international),
        messages=messages,
        registered_delivery=0 if arguments.no_receipts else 1,
        receipt_ids=arguments.receipt_ids,
    )


def weights(text: str, option: str) -> dict[str, float]:
    """`A=3,B=1,C` as weights, 1 where none is said; raises `PlanError`."""
    found = {}
    for word in filter(None, (one.strip() for one in text.split(","))):
        name, equals, digits = word.partition("=")
        try:
            found[name.strip()] = float(digits) if equals else 1.0
        except ValueError:
            raise PlanError(f"{option}: {digits!r} in {word!r} is no weight") from None
    if not found or min(found.values()) < 0 or not 0 < sum(found.values()) < float("inf"):
        raise PlanError(f"{option}: weights are numbers, at least one of them above 0")
    return found


def _about(arguments: Namespace, target: Target, seconds: float | None) -> dict[str, Any]:
    about: dict[str, Any] = {
        "target": f"{target.host}:{target.port}",
        "system_id": target.system_id,
        "loop": "open" if arguments.rate else "closed",
    }
    if arguments.rate:
        about |= {"shape": arguments.shape, "rate": arguments.rate, "arrivals": arguments.arrivals}
        about |= {"from_rate": arguments.from_rate} if arguments.from_rate is not None else {}
        about |= {"steps": arguments.steps} if arguments.shape == "step" else {}
    about |= {
        "seconds": seconds,
        "count": arguments.count,
        "binds": arguments.binds,
        "bind": arguments.bind,
        "window": arguments.window,
        "timeout": arguments.timeout,
        "messages": f"{len(arguments.text)} texts in turn" if arguments.text else arguments.mix,
        "receipts": not arguments.no_receipts,
        "destinations": arguments.destinations,
        "seed": arguments.seed,
    }
    if arguments.carrier_port is not None:
        about["carrier"] = arguments.persona
    if arguments.mo_rate:
        about |= {"mo_rate": arguments.mo_rate, "mo_keywords": arguments.mo_keywords}
    return {name: value for name, value in about.items() if value is not None}


class Parts:
    """The objects of a run on a reactor: the ESME, the carrier and the phones if they are ours."""

    def __init__(self, plan: Plan, reactor: Any, *, told: Any = None) -> None:
        self.plan = plan
        self.accounting = Accounting()
        self.carrier: SimulatedCarrier | None = None
        self.mos: MoFlow | None = None
        self.gauges: dict[str, Gauge] = {}
        if plan.carrier:
            behaviour = PERSONAS[plan.persona].behaviour
            behaviour = evolve(behaviour, record=0, delivery_window=RECEIPTS_WINDOW)
            chance = Random(plan.seed)  # noqa: S311 - to be repeatable
            carrier = SimulatedCarrier(behaviour, reactor, chance, accounting=self.accounting)
            self.carrier = carrier
            self.gauges["at_carrier"] = lambda: float(carrier.waiting)
        if plan.mos is not None and self.carrier is not None:
            chance = Random(f"phones {plan.seed}")  # noqa: S311
            self.mos = MoFlow(self.carrier, plan.mos, self.accounting, chance)
        esme = SimulatedEsme(plan.load, self._opener(reactor), reactor, self.accounting)
        self.run = LoadRun(
            esme,
            reactor,
            self.accounting,
            limits=plan.limits,
            both_ends=self.carrier is not None,
            mos=self.mos,
            ready=self._ready,
            gauges=self.gauges,
            told=told,
        )

    def _ready(self) -> bool:
        """The gateway has bound to our carrier, if that is ours."""
        return self.carrier is None or bool(self.carrier.binds)

    def _opener(self, reactor: Any) -> Opener:
        target = self.plan.target
        tls = None
        if self.plan.tls is not None:
            try:
                tls = tls_client_options(target.host, self.plan.tls)
            except (OSError, ValueError) as error:
                raise CommandFault(f"--tls {self.plan.tls}: {error}") from None

        def opener(session: Session, handler: Handler) -> Deferred[SmppProtocol]:
            return connect(reactor, target.host, target.port, lambda now: session, handler, tls=tls)

        return opener
