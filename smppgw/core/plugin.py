"""What a feature is to the gateway, and what the gateway is to a feature.

Owns: the slot's two sides as types: `Feature` is written by features, `Host` is given to them.
Refuses to know: any feature, and how the gateway does what a Host promises (see `slot`).

A feature is a folder in `smppgw/features` and one line in `smppgw/features/__init__.py`. It sees
messages from phones before the account that owns their number does, answers them with texts of its
own, keeps what it knows in tables of its own, and adds commands for operators. Everything that it
does about one message happens in one commit: its rows, its texts and the answer to the carrier are
durable together, or none of them is and the carrier sends the message again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

from attrs import field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from smppgw.core.account_settings import Priority
from smppgw.core.command import Command
from smppgw.core.consent import Consent
from smppgw.core.message import State
from smppgw.core.settings import NumberSettings

__all__ = [
    "Consent",
    "Feature",
    "FeatureFactory",
    "Host",
    "Mo",
    "Mt",
    "NoRoute",
    "NumberSettings",
    "Priority",
    "Sorry",
    "State",
]

T = TypeVar("T")


class NoRoute(Exception):
    """A text cannot be sent; the message says why (no route, number invalid, queue full)."""


@frozen
class Mo:
    """One message from a phone, in one piece, with its text.

    `source` and the address of `number` are normalised (digits of the international form, a name,
    or a short code); `at` is in milliseconds since 1970. `missing` parts never came, and their text
    is not there. `origin` names the PDU: link and sequence_number.
    """

    id: int
    at: int
    carrier: str
    origin: str
    source: str
    source_ton: int
    number: NumberSettings
    text: str = field(repr=False)
    octets: bytes = field(repr=False)
    """User data as the carrier sent it, header included; joined when it came in parts."""
    data_coding: int = 0
    esm_class: int = 0
    missing: int = 0
    first_missing: bool = False
    """The part that begins the text is one of them."""
    in_parts: bool = False


@frozen
class Mt:
    """One text to a phone. `source` is a number of ours.

    `carrier` is the one it should go by (the one that the number lives at); without it, routes
    decide. `due` and `expires` are in milliseconds since 1970, 0 = now and the gateway's own
    validity. `exempt` goes to a phone that said STOP, too: the confirmation of that, and answers to
    HELP and START. `scope` is the list (`list:NAME`) that it is for: who said STOP to that list
    does not get it either.
    """

    source: str
    destination: str
    text: str = field(repr=False)
    priority: Priority = Priority.TRANSACTIONAL
    carrier: str = ""
    due: int = 0
    expires: int = 0
    exempt: bool = False
    scope: str = ""


class Host(Protocol):
    """The gateway, as one feature sees it. All of it is used in the reactor's thread."""

    @property
    def clock(self) -> IReactorTime:
        """For timers; seconds."""
        ...

    def now(self) -> int:
        """Milliseconds since 1970."""
        ...

    def next_id(self) -> int:
        """A number that nothing else has, larger than all before, also after a restart."""
        ...

    def transact(self, work: Callable[[], T]) -> Deferred[T]:
        """Do a piece of work in the next commit; what it returned comes once that is durable.

        Fails with what `work` raised, and then nothing of it stays. Short: other traffic waits.
        """
        ...

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows, with everything that `change` wrote. By index: it runs in the reactor."""
        ...

    def change(self, sql: str, values: Sequence[Any] = ()) -> None:
        """Write to a table of the feature, within `transact` or `Feature.take`.

        A statement may be carried out a second time after a crash: it sets values, and never counts
        them up.
        """
        ...

    @property
    def undone(self) -> int:
        """How often rows that somebody wrote did not stay.

        What a feature remembers of its rows is to be forgotten when this has changed.
        """
        ...

    def send(self, mt: Mt) -> int:
        """Have a text sent when the piece of work is done; the id of the message.

        Within `transact` or `Feature.take`. What cannot be sent then is told to `Feature.ended` as
        rejected; use `check` to know before.
        """
        ...

    def send_all(self, mt: Mt, phones: Sequence[str]) -> range:
        """Have the same text sent to many phones (digits), as `send`: the ids, in their order.

        For each of them it costs a good deal less; `mt.destination` does not count. No more than a
        few hundred at a time: other traffic waits.
        """
        ...

    @property
    def consent(self) -> Consent:
        """What phones said; its changes are made within `transact` or `Feature.take`."""
        ...

    def check(self, mt: Mt) -> None:
        """Raises NoRoute when a text cannot be sent as things are."""
        ...

    def pass_on(self, account: str) -> None:
        """Within a `Feature.take` that returns False: this account gets the message.

        The owner of the number does when there is no such account.
        """
        ...

    def verdict(self, message: int) -> tuple[str, bool | None]:
        """The phone that a text of the feature went to, and whether it can be reached.

        Of a text that ended: True when the phone got it, False when its carrier said that it never
        will (UNDELIV, REJECTD, ESME_RINVDSTADR), None when nothing was learnt about the phone.
        """
        ...

    def note(self, event: str, mo: int = 0) -> None:
        """A line about what the feature did with a message from a phone, for whoever explains it.

        Within `Feature.take`; with the id of an earlier `mo`, within `transact`. No text of people.
        """
        ...

    def withhold(self) -> None:
        """Within `Feature.take`: there is a secret in the message; its octets are not kept."""
        ...

    def forget(self, phone: str) -> Deferred[None]:
        """Remove all that is kept of messages from a phone (digits); a feature sees to its own."""
        ...

    def post(self, url: str, body: bytes) -> Deferred[int]:
        """Post JSON to a web server: the status of its answer.

        Fails when there is none within some seconds. Nothing that may be undone should be told:
        call it behind a `transact`.
        """
        ...

    def in_thread(self, function: Callable[..., T], *values: Any) -> Deferred[T]:
        """Call a function that blocks (reads a file, computes) off the reactor."""
        ...

    @property
    def language(self) -> str:
        """In which language phones are answered when nothing else decides: `en` or `fr`."""
        ...

    def room(self) -> int:
        """How many more texts can be queued now."""
        ...

    def numbers(self) -> tuple[NumberSettings, ...]:
        """The numbers that are ours; another tuple when they have changed."""
        ...

    def accounts(self) -> list[str]:
        """The accounts that ESMEs bind with."""
        ...

    def number(self, carrier: str, address: str) -> NumberSettings | None:
        """The number with this address at a carrier, if it is ours."""
        ...


class Feature(Protocol):
    """What the gateway asks of a feature. An exception of its costs one message, never more."""

    @property
    def name(self) -> str:
        """One word in lower case; its tables are called `NAME_...`, its account `@NAME`."""
        ...

    @property
    def migrations(self) -> tuple[str, ...]:
        """SQL scripts; entry n leads from version n of its tables to version n + 1."""
        ...

    def commands(self) -> list[Command]:
        """What it adds to the shell."""
        ...

    def start(self) -> None:
        """The gateway runs: take up what a crash interrupted, begin timers."""
        ...

    def stop(self) -> None:
        """The gateway stops: end timers; nothing may be begun any more."""
        ...

    def take(self, mo: Mo) -> bool:
        """Handle a message from a phone, in a piece of work; whether nobody else should see it."""
        ...

    def ended(self, message: int, state: State, error: str) -> None:
        """A text of its ended: `message` is what `send` returned. Not in a piece of work."""
        ...


@runtime_checkable
class Sorry(Protocol):
    """A feature that says something to a phone whose message made it fail."""

    def sorry(self, mo: Mo) -> None:
        """`take` raised for this message; now the feature may `send`, in a piece of work."""
        ...


@runtime_checkable
class Again(Protocol):
    """A feature for which a message may count although the same came a moment ago."""

    def again(self, mo: Mo) -> bool:
        """Whether it does: it cannot harm if its carrier repeats it, and harms if it is not heard.

        STOP of a phone that said START since is such a message. Changes nothing.
        """
        ...


FeatureFactory = Callable[[Host], Feature]
"""Makes a feature for a gateway; its tables are there when `start` is called, not before."""
