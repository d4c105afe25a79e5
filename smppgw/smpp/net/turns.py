"""Fair reading: many connections that all have much to say do not crowd out the others.

Owns: how many octets of its connections are handled in one turn of the reactor.
Refuses to know: what the octets mean.

A turn that handled everything fifty busy peers have sent would take tens of milliseconds, and for
that long no other socket would be looked at. With a share of octets per turn, the other sockets
(the far side of a relay, say) get their turn every millisecond or so.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from twisted.internet.interfaces import IReactorTime

if TYPE_CHECKING:
    from smppgw.smpp.net.protocol import SmppProtocol

SHARE: Final = 8_192
"""Octets handled per turn: about fifty messages."""

_WAITING: Final = "others have the turn"


class Turns:
    """Shares the turns of the reactor between the connections of one listener.

    What cannot be handled now waits here, one read per connection, which is not read meanwhile.
    """

    def __init__(self, clock: IReactorTime, share: int = SHARE) -> None:
        self._clock = clock
        self._share = share
        self._left = share
        self._waiting: deque[tuple[SmppProtocol, bytes]] = deque()
        self._ending = False

    def admit(self, protocol: SmppProtocol, data: bytes) -> bool:
        """Whether `data` may be handled in this turn; if not, its turn will come."""
        if not self._ending:
            self._ending = True
            self._clock.callLater(0, self._end)
        if self._left > 0:
            self._left -= len(data)
            return True
        protocol.pause(_WAITING)
        self._waiting.append((protocol, data))
        return False

    def _end(self) -> None:
        """A turn of the reactor is over: what waited comes first in the next."""
        waiting = self._waiting
        self._left = self._share
        self._ending = False
        while waiting and self._left > 0:
            protocol, data = waiting.popleft()
            self._left -= len(data)
            protocol.resume(_WAITING)
            protocol.handle(data)
        if waiting or self._left < self._share:
            self._ending = True
            self._clock.callLater(0, self._end)
