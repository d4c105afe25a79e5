"""Listen addresses: whether Twisted can use them, and whom they let in.

Owns: the check of one Twisted server endpoint string without listening on it.
Refuses to know: which listener it is for.
Source: `twisted.internet.endpoints.serverFromString`.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

from OpenSSL import SSL, crypto
from twisted.internet.endpoints import serverFromString

# Positions of port and interface among the unnamed arguments, by endpoint type.
_PLACES = {"tcp": (0, 1), "tcp6": (0, 2), "ssl": (0, 4), "tls": (1, 3)}
_ARGUMENT = re.compile(r"(?:^|:)((?:[^:\\]|\\.)*)", re.DOTALL)
_NAMED = re.compile(r"(\w+)=(.*)", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_CLIENT_CERTIFICATES = re.compile(r":caCertsDir=(?:[^:\\]|\\.)*")


def is_public(description: str) -> bool:
    """True when the endpoint listens on every interface of the machine.

    Certificate and key files of TLS endpoints are read, nothing is opened for listening. Raises
    ValueError with the reason when the description is not a usable endpoint.
    """
    kind, *arguments = _ARGUMENT.findall(description)
    places = _PLACES.get(kind)
    interface = None
    if places is not None:
        _check_port(_argument(arguments, "port", places[0]))
        interface = _argument(arguments, "interface", places[1])
    # caCertsDir is ours: Twisted's own `ssl:` servers never ask for a client certificate.
    plain = _CLIENT_CERTIFICATES.sub("", description) if kind == "ssl" else description
    try:
        serverFromString(None, plain)  # type: ignore[no-untyped-call]
    except TypeError as error:
        # Twisted passes the parts on as arguments; its function's name means nothing here.
        raise ValueError(re.sub(r"^[\w.]+\(\) ", "", str(error))) from None
    except (crypto.Error, SSL.Error):
        raise ValueError("its certificate or key file is not usable PEM") from None
    except (ValueError, LookupError, AttributeError, OSError) as error:
        raise ValueError(str(error)) from None
    return places is not None and _is_any(interface or "")


def _argument(arguments: list[str], name: str, place: int) -> str | None:
    unnamed = []
    for argument in arguments:
        named = _NAMED.fullmatch(argument)
        if named is None:
            unnamed.append(argument)
        elif named[1] == name:
            return _ESCAPED.sub(r"\1", named[2])
    return _ESCAPED.sub(r"\1", unnamed[place]) if place < len(unnamed) else None


def _check_port(port: str | None) -> None:
    if port is not None and not (port.isdecimal() and int(port) <= 65535):
        raise ValueError("its port must be 0 to 65535")


def _is_any(interface: str) -> bool:
    try:
        return ip_address(interface or "::").is_unspecified
    except ValueError:
        return False
