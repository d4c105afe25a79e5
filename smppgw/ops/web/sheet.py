"""The text of the metrics: written a slice at a time, and once for all who ask at about that time.

Owns: the text while it is written and for a moment after.
Refuses to know: what the pieces say, HTTP.

Mostly the text takes a millisecond or two; with a hundred carriers and many accounts it takes
tens of them. Messages do not wait for that: they have their turn between two slices. Nor does it
cost more when somebody asks without end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

FRESH = 1.0
"""Seconds for which one text serves everybody who asks."""
SLICE = 0.003
"""Seconds of a slice: pieces are written until it is over."""


class Sheet:
    """Writes `pieces()` when somebody asks."""

    def __init__(self, pieces: Callable[[], Iterator[bytes]], clock: IReactorTime) -> None:
        self._pieces = pieces
        self._clock = clock
        self._asking: list[Deferred[bytes]] = []
        self._call: IDelayedCall | None = None
        self._text = b""
        self._written_at = 0.0

    def text(self) -> Deferred[bytes]:
        """The whole text, at most FRESH old; fails as a piece does."""
        if self._text and 0 <= self._clock.seconds() - self._written_at < FRESH:
            return succeed(self._text)
        asking: Deferred[bytes] = Deferred()
        self._asking.append(asking)
        if self._call is None:
            self._soon(self._pieces(), [])
        return asking

    def stop(self) -> None:
        """Write no more; who asked is not answered."""
        self._asking.clear()
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _soon(self, pieces: Iterator[bytes], written: list[bytes]) -> None:
        self._call = self._clock.callLater(0, self._write, pieces, written)

    def _write(self, pieces: Iterator[bytes], written: list[bytes]) -> None:
        self._call = None
        answer: bytes | Failure
        end = self._clock.seconds() + SLICE
        try:
            for piece in pieces:
                written.append(piece)
                if self._clock.seconds() >= end:
                    self._soon(pieces, written)
                    return
            answer = self._text = b"".join(written)
            self._written_at = self._clock.seconds()
        except Exception:
            answer = Failure()  # type: ignore[no-untyped-call]
        asking, self._asking = self._asking, []
        for one in asking:
            one.callback(answer)
