"""Who may come in: name, source address and password, checked without stopping the reactor.

Owns: the decision about one bind or login, the cost of checking passwords (threads, coalescing, a
short memory of right ones) and the back-off of addresses that keep failing.
Refuses to know: sessions, how many binds an account has (its limits are counted elsewhere), what
operators may do and what a stored password looks like.
Source: SMPP 3.4 sections 4.1 (bind) and 5.1.3 (command_status). Clients exist that repeat a wrong
password for ever: hence the back-off. A check that itself fails lets nobody in.

Passwords appear in no reason, no repr and no key: what is remembered is an HMAC under a key that
lives as long as the process.
"""

from __future__ import annotations

import hmac
import secrets
from collections import deque
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Generic, Protocol, TypeVar

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.python.failure import Failure

from smppgw.core.account_settings import AccountSettings, Network
from smppgw.core.passwords import hash_password, verify_password
from smppgw.smpp.wire import CommandStatus

REMEMBER = 60.0
"""Seconds for which a password found right is not computed again."""
MAX_REMEMBERED = 10_000
MAX_COMPUTING = 2
"""Passwords computed at once, unless said: a storm of binds leaves processors to the messages."""
MAX_WAITING = 1_000
"""Computations that wait for their turn; more are refused as busy."""
FREE_FAILURES = 5
"""Failures in a row before an address has to wait."""
FIRST_WAIT = 1.0
LONGEST_WAIT = 300.0
FORGET_FAILURES = 3600.0
MAX_ADDRESSES = 10_000
UNKNOWN = "unknown system_id"
"""The reason of a refusal when nobody has the name."""

DeferToThread = Callable[..., "Deferred[bool]"]
Address = IPv4Address | IPv6Address


@frozen
class Refusal:
    """Why a bind is refused: the status for the peer, and the reason in words for the log."""

    command_status: int
    reason: str


Verdict = AccountSettings | Refusal


class Holder(Protocol):
    """Settings of whoever has a password: an account, an operator."""

    @property
    def enabled(self) -> bool:
        """Whether it may come in at all."""

    @property
    def password(self) -> str:
        """Its password in clear, or ""."""

    @property
    def password_hash(self) -> str:
        """Its stored password, or ""."""

    @property
    def allow_from(self) -> tuple[Network, ...]:
        """Where it may come from; empty = loopback only."""


H = TypeVar("H", bound=Holder)


def _bind(system_id: str, source: str, reason: str) -> str:
    return f"bind of {system_id!r} from {source}: {reason}"


@define(eq=False)
class _Attempt:
    """One bind, or login, that is being decided; `verdict` gives what `lookup` did, or why not."""

    name: str
    source: str
    password: str = field(repr=False)
    verdict: Deferred[Any] = field(factory=Deferred, repr=False)


@define(eq=False)
class _Computation:
    """One password to compute, for every attempt that came with the same one meanwhile."""

    key: bytes = field(repr=False)
    stored: str = field(repr=False)
    password: str = field(repr=False)
    attempts: list[_Attempt] = field(factory=list, repr=False)


@define(eq=False)
class _Failures:
    count: int = 0
    last: float = 0.0
    wait: float = 0.0


class Backoff:
    """Failed binds in a row by source address, and how long each has to wait.

    After `FREE_FAILURES` an address waits 1 s, then twice as long after each further failure, up
    to 5 minutes; a success clears it, an hour without failure too. IPv6 addresses count by their
    /64, which is what one site has. Remembers `MAX_ADDRESSES`, the latest to fail.
    """

    __slots__ = ("_failures",)

    def __init__(self) -> None:
        self._failures: dict[str, _Failures] = {}

    def __len__(self) -> int:
        return len(self._failures)

    def wait(self, source: str, now: float) -> float:
        """Return the seconds that `source` still has to wait; 0.0 when it may try."""
        entry = self._failures.get(site_of(source))
        if entry is None:
            return 0.0
        elapsed = now - entry.last
        # A clock set back must not lengthen the wait.
        return max(entry.wait - elapsed, 0.0) if elapsed >= 0.0 else 0.0

    def failed(self, source: str, now: float) -> None:
        """Count a failure of `source`."""
        site = site_of(source)
        entry = self._failures.pop(site, None)
        if entry is None or now - entry.last > FORGET_FAILURES:
            entry = _Failures()
            while len(self._failures) >= MAX_ADDRESSES:
                del self._failures[next(iter(self._failures))]
        self._failures[site] = entry  # at the end: the table is in order of last failure
        entry.count += 1
        entry.last = now
        if entry.count >= FREE_FAILURES:
            entry.wait = min(max(entry.wait * 2.0, FIRST_WAIT), LONGEST_WAIT)

    def succeeded(self, source: str) -> None:
        """Forget the failures of `source`."""
        self._failures.pop(site_of(source), None)


class Authenticator(Generic[H]):
    """Decides about binds.

    `lookup` gives the account of a system_id, or None. `clock` gives seconds. `defer_to_thread`
    runs `verify(stored, password)` off the reactor (twisted.internet.threads.deferToThread).
    `hide_bind_reason` gives every refusal the status ESME_RBINDFAIL, and lets who is barred wait as
    long as anybody; the reason stays exact. `worded` makes the sentence for the log of name, source
    and reason: those who come in need not be accounts. `at_once` passwords are computed at a time.
    """

    def __init__(
        self,
        lookup: Callable[[str], H | None],
        clock: Callable[[], float],
        defer_to_thread: DeferToThread,
        *,
        hide_bind_reason: bool = False,
        verify: Callable[[str, str], bool] = verify_password,
        worded: Callable[[str, str, str], str] = _bind,
        at_once: int = MAX_COMPUTING,
    ) -> None:
        self.hide_bind_reason = hide_bind_reason
        self.backoff = Backoff()
        self._worded = worded
        self._at_once = at_once
        self._lookup = lookup
        self._clock = clock
        self._defer_to_thread = defer_to_thread
        self._verify = verify
        self._key = secrets.token_bytes(32)
        # Computed for what has no hash of its own, so that a refusal takes the same time whether
        # the system_id exists or not. Nobody knows its password.
        self._decoy = hash_password(secrets.token_hex())
        self._remembered: dict[bytes, float] = {}
        self._computations: dict[bytes, _Computation] = {}
        self._waiting: deque[_Computation] = deque()
        self._computing = 0

    @property
    def waiting(self) -> int:
        """Computations that wait for their turn."""
        return len(self._waiting)

    def check(self, name: str, password: str, source_ip: str) -> Deferred[H | Refusal]:
        """Fire with the account that may bind, or with the Refusal; never with a failure.

        Statuses: ESME_RINVSYSID unknown system_id, ESME_RINVPASWD wrong password, ESME_RBINDFAIL
        anything else (address, disabled, back-off, busy). Cancel it when the peer has gone.
        """
        attempt = _Attempt(name, source_ip, password)
        account = self._account(attempt)
        if isinstance(account, Refusal):
            return succeed(account)
        stored = (account and account.password_hash) or self._decoy
        # The source is part of what is remembered: elsewhere it could tell a guesser who has to
        # wait that a guess is right.
        key = self._digest(repr((site_of(source_ip), name, stored, password)))
        barred = why_barred(account, source_ip) if account else ""
        if account and not barred and self._remembers(key):
            return succeed(self._admit(attempt, account))
        refusal = self._blocked(attempt)
        # Who is barred gets to know at once, unless that would tell that the account exists.
        if not refusal and barred and not self.hide_bind_reason:
            self.backoff.failed(source_ip, self._clock())
            refusal = self._refuse(attempt, CommandStatus.ESME_RBINDFAIL, barred)
        if not refusal and account and not barred and self._matches_clear(account, password):
            return succeed(self._admit(attempt, account))
        refusal = refusal or self._enqueue(key, stored, attempt)
        return succeed(refusal) if refusal else attempt.verdict

    def _enqueue(self, key: bytes, stored: str, attempt: _Attempt) -> Refusal | None:
        computation = self._computations.get(key)
        if computation is None:
            if len(self._waiting) >= MAX_WAITING:
                return self._refuse(
                    attempt, CommandStatus.ESME_RBINDFAIL, "busy: too many passwords to check"
                )
            computation = _Computation(key, stored, attempt.password)
            self._computations[key] = computation
            self._waiting.append(computation)
        computation.attempts.append(attempt)
        self._compute()
        return None

    def _compute(self) -> None:
        while self._waiting and self._computing < self._at_once:
            computation = self._waiting.popleft()
            if not self._still_wanted(computation):
                del self._computations[computation.key]
                continue
            self._computing += 1
            result = maybeDeferred(
                self._defer_to_thread, self._verify, computation.stored, computation.password
            )
            at_once = result.called  # no threads to be had: this loop goes on, not the callback
            result.addBoth(self._computed, computation)
            if not at_once:
                result.addBoth(lambda _: self._compute())

    def _still_wanted(self, computation: _Computation) -> bool:
        """Drop attempts that were cancelled, or whose address fell into a back-off meanwhile."""
        wanted = []
        for attempt in computation.attempts:
            if attempt.verdict.called:
                continue
            refusal = self._blocked(attempt)
            if refusal is None:
                wanted.append(attempt)
            else:
                attempt.verdict.callback(refusal)
        computation.attempts[:] = wanted
        return bool(wanted)

    def _computed(self, result: bool | Failure, computation: _Computation) -> None:
        self._computing -= 1
        del self._computations[computation.key]
        right = result is True and computation.stored != self._decoy
        if right:
            self._remember(computation.key)
        for number, attempt in enumerate(computation.attempts):
            if isinstance(result, Failure):
                verdict: H | Refusal = self._refuse(
                    attempt,
                    CommandStatus.ESME_RBINDFAIL,
                    f"the password could not be checked ({_name(result.value)})",
                )
            else:
                # Binds that came together with one wrong password are one failure.
                verdict = self._decide(attempt, computation.stored if right else None, number == 0)
            attempt.verdict.callback(verdict)

    def _decide(self, attempt: _Attempt, proven: str | None, counts: bool) -> H | Refusal:
        """Decide by the account as it is now; `proven` is the stored password found right."""
        account = self._account(attempt)
        if isinstance(account, Refusal):
            return account
        if account is None:
            refusal = self._refuse(attempt, CommandStatus.ESME_RINVSYSID, UNKNOWN)
        elif barred := why_barred(account, attempt.source):
            refusal = self._refuse(attempt, CommandStatus.ESME_RBINDFAIL, barred)
        elif proven is None or account.password_hash != proven:
            has_one = account.password_hash or account.password
            reason = "wrong password" if has_one else "the account has no password"
            refusal = self._refuse(attempt, CommandStatus.ESME_RINVPASWD, reason)
        else:
            return self._admit(attempt, account)
        if counts:
            self.backoff.failed(attempt.source, self._clock())
        return refusal

    def _account(self, attempt: _Attempt) -> H | Refusal | None:
        try:
            return self._lookup(attempt.name)
        except Exception as error:
            return self._refuse(
                attempt,
                CommandStatus.ESME_RBINDFAIL,
                f"the account could not be read ({_name(error)})",
            )

    def _admit(self, attempt: _Attempt, account: H) -> H:
        self.backoff.succeeded(attempt.source)
        return account

    def _blocked(self, attempt: _Attempt) -> Refusal | None:
        wait = self.backoff.wait(attempt.source, self._clock())
        if not wait:
            return None
        return self._refuse(
            attempt,
            CommandStatus.ESME_RBINDFAIL,
            f"too many failures from this address, it has to wait {wait:.0f} s more",
        )

    def _refuse(self, attempt: _Attempt, command_status: int, reason: str) -> Refusal:
        if self.hide_bind_reason:
            command_status = CommandStatus.ESME_RBINDFAIL
        return Refusal(int(command_status), self._worded(attempt.name, attempt.source, reason))

    def _digest(self, text: str) -> bytes:
        return hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), "sha256")

    def _matches_clear(self, account: Holder, password: str) -> bool:
        """Whether `password` is the one in clear; digests, since comparing tells lengths."""
        clear = account.password
        if account.password_hash or not clear:
            return False
        return hmac.compare_digest(self._digest(clear), self._digest(password))

    def _remember(self, key: bytes) -> None:
        now = self._clock()
        remembered = self._remembered
        remembered.pop(key, None)
        while remembered:
            oldest = next(iter(remembered))
            if len(remembered) < MAX_REMEMBERED and remembered[oldest] + REMEMBER > now:
                break
            del remembered[oldest]
        remembered[key] = now

    def _remembers(self, key: bytes) -> bool:
        since = self._remembered.get(key)
        return since is not None and 0.0 <= self._clock() - since < REMEMBER


def why_barred(account: Holder, source_ip: str) -> str:
    """Why the account may not bind from there, whatever its password; "" when it may."""
    if not account.enabled:
        return "the account is disabled"
    try:
        allowed = _allowed(account, source_ip)
    except Exception as error:  # an unreadable address or list lets nobody in
        return f"the address could not be checked against allow_from ({_name(error)})"
    return "" if allowed else "the address is not in allow_from"


def _allowed(account: Holder, source_ip: str) -> bool:
    address = _address(source_ip)
    if not account.allow_from:
        return address.is_loopback
    return any(address in network for network in account.allow_from)


def _address(source_ip: str) -> Address:
    """The address itself: an IPv4 peer of a dual-stack socket shows as ::ffff:a.b.c.d."""
    address = ip_address(source_ip)
    return getattr(address, "ipv4_mapped", None) or address


def site_of(source: str) -> str:
    """Whom an address stands for: itself, or its /64 with IPv6, which is what one site has."""
    try:
        address = _address(source)
    except ValueError:
        return source
    return str(address) if address.version == 4 else address.exploded[:19]


def _name(error: Any) -> str:
    return type(error).__name__
