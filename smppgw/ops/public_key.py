"""Public keys of operators, as the lines of an `authorized_keys` file.

Owns: which lines are keys that may log in, and why another is not.
Refuses to know: whose key it is, and signatures.
Source: RFC 4253 section 6.6 (form of a key), sshd(8) AUTHORIZED_KEYS FILE FORMAT.
"""

from __future__ import annotations

import struct
from base64 import b64decode
from binascii import Error as Base64Error

from cryptography.exceptions import UnsupportedAlgorithm
from twisted.conch.ssh.keys import BadKeyError, EncryptedKeyError, Key

KINDS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
)
MIN_RSA = 2048
"""Bits of an RSA key."""
LONGEST = 4096
"""Characters of a line; an RSA key of 16384 bits has fewer."""
_GARBAGE = (
    BadKeyError,
    EncryptedKeyError,
    UnsupportedAlgorithm,
    ValueError,
    TypeError,
    struct.error,
)
"""What the parser raises for octets that are no key."""


class PublicKeyError(ValueError):
    """A line that is no usable public key; the text says why and shows nothing of the key."""


def read_public_key(line: str) -> bytes:
    """The key of `kind base64 [comment]`, as it is on the wire.

    Raises PublicKeyError.
    """
    if len(line) > LONGEST:
        raise PublicKeyError(f"is longer than {LONGEST} characters")
    if "PRIVATE KEY" in line:
        raise PublicKeyError("is a private key, which belongs to its owner alone")
    kind, _, rest = line.strip().partition(" ")
    encoded = rest.split(" ", 1)[0]
    if kind not in KINDS:
        raise PublicKeyError(_unknown(kind, rest))
    try:
        blob = b64decode(encoded, validate=True)
    except (Base64Error, ValueError):
        raise PublicKeyError(f"is cut short or damaged: no base64 after {kind}") from None
    try:
        key = Key.fromString(blob, type="blob")  # type: ignore[no-untyped-call]
        same = key.blob() == blob and key.sshType() == kind.encode()
        size = key.size()
    except _GARBAGE:
        same = False
    if not same:
        raise PublicKeyError(f"is cut short or damaged: it holds no {kind} key")
    if kind == "ssh-rsa" and size < MIN_RSA:
        raise PublicKeyError(f"is an RSA key of {size} bits; {MIN_RSA} is the least")
    return blob


def _unknown(kind: str, rest: str) -> str:
    if any(f"{name} " in rest for name in KINDS):
        return "has options before the key, which are not known here: begin with the kind of key"
    if kind.startswith("sk-"):
        return "is a key of a security token, which cannot be used yet"
    if kind == "ssh-dss":
        return "is a DSA key, which is not safe any more"
    return f"is no public key: it begins with one of {', '.join(KINDS)}"
