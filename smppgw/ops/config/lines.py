"""On which line each key, table and array element of a TOML text stands.

Owns: a scanner for positions only. The standard parser keeps none, and it has already proved
that the text is valid TOML, so this one has to find the borders of things and nothing else.
Refuses to know: values, types, and what the keys mean.
Source: TOML 1.0.0, sections Keys, String, Array, Table, Inline Table, Array of Tables.
"""

from __future__ import annotations

import re
import tomllib

KeyPath = tuple[str | int, ...]

_SKIP = re.compile(r"(?:[ \t\r\n]++|#[^\n]*+)*+")
_DOT = re.compile(r"[ \t]*+\.[ \t]*+")
_KEY = re.compile(r"""[A-Za-z0-9_-]++|"(?:[^"\\]|\\.)*+"|'[^']*+'""")
# A multi-line string may end in up to five quotes: the last three close it, the others are content.
_STRING = re.compile(
    r'''"""(?:[^"\\]|\\.|"(?!""))*+"""(?:"{0,2})'''
    r"""|'''(?:[^']|'(?!''))*+'''(?:'{0,2})"""
    r"""|"(?:[^"\\]|\\.)*+"|'[^']*+'""",
    re.DOTALL,
)
_BARE_VALUE = re.compile(r"[^,\]}#\n]++")


def locate(text: str) -> dict[KeyPath, int]:
    """Line, from 1, of every table, key and array element of a valid TOML text.

    A path is a tuple of keys and indices: `("carriers", 0, "statuses", "0x58", "action")`. A table
    stands where its header does, one made by a dotted key where that key does first, an array of
    tables where its first header does. Raises ValueError for what is not TOML.
    """
    return _Scanner(text).scan()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._counted_to = 0
        self._line = 1
        self._lines: dict[KeyPath, int] = {}
        self._last_index: dict[KeyPath, int] = {}

    def scan(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        self._take(_SKIP)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._assignment(table)
            self._take(_SKIP)
        return self._lines

    def _header(self) -> KeyPath:
        line = self._here()
        is_array = self._text.startswith("[[", self._at)
        self._at += 2 if is_array else 1
        keys = self._keys()
        self._take(_SKIP)
        self._at += 2 if is_array else 1
        path: KeyPath = ()
        for key in keys[:-1]:
            path = self._current((*path, key))
            self._lines.setdefault(path, line)
        path = (*path, keys[-1])
        if is_array:
            self._lines.setdefault(path, line)
            self._last_index[path] = self._last_index.get(path, -1) + 1
            path = self._current(path)
        self._lines[path] = line
        return path

    def _current(self, path: KeyPath) -> KeyPath:
        """The last element when the path is an array of tables, which later headers extend."""
        index = self._last_index.get(path)
        return path if index is None else (*path, index)

    def _assignment(self, table: KeyPath) -> None:
        line = self._here()
        path = table
        for key in self._keys():
            path = (*path, key)
            self._lines.setdefault(path, line)
        self._take(_SKIP)
        self._expect("=")
        self._take(_SKIP)
        self._value(path)

    def _keys(self) -> list[str]:
        keys = []
        while True:
            self._take(_SKIP)
            raw = self._take(_KEY)
            keys.append(next(iter(tomllib.loads(f"{raw}=0"))) if raw[0] in "\"'" else raw)
            if not self._found(_DOT):
                return keys

    def _value(self, path: KeyPath) -> None:
        opening = self._text[self._at : self._at + 1]
        if opening == "[":
            self._array(path)
        elif opening == "{":
            self._inline_table(path)
        else:
            self._take(_STRING if opening in ('"', "'") else _BARE_VALUE)

    def _array(self, path: KeyPath) -> None:
        self._at += 1
        index = 0
        while not self._closed("]"):
            self._lines[(*path, index)] = self._here()
            self._value((*path, index))
            index += 1

    def _inline_table(self, path: KeyPath) -> None:
        self._at += 1
        while not self._closed("}"):
            self._assignment(path)

    def _closed(self, bracket: str) -> bool:
        self._take(_SKIP)
        if self._text.startswith(",", self._at):
            self._at += 1
            self._take(_SKIP)
        closed = self._text.startswith(bracket, self._at)
        self._at += closed
        return closed

    def _expect(self, symbol: str) -> None:
        if not self._text.startswith(symbol, self._at):
            raise ValueError(f"not TOML: no {symbol} on line {self._here()}")
        self._at += 1

    def _found(self, pattern: re.Pattern[str]) -> bool:
        match = pattern.match(self._text, self._at)
        if match:
            self._at = match.end()
        return match is not None

    def _take(self, pattern: re.Pattern[str]) -> str:
        start = self._at
        if not self._found(pattern):
            raise ValueError(f"not TOML on line {self._here()}")
        return self._text[start : self._at]

    def _here(self) -> int:
        self._line += self._text.count("\n", self._counted_to, self._at)
        self._counted_to = self._at
        return self._line
