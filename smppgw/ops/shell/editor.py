"""The line editor: keys in, edited lines and what the screen has to be told out.

Owns: the line, the cursor, what was cut, walking and searching through the history, and the one row
of the screen on which the line stands; a longer line is moved under it.
Refuses to know: what lines mean, where octets come from and go to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import frozen

from smppgw.ops.shell.cells import clip, columns, width
from smppgw.ops.shell.grammar import LONGEST_LINE
from smppgw.ops.shell.keys import END, ENTER, HELP, INTERRUPT, PASTE, TEXT, Key

BELL = "\x07"
NARROWEST = 20
"""Columns of a terminal; a narrower one breaks lines itself."""
LEAST_ROOM = 10
"""Columns that a prompt leaves to the line."""
LONGEST_SEARCH = 100
"""Characters that are looked for in the history."""
NEWLINE = "\u21b5"
"""What stands for a line end in a pasted text."""


@frozen
class Submitted:
    """A line is done."""

    text: str


@frozen
class Interrupted:
    """Ctrl-C: the line was dropped."""


@frozen
class Ended:
    """Ctrl-D on an empty line."""


@frozen
class Completing:
    """TAB behind `before`; `again`: for the second time in a row."""

    before: str
    again: bool


@frozen
class Asking:
    """A question mark behind `before`; it did not enter the line."""

    before: str


Event = Submitted | Interrupted | Ended | Completing | Asking


class Editor:
    """One line at a time; `write` takes what the terminal is told.

    `history` is looked through, the oldest first. Nothing of a `hidden` line is shown.
    """

    def __init__(self, write: Callable[[str], None], history: Sequence[str], columns: int) -> None:
        self.text = ""
        self.cursor = 0
        self.hidden = False
        self._write = write
        self._history = history
        self._width = max(columns, NARROWEST)
        self._prompt = ""
        self._place = 0
        self._draft = ""
        self._cut = ""
        self._search: _Search | None = None
        self._tabs = 0
        self._start = 0
        self._drawn: tuple[str, int] | None = None

    # ------------------------------------------------------------ what a terminal asks of it

    def begin(self, prompt: str, *, hidden: bool = False) -> None:
        """A new, empty line behind a prompt, on a row of which nothing is known."""
        self._prompt = prompt
        self.hidden = hidden
        self._set("")
        self._place = len(self._history)
        self._draft = ""
        self._search = None
        self._drawn = None
        self._tabs = 0

    def resized(self, columns: int) -> None:
        """The terminal has another width now."""
        self._width = max(columns, NARROWEST)
        self._drawn = None

    def again(self) -> None:
        """Something else was written: the line has to be drawn on a new row."""
        self._drawn = None

    def key(self, key: Key) -> Event | None:
        """Take one key; call `refresh` when all are taken."""
        self._tabs = self._tabs + 1 if key.name == "tab" else 0
        if self._search is not None and not self._searching(self._search, key):
            return None
        event: Event | None = None
        if key.name in {TEXT, PASTE}:
            self.insert(key.text)
        elif key.name == ENTER:
            event = self._leave(Submitted(self.text))
        elif key.name == INTERRUPT:
            event = self._leave(Interrupted())
        elif key.name == END and not self.text:
            event = Ended()
        elif key.name == "tab":
            event = Completing(self.text[: self.cursor], again=self._tabs > 1)
        elif key.name == HELP:
            event = Asking(self.text[: self.cursor])
        elif key.name in _DOES:
            _DOES[key.name](self)
        return event

    def insert(self, text: str) -> None:
        """A text at the cursor; all of it, or nothing when the line gets too long."""
        if len(self.text) + len(text) > LONGEST_LINE:
            self._write(BELL)
            return
        self.text = self.text[: self.cursor] + text + self.text[self.cursor :]
        self.cursor += len(text)

    def replace(self, begin: int, text: str) -> None:
        """A text in the place of what stands from `begin` to the cursor."""
        self.text = self.text[:begin] + self.text[self.cursor :]
        self.cursor = begin
        self.insert(text)

    def refresh(self) -> None:
        """Bring the screen up to date."""
        row, place = self._row()
        if self._drawn is None:
            self._write(f"\r{row}\x1b[K")
            there = columns(row)
        else:
            old, there = self._drawn
            if row != old:
                if row.startswith(old) and there == columns(old):
                    self._write(row[len(old) :])
                else:
                    self._write(f"\r{row}\x1b[K")
                there = columns(row)
        if there != place:
            self._write(f"\r\x1b[{place}C" if place else "\r")
        self._drawn = row, place

    # ------------------------------------------------------------ the row on the screen

    def _leave(self, event: Event) -> Event:
        """The line ends: the whole of its row stays, and what follows begins below."""
        self.cursor = len(self.text)
        self.refresh()
        self._write("^C\r\n" if isinstance(event, Interrupted) else "\r\n")
        self._drawn = None
        return event

    def _row(self) -> tuple[str, int]:
        """The prompt and what is seen of the line, and the column of the cursor."""
        prompt, text, cursor = self._prompt, "" if self.hidden else self.text, self.cursor
        if self._search is not None:
            prompt = f"(search {clip(self._search.pattern[-12:], 12)}) "
        if columns(prompt) > self._width - 1 - LEAST_ROOM:
            prompt = "> "
        shown = text.replace("\n", NEWLINE)
        seen, place = self._view(shown, min(cursor, len(text)), self._width - 1 - columns(prompt))
        return prompt + seen, columns(prompt) + place

    def _view(self, text: str, cursor: int, room: int) -> tuple[str, int]:
        """What is seen of a text in `room` columns, and the column of the cursor in it."""
        if columns(text) < room:
            self._start = 0
            return text, columns(text[:cursor])
        start = min(self._start, len(text))
        too_far = columns(text[start:cursor]) > room - 3
        if too_far or (start and cursor <= start):
            start, taken = cursor, 0
            wanted = room * 2 // 3 if too_far else room // 3
            while start and (taken < wanted or not width(text[start])):
                start -= 1
                taken += width(text[start])
        self._start = start
        left = "<" if start else ""
        seen = clip(text[start:], room - len(left))
        if start + len(seen) < len(text):
            seen = f"{clip(seen, room - len(left) - 1)}>"
        return left + seen, len(left) + columns(text[start:cursor])

    # ------------------------------------------------------------ moving

    def _left_of(self, place: int) -> int:
        place = max(place - 1, 0)
        while place and not width(self.text[place]):
            place -= 1
        return place

    def _right_of(self, place: int) -> int:
        place = min(place + 1, len(self.text))
        while place < len(self.text) and not width(self.text[place]):
            place += 1
        return place

    def _word_left(self) -> int:
        place = self.cursor
        while place and not self.text[place - 1].isalnum():
            place -= 1
        while place and self.text[place - 1].isalnum():
            place -= 1
        return place

    def _word_right(self) -> int:
        place = self.cursor
        while place < len(self.text) and not self.text[place].isalnum():
            place += 1
        while place < len(self.text) and self.text[place].isalnum():
            place += 1
        return place

    def _left(self) -> None:
        self.cursor = self._left_of(self.cursor)

    def _right(self) -> None:
        self.cursor = self._right_of(self.cursor)

    def _home(self) -> None:
        self.cursor = 0

    def _end(self) -> None:
        self.cursor = len(self.text)

    def _back_a_word(self) -> None:
        self.cursor = self._word_left()

    def _on_a_word(self) -> None:
        self.cursor = self._word_right()

    # ------------------------------------------------------------ changing

    def _set(self, text: str) -> None:
        self.text = text
        self.cursor = len(text)

    def _drop(self, begin: int, end: int, *, cut: bool = False) -> None:
        if begin == end:
            self._write(BELL)
            return
        if cut:
            self._cut = self.text[begin:end]
        self.text = self.text[:begin] + self.text[end:]
        self.cursor = begin

    def _backspace(self) -> None:
        self._drop(self._left_of(self.cursor), self.cursor)

    def _delete(self) -> None:
        self._drop(self.cursor, self._right_of(self.cursor))

    def _cut_to_begin(self) -> None:
        self._drop(0, self.cursor, cut=True)

    def _cut_to_end(self) -> None:
        self._drop(self.cursor, len(self.text), cut=True)

    def _cut_word(self) -> None:
        """Back to a blank, as Ctrl-W does."""
        kept = self.text[: self.cursor].rstrip()
        self._drop(max(map(kept.rfind, (" ", "\n"))) + 1, self.cursor, cut=True)

    def _cut_word_left(self) -> None:
        self._drop(self._word_left(), self.cursor, cut=True)

    def _cut_word_right(self) -> None:
        self._drop(self.cursor, self._word_right(), cut=True)

    def _yank(self) -> None:
        self.insert(self._cut)

    def _transpose(self) -> None:
        if not self.cursor or self._right_of(0) >= len(self.text):
            self._write(BELL)
            return
        middle = self._left_of(self.cursor)
        if self.cursor < len(self.text):
            middle = self.cursor
        begin, end = self._left_of(middle), self._right_of(middle)
        swapped = self.text[middle:end] + self.text[begin:middle]
        self.text = self.text[:begin] + swapped + self.text[end:]
        self.cursor = end

    def _clear(self) -> None:
        self._write("\x1b[H\x1b[2J")
        self._drawn = None

    # ------------------------------------------------------------ history

    def _older(self) -> None:
        self._walk(-1)

    def _newer(self) -> None:
        self._walk(1)

    def _walk(self, step: int) -> None:
        place = min(self._place, len(self._history)) + step
        if not 0 <= place <= len(self._history):
            self._write(BELL)
            return
        if self._place >= len(self._history):
            self._draft = self.text
        self._place = place
        self._set(self._draft if place == len(self._history) else self._history[place])

    def _begin_search(self) -> None:
        if not self.hidden:  # what is looked for is shown
            self._search = _Search(self.text, len(self._history))

    def _searching(self, search: _Search, key: Key) -> bool:
        """A key while the history is searched; False when that was all it does."""
        if key.name in {TEXT, PASTE, HELP}:
            for char in key.text or "?":
                search.pattern = (search.pattern + char)[:LONGEST_SEARCH]
                self._found(search, min(search.place, len(self._history) - 1))
        elif key.name == "ctrl-r":
            self._found(search, search.place - 1)
        elif key.name == "backspace":
            search.pattern = search.pattern[:-1]
            self._found(search, len(self._history) - 1)
        elif key.name in {"ctrl-g", INTERRUPT}:
            self._set(search.before)
            self._search = None
            return key.name == INTERRUPT
        else:
            self._search = None
            return True
        return False

    def _found(self, search: _Search, place: int) -> None:
        """Go to the newest line up to a place that holds the pattern, or ring."""
        if not search.pattern:
            self._set(search.before)
            search.place = len(self._history)
            return
        for one in range(place, -1, -1):
            found = self._history[one].find(search.pattern)
            if found >= 0:
                search.place = self._place = one
                self._set(self._history[one])
                self.cursor = found
                return
        self._write(BELL)


class _Search:
    """A search under way: the pattern, the line before it, where the line found stands."""

    def __init__(self, before: str, place: int) -> None:
        self.pattern = ""
        self.before = before
        self.place = place


_DOES: dict[str, Callable[[Editor], None]] = {
    "left": Editor._left,
    "ctrl-b": Editor._left,
    "right": Editor._right,
    "ctrl-f": Editor._right,
    "home": Editor._home,
    "ctrl-a": Editor._home,
    "end": Editor._end,
    "ctrl-e": Editor._end,
    "alt-b": Editor._back_a_word,
    "alt-f": Editor._on_a_word,
    "backspace": Editor._backspace,
    "delete": Editor._delete,
    END: Editor._delete,
    "ctrl-u": Editor._cut_to_begin,
    "ctrl-k": Editor._cut_to_end,
    "ctrl-w": Editor._cut_word,
    "alt-backspace": Editor._cut_word_left,
    "alt-d": Editor._cut_word_right,
    "ctrl-y": Editor._yank,
    "ctrl-t": Editor._transpose,
    "ctrl-l": Editor._clear,
    "up": Editor._older,
    "ctrl-p": Editor._older,
    "down": Editor._newer,
    "ctrl-n": Editor._newer,
    "ctrl-r": Editor._begin_search,
}
