"""Logging in over SSH, by password or public key.

Owns: the authentication protocol of one connection, and how often it may try.
Refuses to know: who may log in (`ops.operators`), and what comes afterwards.
Source: RFC 4252; RFC 8332 (RSA with SHA-2). Signatures with SHA-1 are not taken.

One request is decided at a time. The tries are those of the connection: asking for this service
anew does not give others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.conch.ssh.common import NS, getNS
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.service import SSHService
from twisted.conch.ssh.transport import (
    DISCONNECT_NO_MORE_AUTH_METHODS_AVAILABLE,
    DISCONNECT_PROTOCOL_ERROR,
)
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from smppgw.core.command import Operator
from smppgw.ops.operators import NEUTRAL, TRIES, Operators, Refused

MSG_USERAUTH_REQUEST, MSG_USERAUTH_FAILURE, MSG_USERAUTH_SUCCESS = 50, 51, 52
MSG_USERAUTH_PK_OK = 60
"""Conch has these numbers too, but in a module that loads the reactor."""
PENALTY = 1.0
"""Seconds before a refusal is told."""
MOST_REQUESTS = 20
"""Requests of one connection, keys that are only offered among them."""
NEXT = b"ssh-connection"
METHODS = b"publickey,password"
SIGNATURES = {
    b"ssh-ed25519": (b"ssh-ed25519",),
    b"ecdsa-sha2-nistp256": (b"ecdsa-sha2-nistp256",),
    b"ecdsa-sha2-nistp384": (b"ecdsa-sha2-nistp384",),
    b"ecdsa-sha2-nistp521": (b"ecdsa-sha2-nistp521",),
    b"ssh-rsa": (b"rsa-sha2-512", b"rsa-sha2-256"),
}
"""How each kind of key may sign."""


class Login(SSHService):
    """The service `ssh-userauth` of one connection.

    `admitted` takes the operator, once, after the client was told; `refused` takes why not, each
    time that counts as a try.
    """

    name = b"ssh-userauth"
    protocolMessages = {MSG_USERAUTH_REQUEST: "MSG_USERAUTH_REQUEST"}  # noqa: RUF012

    def __init__(
        self,
        operators: Operators,
        clock: IReactorTime,
        source: str,
        admitted: Callable[[Operator], None],
        refused: Callable[[Refused], None],
    ) -> None:
        self._operators = operators
        self._clock = clock
        self._source = source
        self._admitted = admitted
        self._refused = refused
        self._requests = 0
        self._tries = 0
        self._deciding: Deferred[Any] | None = None
        self._telling: Any = None

    @property
    def _connection(self) -> Any:
        return self.transport

    def serviceStopped(self) -> None:
        """The connection has gone, or the operator is in."""
        deciding, self._deciding = self._deciding, None
        if deciding is not None:
            deciding.cancel()
        if self._telling is not None and self._telling.active():
            self._telling.cancel()

    def ssh_USERAUTH_REQUEST(self, packet: bytes) -> None:
        """`string user, string service, string method, ...` of RFC 4252 section 5."""
        user, service, method, rest = getNS(packet, 3)
        self._requests += 1
        busy = self._deciding is not None or self._telling is not None
        if busy or service != NEXT:
            self._connection.sendDisconnect(DISCONNECT_PROTOCOL_ERROR, b"not now, or not that")
        elif self._requests > MOST_REQUESTS:
            self._give_up()
        elif method == b"password":
            self._password(user, rest)
        elif method == b"publickey":
            self._key(user, rest)
        else:
            self._fail()

    def _password(self, user: bytes, rest: bytes) -> None:
        """`boolean FALSE, string password`; TRUE would be a change of it, which nobody may."""
        if rest[:1] != b"\0":
            self._fail()
            return
        password = getNS(rest[1:])[0].decode("utf-8", "surrogateescape")
        self._deciding = self._operators.check(_text(user), password, self._source)
        self._deciding.addCallbacks(self._decided, lambda _: None)

    def _decided(self, verdict: Operator | Refused) -> None:
        self._deciding = None
        if isinstance(verdict, Refused):
            self._wrong(verdict)
        else:
            self._let_in(verdict)

    def _key(self, user: bytes, rest: bytes) -> None:
        """`boolean signed, string algorithm, string key, [string signature]`."""
        signed = rest[:1] != b"\0"
        algorithm, blob, more = getNS(rest[1:], 2)
        verdict = self._operators.check_key(_text(user), blob, self._source)
        kind = getNS(blob)[0] if len(blob) >= 4 else b""
        if isinstance(verdict, Refused) or algorithm not in SIGNATURES.get(kind, ()):
            self._fail()  # clients offer whatever keys they have: this is no try
        elif not signed:
            self._connection.sendPacket(MSG_USERAUTH_PK_OK, NS(algorithm) + NS(blob))
        elif self._is_signed(user, algorithm, blob, getNS(more)[0]):
            self._let_in(verdict)
        else:
            where = f"login of {verdict.name} from {self._source}"
            self._wrong(Refused(f"{where}: the signature is wrong", verdict.name))

    def _is_signed(self, user: bytes, algorithm: bytes, blob: bytes, signature: bytes) -> bool:
        """Whether the signature is one of this request on this connection (RFC 4252 section 7)."""
        said = NS(self._connection.sessionID) + bytes((MSG_USERAUTH_REQUEST,)) + NS(user) + NS(NEXT)
        said += NS(b"publickey") + b"\1" + NS(algorithm) + NS(blob)
        try:
            if getNS(signature)[0] != algorithm:
                return False
            key: Any = Key.fromString(blob, type="blob")  # type: ignore[no-untyped-call]
            return key.verify(signature, said) is True
        except Exception:  # whatever is made of octets that are no signature
            return False

    def _let_in(self, operator: Operator) -> None:
        self._connection.sendPacket(MSG_USERAUTH_SUCCESS, b"")
        self._admitted(operator)

    def _wrong(self, refused: Refused) -> None:
        self._tries += 1
        self._refused(refused)
        self._telling = self._clock.callLater(PENALTY, self._tell)

    def _tell(self) -> None:
        self._telling = None
        if self._tries >= TRIES:
            self._give_up()
        else:
            self._fail()

    def _fail(self) -> None:
        self._connection.sendPacket(MSG_USERAUTH_FAILURE, NS(METHODS) + b"\0")

    def _give_up(self) -> None:
        code = DISCONNECT_NO_MORE_AUTH_METHODS_AVAILABLE
        self._connection.sendDisconnect(code, NEUTRAL.encode())


def _text(user: bytes) -> str:
    return user.decode("utf-8", "replace")
