"""A load test: of a gateway that it starts itself between its two ends, or of any SMPP server.

Without --host, --port, --system-id, --config or --data-dir it starts a gateway in an empty
directory, plays its carrier and its application, and sees every message on both sides. With one of
them it is `smppgw simulate load`. The report goes to var/load.html and var/load.json unless --html
and --output say otherwise.
"""

from __future__ import annotations

import sys
from argparse import Namespace

from own_gateway import defaults, own, parser

from smppgw.cli import load_options
from smppgw.cli.load import load
from smppgw.cli.output import CommandFault, complain, say


def aimed(arguments: Namespace) -> bool:
    """Somebody said whom to load."""
    told = (arguments.host, arguments.port, arguments.system_id)
    return any(one is not None for one in (*told, arguments.config, arguments.data_dir))


def main() -> int:
    """The command line."""
    options = parser(__doc__)
    load_options.add_target(options)
    load_options.add(options)
    arguments = options.parse_args()
    defaults(arguments, "load")
    if not aimed(arguments):
        return own(arguments)
    try:
        code = load(arguments)
    except CommandFault as fault:
        complain(str(fault))
        return 1
    if not arguments.json:
        say(f"report in {arguments.html}, figures in {arguments.output}")
    return code


if __name__ == "__main__":
    sys.exit(main())
