"""SMPP connections on Twisted: server, client, TLS.

Owns sockets, delayed calls and certificates; the protocol itself is `smpp.session`.
"""

from smppgw.smpp.net.client import connect, connect_error
from smppgw.smpp.net.protocol import LINGER, MAX_BUFFER, Handler, SmppProtocol, Tap
from smppgw.smpp.net.server import SmppServerFactory, listen
from smppgw.smpp.net.tls import server_endpoint, tls_client_options

__all__ = [
    "LINGER",
    "MAX_BUFFER",
    "Handler",
    "SmppProtocol",
    "SmppServerFactory",
    "Tap",
    "connect",
    "connect_error",
    "listen",
    "server_endpoint",
    "tls_client_options",
]
