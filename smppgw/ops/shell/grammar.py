"""Lines as operators type them: words, quotes, pipes, arguments, `!` and `?`.

Owns: how a line is split, how words become the arguments of a command, and what can come next.
Refuses to know: what commands do, and terminals.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import islice, takewhile
from typing import Any

from attrs import frozen

from smppgw.core.command import Argument, Command, CommandError, Kind, Role
from smppgw.core.nearest import did_you_mean
from smppgw.ops.shell.pipes import PIPES
from smppgw.ops.shell.registry import Registry

LONGEST_LINE = 8192
"""Characters of a line."""
MOST_OPTIONS = 200
"""Completions offered at once."""
MOST_NAMED = 8
"""Keys of a command that its usage names one by one."""
SURE = "!"
"""As the last word: go on without asking."""
HELP = "?"
"""As the last word: what can come here."""

_TOKEN = re.compile(
    r"""\s*(?:
        "(?P<double>(?:[^"\\]|\\.)*)(?P<end>"|$)
      | '(?P<single>[^']*)(?P<close>'|$)
      | (?P<pipe>\|)
      | (?P<bare>[^\s|"']+)
    )""",
    re.X | re.S,
)
_ESCAPE = re.compile(r"\\(.)", re.S)
_ESCAPED = {"n": "\n", "t": "\t"}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(s|m|min|h|d)?")
_UNITS = {None: 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


@frozen
class Word:
    """One word of a line, and where it stands (characters, quotes included)."""

    text: str
    begin: int
    end: int
    quoted: bool = False


@frozen
class Line:
    """A line in words: the command, then one group for each pipe. `sure`: it ended in `!`."""

    source: str
    words: tuple[Word, ...]
    pipes: tuple[tuple[Word, ...], ...] = ()
    sure: bool = False
    open: bool = False
    """A quotation was not closed."""

    @property
    def texts(self) -> tuple[str, ...]:
        """The words of the command and its arguments."""
        return tuple(word.text for word in self.words)

    @property
    def names(self) -> tuple[str, ...]:
        """The words that can name the command: those before a quotation."""
        return tuple(word.text for word in takewhile(lambda word: not word.quoted, self.words))


@frozen
class Option:
    """What can come next: a word, and what it is."""

    text: str
    help: str = ""


def split(source: str) -> Line:
    """A line in words.

    Words are parted by blanks; quotes hold them together: in `"` a backslash takes the next
    character as it is (`\\n` is a newline), in `'` everything does. `|` outside of quotes begins a
    pipe. Raises CommandError for a line that is too long.
    """
    if len(source) > LONGEST_LINE:
        raise CommandError(f"a line has at most {LONGEST_LINE} characters", "usage")
    groups: list[list[Word]] = [[]]
    left_open = False
    place = 0
    while found := _TOKEN.match(source, place):
        place = found.end()
        kind = found.lastgroup
        if kind == "pipe":
            groups.append([])
            continue
        begin = found.start() + len(found[0]) - len(found[0].lstrip())
        if kind == "bare":
            groups[-1].append(Word(found["bare"], begin, place))
        elif found["double"] is not None:
            said = _ESCAPE.sub(lambda one: _ESCAPED.get(one[1], one[1]), found["double"])
            groups[-1].append(Word(said, begin, place, quoted=True))
            left_open = not found["end"]
        else:
            groups[-1].append(Word(found["single"], begin, place, quoted=True))
            left_open = not found["close"]
    last = groups[-1]
    sure = bool(last) and last[-1].text == SURE and not last[-1].quoted
    if sure:
        last.pop()
    return Line(source, tuple(groups[0]), tuple(map(tuple, groups[1:])), sure, left_open)


def values_of(command: Command, line: Line, used: int) -> dict[str, Any]:
    """The arguments in a line whose first `used` words name the command, typed, by name.

    Raises CommandError with what is wrong and how the command is used.
    """
    if line.open:
        raise CommandError("a quotation is not closed", "usage")
    reading = Reading(command, line, used)
    while reading.left:
        reading.step()
    for argument in command.arguments:
        if argument.required and argument.name not in reading.values:
            raise _usage(command, f"{argument.name} is missing")
    return reading.values


class Reading:
    """The words behind a command, on their way to be its arguments.

    `used` words of the line name the command; `spans` has which word each argument was read from.
    """

    def __init__(self, command: Command, line: Line, used: int) -> None:
        self.command = command
        self.line = line
        self.left = list(line.words[used:])
        self.waiting = list(command.positional)
        self.values: dict[str, Any] = {}
        self.spans: list[tuple[Argument, Word]] = []

    def step(self) -> None:
        """Take one argument from what is left."""
        word = self.left[0]
        named = None if word.quoted else self._named(word.text)
        if self.waiting and (named is None or self.waiting[0].required):
            argument = self.waiting.pop(0)
            if argument.kind in {Kind.REST, Kind.LINE}:
                self._rest(argument)
                return
        elif named is not None:
            argument = named
            self.left.pop(0)
            if argument.kind is Kind.FLAG:
                self.values[argument.name] = True
                return
            if not self.left:
                raise _usage(self.command, f"{argument.name} needs a value")
        else:
            raise _usage(self.command, self._stranger(word.text))
        if argument.name in self.values:
            raise _usage(self.command, f"{argument.name} is given twice")
        word = self.left.pop(0)
        self.spans.append((argument, word))
        self.values[argument.name] = _typed(self.command, argument, word.text)

    def _rest(self, argument: Argument) -> None:
        words, self.left = self.left, []
        if argument.kind is Kind.LINE:
            said = self.line.source[words[0].begin :]
        elif len(words) == 1 and words[0].quoted:
            said = words[0].text
        else:
            said = self.line.source[words[0].begin : words[-1].end]
        self.spans.append((argument, Word(said, words[0].begin, words[-1].end)))
        self.values[argument.name] = said

    def _named(self, text: str) -> Argument | None:
        named = [one for one in self.command.arguments if not one.positional]
        exact = next((one for one in named if one.name == text), None)
        fitting = [one for one in named if one.name.startswith(text)]
        return exact or (fitting[0] if len(fitting) == 1 else None)

    def _stranger(self, text: str) -> str:
        names = [one.name for one in self.command.arguments if not one.positional]
        fitting = [name for name in names if name.startswith(text)]
        if len(fitting) > 1:
            return f"{text!r} could be {', '.join(fitting)}"
        return f"{text!r} has no place here{did_you_mean(text, names)}"


def _typed(command: Command, argument: Argument, text: str) -> Any:
    if argument.kind is Kind.NUMBER:
        if not (text.isascii() and text.isdecimal() and len(text) <= 18):
            raise _usage(command, f"{argument.name} is a whole number, not {text!r}")
        return int(text)
    if argument.kind is Kind.SECONDS:
        found = _SPAN.fullmatch(text) if len(text) <= 20 else None
        if found is None:
            raise _usage(command, f"{argument.name} is a time as 30, 30s, 5m, 12h, 7d: {text!r}")
        return float(found[1]) * _UNITS[found[2]]
    if argument.strict and argument.values is not None:
        known = list(argument.values())
        if text not in known:
            folded = [one for one in known if one.casefold() == text.casefold()]
            if len(folded) == 1:
                return folded[0]
            hint = did_you_mean(text, known)
            raise CommandError(f"{argument.name}: there is no {text!r}{hint}", "unknown")
    return text


def usage(command: Command) -> str:
    """How a command is written: `set account NAME [window VALUE]`.

    Where there are too many keys to be read, `[KEY VALUE]...` stands for them.
    """
    said = [command.name]
    named = len(command.arguments) - len(command.positional)
    for one in command.positional if named > MOST_NAMED else command.arguments:
        if one.positional:
            written = one.name.upper() + ("..." if one.kind in {Kind.REST, Kind.LINE} else "")
        elif one.kind is Kind.FLAG:
            written = one.name
        else:
            written = f"{one.name} {one.kind.value.upper()}"
        said.append(written if one.required else f"[{written}]")
    if named > MOST_NAMED:
        said.append("[KEY VALUE]...")
    return " ".join(said)


def _usage(command: Command, fault: str) -> CommandError:
    return CommandError(f"{fault}; usage: {usage(command)}", "usage")


def lines_of(text: str) -> list[str]:
    """The lines of a pasted text that are not blank; a quotation may go over several."""
    found: list[str] = []
    begin, quote, escaped = 0, "", False
    for place, char in enumerate(text):
        if quote:
            if escaped or char == "\\":
                escaped = not escaped and quote == '"'
            elif char == quote:
                quote = ""
        elif char in "\"'":
            quote = char
        elif char == "\n":
            found.append(text[begin:place])
            begin = place + 1
    return [line for line in (*found, text[begin:]) if line.strip()]


def quoting(source: str) -> bool:
    """Whether an unfinished line ends within a quotation."""
    try:
        return split(source).open
    except CommandError:
        return False


def inner(source: str, registry: Registry) -> int:
    """Where in a line another one begins, which is an argument of its command; 0: nowhere."""
    try:
        line = split(source)
        command, used = registry.resolve(line.names)
    except CommandError:
        return 0
    if not command.takes_line:
        return 0
    place = used + len(command.positional) - 1
    if len(line.words) > place:
        return line.words[place].begin
    blank = source != source.rstrip() and not line.pipes
    return len(source) if len(line.words) == place and blank else 0


def options(source: str, registry: Registry, role: Role) -> tuple[int, list[Option]]:
    """What can stand at the end of an unfinished line: where the last word begins, and its choices.

    Only what begins as the last word does, at most MOST_OPTIONS, in order.
    """
    skipped = inner(source, registry)
    begin, found, _ = _options(source[skipped:], registry, role)
    return skipped + begin, found


def awaited(source: str, registry: Registry, role: Role) -> Argument | None:
    """The argument whose value comes next in an unfinished line, if it is one."""
    return _options(source[inner(source, registry) :], registry, role)[2]


Following = tuple[Iterable[Option], Argument | None]
"""What can come, and the argument whose value it is."""


def _options(
    source: str, registry: Registry, role: Role
) -> tuple[int, list[Option], Argument | None]:
    try:
        line = split(source)
    except CommandError:
        return len(source), [], None
    words = line.pipes[-1] if line.pipes else line.words
    last = words[-1] if words and (words[-1].end == len(source)) and not line.sure else None
    before = words[:-1] if last else words
    typed = last.text if last else ""
    begin = last.begin if last else len(source)
    found: Iterable[Option] = []
    argument = None
    if not line.pipes:
        found, argument = _following(Line(source, before), typed, registry, role)
    elif not before:
        found = (Option(*one) for one in PIPES.items())
    fitting = (one for one in found if one.text.startswith(typed))
    return begin, list(islice(fitting, MOST_OPTIONS)), argument


def _following(line: Line, typed: str, registry: Registry, role: Role) -> Following:
    """What can follow whole words, when this was typed of it."""
    path: list[str] = []
    for text in line.names:
        possible = registry.next_words(path, role)
        fitting = [text] if text in possible else [one for one in possible if one.startswith(text)]
        if len(fitting) != 1:
            break
        path.append(fitting[0])
    found = []
    if len(path) == len(line.words):
        for word in registry.next_words(path, role):
            whole = (*path, word)
            command = registry.exactly(whole)
            said = command.summary if command else ", ".join(registry.next_words(whole, role))
            found.append(Option(word, said))
    command = registry.exactly(path)
    if command is None or command.role > role:
        return found, None
    values, argument = _arguments(command, line.words[len(path) :], typed)
    return [*found, *values], argument


def _arguments(command: Command, words: Sequence[Word], typed: str) -> Following:
    """What can follow the arguments given so far."""
    reading = Reading(command, Line("", tuple(words)), 0)
    while reading.left:
        if len(reading.left) == 1:
            named = reading._named(reading.left[0].text)
            if named is not None and named.kind is not Kind.FLAG and not reading.waiting:
                return _values(named, typed), named
        try:
            reading.step()
        except CommandError:
            return [], None
    argument = reading.waiting[0] if reading.waiting else None
    found = _values(argument, typed) if argument else []
    if argument is not None and argument.required:
        return found, argument
    more = [
        Option(one.name, one.help)
        for one in command.arguments
        if not one.positional and one.name not in reading.values
    ]
    return found + more, argument


def _values(argument: Argument, typed: str) -> list[Option]:
    if argument.begun is not None:
        return [Option(text) for text in argument.begun(typed)]
    if argument.values is None:
        return []
    return [Option(text) for text in islice(sorted(argument.values()), 100_000)]
