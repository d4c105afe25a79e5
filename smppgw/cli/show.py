"""`smppgw status` and `smppgw message`: what a gateway knows, for people or as JSON.

Owns: whom to ask, and a store without a gateway.
Refuses to know: where the figures come from (`ops.status`, `ops.life`), and their words.
"""

from __future__ import annotations

import sqlite3
from argparse import Namespace
from pathlib import Path
from typing import Any

from smppgw.cli.client import NotRunning, ask, data_dir
from smppgw.cli.output import OK, CommandFault, say, say_json, width
from smppgw.core.command import CommandError
from smppgw.core.store.engine import FILE_NAME, Engine
from smppgw.core.store.journal import JournalDamaged
from smppgw.core.store.lock import StoreLocked
from smppgw.core.store.schema import SchemaError
from smppgw.ops.life import life
from smppgw.ops.life_text import life_text
from smppgw.ops.status_text import status_text

Record = dict[str, Any]


def status(arguments: Namespace) -> int:
    """What a running gateway does now."""
    found = ask(data_dir(arguments), "status")
    if arguments.json:
        say_json(found)
    else:
        say(*status_text(found, width()))
    return OK


def message(arguments: Namespace) -> int:
    """The whole life of one message, from the gateway or, when it does not run, from its store."""
    directory = data_dir(arguments)
    try:
        found = ask(directory, "message", id=arguments.id, reveal=arguments.reveal)
    except NotRunning as fault:
        if not (directory / FILE_NAME).exists():
            raise CommandFault(f"{fault}, and there is no {FILE_NAME} in it") from None
        found = _stored(directory, arguments.id, reveal=arguments.reveal)
    if arguments.json:
        say_json(found)
    else:
        say(*life_text(found, width()))
    return OK


def _stored(directory: Path, id: str, *, reveal: bool) -> Record:
    try:
        engine = Engine(directory)
    except (StoreLocked, SchemaError, JournalDamaged, sqlite3.Error, OSError) as error:
        raise CommandFault(str(error)) from None
    try:
        return life(engine, id, reveal=reveal)
    except CommandError as error:
        raise CommandFault(str(error)) from None
    finally:
        engine.close()
