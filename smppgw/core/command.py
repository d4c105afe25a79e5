"""What an operator can ask: a command, its arguments, and the shapes of its answer.

Owns: the declaration of a command, what it is called with, and what it may answer. A feature makes
its commands from these, as `ops` does.
Refuses to know: lines and terminals, who is logged in where, and any command.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from enum import Enum, IntEnum
from typing import Any

from attrs import field, frozen
from twisted.internet.defer import Deferred

from smppgw.core.figures import cell


class Role(IntEnum):
    """What an operator may do; each includes the former.

    Look; act on traffic; change accounts, carriers, routes and numbers; anything.
    """

    VIEW = 1
    OPERATE = 2
    CONFIG = 3
    ADMIN = 4


class CommandError(Exception):
    """A command cannot be carried out; the text says why and what to do, on one line.

    `code` is for programs: usage, unknown, denied, refused, busy, unavailable, confirm, cancelled,
    aborted or failed.
    """

    def __init__(self, text: str, code: str = "refused") -> None:
        super().__init__(text)
        self.code = code


@frozen
class Operator:
    """Who asks: a name, what it may do, and where it is (`local`, or an address)."""

    name: str
    role: Role
    peer: str = "local"
    accounts: frozenset[str] = frozenset()
    """The accounts that are all there is for it; empty = everything."""

    def sees(self, account: str) -> bool:
        """Whether what belongs to an account is there for it."""
        return not self.accounts or account in self.accounts


class Kind(Enum):
    """How an argument is written."""

    WORD = "word"
    """One word, or a quoted text."""
    NUMBER = "number"
    """A whole number, not negative."""
    SECONDS = "time"
    """A time span: `30`, `30s`, `5m`, `12h`, `7d`; a float of seconds for the command."""
    FLAG = "flag"
    """Its name alone: True when it stands there."""
    REST = "rest"
    """Everything that follows, as it was written."""
    LINE = "command"
    """Another command with all that belongs to it, pipes included, as it was written."""


@frozen
class Argument:
    """One argument of a command.

    A positional one is written alone, in the order of declaration; any other after its name, in any
    order. `values` lists what it can be, for completion; with `strict`, nothing else is taken.
    `begun` does so where there is too much to list: some of what begins as it is typed, the first
    and the last of it among them. `seen` lists those of `values` that are there for an operator who
    is limited to accounts; without it none is.
    """

    name: str
    help: str
    kind: Kind = Kind.WORD
    positional: bool = False
    required: bool = False
    secret: bool = False
    values: Callable[[], Iterable[str]] | None = field(default=None, eq=False)
    begun: Callable[[str], Iterable[str]] | None = field(default=None, eq=False)
    seen: Callable[[Operator], Iterable[str]] | None = field(default=None, eq=False)
    strict: bool = False


@frozen
class Call:
    """What a command is called with; `session` is the same object for all calls of one session.

    `values` has the arguments that were given, by name; `width` is that of the terminal, in
    characters. `reads` says whether somebody reads what is said now: an answer that goes on makes
    nothing while nobody does.
    """

    operator: Operator
    values: Mapping[str, Any]
    session: object = None
    width: int = 80
    reads: Callable[[], bool] = field(default=lambda: True, eq=False, repr=False)

    def text(self, name: str) -> str:
        """A word that was given, or ""."""
        return str(self.values.get(name, ""))

    def flag(self, name: str) -> bool:
        """Whether a flag was given."""
        return self.values.get(name) is True


@frozen
class Column:
    """One column of a table: heading, key of its cells, side, and how a value is written.

    Where a line is too narrow for all, texts are cut, but not figures (`right`) and not what is
    worth nothing in pieces (`whole`); and when that is not enough, columns are left out, those with
    the highest `minor` first. 0 stays always.
    """

    heading: str
    key: str
    right: bool = False
    shown: Callable[[Any], str] = cell
    whole: bool = False
    minor: int = 0


@frozen
class Table:
    """Rows of the same keys. `rows` hold what JSON can say; columns choose what people see.

    `empty` is said instead of a table without rows; `note` stands below, one or
    more lines.
    """

    columns: tuple[Column, ...]
    rows: Sequence[Mapping[str, Any]]
    empty: str = "nothing"
    note: str = ""


@frozen
class Fields:
    """One thing with several properties: (label, key, value as people read it), and its data."""

    shown: tuple[tuple[str, str], ...]
    """(label, words) in order; words of "" are left out."""
    data: Mapping[str, Any]


@frozen
class Document:
    """Anything else: data for programs, and lines for people, made for a width in characters."""

    data: Any
    lines: Callable[[int], Sequence[str]]


@frozen
class Page:
    """Several answers one below the other, each under its title ("" for none)."""

    sections: tuple[tuple[str, Table | Fields | Document], ...]


Emit = Callable[[Sequence[str]], None]
"""Takes lines of output while a command is at work."""


@frozen
class Live:
    """An answer that goes on: `begin(emit, done)` starts it and returns what stops it.

    `done("")` says that it has ended by itself, `done(reason)` that it had to. Nothing is emitted
    after either. `seconds`, when not 0, is how long it lasts at most. With `redraw`, lines emitted
    at once take the place of those before them.
    """

    begin: Callable[[Emit, Callable[[str], None]], Callable[[], None]]
    seconds: float = 0.0
    redraw: bool = False


Answer = Table | Fields | Document | Page | Live


def text(*lines: str) -> Document:
    """An answer of plain lines."""
    return Document({"text": "\n".join(lines)}, lambda width: lines)


@frozen
class Command:
    """One command: the one or two words that name it, and the function that answers.

    The first sentence of `help` stands in lists, the rest only where it is asked for. `touches`
    says in words what carrying it out would do (`"unbind 4 binds"`), or "": an operator is asked
    before, unless the line ends in `!`. The function may be a coroutine; it raises CommandError.

    `scoped` promises that function and `touches` show and do nothing that `call.operator.sees`
    denies; without it the command is not there for an operator who is limited to accounts.
    """

    words: tuple[str, ...]
    function: Callable[[Call], Answer | Awaitable[Answer]] = field(repr=False)
    help: str
    arguments: tuple[Argument, ...] = ()
    role: Role = Role.VIEW
    example: str = ""
    touches: Callable[[Call], str | Deferred[str]] | None = field(default=None, repr=False)
    scoped: bool = False

    @property
    def name(self) -> str:
        """Its words as they are typed."""
        return " ".join(self.words)

    @property
    def summary(self) -> str:
        """The first sentence of its help."""
        return self.help.partition(". ")[0]

    @property
    def positional(self) -> tuple[Argument, ...]:
        """The arguments that are written alone, in order."""
        return tuple(one for one in self.arguments if one.positional)

    @property
    def takes_line(self) -> bool:
        """Its last argument is another command."""
        return bool(self.arguments) and self.arguments[-1].kind is Kind.LINE

    def argument(self, name: str) -> Argument | None:
        """The argument that is written after this name."""
        return next((one for one in self.arguments if one.name == name), None)
