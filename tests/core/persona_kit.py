"""A gateway between an application and a persona of the simulated carrier."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from random import Random
from types import MappingProxyType

from attrs import evolve
from carrier_kit import Traffic
from relay_kit import World, account, carrier
from relay_peers import id_of, stat_of

from smppgw.core.message import State
from smppgw.core.settings import NumberSettings, RouteSettings
from smppgw.simulator.personas import PERSONAS
from smppgw.simulator.phones import FIRST, Phones, Population

DESTINATIONS = tuple(str(FIRST + place) for place in range(5))
NUMBER = NumberSettings(address="38100", account="esme")
INTERMEDIATE = ("ACCEPTD", "ENROUTE")


class Stage:
    """A gateway in memory, a persona as its carrier `a`, and numbered traffic through both."""

    def __init__(
        self,
        tmp_path: Path,
        name: str,
        seed: int = 1,
        changes: Mapping[str, object] = MappingProxyType({}),
        beside: tuple[str, str] | None = None,
        **settings,
    ) -> None:
        """`beside` is another persona as carrier `b`, and the prefix of what it serves."""
        settings = {"response_timeout": 5.0, "reconnect": 0.2, "max_reconnect": 1.0, **settings}
        behaviour = evolve(PERSONAS[name].behaviour, **changes)
        carriers, routes, behaviours = [carrier("a", **settings)], None, {"a": behaviour}
        if beside is not None:
            carriers.append(carrier("b", 2791))
            behaviours["b"] = PERSONAS[beside[0]].behaviour
            routes = (
                RouteSettings(carriers=(("a",),)),
                RouteSettings(prefix=beside[1], carriers=(("b",),)),
            )
        self.world = World(
            tmp_path / f"{name}-{seed}",
            tuple(carriers),
            accounts=(account("esme", window=10_000),),
            routes=routes,
            numbers=(NUMBER,),
            behaviours=behaviours,
            seed=seed,
        )
        self.carrier = self.world.simulated["a"]
        self.traffic = Traffic(self.world)
        self.esme = self.traffic.esme

    def phones(self, population: Population) -> Phones:
        """Handsets at the carrier, not started."""
        return Phones(self.carrier, Random(1), population)

    def send(self, count: int, source: str = "38100") -> None:
        """Messages to the destinations in turn, each with a receipt."""
        for place in range(count):
            self.traffic.send(
                DESTINATIONS[place % len(DESTINATIONS)], source_addr=source, registered_delivery=1
            )
        self.world.settle(0.1, step=0.05)

    def receipts(self) -> dict[str, list[str]]:
        """stat of the final receipts that the application got, by message id."""
        found: dict[str, list[str]] = {}
        for pdu in self.esme.delivered:
            if pdu.esm_class & 0x3C and (stat := stat_of(pdu)) not in INTERMEDIATE:
                found.setdefault(id_of(pdu), []).append(stat)
        return found

    def stats(self) -> list[str]:
        """stat of the one final receipt of each message, in the order of sending; "" for none."""
        receipts = self.receipts()
        assert all(len(stats) == 1 for stats in receipts.values()), receipts
        ids = [esme.id_of(sequence) for esme, sequence in self.traffic.sent.values()]
        assert set(receipts) <= set(ids)
        return [receipts[one][0] if one in receipts else "" for one in ids]

    def states(self) -> list[State]:
        """How the gateway remembers each message, in the order of sending."""
        return [State(self.traffic.state(number)) for number in self.traffic.sent]
