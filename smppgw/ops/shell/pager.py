"""The output of one command on one terminal: page by page, as fast as it reads, or redrawn.

Owns: what was answered and not yet shown, `--more--` and its keys, lines left out of output that
goes on because the terminal does not keep up.
Refuses to know: commands, prompts, and how octets get to the terminal.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from smppgw.ops.shell.cells import clip, rows
from smppgw.ops.shell.keys import ENTER, TEXT, Key
from smppgw.ops.shell.outlet import Outlet

MOST_HELD = 4 * 1024 * 1024
"""Characters of an answer on a terminal; what is longer is left out and said to be."""
CHUNK = 16 * 1024
"""Characters written at once."""
MORE = "\x1b[7m--more--\x1b[m (space, enter, q) "


class Pager:
    """`shown` is called whenever all there was has been shown; lines end in `end`.

    `most` is how many characters of an answer are kept.
    """

    def __init__(
        self, outlet: Outlet, shown: Callable[[], None], end: str = "\r\n", most: float = MOST_HELD
    ) -> None:
        self.paged = False
        """Stop at each full page."""
        self.waiting = False
        """A page is full: a key goes on."""
        self._outlet = outlet
        self._shown = shown
        self._end = end
        self._most = most
        self._rest: deque[str] = deque()
        self._size = 0
        self._width, self._height = 80, 24
        self._left = 0
        self._dropped = 0
        self._framed = False

    @property
    def holding(self) -> bool:
        """Something was not shown yet."""
        return bool(self._rest)

    def resized(self, width: int, height: int, *, paged: bool) -> None:
        """The terminal's size in characters."""
        self._width, self._height = max(width, 1), max(height, 2)
        self.paged = paged

    def begin(self) -> None:
        """A command begins, on a row of its own."""
        self._left = self._height - 1
        self._dropped = 0
        self._framed = False

    def show(self, said: Sequence[str]) -> None:
        """Lines of an answer."""
        for place, line in enumerate(said):
            self._size += len(line) + 1
            if self._size > self._most:
                self._rest.append(f"... and {len(said) - place} lines more, which are too many")
                break
            self._rest.append(line)
        self.go_on()

    def live(self, said: Sequence[str]) -> None:
        """Lines of output that goes on: left out while the terminal does not read."""
        if self._outlet.full:
            self._dropped += len(said)
            return
        self._own_up()
        self._write(said)

    def frame(self, said: Sequence[str]) -> None:
        """Lines in the place of those before, as many as the terminal has."""
        if self._outlet.full:
            return  # the next one will do
        shown = [f"{clip(line, self._width - 1)}\x1b[K" for line in said[: self._height - 1]]
        self._outlet.write("\x1b[H" if self._framed else "\x1b[2J\x1b[H")
        self._framed = True
        self._write(shown)
        self._outlet.write("\x1b[J")

    def go_on(self) -> None:
        """Show what can be shown."""
        if not self._outlet.full:
            self._own_up()
        while self._rest and not self.waiting and not self._outlet.full:
            self._write(self._chunk())
            if self._rest and self._page_is_full():
                self.waiting = True
                self._outlet.write(MORE)
        if not self._rest:
            self._size = 0
            self._shown()

    def key(self, key: Key) -> Key | None:
        """What the operator wants to see of the rest; what was typed behind that is given back."""
        for place, char in enumerate(key.text if key.name == TEXT else key.name[:1]):
            if not self.waiting:
                return Key(TEXT, key.text[place:])
            if key.name in {ENTER, "down"}:
                self._turn(1)
            elif key.name == TEXT and char in " f":
                self._turn(self._height - 1)
            elif key.name == TEXT and char in "qQ":
                self.drop()
                self._shown()
        return None

    def drop(self) -> None:
        """The rest is not wanted."""
        if self.waiting:
            self._outlet.write("\r\x1b[K")
        self.waiting = False
        self._rest.clear()
        self._size = 0

    def _turn(self, lines: int) -> None:
        self._outlet.write("\r\x1b[K")
        self.waiting = False
        self._left = lines
        self.go_on()

    def _chunk(self) -> list[str]:
        """Lines that fit on the page, not too many at once; at least one."""
        chunk: list[str] = []
        size = 0
        while self._rest and size < CHUNK and not (chunk and self._page_is_full()):
            line = self._rest.popleft()
            chunk.append(line)
            size += len(line)
            if self.paged:
                self._left -= rows(line, self._width)
        return chunk

    def _page_is_full(self) -> bool:
        return self.paged and self._left < rows(self._rest[0], self._width)

    def _own_up(self) -> None:
        dropped, self._dropped = self._dropped, 0
        if dropped:
            self._write([f"... {dropped} lines left out: the terminal did not keep up"])

    def _write(self, said: Sequence[str]) -> None:
        self._outlet.write("".join(f"{line}{self._end}" for line in said))
