"""The connecting side: one attempt, one connection.

Owns the endpoint of an attempt, with or without TLS. Refuses to know binds, what the options of TLS
mean (`tls.py`) and when to try again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectionRefusedError, DNSLookupError, TimeoutError
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from smppgw.smpp.net.protocol import MAX_BUFFER, Handler, SmppProtocol
from smppgw.smpp.session import Session


def connect(
    reactor: Any,
    host: str,
    port: int,
    session_factory: Callable[[float], Session],
    handler: Handler,
    *,
    tls: IOpenSSLClientConnectionCreator | None = None,
    timeout: float = 15.0,
    max_buffer: int = MAX_BUFFER,
) -> Deferred[SmppProtocol]:
    """Connect to a server, by TLS when `tls` (`tls_client_options`) is given.

    `session_factory` is called with the time of the connection in seconds. Fires with the
    connection, after `Handler.connected`; fails as Twisted's endpoints do (`ConnectError`,
    `DNSLookupError`), within `timeout` seconds. Cancelling it gives the attempt up. A TLS handshake
    comes later: its failure is a `Handler.lost`.
    """

    def build() -> SmppProtocol:
        return SmppProtocol(session_factory(reactor.seconds()), handler, reactor, max_buffer)

    factory = Factory.forProtocol(build)
    factory.noisy = False
    endpoint: Any = HostnameEndpoint(reactor, host, port, timeout)
    if tls is not None:
        endpoint = wrapClientTLS(tls, endpoint)
    attempt: Deferred[SmppProtocol] = endpoint.connect(factory)
    return attempt


def connect_error(failure: Failure) -> str:
    """In one or two words why `connect` failed, or in Twisted's where it says more."""
    for error, words in (
        (ConnectionRefusedError, "refused"),
        (TimeoutError, "no answer"),
        (DNSLookupError, "unknown host"),
    ):
        if failure.check(error):  # type: ignore[no-untyped-call]
            return words
    return failure.getErrorMessage().rstrip(".")
