"""The log: events of `twisted.logger` as lines of text or JSON, in a file or on standard error.

Nothing here can fail into who logs, hold up the reactor, or grow without bound.
"""

from smppgw.ops.log.observer import Log

__all__ = ["Log"]
