"""A text of the command line in parts: what `smppgw encode` shows is what `smppgw send` submits.

Owns: which options say how. Refuses to know: what they mean (`core.encoding`), who takes the parts.
"""

from __future__ import annotations

from argparse import Namespace

from smppgw.cli.output import CommandFault
from smppgw.core import encoding
from smppgw.core.encoding import UNKNOWN, InParts, Unwritable
from smppgw.core.settings import CarrierSettings


def in_parts(
    text: str, arguments: Namespace, carrier: CarrierSettings = UNKNOWN, reference: int = 0
) -> InParts:
    """Write and cut a text as the options say, for a carrier that may say more.

    `reference` is that of `sms.segment`. Raises CommandFault when it cannot be.
    """
    try:
        return encoding.in_parts(
            text,
            carrier,
            style=arguments.style or "",
            message_class=arguments.message_class or "",
            smart=arguments.smart,
            reference=reference,
        )
    except Unwritable as fault:
        raise CommandFault(str(fault)) from None
