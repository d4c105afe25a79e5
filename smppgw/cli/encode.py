"""`smppgw encode`: what a text costs, in which parts it goes, and which characters make it dearer.

Owns: the options. Positions count from 1, for people and as JSON.
Refuses to know: how texts are written and cut (`sms.segment`), what is said of them
(`core.encoding`), a running gateway.
"""

from __future__ import annotations

from argparse import Namespace

from smppgw.cli.output import OK, USAGE, CommandFault, complain, say, say_json, width
from smppgw.cli.parts import in_parts
from smppgw.cli.run import read
from smppgw.core.encoding import UNKNOWN, as_record, replacement_records
from smppgw.core.settings import CarrierSettings
from smppgw.ops.encode_text import encode_text


def encode(arguments: Namespace) -> int:
    """Say how a text goes, without sending anything."""
    if bool(arguments.carrier) != bool(arguments.config):
        complain("smppgw encode: --carrier NAME and -c FILE go together")
        return USAGE
    carrier = _carrier(arguments) if arguments.carrier else UNKNOWN
    text = in_parts(arguments.text + arguments.clause, arguments, carrier)
    if arguments.json:
        record = as_record(text.found)
        if arguments.smart:
            record["replacements"] = replacement_records(text.replacements)
        say_json(record)
    else:
        say(*encode_text(text, width()))
    return OK


def _carrier(arguments: Namespace) -> CarrierSettings:
    carriers = {one.name: one for one in read(arguments.config).settings.carriers}
    if arguments.carrier not in carriers:
        known = ", ".join(carriers) or "none"
        raise CommandFault(f"there is no carrier {arguments.carrier!r}; there are: {known}")
    return carriers[arguments.carrier]
