"""`smppgw dlr`: a receipt string explained.

Owns: the option. Refuses to know: how a receipt is read, and the words (`core.receipt_words`).
"""

from __future__ import annotations

from argparse import Namespace

from smppgw.cli.output import OK, CommandFault, say, say_json, table
from smppgw.core.command import Column
from smppgw.core.receipt_words import NoReceipt, explained

COLUMNS = (Column("FIELD", "field"), Column("VALUE", "value"), Column("MEANING", "meaning"))


def dlr(arguments: Namespace) -> int:
    """Explain a receipt; a fault, in one line, when it has no id or no stat."""
    # An argument that is no UTF-8 holds surrogates, which no output takes.
    text = arguments.text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    try:
        record, rows = explained(text)
    except NoReceipt as fault:
        raise CommandFault(str(fault)) from None
    if arguments.json:
        say_json(record)
    else:
        say(*table(COLUMNS, rows))
    return OK
