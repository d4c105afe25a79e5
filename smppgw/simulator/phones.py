"""A population of handsets that write, and answer whoever wrote to them.

Owns: who writes when, to whom and what, long texts in parts. Refuses to know how a message reaches
the gateway (`carrier`) and what its words mean (`consent`).
"""

from __future__ import annotations

from collections import OrderedDict
from random import Random
from typing import Final

from attrs import field, frozen, validators

from smppgw.simulator.carrier import Received, SimulatedCarrier
from smppgw.sms.segment import segment

FIRST: Final = 33_600_000_001
"""Number of the first phone; the others follow."""


@frozen(kw_only=True)
class Population:
    """Settings of `Phones`."""

    count: int = field(default=10, validator=validators.ge(1))
    answers: tuple[str, ...] = field(default=("OK",), validator=validators.min_len(1))
    """What they write, one of these by chance."""
    every: float = field(default=1.0, validator=validators.gt(0))
    """Seconds from one message to the next, all phones together."""
    number: str = "38100"
    """Whom a phone writes to that has nobody to answer; empty: it keeps silent."""


class Phones:
    """Handsets at a simulated carrier, which all write in turn; `start` sets them going.

    The phone that has waited longest with a message unanswered answers its sender; when there is
    none, any phone writes to `number`. While the carrier has more for its binds than
    `Behaviour.queue`, they keep silent. Chance comes from `random` alone. `sent` counts messages,
    long ones once.
    """

    def __init__(self, carrier: SimulatedCarrier, random: Random, population: Population) -> None:
        self.population = population
        self.sent = 0
        self._carrier = carrier
        self._random = random
        self._unanswered: OrderedDict[str, str] = OrderedDict()
        self._reference = 0
        carrier.heard = self._heard

    def start(self) -> None:
        """Write the first message `every` seconds from now, and so on until the carrier stops."""
        self._carrier.agenda.after(self.population.every, self._turn)

    def write(self, phone: str, number: str, text: str) -> None:
        """Send a text from a phone, as its carrier passes it on: in parts when it is long.

        `Behaviour.shuffle_parts` and `repeat_parts` hold for the parts. Raises what `segment` does.
        """
        self._reference += 1
        behaviour = self._carrier.behaviour
        parts = list(segment(text, reference=self._reference).parts)
        if len(parts) > 1:
            again = [part for part in parts if self._random.random() < behaviour.repeat_parts]
            # All of them again would be a second message, as far as anybody can tell.
            parts += again[: len(parts) - 1]
            if behaviour.shuffle_parts:
                self._random.shuffle(parts)
        for part in parts:
            self._carrier.send_mo(
                phone,
                number,
                part.short_message,
                data_coding=part.data_coding,
                esm_class=part.esm_class,
                source_addr_ton=1,
                source_addr_npi=1,
            )
        self.sent += 1

    def _heard(self, received: Received) -> None:
        sender, phone = received.pdu.source_addr, received.destination
        # What has letters is a name, which cannot be written to.
        if sender.isdigit() and self._has(phone):
            self._unanswered[phone] = sender

    def _has(self, phone: str) -> bool:
        return phone.isdigit() and 0 <= int(phone) - FIRST < self.population.count

    def _turn(self) -> None:
        self.start()
        if self._carrier.waiting >= self._carrier.behaviour.queue:
            return  # nobody takes what they write
        if self._unanswered:
            phone, number = self._unanswered.popitem(last=False)
        else:
            phone = str(FIRST + self._random.randrange(self.population.count))
            number = self.population.number
        if number:
            self.write(phone, number, self._random.choice(self.population.answers))
