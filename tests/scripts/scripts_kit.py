"""A script of the project as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).parents[2] / "scripts"


def _session(leader: int) -> list[int]:
    """The processes of a session."""
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            session = int(place.read_text().rpartition(")")[2].split()[3])
        except (OSError, IndexError):  # it has ended meanwhile
            continue
        if session == leader:
            found.append(int(place.parent.name))
    return found


def script(name: str, *options: str, patience: float = 120.0) -> tuple[int, str, str]:
    """Exit code, stdout and stderr; nothing of it outlives the call."""
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, str(SCRIPTS / f"{name}.py"), *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=patience)
    except BaseException:
        for pid in _session(process.pid):  # the gateways that it started, too
            os.kill(pid, signal.SIGKILL)
        process.communicate()
        raise
    return process.returncode, out, err


def report(name: str, *options: str, exits: int = 0) -> dict[str, Any]:
    """The JSON of a script that ends with the code `exits`."""
    code, out, err = script(name, *options, "--json")
    assert code == exits, f"exit code {code}\n{out}\n{err}"
    found: dict[str, Any] = json.loads(out)
    assert found["ok"] is (exits == 0)
    return found
