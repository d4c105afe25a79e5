"""A line from its words to its outcome: roles, confirmation, pipes, faults, aborting, the audit."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest
from shell_kit import Shell
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from smppgw.core.command import (
    Answer,
    Argument,
    Call,
    Column,
    Command,
    CommandError,
    Document,
    Fields,
    Kind,
    Live,
    Page,
    Role,
    Table,
    text,
)
from smppgw.ops.shell.help import asked, manual

ROWS = [
    {"name": "fr-a", "count": 12, "secret_key": "x"},
    {"name": "uk", "count": 7, "secret_key": None},
    {"name": "de", "count": 100, "secret_key": "y"},
]
TABLE = Table((Column("NAME", "name"), Column("COUNT", "count", right=True)), ROWS)


def command(words: str, answer: Answer, role: Role = Role.VIEW, **more: object) -> Command:
    return Command(tuple(words.split()), lambda call: answer, f"does {words}", role=role, **more)  # type: ignore[arg-type]


def shell(*commands: Command, role: Role = Role.ADMIN) -> Shell:
    return Shell([command("show things", TABLE), *commands], role)


def test_a_table() -> None:
    assert shell().say("show things") == [
        "NAME  COUNT",
        "fr-a     12",
        "uk        7",
        "de      100",
        "OK",
    ]


def test_an_empty_line_does_nothing() -> None:
    one = shell()
    assert one.say("  ") == ["OK"]
    assert one.notes.entries == []


@pytest.mark.parametrize(
    ("pipes", "said"),
    [
        ("grep FR uk", ["NAME  COUNT", "fr-a     12", "uk        7"]),
        ("grep -v fr | head 1", ["NAME  COUNT", "uk        7"]),
        ("count", ["3"]),
        ("grep nothing", ["nothing"]),
        ("sort count | head 1", ["NAME  COUNT", "uk        7"]),
        ("sort c desc | head 1", ["NAME  COUNT", "de      100"]),
        ("csv", ["name,count,secret_key", "fr-a,12,x", "uk,7,", "de,100,y"]),
    ],
)
def test_pipes(pipes: str, said: list[str]) -> None:
    assert shell().say(f"show things | {pipes}") == [*said, "OK"]


@pytest.mark.parametrize(
    ("pipes", "fault"),
    [
        ("nothing", "after | comes one of grep, head, count, sort, json, csv, not 'nothing'"),
        ("", "after | comes one of grep, head, count, sort, json, csv, not ''"),
        ("grep", "grep needs a word to look for"),
        ("head many", "head takes one number"),
        ("sort size", "sort takes a column and desc: count, name"),
        ("count | csv", "only a table has comma-separated values; json takes all"),
    ],
)
def test_wrong_pipes(pipes: str, fault: str) -> None:
    assert shell().say(f"show things | {pipes}") == [f"ERR usage {fault}"]


def test_json_has_all_there_is() -> None:
    *said, status = shell().say("show things | grep uk | json")
    assert json.loads("\n".join(said)) == [ROWS[1]]
    assert status == "OK"


def test_pages_and_fields() -> None:
    page = Page(
        (
            ("", Fields((("state", "up"), ("long word", "yes"), ("none", "")), {"state": "up"})),
            ("things", TABLE),
        )
    )
    one = shell(command("show page", page))
    assert one.say("show page") == [
        "state      up",
        "long word  yes",
        "",
        "things",
        "NAME  COUNT",
        "fr-a     12",
        "uk        7",
        "de      100",
        "OK",
    ]
    *said, _ = one.say("show page | json")
    assert json.loads("\n".join(said)) == {"": {"state": "up"}, "things": ROWS}


def test_what_steers_a_terminal_is_made_visible() -> None:
    hostile = "\x1b]0;gone\x07\u202eevil"
    one = shell(command("show hostile", text(hostile)))
    assert one.say("show hostile") == ["\\x1b]0;gone\\x07\\u202eevil", "OK"]
    *said, _ = one.say("show hostile | json")
    assert json.loads("\n".join(said)) == {"text": hostile}
    assert "\u202e" not in "".join(said)


def test_tables_are_cut_to_the_width_but_figures_are_not() -> None:
    wide = Table(TABLE.columns, [{"name": "n" * 50, "count": 10**12}])
    one = shell(command("show wide", wide))
    one.screen.width = 30
    assert one.say("show wide")[1] == "nnnnnnnnnnnnnn\u2026  1000000000000"


# ---------------------------------------------------------------- roles, confirmation


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("needed", list(Role))
def test_roles(role: Role, needed: Role) -> None:
    one = shell(command("do it", text("done"), needed), role=role)
    if role >= needed:
        assert one.say("do it") == ["done", "OK"]
    else:
        assert one.say("do it") == [f"ERR denied do it: only for the role {needed.name.lower()}"]


def touching(done: list[str], what: str) -> Command:
    def act(call: Call) -> Document:
        done.append("acted")
        return text()

    return Command(("drop", "all"), act, "drops", touches=lambda call: what)


def test_what_touches_something_asks_first() -> None:
    done: list[str] = []
    one = shell(touching(done, "drop 4 binds"))
    assert one.say("drop all", False) == ["ERR cancelled nothing was done"]
    assert one.screen.asked == ["this will drop 4 binds. Go on? [y/N] "]
    assert done == []
    assert one.say("drop all", True) == ["OK"]
    assert done == ["acted"]


def test_nobody_to_ask() -> None:
    done: list[str] = []
    one = shell(touching(done, "drop 4 binds"))
    assert one.say("drop all") == ["ERR confirm this would drop 4 binds; put ! at the end to do it"]
    assert done == []
    assert one.say("drop all !") == ["OK"]
    assert one.screen.asked == []
    assert done == ["acted"]


def test_what_touches_nothing_does_not_ask() -> None:
    done: list[str] = []
    assert shell(touching(done, "")).say("drop all") == ["OK"]
    assert done == ["acted"]


# ---------------------------------------------------------------- faults


def failing(error: Exception) -> Callable[[Call], Answer]:
    def fail(call: Call) -> Answer:
        raise error

    return fail


def test_a_command_that_refuses() -> None:
    refused = CommandError("no such thing:\n look again", "unknown")
    one = shell(Command(("fail",), failing(refused), "fails"))
    assert one.say("fail") == ["ERR unknown no such thing: look again"]


def test_a_fault_of_a_command_is_one_line_and_a_reference() -> None:
    one = shell(Command(("fail",), failing(KeyError("secret 33612345678")), "fails"))
    with capturedLogs() as logs:
        (status,) = one.say("fail")
    assert status.startswith("ERR failed the command failed; the log of the gateway says why")
    reference = status.rpartition(" ")[2].rstrip(")")
    assert [event["reference"] for event in logs] == [reference]
    assert one.say("show things | count") == ["3", "OK"]


def test_aborting() -> None:
    stopped: list[bool] = []
    waiting: Deferred[Answer] = Deferred(lambda _: stopped.append(True))
    one = shell(Command(("wait",), lambda call: waiting, "waits"))
    outcomes: list[str] = []
    running = one.begin("wait")
    running.result.addCallback(lambda outcome: outcomes.append(outcome.status))
    assert outcomes == []
    running.abort()
    assert outcomes == ["ERR aborted the command was aborted"]
    assert stopped == [True]
    running.abort()  # a second time is nothing


# ---------------------------------------------------------------- live output


class Feed:
    """A live answer that the test feeds."""

    def __init__(self) -> None:
        self.stopped = 0

    def begin(
        self, emit: Callable[[Sequence[str]], None], done: Callable[[str], None]
    ) -> Callable[[], None]:
        self.emit, self.done = emit, done
        return self._stop

    def _stop(self) -> None:
        self.stopped += 1


@pytest.mark.parametrize(
    ("reason", "status"), [("", "OK"), ("the bind ended", "ERR refused the bind ended")]
)
def test_live_output_ends_by_itself(reason: str, status: str) -> None:
    feed = Feed()
    one = shell(command("tail", Live(feed.begin)))
    outcomes: list[str] = []
    one.begin("tail | grep a").result.addCallback(lambda outcome: outcomes.append(outcome.status))
    feed.emit(["a 1", "b 2"])
    feed.emit(["a 3"])
    assert one.screen.lines == ["a 1", "a 3"]
    feed.done(reason)
    feed.done("again")
    assert outcomes == [status]
    assert feed.stopped == 1
    feed.emit(["a late"])
    assert one.screen.lines == ["a 1", "a 3"]


def test_live_output_lasts_as_long_as_it_says() -> None:
    feed = Feed()
    one = shell(command("tail", Live(feed.begin, seconds=30)))
    outcomes: list[str] = []
    one.begin("tail").result.addCallback(lambda outcome: outcomes.append(outcome.status))
    one.clock.advance(29.9)
    assert outcomes == []
    one.clock.advance(0.2)
    assert (outcomes, feed.stopped) == (["OK"], 1)


def test_live_output_can_be_aborted() -> None:
    feed = Feed()
    one = shell(command("tail", Live(feed.begin, seconds=30)))
    running = one.begin("tail")
    running.abort()
    assert feed.stopped == 1
    assert one.clock.getDelayedCalls() == []


def test_live_output_cannot_be_sorted() -> None:
    one = shell(command("tail", Live(Feed().begin)))
    assert one.say("tail | sort name") == [
        "ERR usage output that goes on can only be piped to grep"
    ]


# ---------------------------------------------------------------- help and the audit


def test_help() -> None:
    one = shell(
        Command(
            ("drop", "all"),
            lambda call: text(),
            "drops everything",
            (Argument("count", "how many", Kind.NUMBER),),
            example="drop all count 3",
        )
    )
    assert one.say("drop all ?") == [
        "drops everything",
        "usage    drop all [count NUMBER]",
        "example  drop all count 3",
        "  count  how many",
        "OK",
    ]
    assert one.say("?") == ["  drop  all", "  show  things", "OK"]


def test_help_of_what_is_being_typed() -> None:
    """A whole help for a whole command; in lists only its first sentence; what a value means."""
    one = shell(
        Command(
            ("hold", "carrier"),
            lambda call: text(),
            "send nothing. Its links stay bound",
            (
                Argument("name", "which carrier", positional=True, required=True),
                Argument("to", "phones whose number begins so"),
            ),
        ),
        Command(("hold", "carriers"), lambda call: text(), "send nothing at all"),
    )
    whole = ["send nothing. Its links stay bound", "usage    hold carrier NAME [to WORD]"]
    assert one.say("hold ?")[:-1] == [
        "  carrier   send nothing",
        "  carriers  send nothing at all",
    ]
    assert len(asked("hold car", one.registry, Role.VIEW, 80)) == 2, "nothing is chosen yet"
    assert one.say("hold carrier ?")[:-1] == [*whole, "NAME: which carrier"]
    assert one.say("hold carrier fr-a to ?")[:-1] == [*whole, "to: phones whose number begins so"]
    assert one.say("hold carrier fr-a ?")[:-1] == [*whole, "  to  phones whose number begins so"]
    assert asked("hold carrier " + "x" * 70_000, one.registry, Role.VIEW, 80) == []


def test_help_is_folded() -> None:
    long = Argument("name", "a carrier whose links stay bound meanwhile, as long as it is held")
    (command,) = [Command(("hold", "all"), lambda call: text(), "hold it", (long, long, long))]
    said = manual(command, 40)
    assert said[1:5] == [
        "usage    hold all [name WORD] [name",
        "         WORD] [name WORD]",
        "  name  a carrier whose links stay bound",
        "        meanwhile, as long as it is held",
    ]
    assert all(len(line) <= 24 for line in manual(command, 24))


def test_the_audit_has_every_line_without_its_secrets() -> None:
    one = shell(
        Command(
            ("set", "key"),
            lambda call: text(),
            "sets",
            (Argument("key", "it", positional=True, secret=True),),
        )
    )
    one.say("set key hunter2")
    one.say("show things | count")
    one.say("shw things")
    assert one.notes.entries == [
        ("ops", "set key ***", "ok"),
        ("ops", "show things | count", "ok"),
        ("ops", "shw things", "unknown"),
    ]


def test_what_cannot_be_taken_down_is_not_done() -> None:
    done: list[str] = []
    one = shell(touching(done, ""))
    one.notes.refuses = CommandError("the audit cannot be written", "unavailable")
    assert one.say("drop all") == ["ERR unavailable the audit cannot be written"]
    assert done == []


def test_a_command_is_permitted_with_its_role_and_ended_with_its_permit() -> None:
    one = shell(Command(("drop", "all"), lambda call: text(), "drops", role=Role.OPERATE))
    one.say("drop all")
    one.say("dorp all")
    assert [(line, role.name) for line, role in one.notes.permitted] == [("drop all", "OPERATE")]
    assert one.notes.permits == ["a permit", ""]


def test_what_nobody_confirms_needs_no_permit() -> None:
    done: list[str] = []
    one = shell(touching(done, "unbind 4 binds"))
    one.say("drop all", False)
    assert one.notes.permitted == []
    assert one.notes.entries == [("ops", "drop all", "cancelled")]


def test_secrets_are_masked_before_the_command_runs_too() -> None:
    one = shell(
        Command(
            ("set", "key"),
            lambda call: text(),
            "sets",
            (Argument("key", "it", positional=True, secret=True),),
        )
    )
    one.say("set key hunter2")
    assert one.notes.permitted[0][0] == "set key ***"


def test_a_command_that_is_aborted_while_it_waits_for_its_permit_does_not_run() -> None:
    done: list[str] = []
    one = shell(touching(done, ""))
    waiting: Deferred[str] = Deferred()
    one.notes.permit = lambda *_: waiting  # type: ignore[method-assign]
    running = one.begin("drop all")
    running.abort()
    assert [entry[2] for entry in one.notes.entries] == ["aborted"]
    assert done == []
