"""Configuration files to settings.

Owns: reading a file, the order of checks, and where in the file each object stands.
Refuses to know: keys (`core.settings`), single rules (`values`, `reading`, `rules`).
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from smppgw.core.settings import Settings
from smppgw.ops.config.faults import ConfigError, Fault, Report, in_order
from smppgw.ops.config.lines import KeyPath, locate
from smppgw.ops.config.reading import Reader
from smppgw.ops.config.rules import check
from smppgw.ops.config.schema import identities
from smppgw.ops.config.writing import document_of

_POSITION = re.compile(r" \(at (?:line (?P<line>\d+), column \d+|end of document)\)$")


@frozen
class Loaded:
    """The settings of one file, and on which lines they stand.

    `document` is the file as TOML values, `environ` what `"${NAME}"` stands for.
    """

    settings: Settings = field(repr=False)
    warnings: tuple[Fault, ...]
    file: str
    document: Mapping[str, Any] = field(repr=False)
    environ: Mapping[str, str] = field(repr=False)
    lines: Mapping[KeyPath, int] = field(repr=False)
    _paths: Mapping[tuple[str, str], KeyPath] = field(repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Loaded:
        """Settings that a program made, as if a file without lines held them."""
        document = document_of(settings)
        paths: dict[tuple[str, str], KeyPath] = {
            (table, getattr(one, name)): (table, index)
            for table, name in identities().items()
            for index, one in enumerate(getattr(settings, table))
        }
        return cls(settings, (), "smppgw itself", document, {}, {}, paths)

    def declares(self, table: str, name: str) -> str:
        """Where the file holds an object, as `FILE:line`; "" when it does not."""
        path = self._paths.get((table, name))
        if path is None:
            return ""
        line = self.lines.get(path)
        return f"{self.file}:{line}" if line else self.file

    def line(self, table: str, name: str = "", key: str = "") -> int | None:
        """Line, from 1, of an object or of one key of it; None when the file does not hold it.

        `line("carriers", "fr-a")` is where the carrier is declared, `line("carriers", "fr-a",
        "window")` where its window is set, `line("gateway", key="node")` the same for a table of
        which there is one. Objects go by the first field of their class.
        """
        path = self._paths.get((table, name)) if table in identities() else (table,)
        if path is None:
            return None
        return self.lines.get((*path, key) if key else path)


def load(path: Path, environ: Mapping[str, str] = os.environ) -> Loaded:
    """Reads and checks a TOML file; `environ` gives the values of `"${NAME}"` passwords.

    Raises ConfigError with everything that is wrong, one fault alone when the file cannot be read
    or is not TOML in UTF-8.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _unreadable(str(path), 0, f"cannot be read: {error.strerror}") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _unreadable(str(path), line, "is not UTF-8 text") from None
    return parse(text, str(path), environ)


def parse(text: str, file: str, environ: Mapping[str, str] = os.environ) -> Loaded:
    """Checks a TOML text as `load` does; `file` is the name that faults show."""
    try:
        document = tomllib.loads(text)
        lines = locate(text)
    except RecursionError:
        raise _unreadable(file, 0, "is nested too deeply") from None
    except ValueError as error:
        raise _not_toml(text, file, str(error)) from None
    report = Report(file, document, lines)
    root = Reader(report, environ).table(Settings, document)
    check(root, document, report)
    if report.faults:
        raise ConfigError(in_order(report.faults))
    paths = {
        (table, draft.get(name)): draft.path
        for table, name in identities().items()
        for draft in root.all(table)
    }
    return Loaded(root.build(), in_order(report.warnings), file, document, environ, lines, paths)


def _not_toml(text: str, file: str, message: str) -> ConfigError:
    position = _POSITION.search(message)
    line = 0
    if position:
        line = int(position["line"] or text.rstrip().count("\n") + 1)
        message = message[: position.start()]
    if message == "Cannot overwrite a value":
        message = "A key is given twice"
    return _unreadable(file, line, f"is not valid TOML: {message}")


def _unreadable(file: str, line: int, reason: str) -> ConfigError:
    return ConfigError((Fault(file, line, "", reason),))
