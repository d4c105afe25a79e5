"""Whom `smppgw send` binds as, and where.

Owns: which of options, configuration file, demo and environment says it.
Refuses to know: SMPP.

Where options do not say:

- with `-c FILE`: the account of the file that `--system-id` names, else its first one; at the
  file's first `tcp:` listener;
- without `-c`, `--host` and `--system-id`: the demo's account, from `demo.json` in `--data-dir`
  (else `var/demo`), if the demo runs;
- else `--system-id` is needed; the server is 127.0.0.1:2775 unless `--host` and `--port` differ.

The password is the first line of `--password-file`; else that of the file or the demo; else the
environment variable SMPPGW_PASSWORD; else it is asked for.
"""

from __future__ import annotations

import json
import os
import re
import sys
from argparse import Namespace
from getpass import getpass
from pathlib import Path

from attrs import evolve, field, frozen

from smppgw.cli.client import DEMO_DIR
from smppgw.cli.output import CommandFault
from smppgw.cli.run import read
from smppgw.core.account_settings import AccountSettings

DEMO_FILE = "demo.json"
"""In the demo's data directory while it runs: host, port, system_id, password, source (0600)."""
HOST, PORT = "127.0.0.1", 2775
_LISTEN = re.compile(r"tcp:(?:port=)?(\d+)(?:.*:interface=([\d.]+))?")


@frozen
class Target:
    """Where to send, and as whom."""

    host: str = HOST
    port: int = PORT
    system_id: str = ""
    password: str = field(default="", repr=False)
    source: str = ""


def target_of(arguments: Namespace) -> Target:
    """Where to send and as whom, by the options; raises CommandFault when they do not say."""
    if arguments.config is not None:
        target = _of_file(arguments.config, arguments.system_id)
    elif arguments.host is None and arguments.system_id is None:
        target = _of_demo(Path(arguments.data_dir or DEMO_DIR))
    else:
        target = Target()
    target = evolve(
        target,
        host=arguments.host or target.host,
        port=target.port if arguments.port is None else arguments.port,
        system_id=arguments.system_id or target.system_id,
        source=target.source if arguments.source is None else arguments.source,
    )
    if not target.system_id:
        raise CommandFault("whom to bind as? give --system-id, -c FILE, or start smppgw demo")
    if arguments.password_file is not None:
        return evolve(target, password=_first_line(arguments.password_file))
    if target.password:
        return target
    return evolve(target, password=_password(target.system_id))


def _password(system_id: str) -> str:
    word = os.environ.get("SMPPGW_PASSWORD")
    if word is None and sys.stdin.isatty():
        word = getpass(f"Password of {system_id}: ")
    if word is None:
        raise CommandFault("no password: use --password-file or SMPPGW_PASSWORD")
    return word


def _first_line(file: Path) -> str:
    try:
        with file.open(encoding="utf-8") as lines:
            return lines.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFault(f"{file}: cannot be read ({error})") from None


def _of_file(file: Path, system_id: str | None) -> Target:
    settings = read(file).settings
    accounts: list[AccountSettings] = [
        one for one in settings.accounts if system_id in (None, one.system_id)
    ]
    if not accounts:
        wanted = f"account {system_id}" if system_id else "account"
        raise CommandFault(f"{file}: there is no {wanted}")
    account = accounts[0]
    for description in settings.smpp.listen:
        found = _LISTEN.match(description)
        if found:
            host = found[2] if found[2] and found[2] != "0.0.0.0" else HOST  # noqa: S104
            return Target(host, int(found[1]), account.system_id, account.password)
    raise CommandFault(f"{file}: [smpp] listen has no tcp: endpoint; give --host and --port")


def _of_demo(directory: Path) -> Target:
    try:
        said = json.loads((directory / DEMO_FILE).read_text("utf-8"))
    except FileNotFoundError:
        return Target()
    except (OSError, ValueError) as error:
        raise CommandFault(f"{directory / DEMO_FILE}: cannot be read ({error})") from None
    return Target(**said)
