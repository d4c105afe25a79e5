"""Fair reading: many connections that all have much to say do not crowd out the others.

Owns: how many octets of its connections are handled in one turn of the reactor.
Refuses to know: what the octets mean.

A turn that handled everything fifty busy peers have sent would take tens of milliseconds, and for
that long no other socket would be looked at. With a share of octets per turn, the other sockets
(the far side of a relay, say) get their turn every millisecond or so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

if TYPE_CHECKING:
    from smppgw.smpp.net.protocol import SmppProtocol

SHARE: Final = 8_192
"""Octets handled per turn: about fifty messages."""

_WAITING: Final = "others have the turn"
_log: Final = Logger()


class Turns:
    """Shares the turns of the reactor between the connections of one listener.

    What cannot be handled now waits here and nothing more is read from its connection meanwhile;
    what a TLS transport delivers all the same is put behind, so that the order is kept.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._left = SHARE
        self._waiting: dict[SmppProtocol, bytes] = {}
        self._ending = False

    def take(self, protocol: SmppProtocol, data: bytes) -> None:
        """Have `data` handled: now as far as this turn goes, the rest in the next ones."""
        if not self._ending:
            self._ending = True
            self._clock.callLater(0, self._end)
        if self._waiting or self._left <= 0:
            protocol.pause(_WAITING)
            self._waiting[protocol] = self._waiting.get(protocol, b"") + data
        elif len(data) > self._left:
            protocol.pause(_WAITING)
            self._waiting[protocol] = data[self._left :]
            data, self._left = data[: self._left], 0
            protocol.handle(data)
        else:
            self._left -= len(data)
            protocol.handle(data)

    def _end(self) -> None:
        """A turn of the reactor is over: what waited comes first in the next."""
        waiting = self._waiting
        self._left = SHARE
        while waiting and self._left > 0:
            protocol = next(iter(waiting))
            data = waiting.pop(protocol)
            if len(data) > self._left:
                waiting[protocol] = data[self._left :]
                data = data[: self._left]
            else:
                protocol.resume(_WAITING)
            self._left -= len(data)
            try:
                protocol.handle(data)
            except Exception:  # the turns of all others hang on this one
                _log.failure("handling a read of {peer}", peer=protocol.peer)
                protocol.abort("internal error")
        self._ending = bool(waiting) or self._left < SHARE
        if self._ending:
            self._clock.callLater(0, self._end)
