"""Passwords at rest.

Owns: the form of a stored password, `scrypt$n$r$p$salt$hash`, and its check.
Refuses to know: whose password it is and where it is kept.
Source: RFC 7914 (scrypt); salt and hash are base64url (RFC 4648 section 5) without padding.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error

from attrs import frozen

_COST = 2**14
_BLOCK = 8
_PARALLEL = 1
_SALT_OCTETS = 16
_HASH_OCTETS = 32
# A stored value decides how much work its check is: without a limit a bad one would stop us.
_MAX_MEMORY = 64 * 2**20
_MAX_PARALLEL = 16


@frozen
class _Scrypt:
    n: int
    r: int
    p: int
    salt: bytes

    def digest(self, password: str, size: int) -> bytes:
        return hashlib.scrypt(
            password.encode("utf-8", "surrogatepass"),
            salt=self.salt,
            n=self.n,
            r=self.r,
            p=self.p,
            maxmem=_MAX_MEMORY + 2**20,
            dklen=size,
        )


class PasswordFormatError(ValueError):
    """A stored password that is not one of ours; its text never shows the stored value."""


def hash_password(password: str, salt: bytes | None = None) -> str:
    """A password as it may be stored, with a random salt of 16 octets unless one is given.

    Takes about 50 ms of CPU and 16 MiB, on purpose: call it, and `verify_password`, in a thread
    when many are to be done. Raises ValueError for a password with a NUL, which no peer can send.
    """
    if "\0" in password:
        raise ValueError("a password cannot hold a NUL")
    if salt is None:
        salt = os.urandom(_SALT_OCTETS)
    digest = _Scrypt(_COST, _BLOCK, _PARALLEL, salt).digest(password, _HASH_OCTETS)
    return f"scrypt${_COST}${_BLOCK}${_PARALLEL}${_to_text(salt)}${_to_text(digest)}"


def verify_password(stored: str, password: str) -> bool:
    """True when `stored` was made from `password`; takes the same time whatever differs.

    Raises PasswordFormatError when `stored` is not of the form `hash_password` gives.
    """
    scrypt, digest = _parse(stored)
    same = hmac.compare_digest(scrypt.digest(password, len(digest)), digest)
    # HMAC, inside scrypt, fills short keys up with NULs: "x" and "x\0" have the same hash.
    return same and "\0" not in password


def check_hash(stored: str) -> None:
    """Checks the form of a stored password without the work of using it.

    Raises PasswordFormatError.
    """
    _parse(stored)


def _parse(stored: str) -> tuple[_Scrypt, bytes]:
    parts = stored.split("$")
    if len(parts) != 6 or parts[0] != "scrypt":
        raise PasswordFormatError("not of the form scrypt$n$r$p$salt$hash")
    numbers = parts[1:4]
    if not all(part.isascii() and part.isdigit() and len(part) <= 8 for part in numbers):
        raise PasswordFormatError("n, r and p must be numbers")
    n, r, p = map(int, numbers)
    if n < 2 or n & (n - 1) or not r or not 1 <= p <= _MAX_PARALLEL:
        raise PasswordFormatError("n must be a power of two, r and p at least 1, p at most 16")
    if 128 * r * (n + p + 2) > _MAX_MEMORY:
        raise PasswordFormatError("n and r ask for more than 64 MiB")
    salt, digest = map(_from_text, parts[4:])
    if len(salt) < 8 or not 16 <= len(digest) <= 64:
        raise PasswordFormatError("salt or hash is cut short or too long")
    return _Scrypt(n, r, p, salt), digest


def _to_text(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def _from_text(text: str) -> bytes:
    try:
        octets = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (Base64Error, ValueError):
        raise PasswordFormatError("salt and hash must be base64url") from None
    # The decoder skips what is not in its alphabet; only the form we write is ours.
    if _to_text(octets) != text:
        raise PasswordFormatError("salt and hash must be base64url")
    return octets
