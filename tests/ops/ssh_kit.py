"""Keys for tests of SSH."""

from __future__ import annotations

from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from twisted.conch.ssh.keys import Key

_CURVES = {"256": ec.SECP256R1, "384": ec.SECP384R1, "521": ec.SECP521R1}


@cache
def new_key(kind: str = "ssh-ed25519", number: int = 0, bits: int = 2048) -> Key:
    """A private key that lasts as long as the tests; another `number` gives another."""
    if kind == "ssh-rsa":
        return Key(rsa.generate_private_key(65537, bits))
    if kind == "ssh-ed25519":
        return Key(ed25519.Ed25519PrivateKey.generate())
    return Key(ec.generate_private_key(_CURVES[kind[-3:]]()))
