"""One running process per data directory.

Owns: the file `lock` in it. Refuses to know: what else is there.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class StoreLocked(Exception):
    """Another process has this data directory."""


def lock(directory: Path) -> int:
    """Take a data directory for this process until the descriptor that is returned is closed.

    Raises StoreLocked with the process that has it.
    """
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.read(descriptor, 20).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise StoreLocked(
            f"{directory} is in use by another smppgw (process {holder});"
            " stop it or choose another data_dir"
        ) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor
