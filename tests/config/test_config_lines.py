"""The scanner of lines: right for everything TOML can do to hide a line."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smppgw.ops.config.lines import KeyPath, locate


def leaves(node: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Every path of a parsed document with its value, tables and arrays included."""
    if path:
        yield path, node
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from leaves(value, (*path, index))


def numbered(text: str) -> str:
    """The text with each @ replaced by the number of its line."""
    lines = text.split("\n")
    return "\n".join(line.replace("@", str(n)) for n, line in enumerate(lines, 1))


def check(template: str) -> dict[KeyPath, int]:
    """Every integer of the numbered text must be found on the line it names itself."""
    text = numbered(template)
    document = tomllib.loads(text)
    lines = locate(text)
    for path, value in leaves(document):
        assert path in lines, path
        if type(value) is int:
            assert lines[path] == value, path
    return lines


def test_tables_keys_and_arrays_of_tables() -> None:
    lines = check(
        """\
# a comment with [table] and key = 1
top = @

[gateway]   # [not this]
a = @
  b = @  # b = 3

[[carriers]]
name = @
[carriers.statuses."0x58"]
tries = @
[carriers.statuses.ESME_RTHROTTLED]
tries = @

[[carriers]]
name = @

[carriers.statuses."0x58"]
tries = @
"""
    )
    assert lines[("gateway",)] == 4
    assert lines[("carriers",)] == 8
    assert lines[("carriers", 0)] == 8
    assert lines[("carriers", 0, "statuses")] == 10
    assert lines[("carriers", 0, "statuses", "0x58")] == 10
    assert lines[("carriers", 0, "statuses", "ESME_RTHROTTLED")] == 12
    assert lines[("carriers", 1)] == 15
    assert lines[("carriers", 1, "statuses", "0x58")] == 18


def test_nested_arrays_of_tables() -> None:
    lines = check(
        """\
[[a]]
[[a.b]]
x = @
[[a.b]]
x = @
[a.b.c]
x = @
[[a]]
[[a.b]]
x = @
[[a.b.c]]
x = @
[[a.b.c]]
x = @
"""
    )
    assert lines[("a", 0, "b", 1)] == 4
    assert lines[("a", 0, "b", 1, "c")] == 6
    assert lines[("a", 1)] == 8
    assert lines[("a", 1, "b", 0, "c", 1)] == 13


def test_arrays_over_several_lines() -> None:
    lines = check(
        """\
listen = [ # first ]
    @, # a comment with ] and "
    [@,
     @], @


    ,
    { x = @, y = [@, @] },
    "]", ']', @
]
after = @
"""
    )
    assert lines[("listen",)] == 1
    assert lines[("listen", 1)] == 3
    assert lines[("listen", 1, 1)] == 4
    assert lines[("listen", 2)] == 4
    assert lines[("listen", 3)] == 8
    assert lines[("after",)] == 11


@pytest.mark.parametrize(
    "value",
    [
        '"plain"',
        r'"with \" quote and \\"',
        '"# [x] = {"',
        "'literal \\'",
        "''",
        '""',
        '""""""',
        "''''''",
        '"""one"""',
        '"""one\n[two]\nthree = 3\n"""',
        '"""\nends in quotes"""""',
        '"""ends in one quote""""',
        '"""has a "word" in quotes\n"""',
        '""""two at the start" and "" inside"""',
        '"""escaped \\""" quote\n"""',
        '"""line \\\n   goes on"""',
        "'''one\n# no comment\nx = 1'''",
        "''''starts and ends quoted'''''",
        "'''it''s\nquoted'''",
        "1979-05-27 07:32:00",
        "1979-05-27T07:32:00Z # comment",
        "07:32:00",
        "+1_000.5e-3",
        "inf",
        "true",
        "[]",
        "[ # nothing\n]",
        "{}",
        "{ }",
        "[[], [[]], [{}]]",
        '[["a"], ["b", "c"],]',
    ],
)
def test_values_end_where_they_end(value: str) -> None:
    after = value.count("\n") + 2
    lines = check(f"before = {value}\nafter = @\n[table]\nkey = @")
    assert lines[("before",)] == 1
    assert lines[("after",)] == after
    assert lines[("table",)] == after + 1


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("a", ("a",)),
        ("1234", ("1234",)),
        ("a-b_C", ("a-b_C",)),
        ('"a.b"', ("a.b",)),
        ("'a.b'", ("a.b",)),
        ("a.b.c", ("a", "b", "c")),
        ("a . b  .\tc", ("a", "b", "c")),
        ('a."b.c".\'d "\'', ("a", "b.c", 'd "')),
        (r'"\u0041\n\"]="', ('A\n"]=',)),
        ('""', ("",)),
        ("''", ("",)),
        ("3.14", ("3", "14")),
    ],
)
def test_keys_of_every_kind(key: str, path: tuple[str, ...]) -> None:
    assert check(f"\n{key} = @")[path] == 2
    header = locate(f"\n[ {key} ] # end\nx = 1")
    assert header[path] == 2
    assert header[(*path, "x")] == 3
    array = locate(f"\n[[{key}]]\n[[ {key} ]]\nx = 1")
    assert array[(*path, 1)] == 3
    assert array[(*path, 1, "x")] == 4


def test_dotted_keys_share_their_first_line() -> None:
    lines = check("\na.b = @\n\na.c.d = @\na.c.e = @\n")
    assert lines[("a",)] == 2
    assert lines[("a", "c")] == 4


def test_a_header_wins_over_what_it_was_implied_by() -> None:
    lines = check("[a.b]\nx = @\n[a]\ny = @\n")
    assert lines[("a",)] == 3
    assert lines[("a", "b")] == 1


def test_inline_tables() -> None:
    lines = check('p = { a.b = @, "c d" = { e = @ }, f = [\n@,\n{ g = @ } ] }\nq = @')
    assert lines[("p", "c d")] == 1
    assert lines[("p", "f", 1)] == 3


def test_windows_line_ends() -> None:
    text = 'a = 1\r\n\r\n[b]\r\nc = """x\r\ny"""\r\nd = 7\r\n'
    assert tomllib.loads(text)
    assert locate(text) == {("a",): 1, ("b",): 3, ("b", "c"): 4, ("b", "d"): 6}


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment", "   \t"])
def test_nothing_there(text: str) -> None:
    assert locate(text) == {}


@pytest.mark.parametrize("text", ["=", "a", "a b", '"x', "a = \n", "[", "a = [1", "a = {b"])
def test_what_is_not_toml_ends_in_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="not TOML"):
        locate(text)


# Random documents. Each integer in them is the number of its own line.

bare = st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=4)
content = st.text("ab#[]{}=,.' \t\n\\\"é", max_size=8)
quoted = content.filter(lambda text: "\n" not in text)
keys = st.one_of(
    bare,
    quoted.map(lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'),
    quoted.filter(lambda text: "'" not in text).map(lambda text: f"'{text}'"),
)
strings = st.one_of(
    quoted.map(lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'),
    content.map(lambda text: '"""' + text.replace("\\", "\\\\").replace('"""', '""\\"') + '"""'),
    content.map(lambda text: "'''" + text + "'''"),
)
gaps = st.sampled_from(["", " ", "\n", " # ]\n", "\n\n# x = [\n "])
blanks = st.sampled_from(["", " ", "\t "])


def arrays(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    item = st.tuples(gaps, values, gaps).map("".join)
    return st.tuples(st.lists(item, max_size=3).map(",".join), st.booleans(), gaps).map(
        lambda parts: f"[{parts[0]}{',' if parts[1] and parts[0] else ''}{parts[2]}]"
    )


def inline_tables(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(blanks, keys, blanks, values, blanks).map(
        lambda parts: f"{parts[0]}{parts[1]}{parts[2]}= {parts[3]}{parts[4]}"
    )
    return st.lists(pair, max_size=3).map(lambda pairs: "{" + ",".join(pairs) + "}")


values = st.recursive(
    st.one_of(st.just("@"), st.just("@ "), strings, st.sampled_from(["true", "1.5", "07:32:00"])),
    lambda inner: st.one_of(arrays(inner), inline_tables(inner)),
    max_leaves=6,
)
dotted = st.lists(keys, min_size=1, max_size=3).flatmap(
    lambda parts: st.sampled_from([".", " . ", "\t."]).map(lambda dot: dot.join(parts))
)
statements = st.one_of(
    st.tuples(blanks, dotted, blanks, values).map(lambda p: f"{p[0]}{p[1]}{p[2]}={p[3]}"),
    st.tuples(blanks, dotted, blanks).map(lambda p: f"{p[0]}[{p[1]}]{p[2]}"),
    st.tuples(blanks, dotted, blanks).map(lambda p: f"[[{p[0]}{p[1]}{p[2]}]]"),
    st.sampled_from(["", "# comment = [", "   # @"]),
)


@given(st.lists(statements, max_size=10))
def test_every_value_of_a_random_document_is_on_its_line(parts: list[str]) -> None:
    template = ""
    for part in parts:
        longer = f"{template}{part}\n"
        try:
            tomllib.loads(numbered(longer))
        except tomllib.TOMLDecodeError:
            continue
        template = longer
    check(template)


@given(st.text("a\"'[]{}=#,.\\ \n1", max_size=30))
def test_random_text_is_located_or_refused(text: str) -> None:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    lines = locate(text)
    assert {path for path, _ in leaves(document)} == set(lines)
