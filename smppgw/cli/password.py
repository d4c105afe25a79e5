"""`smppgw password`: a password_hash for the configuration file.

Owns: the question. Refuses to know: the form of a hash (`core.passwords`).
"""

from __future__ import annotations

import sys
from argparse import Namespace
from getpass import getpass

from smppgw.cli.output import OK, CommandFault, say
from smppgw.core.passwords import hash_password


def password(arguments: Namespace) -> int:
    """Ask twice, or read one line when stdin is no terminal, and print the hash."""
    whose = f" of {arguments.name}" if arguments.name else ""
    if sys.stdin.isatty():
        word = getpass(f"Password{whose}: ")
        if getpass("Again: ") != word:
            raise CommandFault("these are two different passwords")
    else:
        word = sys.stdin.readline().rstrip("\r\n")
    if not word:
        raise CommandFault("an empty password keeps nobody out")
    try:
        say(hash_password(word))
    except ValueError as error:
        raise CommandFault(str(error)) from None
    return OK
