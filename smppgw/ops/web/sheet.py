"""The text of the metrics: written a piece at a time, and once for all who ask at about that time.

Owns: the text while it is written and for a moment after.
Refuses to know: what the pieces say, HTTP.

With a thousand carriers the text takes tens of milliseconds. Messages do not wait for that: they
have their turn between two pieces. Nor does it cost more when somebody asks without end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

FRESH = 1.0
"""Seconds for which one text serves everybody who asks."""


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
        try:
            written.append(next(pieces))
        except StopIteration:
            answer = self._text = b"".join(written)
            self._written_at = self._clock.seconds()
        except Exception:
            answer = Failure()  # type: ignore[no-untyped-call]
        else:
            self._soon(pieces, written)
            return
        asking, self._asking = self._asking, []
        for one in asking:
            one.callback(answer)
