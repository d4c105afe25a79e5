"""Messages from phones to the numbers that features look at.

Owns: that such a message is handled once: in the commit that answers its carrier, or, when it came
in parts that were answered before, from a row of its own until a feature has had it.
Refuses to know: features (`slot`), parts (`assembly`), and who gets what none of them wants
(`inbox`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from smppgw.core import long_mo
from smppgw.core.address import normalise
from smppgw.core.ids import MessageIds
from smppgw.core.mo_text import mo_of
from smppgw.core.settings import NumberSettings
from smppgw.core.store.batch import Source
from smppgw.core.store.group_commit import Refused, Store
from smppgw.smpp import wire

if TYPE_CHECKING:
    from smppgw.core.relay import Relay

AGAIN = 1.0
"""Seconds after which a message that the disk refused is offered again."""

log = Logger()


class Featured:
    """The way of these messages to `Slot.offer`."""

    def __init__(self, relay: Relay, store: Store, ids: MessageIds) -> None:
        self._relay = relay
        self._store = store
        self._ids = ids

    def number(self, carrier: str, mo: wire.DeliverSm) -> NumberSettings | None:
        """The number that an MO was sent to, when features look at what comes to it."""
        if self._relay.slot is None:
            return None
        address = normalise(mo.destination_addr, mo.dest_addr_ton, mo.dest_addr_npi)
        number = self._relay.inbox.owner(carrier, address)
        return None if number is None or number.profile == "none" else number

    def take(
        self,
        carrier: str,
        link: Source,
        pdu: wire.DeliverSm | wire.DataSm,
        mo: wire.DeliverSm,
        number: NumberSettings,
    ) -> None:
        """Have an MO that came in one piece handled; it is answered in the same commit."""
        request = (pdu.command_id, pdu.sequence_number)
        answered = False

        def answer() -> None:
            nonlocal answered
            answered = True
            octets = wire.frame(pdu.command_id | wire.RESPONSE, 0, pdu.sequence_number, b"\0")
            self._store.answer(link, octets, request)

        def refuse(failure: Failure) -> None:
            _complain(failure)
            if not answered:  # else the store refuses
                link.refuse(*request)

        origin = f"{link.name} sequence {pdu.sequence_number}"
        self._offer(carrier, origin, mo, number, answer).addErrback(refuse)

    # ------------------------------------------------------------------ joined from parts

    def join(self, carrier: str, bodies: list[bytes], missing: int, *, headless: bool) -> bool:
        """Have a message handled whose parts these are; False when nobody here looks at it.

        It also is when the parts cannot be joined: they go where all others go.
        """
        if self.number(carrier, long_mo.deliver_sm_of(bodies[0])) is None:
            return False
        message = long_mo.joined(bodies, self._relay.inbox.data_codings(carrier))
        body = None if message is None else message.in_one()
        if body is None:
            return False
        row, alive = self._ids.next(), [True]

        def take_back() -> None:
            alive.clear()
            self._store.execute("DELETE FROM mo_ready WHERE id = ?", row)

        self._store.execute(
            "INSERT OR REPLACE INTO mo_ready (id, carrier, missing, headless, body)"
            " VALUES (?, ?, ?, ?, ?)",
            row,
            carrier,
            missing,
            int(headless),
            body,
        )
        self._store.batch.undo.append(take_back)
        self._store.when_durable(
            lambda: self._ready(row, carrier, missing, headless, body) if alive else None
        )
        return True

    def load(self) -> None:
        """Take up what waited at the last stop."""
        columns = "id, carrier, missing, headless, body"
        for row in self._store.engine.select(f"SELECT {columns} FROM mo_ready ORDER BY id"):  # noqa: S608
            self._ready(*row)

    def _ready(self, row: int, carrier: str, missing: int, headless: int, body: bytes) -> None:
        mo = long_mo.deliver_sm_of(body)
        number = self.number(carrier, mo)

        def handled() -> None:
            self._store.engine.changes.write("DELETE FROM mo_ready WHERE id = ?", (row,))

        def again(failure: Failure) -> None:
            _complain(failure)
            clock = self._relay.clock
            clock.callLater(AGAIN, self._ready, row, carrier, missing, headless, body)

        if number is None:  # the number has changed since
            done = self._store.transact(partial(self._keep, carrier, mo, handled))
        else:
            done = self._offer(
                carrier,
                f"{carrier} in parts",
                mo,
                number,
                handled,
                missing=missing,
                headless=bool(headless),
                in_parts=True,
            )
        done.addErrback(again)

    def _keep(self, carrier: str, mo: wire.DeliverSm, handled: Callable[[], None]) -> None:
        self._relay.inbox.keep(carrier, mo)
        handled()

    # ------------------------------------------------------------------ offering

    def _offer(
        self,
        carrier: str,
        origin: str,
        mo: wire.DeliverSm,
        number: NumberSettings,
        handled: Callable[[], None],
        *,
        missing: int = 0,
        headless: bool = False,
        in_parts: bool = False,
    ) -> Deferred[None]:
        relay = self._relay
        slot = relay.slot
        if slot is None:
            return self._store.transact(partial(self._keep, carrier, mo, handled))
        seen = mo_of(
            self._ids.next(),
            relay.now_ms(),
            carrier,
            origin,
            mo,
            number,
            relay.inbox.data_codings(carrier),
            missing=missing,
            headless=headless,
            in_parts=in_parts,
        )
        return slot.offer(seen, partial(relay.inbox.keep, carrier, mo), handled)


def _complain(failure: Failure) -> None:
    if not isinstance(failure.value, Refused):
        log.failure("a message from a phone could not be handled", failure)
