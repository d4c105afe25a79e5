"""A storm of messages from phones: many phones write at once, and every message is accounted for.

A gateway is started between a carrier, whose phones write at a rate that nothing changes, and an
application that takes what comes. All options of scripts/load are there; what differs is where they
begin: no message is submitted, 2000 a second come from 100,000 phones, and none may be lost, come
twice or out of order.
"""

from __future__ import annotations

import sys

from own_gateway import defaults, own, parser

from smppgw.cli import load_options

REQUIRED = ("mo.lost=0", "mo.duplicates=0", "mo.out_of_order=0")


def main() -> int:
    """The command line."""
    options = parser(__doc__)
    load_options.add(options)
    options.set_defaults(
        count=0,
        mo_rate=2000.0,
        phones=100_000,
        seconds=10.0,
        mo_keywords="HELLO=5,STOP=1,INFO=2,VOTE 1=4,VOTE 2=3",
    )
    arguments = options.parse_args()
    arguments.require = [*REQUIRED, *arguments.require]
    defaults(arguments, "mo_storm")
    return own(arguments)


if __name__ == "__main__":
    sys.exit(main())
