"""Certificates and keys from PEM files for both sides of SMPP over TLS.

Owns what Twisted's endpoint strings lack: a listening `ssl:` endpoint that asks for client
certificates. Refuses to know SMPP. What cannot be read or is empty raises; nothing is trusted by
default but the system's authorities for a server we connect to.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from OpenSSL import crypto
from twisted.internet import endpoints as _endpoints
from twisted.internet import ssl as _ssl
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IStreamServerEndpoint
from twisted.internet.ssl import Certificate

# Twisted has these without types.
ssl: Any = _ssl
endpoints: Any = _endpoints

_PEM: Final = crypto.FILETYPE_PEM
_CERTIFICATE: Final = re.compile(
    rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?", re.DOTALL
)
_SERVER_KEYS: Final = frozenset(
    ("port", "privateKey", "certKey", "extraCertChain", "interface", "backlog", "caCertsDir")
)
_LISTENING: Final = frozenset(("tcp", "tcp6", "ssl"))
_BACKLOG: Final = 1000
"""Connections that may wait to be accepted: after a restart all peers come at once."""


def server_endpoint(reactor: Any, description: str) -> IStreamServerEndpoint:
    """The endpoint of a Twisted string, with `caCertsDir=DIRECTORY` understood for `ssl:`.

    With it, a client must show a certificate signed by one of the `*.pem` files there. `backlog` is
    1000 unless something else is said behind the port without its name. Raises `ValueError` for
    unknown arguments and `OSError` for files that cannot be read.
    """
    words = [_unquote(word) for word in re.split(r"(?<!\\):", description)]
    named = dict(_argument(word) for word in words[1:])
    if words[0] != "ssl" or "caCertsDir" not in named:
        all_named = all("=" in word for word in words[2:])
        if words[0] in _LISTENING and all_named and "backlog" not in named:
            description += f":backlog={_BACKLOG}"
        plain: IStreamServerEndpoint = endpoints.serverFromString(reactor, description)
        return plain
    unknown = named.keys() - _SERVER_KEYS
    if unknown or "port" not in named:
        fault = f"unknown {', '.join(sorted(unknown))}" if unknown else "no port"
        raise ValueError(f"endpoint {description!r}: {fault}")
    key = Path(named.get("privateKey", "server.pem"))
    certificate = Path(named.get("certKey", key))
    chain = named.get("extraCertChain")
    options = ssl.CertificateOptions(
        privateKey=ssl.KeyPair.load(key.read_bytes(), _PEM).original,
        certificate=_certificates(certificate)[0].original,
        extraCertChain=[one.original for one in _certificates(Path(chain))] if chain else [],
        trustRoot=ssl.trustRootFromCertificates(_authorities(Path(named["caCertsDir"]))),
    )
    asking: IStreamServerEndpoint = endpoints.SSL4ServerEndpoint(
        reactor,
        int(named["port"]),
        options,
        int(named.get("backlog", _BACKLOG)),
        named.get("interface", ""),
    )
    return asking


def tls_client_options(host: str, ca: str = "", cert: str = "") -> IOpenSSLClientConnectionCreator:
    """How to speak TLS with `host`: its certificate must carry that name (or IP address).

    `ca` is a PEM file of the authorities to trust (empty: the system's), `cert` a PEM file of our
    own certificate and key, when the peer asks for one. Raises `ValueError` for a file without a
    certificate and `OSError` for one that cannot be read.
    """
    trust = ssl.trustRootFromCertificates(_certificates(Path(ca))) if ca else ssl.platformTrust()
    own = ssl.PrivateCertificate.loadPEM(Path(cert).read_bytes()) if cert else None
    options: IOpenSSLClientConnectionCreator = ssl.optionsForClientTLS(
        host, trustRoot=trust, clientCertificate=own
    )
    return options


def _authorities(directory: Path) -> list[Certificate]:
    """Every certificate of the `*.pem` files of a directory, at least one."""
    found = [one for path in sorted(directory.glob("*.pem")) for one in _certificates(path)]
    if not found:
        raise ValueError(f"no certificate in {directory}/*.pem")
    return found


def _certificates(path: Path) -> list[Certificate]:
    """The certificates of a PEM file in order, at least one."""
    found = [Certificate.loadPEM(one) for one in _CERTIFICATE.findall(path.read_bytes())]
    if not found:
        raise ValueError(f"no certificate in {path}")
    return found


def _argument(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    return (name, value) if equals else ("port", word)


def _unquote(word: str) -> str:
    return re.sub(r"\\(.)", r"\1", word)
