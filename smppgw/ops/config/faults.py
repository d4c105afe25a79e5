"""Faults of a configuration file: what is wrong, at which key, on which line.

Owns: the form of a fault, of a key's name, and the error that carries all faults of one file.
Refuses to know: how files are read and what makes a value wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from attrs import define, field, frozen

from smppgw.ops.config.lines import KeyPath
from smppgw.ops.config.schema import identities

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@frozen
class Fault:
    """One thing wrong with a file; `line` counts from 1, 0 = the file as a whole.

    Of what no file holds, `file` is the object: `account agg2`.
    """

    file: str
    line: int
    key: str
    reason: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place} {self.key}: {self.reason}" if self.key else f"{place}: {self.reason}"


class ConfigError(Exception):
    """A file that cannot be used: `faults` holds everything wrong with it, in order of lines."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__(faults)
        self.faults = faults

    def __str__(self) -> str:
        return "\n".join(map(str, self.faults))


@define
class Report:
    """Collects faults and warnings found under key paths of one document."""

    file: str
    document: Mapping[str, Any] = field(repr=False)
    lines: Mapping[KeyPath, int] = field(repr=False)
    faults: list[Fault] = field(factory=list)
    warnings: list[Fault] = field(factory=list)

    def fault(self, path: KeyPath, reason: str) -> None:
        """Something that keeps the file from being used."""
        self.faults.append(self._at(path, reason))

    def warning(self, path: KeyPath, reason: str) -> None:
        """Something that works and should not stay."""
        self.warnings.append(self._at(path, reason))

    def line(self, path: KeyPath) -> int:
        """Line of a path, or of the nearest thing around it that the file does hold; from 1."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def place(self, path: KeyPath) -> str:
        """Where a path stands, as other faults speak of it: `on line 7`."""
        return f"on line {self.line(path)}"

    def _at(self, path: KeyPath, reason: str) -> Fault:
        return Fault(self.file, self.line(path), label(path, self.document), reason)


def in_order(faults: list[Fault]) -> tuple[Fault, ...]:
    """Faults sorted by line; those of one line stay in the order found."""
    return tuple(sorted(faults, key=lambda fault: fault.line))


def label(path: KeyPath, document: Mapping[str, Any]) -> str:
    """How a person reads a path: `carriers["fr-a"].window`; `carriers[0].window` without a name."""
    text = ""
    node: Any = document
    for depth, part in enumerate(path):
        if not isinstance(node, dict | list):
            break  # a single value taken as a list of one: it has no index in the file
        if isinstance(node, list):
            node = node[int(part)]
            name = node.get(identities().get(str(path[0]))) if isinstance(node, dict) else None
            text += f"[{quote(name) if depth == 1 and isinstance(name, str) else part}]"
        else:
            node = node.get(part, {})
            key = str(part)
            text += ("." if text else "") + (key if _BARE_KEY.fullmatch(key) else quote(key))
    return text


def quote(value: str) -> str:
    """A string in quotes on one line, cut at 60 characters."""
    return json.dumps(value if len(value) <= 60 else value[:57] + "...", ensure_ascii=False)
