"""Who may log in to the shell, by password or by key; and the operator that a first start makes.

Owns: the decision about one login, the words for the log and the sentence for the peer, and what
an operator may do as the configuration is now.
Refuses to know: terminals and connections (a door counts the tries of each), and where operators
are kept. What a check costs, its threads, queue and back-off are those of `core.auth`.

A name that nobody has is never told: people type their password where a name is asked.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable

from attrs import frozen
from twisted.internet.defer import Deferred

from smppgw.core.auth import UNKNOWN, Authenticator, DeferToThread, Refusal, why_barred
from smppgw.core.command import Operator, Role
from smppgw.core.operator_settings import OperatorSettings
from smppgw.core.passwords import hash_password, verify_password
from smppgw.ops.public_key import PublicKeyError, read_public_key

TRIES = 3
"""Passwords that a connection may try before its door closes it."""
NEUTRAL = "Login refused. After several refusals, wait some minutes before the next try."
"""What a peer is told, whatever the reason."""
MAX_PASSWORD = 1024
"""Characters of a password; no longer one is right."""
FIRST_NAME = "admin"
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that look like others."""
_GROUPS, _GROUP = 4, 5

Current = Callable[[], Iterable[OperatorSettings]]
"""The operators as they are configured now."""


@frozen
class Refused:
    """A login that was refused: why, in words for the log; `name` is "" when nobody has it."""

    reason: str
    name: str = ""


class Operators:
    """Decides about logins.

    `current` gives the settings in force, `clock` seconds; `defer_to_thread` runs
    `verify(stored, password)` off the reactor.
    """

    def __init__(
        self,
        current: Current,
        clock: Callable[[], float],
        defer_to_thread: DeferToThread,
        *,
        verify: Callable[[str, str], bool] = verify_password,
    ) -> None:
        self._current = current
        self._authenticator = Authenticator(
            self._find,
            clock,
            defer_to_thread,
            hide_bind_reason=True,
            verify=verify,
            worded=self._worded,
            at_once=1,  # people wait their turn, and a processor stays with the messages
        )

    def check(self, name: str, password: str, source: str) -> Deferred[Operator | Refused]:
        """Fire with the operator, or with why not, which the peer is not told; never fail.

        `source` is the peer's IP address. Takes as long for a name that nobody has. Cancel it when
        the peer has gone.
        """
        # One character more than any right password is enough to be wrong.
        verdict = self._authenticator.check(name, password[: MAX_PASSWORD + 1], source)
        return verdict.addCallback(self._decided, name, source)

    def check_key(self, name: str, blob: bytes, source: str) -> Operator | Refused:
        """Whether the holder of a public key may log in; its signature is for the caller to check.

        Nobody can guess a key, so none is a failure for the back-off, and none has to wait for it.
        """
        found = self._find(name)
        if found is None:
            return self._refused(name, self._worded(name, source, UNKNOWN))
        if barred := why_barred(found, source):
            return self._refused(name, self._worded(name, source, barred))
        if blob not in _keys(found):
            reason = "the key is not among its ssh_keys"
            return self._refused(name, self._worded(name, source, reason))
        return _operator(found, source)

    def now(self, operator: Operator) -> Operator | None:
        """What somebody who has logged in may do now; None when that is nothing any more."""
        found = self._find(operator.name)
        return _operator(found, operator.peer) if found is not None and found.enabled else None

    def _find(self, name: str) -> OperatorSettings | None:
        return next((one for one in self._current() if one.name == name), None)

    def _decided(
        self, found: OperatorSettings | Refusal, name: str, source: str
    ) -> Operator | Refused:
        if isinstance(found, Refusal):
            return self._refused(name, found.reason)
        return _operator(found, source)

    def _refused(self, name: str, reason: str) -> Refused:
        return Refused(reason, name if self._known(name) else "")

    def _worded(self, name: str, source: str, reason: str) -> str:
        whose = f" of {name}" if self._known(name) else ""
        return f"login{whose} from {source}: {'unknown name' if reason == UNKNOWN else reason}"

    def _known(self, name: str) -> bool:
        try:
            return self._find(name) is not None
        except Exception:  # which is the reason why nobody is let in
            return False


def _operator(found: OperatorSettings, source: str) -> Operator:
    return Operator(found.name, Role[found.role.upper()], source, frozenset(found.accounts))


def _keys(found: OperatorSettings) -> set[bytes]:
    keys = set()
    for line in found.ssh_keys:
        try:
            keys.add(read_public_key(line))
        except PublicKeyError:  # reported where the settings came from
            continue
    return keys


def first_operator() -> tuple[OperatorSettings, str]:
    """The operator of a gateway that has none, and its password, which only its hash remembers.

    20 letters and digits in groups, about 99 bits. Takes as long as a `hash_password`.
    """
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
    password = "-".join(groups)
    return (
        OperatorSettings(name=FIRST_NAME, role="admin", password_hash=hash_password(password)),
        password,
    )


def first_operator_text(password: str) -> list[str]:
    """What `run` prints when it makes the first operator, once."""
    return [
        "There is no operator yet, so one is made. It may do everything, from this machine:",
        f"  name      {FIRST_NAME}",
        f"  password  {password}",
        "The password is shown this once; only its hash is kept. When it is lost, `smppgw shell`",
        f"on this machine lets you in: `set operator {FIRST_NAME} password NEW`, then `commit`.",
    ]
