"""The key by which SSH clients know this gateway: made at the first start, kept for good.

Owns: its file in the data directory (mode 0600).
Refuses to know: connections.
Source: RFC 8709 (Ed25519 in SSH); the file has the form of OpenSSH, so `ssh-keygen -lf` reads it.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.ssh.keys import BadKeyError, EncryptedKeyError, FingerprintFormats, Key

FILE = "ssh_host_ed25519_key"
"""Name of the file in the data directory."""
KIND = b"ssh-ed25519"
_LARGEST = 16 * 1024


class HostKeyError(Exception):
    """The key cannot be used; the text says why, without showing any of it."""


def host_key(directory: Path) -> Key:
    """The host key of a data directory, made when there is none.

    It is on disk when this returns. Raises HostKeyError for a file that is no such key or that
    others may read: another key is never made in its place, for clients would take that for an
    attack. Raises OSError.
    """
    path = directory / FILE
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return _make(path)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise HostKeyError(f"{path} is no file")
        if status.st_mode & 0o077:
            raise HostKeyError(f"{path} is open to others: its mode has to be 0600")
        octets = file.read(_LARGEST)
    return _read(path, octets)


def fingerprint(key: Key) -> str:
    """What clients show of the key: `SHA256:...`."""
    kind = FingerprintFormats.SHA256_BASE64
    return f"SHA256:{key.fingerprint(kind).rstrip('=')}"  # type: ignore[no-untyped-call]


def _read(path: Path, octets: bytes) -> Key:
    try:
        key: Key = Key.fromString(octets)  # type: ignore[no-untyped-call]
        good = not key.isPublic() and key.sshType() == KIND  # type: ignore[no-untyped-call]
    except EncryptedKeyError:
        raise HostKeyError(f"{path} is encrypted with a passphrase") from None
    except Exception as error:  # the parser raises many kinds
        known = isinstance(error, BadKeyError)
        raise HostKeyError(f"{path} is no {'key' if known else 'whole key'}") from None
    if not good:
        raise HostKeyError(f"{path} is no private Ed25519 key")
    return key


def _make(path: Path) -> Key:
    key = Key(Ed25519PrivateKey.generate())  # type: ignore[no-untyped-call]
    octets: bytes = key.toString("openssh", subtype="v1")
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(descriptor)
    new.rename(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return key
