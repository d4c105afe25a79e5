"""Asking a running gateway, through its control socket.

Owns: which data directory is meant, and one question and answer with a deadline.
Refuses to know: what is asked.
"""

from __future__ import annotations

import json
import socket
import tomllib
from argparse import Namespace
from pathlib import Path
from typing import Any

from smppgw.cli.output import CommandFault
from smppgw.core.settings import GatewaySettings
from smppgw.core.store.engine import FILE_NAME
from smppgw.ops.control import MAX_ANSWER, SOCKET

PATIENCE = 15.0
"""Seconds that a gateway has to answer: a count may take 5."""
DEMO_DIR = Path("var/demo")
"""Where `smppgw demo` keeps its data unless told otherwise."""


class NotRunning(CommandFault):
    """No gateway answers for a data directory."""


def data_dir(arguments: Namespace) -> Path:
    """The directory that `--data-dir` or `-c` names; else the demo's, else `var`.

    The demo's (`var/demo`) is meant when it runs, or when `var` itself holds no store.
    """
    if arguments.data_dir is not None:
        return Path(arguments.data_dir)
    if arguments.config is not None:
        return _configured(arguments.config)
    usual = Path(GatewaySettings().data_dir)
    demo_ran = (DEMO_DIR / FILE_NAME).exists() and not (usual / FILE_NAME).exists()
    return DEMO_DIR if demo_ran or (DEMO_DIR / SOCKET).exists() else usual


def _configured(file: Path) -> Path:
    """`data_dir` of a file; whatever else it holds may be wrong, or wait for its environment."""
    try:
        gateway = tomllib.loads(file.read_text("utf-8-sig")).get("gateway", {})
    except OSError as error:
        raise CommandFault(f"{file}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise CommandFault(f"{file}: is not valid TOML: {error}") from None
    found = gateway.get("data_dir") if isinstance(gateway, dict) else None
    return Path(found if isinstance(found, str) else GatewaySettings().data_dir)


def ask(directory: Path, command: str, **arguments: Any) -> Any:
    """The answer of the gateway that runs in a directory.

    Raises NotRunning when none does, CommandFault with its words when it refuses.
    """
    request = json.dumps({"command": command, **arguments}).encode() + b"\n"
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(str(directory / SOCKET))
            connection.sendall(request)
            with connection.makefile("rb") as lines:
                line = lines.readline(MAX_ANSWER + 2)
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        raise NotRunning(f"no gateway runs with data_dir {directory}") from None
    except TimeoutError:
        raise CommandFault(f"the gateway in {directory} does not answer") from None
    except OSError as error:
        raise CommandFault(f"{directory / SOCKET}: {error.strerror or error}") from None
    if not line.endswith(b"\n"):
        raise CommandFault(f"the gateway in {directory} closed the connection")
    answer = json.loads(line)
    if not answer["ok"]:
        raise CommandFault(answer["error"])
    return answer["answer"]
