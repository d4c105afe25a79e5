"""Octets from a terminal as keys, or as whole lines from one that edits them itself.

Owns: UTF-8 that arrives in pieces, escape sequences (ECMA-48, xterm), bracketed paste, the ends of
lines. What makes no sense is left out and nothing is kept without a limit.
Refuses to know: what keys do.
"""

from __future__ import annotations

import re
from codecs import getincrementaldecoder

from attrs import frozen

from smppgw.ops.shell.cells import JOINERS
from smppgw.ops.shell.grammar import LONGEST_LINE

TEXT, PASTE, LINE = "text", "paste", "line"
INTERRUPT, END, ENTER, HELP = "ctrl-c", "ctrl-d", "enter", "help"
TOO_LONG = "too-long"
LONGEST_SEQUENCE = 32
"""Characters of an escape sequence; more of one are left out."""

_ESC = "\x1b"
_PASTE_END = "\x1b[201~"
_TEXT = re.compile("[^\\x00-\\x1f\\x7f?]+")
_CONTROLS = {"\r": ENTER, "\n": ENTER, "\t": "tab", "\x7f": "backspace", "\x08": "backspace"}
_LETTERS = {"A": "up", "B": "down", "C": "right", "D": "left", "H": "home", "F": "end"}
_NUMBERS = {"1": "home", "7": "home", "4": "end", "8": "end", "3": "delete"}
_BY_WORD = {"left": "alt-b", "right": "alt-f"}


@frozen
class Key:
    """A key by its name; `text` is what was typed (TEXT), pasted (PASTE) or sent (LINE).

    Names: `enter`, `tab`, `backspace`, `delete`, `up`, `down`, `left`, `right`, `home`, `end`,
    `help` (a question mark), `ctrl-a`..., `alt-b`...
    """

    name: str
    text: str = ""


def printable(text: str) -> str:
    """A text without what cannot be shown; blanks of all kinds are blanks."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in JOINERS else " " if char.isspace() else ""
        for char in text
    )


class Keys:
    """The keys of one terminal, as its octets come in."""

    def __init__(self) -> None:
        self._decoder = getincrementaldecoder("utf-8")("replace")
        self._found: list[Key] = []
        self._run: list[str] = []
        self._sequence = ""
        self._pasted: list[str] | None = None
        self._returned = False

    def feed(self, octets: bytes) -> list[Key]:
        """The keys that octets complete; any octets will do."""
        text = self._decoder.decode(octets)
        place = 0
        while place < len(text):
            char = text[place]
            place += 1
            if self._pasted is not None:
                self._paste(self._pasted, char)
            elif self._sequence:
                self._continue(char)
            elif run := _TEXT.match(text, place - 1):
                self._returned = False
                self._run.append(printable(run[0]))
                place = run.end()
            else:
                self._plain(char)
        self._flush()
        found, self._found = self._found, []
        return found

    def _flush(self) -> None:
        text, self._run = "".join(self._run), []
        if text:
            self._found.append(Key(TEXT, text))

    def _key(self, name: str) -> None:
        self._flush()
        self._found.append(Key(name))

    def _plain(self, char: str) -> None:
        returned, self._returned = self._returned, char == "\r"
        if char == _ESC:
            self._sequence = char
        elif char in "\n\0" and returned:
            pass  # the other half of an end of line
        elif char in _CONTROLS:
            self._key(_CONTROLS[char])
        elif "\x01" <= char <= "\x1a":
            self._key(f"ctrl-{chr(ord(char) + 96)}")
        elif char == "?":
            self._key(HELP)

    def _continue(self, char: str) -> None:
        """One more character of an escape sequence."""
        sequence = self._sequence
        if char < " " or char > "~":
            self._sequence = ""
            if sequence == _ESC and char == "\x7f":
                self._key("alt-backspace")
            else:  # it was cut off
                self._plain(char)
        elif sequence == _ESC:
            self._sequence = sequence + char if char in "[O" else ""
            if not self._sequence:
                self._key(f"alt-{char.lower()}")
        elif sequence == "\x1b[" and char == "[":  # function keys of the Linux console
            self._sequence += char
        elif sequence[1] == "[" and sequence != "\x1b[[" and char < "@":
            if len(sequence) < LONGEST_SEQUENCE:
                self._sequence += char
        else:
            self._sequence = ""
            self._end_of_sequence(sequence[2:], char)

    def _end_of_sequence(self, parameters: str, last: str) -> None:
        first, _, modifier = parameters.partition(";")
        if last == "~" and first == "200":
            self._flush()
            self._pasted = []
            return
        name = (_NUMBERS.get(first) if last == "~" else _LETTERS.get(last)) or ""
        if modifier:
            name = _BY_WORD.get(name, name)
        if name and not parameters.startswith("["):
            self._key(name)

    def _paste(self, pasted: list[str], char: str) -> None:
        """One more character between the brackets; Ctrl-C ends a paste whose end got lost."""
        if char == "\x03":
            self._pasted = None
            self._key(INTERRUPT)
            return
        # What is too long for a line stays too long, but grows no more.
        if len(pasted) <= LONGEST_LINE + len(_PASTE_END):
            pasted.append(char)
        else:
            pasted[-len(_PASTE_END) :] = [*pasted[1 - len(_PASTE_END) :], char]
        if char == "~" and "".join(pasted[-len(_PASTE_END) :]) == _PASTE_END:
            self._pasted = None
            text = "".join(pasted[: -len(_PASTE_END)]).replace("\r\n", "\n").replace("\r", "\n")
            lines = text.rstrip("\n").split("\n")
            self._found.append(Key(PASTE, "\n".join(printable(line) for line in lines)))


class Lines:
    """The lines of a terminal that edits them itself, as keys: LINE, TOO_LONG or INTERRUPT."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._overlong = False
        self._returned = False

    def feed(self, octets: bytes) -> list[Key]:
        """The lines that octets complete: they end in CR, LF, CR LF or CR NUL."""
        found: list[Key] = []
        if self._returned and octets[:1] in {b"\n", b"\0"}:
            octets = octets[1:]
        self._returned = octets.endswith(b"\r") if octets else self._returned
        octets = octets.replace(b"\r\n", b"\n").replace(b"\r\0", b"\n").replace(b"\r", b"\n")
        for place, part in enumerate(octets.split(b"\n")):
            if place:
                found += self.rest()
            if b"\x03" in part:
                self._kept.clear()
                found.append(Key(INTERRUPT))
            self._kept += part.rpartition(b"\x03")[2]
            if len(self._kept) > 4 * LONGEST_LINE:
                self._kept.clear()
                self._overlong = True
        return found

    def rest(self) -> list[Key]:
        """What has come of a line, as a whole one."""
        text = self._kept.decode("utf-8", "replace")
        too_long = self._overlong or len(text) > LONGEST_LINE
        self._kept.clear()
        self._overlong = False
        return [Key(TOO_LONG) if too_long else Key(LINE, printable(text))]

    @property
    def begun(self) -> bool:
        """Whether a line has begun and not ended."""
        return bool(self._kept) or self._overlong
