"""Where features meet the gateway: messages from phones to them, texts from them.

Owns: the order of features, their tables' versions, the account each sends under, that a message
which its carrier repeats is handled once, and that a fault of a feature costs no message.
Refuses to know: any feature; SQL of tables that are not its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from secrets import token_hex
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import frozen
from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from smppgw.core import mo_kept
from smppgw.core.account import Account
from smppgw.core.account_settings import AccountSettings
from smppgw.core.bulk import Bulk
from smppgw.core.consent import Consent
from smppgw.core.held import Held
from smppgw.core.ingress import Rejected
from smppgw.core.message import Delivery, State
from smppgw.core.originate import submit_sm_of_text
from smppgw.core.plugin import Again, Feature, FeatureFactory, Mo, Mt, NoRoute, Sorry
from smppgw.core.reload import stored_account
from smppgw.core.seen import Seen
from smppgw.core.settings import NumberSettings
from smppgw.core.status import status_text
from smppgw.smpp.wire import CommandStatus

if TYPE_CHECKING:
    from smppgw.core.relay import Relay

FAILED = (State.UNDELIVERABLE, State.REJECTED)
"""How a text ends that never arrives; one that expired may have found its phone switched off."""

T = TypeVar("T")

log = Logger()

Post = Callable[[str, bytes], Deferred[int]]
"""Posts JSON to a URL: the status of the answer."""


def _no_network(url: str, body: bytes) -> Deferred[int]:
    return fail(ConnectionError("this gateway has no way to the web"))


class FeatureFailed(Exception):
    """A feature raised; nothing of what it did about this message stays."""


class Slot:
    """The features of one gateway, in the order in which they see messages."""

    def __init__(
        self,
        relay: Relay,
        factories: Sequence[FeatureFactory],
        in_thread: Callable[..., Deferred[Any]] = maybeDeferred,
        post: Post = _no_network,
    ) -> None:
        self._relay = relay
        self._hosts: list[SlotHost] = []
        self.seen = Seen(relay.store.engine, relay.now_ms())
        for factory in factories:
            host = SlotHost(relay, in_thread, post)
            feature = host.feature = factory(host)
            relay.store.engine.migrate(feature.name, feature.migrations)
            host.account = _account(relay, host)
            relay.accounts[host.account.name] = host.account
            self._hosts.append(host)
        if self._hosts:
            relay.slot = self

    @property
    def features(self) -> list[Feature]:
        """In the order in which they see messages."""
        return [host.feature for host in self._hosts]

    def held(self) -> list[Held]:
        """What it holds in memory."""
        return self.seen.held()

    def start(self) -> None:
        """Start every feature; one that fails is said, and the others start."""
        for feature in self.features:
            with log.failuresHandled("feature {name}: start", name=feature.name):
                feature.start()

    def stop(self) -> None:
        """Stop them, last first."""
        for feature in reversed(self.features):
            with log.failuresHandled("feature {name}: stop", name=feature.name):
                feature.stop()

    # ------------------------------------------------------------------ messages from phones

    def offer(
        self, mo: Mo, otherwise: Callable[[str, str], None], handled: Callable[[], None]
    ) -> Deferred[None]:
        """Let features handle a message: `handled` is then called within the same commit.

        When none wants it, `otherwise(reason, account)` stores it there: for the owner of the
        number, unless a feature named an account. A fault in a feature is logged, and the message
        stored. Fires when all is durable; fails with `group_commit.Refused`.
        """
        done = self._relay.store.transact(partial(self._take, mo, otherwise, handled))
        return done.addErrback(self._failed, mo, otherwise, handled)

    def _failed(
        self,
        failure: Failure,
        mo: Mo,
        otherwise: Callable[[str, str], None],
        handled: Callable[[], None],
    ) -> Deferred[None]:
        """Nothing of the piece of work stays: a feature failed, or the disk refuses."""
        self.seen.forget(mo)
        if not isinstance(failure.value, FeatureFailed):
            return fail(failure)
        reference = token_hex(4)
        log.failure(
            "a feature failed on message {id} (reference {reference}); the message is kept",
            failure,
            id=mo.id,
            reference=reference,
        )

        def keep() -> None:
            self.seen.repeated(mo)
            self._say_sorry(mo)
            self._keep(mo, f"a feature failed ({reference})")
            for host in self._hosts:
                host.flush()
            otherwise(f"a feature failed ({reference})", "")
            handled()

        return self._relay.store.transact(keep).addErrback(self._refused, mo)

    def _refused(self, failure: Failure, mo: Mo) -> Failure:
        """The disk refuses: the message has not come, and its carrier sends it again."""
        self.seen.forget(mo)
        return failure

    def _take(
        self, mo: Mo, otherwise: Callable[[str, str], None], handled: Callable[[], None]
    ) -> None:
        new = not self.seen.repeated(mo)
        try:
            new = new or self._counts_again(mo)
            taken = new and any(host.feature.take(mo) for host in self._hosts)
        except Exception as error:
            for host in self._hosts:
                host.drop()
            raise FeatureFailed from error
        if new:
            account = next(filter(None, [host.named() for host in self._hosts]), "")
            self._keep(mo, "" if taken else f"passed on to {account or 'the owner of the number'}")
            for host in self._hosts:
                host.flush()
            if not taken:
                otherwise("", account)
        handled()

    def _counts_again(self, mo: Mo) -> bool:
        """Whether a message that came a moment ago is one that counts all the same."""
        return any(isinstance(one, Again) and one.again(mo) for one in self.features)

    def _say_sorry(self, mo: Mo) -> None:
        """Let features tell the phone; whatever goes wrong with that is logged, and no more."""
        for host in self._hosts:
            if isinstance(host.feature, Sorry):
                try:
                    host.feature.sorry(mo)
                except Exception:
                    host.drop()
                    log.failure("feature {name}: saying sorry", name=host.feature.name)

    def _keep(self, mo: Mo, last: str) -> None:
        """Keep the message, with what features said about it and the texts they wrote."""
        told = [host.told() for host in self._hosts]
        did = [line for one in told for line in one.notes]
        answers = [number for one in told for number in one.answers]
        secret = any(one.secret for one in told)
        lines = filter(None, (*did, last))
        mo_kept.keep(self._relay.store.engine, mo, lines, answers, secret=secret)


@frozen
class Told:
    """What one feature said about a message."""

    notes: tuple[str, ...]
    answers: tuple[int, ...]
    secret: bool


class SlotHost:
    """`plugin.Host` for one feature."""

    feature: Feature
    account: Account

    def __init__(
        self, relay: Relay, in_thread: Callable[..., Deferred[Any]], post: Post = _no_network
    ) -> None:
        self._relay = relay
        self._in_thread = in_thread
        self._post = post
        self._outbox: list[tuple[int, Mt, Sequence[str]]] = []
        self._bulk = Bulk(relay)
        self._named = ""
        self._notes: list[str] = []
        self._secret = False

    @property
    def clock(self) -> IReactorTime:
        """See `plugin.Host`."""
        return self._relay.clock

    def now(self) -> int:
        """See `plugin.Host`."""
        return self._relay.now_ms()

    def next_id(self) -> int:
        """See `plugin.Host`."""
        return self._relay.ids.next()

    def transact(self, work: Callable[[], T]) -> Deferred[T]:
        """See `plugin.Host`."""
        return self._relay.store.transact(partial(self._work, work))

    def _work(self, work: Callable[[], T]) -> T:
        try:
            result = work()
        except BaseException:
            self.drop()
            raise
        self.flush()
        return result

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """See `plugin.Host`."""
        return self._relay.store.engine.select(sql, tuple(values))

    def change(self, sql: str, values: Sequence[Any] = ()) -> None:
        """See `plugin.Host`."""
        self._relay.store.engine.changes.write(sql, tuple(values))

    @property
    def undone(self) -> int:
        """See `plugin.Host`."""
        return self._relay.store.engine.changes.undone

    @property
    def consent(self) -> Consent:
        """See `plugin.Host`."""
        return self._relay.consent

    def pass_on(self, account: str) -> None:
        """See `plugin.Host`."""
        self._named = account

    def note(self, event: str, mo: int = 0) -> None:
        """See `plugin.Host`."""
        if not mo:
            self._notes.append(f"{self.feature.name}: {event}")
            return
        now, number = self._relay.now_ms(), self._relay.ids.next()
        self.change(mo_kept.NOTE, (number, mo, now, f"{self.feature.name}: {event}"))

    def withhold(self) -> None:
        """See `plugin.Host`."""
        self._secret = True

    def told(self) -> Told:
        """What the feature said about the message that it saw last; before `flush`."""
        answers = tuple(number for number, _, phones in self._outbox if not phones)
        told = Told(tuple(self._notes), answers, self._secret)
        self._notes, self._secret = [], False
        return told

    def forget(self, phone: str) -> Deferred[None]:
        """See `plugin.Host`."""
        return Deferred.fromCoroutine(mo_kept.forget(self._relay, phone))

    def named(self) -> str:
        """The account that gets the message that was taken last, if the feature said so."""
        named, self._named = self._named, ""
        return named

    def verdict(self, message: int) -> tuple[str, bool | None]:
        """See `plugin.Host`."""
        found = self._relay.store.engine.message(message)
        if found is None:
            return "", None
        if found.state == State.DELIVERED:
            return found.destination, True
        reported = bool(found.remote_id or found.parts) and " " not in found.error
        refused = found.state in FAILED and reported
        wrong = found.command_status == CommandStatus.ESME_RINVDSTADR
        return found.destination, False if refused or wrong else None

    def post(self, url: str, body: bytes) -> Deferred[int]:
        """See `plugin.Host`."""
        return maybeDeferred(self._post, url, body)

    def in_thread(self, function: Callable[..., T], *values: Any) -> Deferred[T]:
        """See `plugin.Host`."""
        return self._in_thread(function, *values)

    @property
    def language(self) -> str:
        """See `plugin.Host`."""
        return self._relay.settings.default_language

    def room(self) -> int:
        """See `plugin.Host`."""
        relay = self._relay
        return 0 if relay.store.trouble else max(0, relay.settings.max_queue - relay.queued)

    def numbers(self) -> tuple[NumberSettings, ...]:
        """See `plugin.Host`."""
        return self._relay.inbox.numbers

    def accounts(self) -> list[str]:
        """See `plugin.Host`."""
        return [name for name, one in self._relay.accounts.items() if not one.own]

    def number(self, carrier: str, address: str) -> NumberSettings | None:
        """See `plugin.Host`."""
        return self._relay.inbox.owner(carrier, address)

    # ------------------------------------------------------------------ texts

    def send(self, mt: Mt) -> int:
        """See `plugin.Host`."""
        number = self._relay.ids.next()
        self._outbox.append((number, mt, ()))
        return number

    def send_all(self, mt: Mt, phones: Sequence[str]) -> range:
        """See `plugin.Host`."""
        first = self._relay.ids.several(len(phones)) if phones else 0
        if phones:
            self._outbox.append((first, mt, phones))
        return range(first, first + len(phones))

    def check(self, mt: Mt) -> None:
        """See `plugin.Host`."""
        pdu = submit_sm_of_text(mt.source, mt.destination, mt.text)
        try:
            self._relay.ingress.check(self.account, pdu, mt)
        except Rejected as rejected:
            raise NoRoute(status_text(rejected.command_status)) from rejected

    def flush(self) -> None:
        """The piece of work is done: its texts go into the same commit."""
        self._notes, self._secret = [], False
        outbox, self._outbox = self._outbox, []
        for number, mt, phones in outbox:
            if phones:
                for one, status in self._bulk.originate(self.account, number, mt, phones):
                    self._refused(one, status)
                continue
            pdu = submit_sm_of_text(mt.source, mt.destination, mt.text)
            try:
                self._relay.ingress.originate(self.account, number, pdu, mt)
            except Rejected as rejected:
                self._refused(number, rejected.command_status)

    def _refused(self, number: int, status: int) -> None:
        reason = status_text(status)
        name = self.feature.name
        log.warn("feature {name}: a text was refused: {reason}", name=name, reason=reason)
        self._tell(number, State.REJECTED, reason)

    def drop(self) -> None:
        """The piece of work failed: nothing is sent."""
        self._outbox = []
        self._named = ""
        self._notes, self._secret = [], False

    def receipted(self, delivery: Delivery) -> None:
        """What would be a receipt for an account: a text of this feature ended."""
        message = self._relay.store.engine.message(delivery.message)
        if message is not None and delivery.kind == "receipt":
            self._tell(message.id, State(message.state), message.error)

    def _tell(self, number: int, state: State, error: str) -> None:
        with log.failuresHandled("feature {name}: told of an end", name=self.feature.name):
            self.feature.ended(number, state, error)


class FeatureAccount(Account):
    """The account of a feature: nobody binds to it, and what a receipt says is told at once."""

    own = True
    receipted: Callable[[Delivery], None]

    def push(self, delivery: Delivery) -> None:
        """A receipt for a text of the feature."""
        self.receipted(delivery)

    def forget(self, delivery: Delivery) -> None:
        """Nothing is kept."""


def _account(relay: Relay, host: SlotHost) -> Account:
    settings = AccountSettings(system_id=f"@{host.feature.name}", enabled=False)
    account = stored_account(relay, settings, relay.clock, FeatureAccount)
    account.receipted = host.receipted
    return account
