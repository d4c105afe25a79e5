"""Lines: words, quotes, arguments, prefixes, completion, secrets; nothing but CommandError."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.core.command import Argument, Call, Command, CommandError, Document, Kind, Role, text
from smppgw.ops.shell.grammar import LONGEST_LINE, options, split, usage, values_of
from smppgw.ops.shell.masking import masked
from smppgw.ops.shell.registry import Registry


def nothing(call: Call) -> Document:
    return text()


def names() -> list[str]:
    return ["fr-a", "fr-b", "uk"]


SHOW_LINKS = Command(("show", "links"), nothing, "all links")
SHOW_LINK = Command(
    ("show", "link"),
    nothing,
    "one link",
    (Argument("name", "its name", positional=True, required=True, values=names, strict=True),),
)
SET = Command(
    ("set", "account"),
    nothing,
    "change an account",
    (
        Argument("name", "which", positional=True, required=True, values=names),
        Argument("password", "a secret", secret=True),
        Argument("window", "unanswered", Kind.NUMBER),
        Argument("wait", "a time", Kind.SECONDS),
        Argument("enabled", "binds", values=lambda: ["true", "false"]),
        Argument("force", "without looking", Kind.FLAG),
    ),
    role=Role.OPERATE,
)
ENCODE = Command(
    ("encode",), nothing, "parts", (Argument("text", "it", Kind.REST, positional=True),)
)
COMMIT = Command(
    ("commit",), nothing, "now", (Argument("comment", "why", Kind.REST, positional=True),)
)
CONFIRM = Command(
    ("commit", "confirm"),
    nothing,
    "for a time",
    (Argument("minutes", "time", Kind.NUMBER, positional=True, required=True),),
)
REGISTRY = Registry([SHOW_LINKS, SHOW_LINK, SET, ENCODE, COMMIT, CONFIRM])


def read(source: str, registry: Registry = REGISTRY) -> tuple[Command, dict[str, object]]:
    line = split(source)
    command, used = registry.resolve(line.names)
    return command, values_of(command, line, used)


def fault(source: str) -> str:
    with pytest.raises(CommandError) as caught:
        read(source)
    return f"{caught.value.code}: {caught.value}"


def offered(source: str, role: Role = Role.ADMIN) -> list[str]:
    return [one.text for one in options(source, REGISTRY, role)[1]]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("", ()),
        ("show  links ", ("show", "links")),
        ('encode "a b"', ("encode", "a b")),
        (r'encode "a \"b\" \n \\"', ("encode", 'a "b" \n \\')),
        (r"encode 'a \n'", ("encode", r"a \n")),
        ('encode ""', ("encode", "")),
        ("encode \u00e9\u00e8 \u4f60", ("encode", "\u00e9\u00e8", "\u4f60")),
    ],
)
def test_words(source: str, words: tuple[str, ...]) -> None:
    assert split(source).texts == words


def test_pipes_and_certainty() -> None:
    line = split('show links | grep "a | b" | head 3 !')
    assert line.texts == ("show", "links")
    assert [[word.text for word in pipe] for pipe in line.pipes] == [
        ["grep", "a | b"],
        ["head", "3"],
    ]
    assert line.sure
    assert not split('show "!"').sure


def test_a_line_has_an_end() -> None:
    with pytest.raises(CommandError, match="8192"):
        split("x" * (LONGEST_LINE + 1))


@given(st.text(max_size=200))
def test_any_text_is_a_line_or_a_fault(source: str) -> None:
    line = split(source)
    for word in (*line.words, *(word for pipe in line.pipes for word in pipe)):
        assert 0 <= word.begin <= word.end <= len(source)
    with suppress(CommandError):
        read(source)
    options(source, REGISTRY, Role.ADMIN)
    masked(source, REGISTRY)


@given(st.text(max_size=100))
def test_what_is_quoted_comes_back(value: str) -> None:
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    assert read(f'encode "{quoted}"')[1] == {"text": value}


@pytest.mark.parametrize(
    ("source", "command"),
    [
        ("sh links", SHOW_LINKS),
        ("sh li", SHOW_LINKS),
        ("sh li uk", SHOW_LINK),
        ("show link uk", SHOW_LINK),
        ("se a uk", SET),
        ("commit", COMMIT),
        ("commit confirm 5", CONFIRM),
        ("commit because of it", COMMIT),
        ('commit "confirm" it', COMMIT),
    ],
)
def test_words_may_be_shortened(source: str, command: Command) -> None:
    assert read(source)[0] is command


def test_a_comment_may_be_anything_but_the_name_of_a_command() -> None:
    assert read("commit  a | b")[1] == {"comment": "a"}
    assert read('commit "confirm x | y"')[1] == {"comment": "confirm x | y"}


def test_arguments_are_typed() -> None:
    assert read("set account uk pass s3cret window 20 wait 5m enabled false force")[1] == {
        "name": "uk",
        "password": "s3cret",
        "window": 20,
        "wait": 300.0,
        "enabled": "false",
        "force": True,
    }


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("s", "unknown: 's' could be set, show"),
        ("shwo", "unknown: there is no 'shwo'; did you mean 'show'?"),
        ("show", "usage: show: one of these has to follow: link, links"),
        ("show lonks", "unknown: there is no 'show lonks'; did you mean 'show links'?"),
        ("show xyz", "unknown: there is no 'show xyz'; after 'show' come link, links"),
        ("xyz", "unknown: there is no 'xyz'; ? lists what there is"),
        ("show links now", "usage: 'now' has no place here; usage: show links"),
        ("show link fr-c", "unknown: name: there is no 'fr-c'; did you mean 'fr-b'?"),
        ("set account", "usage: name is missing; usage: set account NAME [password WORD]"),
        ("set account uk windwo 3", "usage: 'windwo' has no place here; did you mean 'window'?"),
        ("set account uk w 3", "usage: 'w' could be window, wait"),
        ("set account uk window", "usage: window needs a value"),
        ("set account uk window 1 window 2", "usage: window is given twice"),
        ("set account uk window many", "usage: window is a whole number, not 'many'"),
        ("set account uk wait long", "usage: wait is a time as 30, 30s, 5m, 12h, 7d: 'long'"),
        ('encode "open', "usage: a quotation is not closed"),
    ],
)
def test_faults_name_the_thing_and_the_way_out(source: str, words: str) -> None:
    assert fault(source).startswith(words)


def test_a_value_counts_whatever_its_case_while_only_one_fits() -> None:
    assert read("show link FR-A")[1] == {"name": "fr-a"}
    either = Argument("state", "it", positional=True, strict=True, values=lambda: ["Up", "up"])
    registry = Registry([Command(("find",), nothing, "some", (either,))])
    assert read("find up", registry)[1] == {"state": "up"}
    with pytest.raises(CommandError, match="there is no 'UP'"):
        read("find UP", registry)


def test_usage() -> None:
    assert usage(SET) == (
        "set account NAME [password WORD] [window NUMBER] [wait TIME] [enabled WORD] [force]"
    )


@pytest.mark.parametrize(
    ("source", "choices"),
    [
        ("", ["commit", "encode", "set", "show"]),
        ("s", ["set", "show"]),
        ("show ", ["link", "links"]),
        ("show link ", ["fr-a", "fr-b", "uk"]),
        ("show link fr", ["fr-a", "fr-b"]),
        ("show link uk ", []),
        ("set account uk ", ["password", "window", "wait", "enabled", "force"]),
        ("set account uk w", ["window", "wait"]),
        ("set account uk enabled ", ["false", "true"]),
        ("set account uk enabled true window 1 ", ["password", "wait", "force"]),
        ("show links | ", ["grep", "head", "count", "sort", "json", "csv"]),
        ("show links | gr", ["grep"]),
        ("show links | grep ", []),
        ("nonsense ", []),
    ],
)
def test_completion(source: str, choices: list[str]) -> None:
    assert offered(source) == choices


def test_completion_offers_what_the_role_may_use() -> None:
    assert offered("", Role.VIEW) == ["commit", "encode", "show"]
    assert offered("set account uk ", Role.VIEW) == []


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("show links", "show links"),
        ("set account uk password hunter2 window 3", "set account uk password *** window 3"),
        ('set a uk pass "hunter 2"', "set a uk pass ***"),
        ("set account uk window 3 pasword hunter2", "set account ..."),
        ("set account uk password hunter|2", "set account uk password *** | ***"),
        ("set account uk window 3 | password hunter2", "set account uk window 3 | ***"),
        ("set account uk password | hunter2", "set account ..."),
        ("encode set account uk password hunter2", "encode set account uk password ***"),
        ('encode "set account uk password hunter2"', "encode set account uk password ***"),
        ("encode a set account uk", "encode a set account uk"),
        ("sett account password hunter2", "sett account ..."),
        ("hunter2", "..."),
        ("password hunter2", "..."),
        ("account hunter2 and more", "account ..."),
        ("shw lnks", "shw lnks"),
        ("", ""),
    ],
)
def test_secrets_are_masked(source: str, shown: str) -> None:
    assert masked(source, REGISTRY) == shown


def test_two_commands_of_the_same_words_are_a_fault() -> None:
    with pytest.raises(ValueError, match="show links"):
        Registry([SHOW_LINKS, SHOW_LINKS])


def test_words_that_come_later_are_found_at_once() -> None:
    registry = Registry([Command(("show", "links"), lambda call: text(), "links")])
    assert registry.next_words(()) == ["show"]
    assert registry.next_words(("show",), Role.VIEW) == ["links"]
    assert registry.next_words(("hold",)) == []
    registry.add(
        [
            Command(("hold",), lambda call: text(), "hold", role=Role.OPERATE),
            Command(("show", "binds"), lambda call: text(), "binds", role=Role.ADMIN),
        ]
    )
    assert registry.next_words(()) == ["hold", "show"]
    assert registry.next_words((), Role.VIEW) == ["show"]
    assert registry.next_words(("show",)) == ["binds", "links"]
    assert registry.next_words(("show",), Role.VIEW) == ["links"]
    assert [one.name for one in registry.commands()] == ["hold", "show binds", "show links"]


def test_words_that_are_none_are_not_remembered() -> None:
    registry = Registry([Command(("show", "links"), lambda call: text(), "links")])
    for number in range(100):
        assert registry.next_words((f"x{number}",)) == []
    registry.next_words(("show",))
    assert len(registry._following) == 1
