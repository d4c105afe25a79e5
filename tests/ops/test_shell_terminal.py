"""Sessions on terminals: prompt, completion, help, pages, questions, Ctrl-C, stuck terminals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from terminal_kit import House, Seat, settle
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from smppgw.core.command import (
    Answer,
    Argument,
    Call,
    Column,
    Command,
    CommandError,
    Live,
    Operator,
    Role,
    Table,
    text,
)
from smppgw.ops.shell.ahead import MOST
from smppgw.ops.shell.grammar import LONGEST_LINE
from smppgw.ops.shell.outlet import GOODBYE, MOST_UNSENT, STUCK
from smppgw.ops.shell.sessions import LOST
from smppgw.ops.shell.terminal import IDLE, LAST_COMMANDS

THINGS = Table(
    (Column("NAME", "name"), Column("COUNT", "count", right=True)),
    [{"name": f"thing {place}", "count": place} for place in range(50)],
)


class Feed:
    """A command that goes on, fed by the test."""

    def __init__(self) -> None:
        self.stopped = 0
        self.emit: Callable[[Sequence[str]], None] = lambda said: None
        self.done: Callable[[str], None] = lambda reason: None

    def begin(
        self, emit: Callable[[Sequence[str]], None], done: Callable[[str], None]
    ) -> Callable[[], None]:
        self.emit, self.done = emit, done
        return self._stop

    def _stop(self) -> None:
        self.stopped += 1


class Place(House):
    """A house with commands of every kind."""

    def __init__(self, directory: Path, **more: object) -> None:
        self.feed = Feed()
        self.waiting: list[Deferred[Answer]] = []
        self.did: list[str] = []
        names = Argument(
            "name", "which", positional=True, values=lambda: ["fr-a", "fr-b", 'od"d one', "uk"]
        )
        secret = Argument("key", "the secret", positional=True, required=True, secret=True)
        super().__init__(
            directory,
            [
                Command(("show", "things"), lambda call: THINGS, "all things"),
                Command(
                    ("show", "thing"), self._echo, "one thing", (names,), example="show thing uk"
                ),
                Command(("echo",), self._echo, "says its name", (names,)),
                Command(("set", "key"), self._echo, "sets it", (secret,), Role.ADMIN),
                Command(("tail",), lambda call: Live(self.feed.begin), "goes on"),
                Command(("wait",), self._wait, "waits"),
                Command(("break",), self._break, "raises"),
                Command(
                    ("drop", "all"),
                    self._drop,
                    "drops",
                    role=Role.OPERATE,
                    touches=lambda call: "drop 4 binds",
                ),
            ],
            **more,  # type: ignore[arg-type]
        )

    def _echo(self, call: Call) -> Answer:
        self.did.append(call.text("name"))
        return text(f"it is {call.text('name')}")

    def _wait(self, call: Call) -> Deferred[Answer]:
        self.waiting.append(Deferred())
        return self.waiting[-1]

    def _break(self, call: Call) -> Answer:
        raise KeyError("a fault of ours")

    def _drop(self, call: Call) -> Answer:
        self.did.append("dropped")
        return text("gone")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_session(tmp_path: Path) -> None:
    place = Place(tmp_path, banner=["welcome"])
    seat = place.open()
    assert seat.screen.rows == ["welcome", "smppgw>"]
    assert seat.type("echo uk\r") == ["welcome", "smppgw> echo uk", "it is uk", "smppgw>"]
    assert seat.type("\x04")[-2:] == ["goodbye", ""]
    assert seat.wire.closing
    assert place.shell.sessions.all() == []


def test_a_fault_is_said_in_words_and_in_red(place: Place) -> None:
    seat = place.open()
    seat.wire.take()
    assert seat.type("ecko\r")[1:] == ["there is no 'ecko'; did you mean 'echo'?", "smppgw>"]
    assert "\x1b[31mthere is" in seat.wire.take()


def test_a_command_that_raises_costs_one_line(place: Place) -> None:
    seat = place.open()
    with capturedLogs():
        said = seat.type("break\r")
    assert said[1].startswith("the command failed; the log of the gateway says why")
    assert seat.type("echo uk\r")[-2:] == ["it is uk", "smppgw>"]


@pytest.mark.parametrize("leave", ["exit\r", "quit\r", "\x04"])
def test_ways_out(place: Place, leave: str) -> None:
    seat = place.open()
    assert seat.type(leave)[-2:] == ["goodbye", ""]
    assert (seat.wire.closing, place.shell.sessions.all()) == (True, [])
    place.clock.advance(GOODBYE)
    assert seat.wire.aborted
    seat.terminal.closed()
    assert place.clock.getDelayedCalls() == []


def test_the_prompt_says_what_is_not_committed(tmp_path: Path) -> None:
    dirty: set[object] = set()
    place = Place(tmp_path, dirty=lambda session: session in dirty)
    seat, other = place.open(), place.open()
    dirty.add(seat.terminal.session)
    assert seat.type("\r")[-1] == "smppgw*>"
    assert other.type("\r")[-1] == "smppgw>"


@pytest.mark.parametrize("dumb", [True, False])
def test_the_last_words_say_what_was_not_committed(tmp_path: Path, dumb: bool) -> None:
    place = Place(tmp_path, dirty=lambda session: True)
    seat = place.open(dumb=dumb)
    seat.wire.take()
    seat.type("exit\r\n")
    assert f"{LOST}\r\ngoodbye\r\n" in seat.wire.take()
    seat = place.open(dumb=dumb)
    seat.wire.take()
    seat.terminal.ended()
    assert seat.wire.take().splitlines()[-1] == LOST


def test_a_prompt_that_cannot_be_made_is_a_prompt(tmp_path: Path) -> None:
    def fail(session: object) -> bool:
        raise KeyError("candidate")

    with capturedLogs():
        assert Place(tmp_path, dirty=fail).open().screen.rows == ["smppgw>"]


# ---------------------------------------------------------------- completion and help


@pytest.mark.parametrize(
    ("typed", "row"),
    [
        ("ec\t", "smppgw> echo"),
        ("ec\tu\t", "smppgw> echo uk"),
        ("echo \tf\t", "smppgw> echo fr-"),
        ("echo o\t", 'smppgw> echo "od\\"d one"'),
        ("show thing u\x02\x02 \x06\x06\t", "smppgw> show thing  uk"),
        ("watch 2 sh\tthings\t", "smppgw> watch 2 show things"),
        ("show things | co\t", "smppgw> show things | count"),
        ("nothing\t", "smppgw> nothing"),
    ],
)
def test_completion(place: Place, typed: str, row: str) -> None:
    seat = place.open()
    seat.type(typed)
    assert seat.screen.row == row


def test_a_second_tab_lists(place: Place) -> None:
    seat = place.open()
    assert seat.type("echo fr\t\t") == ["smppgw> echo fr-", "fr-a  fr-b", "smppgw> echo fr-"]
    assert seat.type("b\r")[-2:] == ["it is fr-b", "smppgw>"]


def test_completion_shows_only_what_the_role_may(place: Place) -> None:
    seat = place.open(Role.VIEW)
    assert seat.type("set\t") == ["smppgw> set"]


def test_values_that_cannot_be_listed_ring(place: Place) -> None:
    def fail() -> list[str]:
        raise OSError("no disk")

    argument = Argument("name", "", positional=True, values=fail)
    place.shell.registry.add([Command(("odd",), lambda call: text(), "", (argument,))])
    seat = place.open()
    with capturedLogs() as logs:
        seat.type("odd x\t")
        seat.type("?")
    assert (seat.screen.row, len(logs)) == ("smppgw> odd x", 2)


def test_help_comes_at_once_and_stays_out_of_the_line(place: Place) -> None:
    seat = place.open()
    assert seat.type("show thing ?") == [
        "smppgw> show thing",
        "one thing",
        "usage    show thing [NAME]",
        "example  show thing uk",
        "NAME: which",
        "  fr-a",
        "  fr-b",
        '  od"d one',
        "  uk",
        "smppgw> show thing",
    ]
    assert seat.type("uk\r")[-2:] == ["it is uk", "smppgw>"]


def test_a_question_mark_in_quotes_is_one(place: Place) -> None:
    assert place.open().type('echo "why?"\r')[-2:] == ["it is why?", "smppgw>"]


# ---------------------------------------------------------------- pages


def test_pages(place: Place) -> None:
    seat = place.open(height=10)
    rows = seat.type("show things\r")
    assert (rows[0], rows[-2:]) == (
        "NAME      COUNT",
        ["thing 7       7", "--more-- (space, enter, q)"],
    )
    assert seat.type("\r")[-2:] == ["thing 8       8", "--more-- (space, enter, q)"]
    assert seat.type("x\x1b[A?")[-1] == "--more-- (space, enter, q)"
    assert seat.type(" ")[-2] == "thing 17     17"
    assert seat.type("q")[-2:] == ["thing 17     17", "smppgw>"]


@pytest.mark.parametrize("key", ["q", "\x03"])
def test_a_page_can_be_the_last_one(place: Place, key: str) -> None:
    seat = place.open(height=10)
    seat.type("show things\r")
    assert seat.type(key)[-1] == "smppgw>"
    assert seat.type("echo uk\r")[-2:] == ["it is uk", "smppgw>"]


@pytest.mark.parametrize("key", ["q", "Q", " " * 5])
def test_what_is_typed_behind_the_last_page_belongs_to_the_prompt(place: Place, key: str) -> None:
    seat = place.open(height=10)
    seat.type("show things\r")
    rows = seat.type(f"{key}echo uk\recho fr-a")
    assert rows[-3:] == ["smppgw> echo uk", "it is uk", "smppgw> echo fr-a"]


def test_all_pages(place: Place) -> None:
    seat = place.open(height=10)
    seat.type("show things\r")
    assert seat.type("      ")[-2:] == ["thing 49     49", "smppgw>"]


def test_what_fits_needs_no_pages(place: Place) -> None:
    seat = place.open(height=10)
    assert seat.type("show things | head 8\r")[-2:] == ["thing 7      7", "smppgw>"]
    assert place.open(height=60).type("show things\r")[-1] == "smppgw>"


def test_wide_lines_fill_a_page_sooner(place: Place) -> None:
    place.shell.registry.add([Command(("wide",), lambda call: text(*["漢" * 60] * 20), "")])
    seat = place.open(height=10)
    assert seat.type("wide\r")[-1] == "--more-- (space, enter, q)"
    assert sum("漢" in row for row in seat.screen.rows) == 8


# ---------------------------------------------------------------- questions


@pytest.mark.parametrize(
    ("answer", "did", "said"),
    [
        ("y\r", ["dropped"], "gone"),
        ("YES\r", ["dropped"], "gone"),
        ("n\r", [], "nothing was done"),
        ("\r", [], "nothing was done"),
        ("\x04", [], "nothing was done"),
        ("?\x15yes?\x7f\r", ["dropped"], "gone"),
    ],
)
def test_questions(place: Place, answer: str, did: list[str], said: str) -> None:
    seat = place.open()
    assert seat.type("drop all\r")[-1] == "this will drop 4 binds. Go on? [y/N]"
    assert seat.type(answer)[-2:] == [said, "smppgw>"]
    assert place.did == did


def test_what_was_typed_before_does_not_answer(place: Place) -> None:
    seat = place.open()
    assert seat.type("drop all\ry\r")[-1] == "this will drop 4 binds. Go on? [y/N]"
    assert place.did == []


def test_a_question_can_be_interrupted(place: Place) -> None:
    seat = place.open()
    seat.type("drop all\r")
    assert seat.type("\x03")[-2:] == ["this will drop 4 binds. Go on? [y/N] ^C", "smppgw>"]
    assert place.did == []
    assert [entry[2] for entry in place.notes.entries] == ["aborted"]
    assert seat.type("echo uk\r")[-2:] == ["it is uk", "smppgw>"]


def test_yes_beforehand(place: Place) -> None:
    assert place.open().type("drop all !\r")[-2:] == ["gone", "smppgw>"]


# ---------------------------------------------------------------- Ctrl-C and typing ahead


def test_ctrl_c_ends_what_is_at_work(place: Place) -> None:
    seat = place.open()
    seat.type("tail\r")
    place.feed.emit(["one", "two"])
    assert seat.screen.rows == ["smppgw> tail", "one", "two", ""]
    assert seat.type("\x03") == ["smppgw> tail", "one", "two", "^C", "smppgw>"]
    assert place.feed.stopped == 1
    place.feed.emit(["late"])
    assert seat.screen.rows[-1] == "smppgw>"


def test_ctrl_c_forgets_what_was_typed_ahead(place: Place) -> None:
    seat = place.open()
    assert seat.type("wait\recho fr-a\r\x03echo uk\r")[-3:] == [
        "smppgw> echo uk",
        "it is uk",
        "smppgw>",
    ]
    assert place.did == ["uk"]


def test_typing_ahead(place: Place) -> None:
    seat = place.open()
    seat.type("wait\rwait\recho uk\r")
    assert len(place.waiting) == 1
    place.waiting[0].callback(text("first"))
    settle(place.clock)
    assert len(place.waiting) == 2
    place.waiting[1].callback(text("second"))
    settle(place.clock)
    assert seat.screen.rows == [
        "smppgw> wait", "first", "smppgw> wait", "second", "smppgw> echo uk", "it is uk", "smppgw>",
    ]  # fmt: skip


def test_typing_ahead_is_bounded(place: Place) -> None:
    seat = place.open()
    seat.type("wait\r")
    for _ in range(1000):
        seat.type("x" * 1000 + "\x1b[D")
    assert seat.terminal._ahead._size <= MOST + 1001
    seat.type("\x03")
    assert seat.screen.rows[-1] == "smppgw>"


def test_a_pasted_text_is_carried_out_line_by_line(place: Place) -> None:
    seat = place.open()
    seat.type('\x1b[200~echo fr-a\n\necho "a\nb"\necho uk\n\x1b[201~')
    assert place.did == []
    seat.type("\r")
    assert place.did == ["fr-a", "a\nb", "uk"]


def test_a_line_that_fails_ends_a_pasted_text(place: Place) -> None:
    place.open().type("\x1b[200~echo fr-a\necko\necho uk\x1b[201~\r")
    assert place.did == ["fr-a"]


# ---------------------------------------------------------------- history


def test_history_goes_through_sessions_without_secrets(place: Place) -> None:
    seat = place.open()
    seat.type("echo uk\rset key hunter2\recko fr-a hunter2\r")
    assert seat.type("\x1b[A")[-1] == "smppgw> ecko fr-a hunter2"
    assert seat.type("\x1b[A")[-1] == "smppgw> set key ***"
    again = place.open()
    assert again.type("\x1b[A")[-1] == "smppgw> ecko ..."
    assert again.type("\x1b[A")[-1] == "smppgw> set key ***"
    assert again.type("\x12ech")[-1] == "(search ech) echo uk"


# ---------------------------------------------------------------- dumb terminals


def test_a_dumb_terminal(place: Place) -> None:
    seat = place.open(dumb=True)
    assert seat.wire.take() == "smppgw> "
    assert seat.send("echo uk\r\n") == "it is uk\r\nsmppgw> "
    assert seat.send("ecko\n") == "ERR unknown there is no 'ecko'; did you mean 'echo'?\r\nsmppgw> "
    assert seat.send("drop all\n").startswith("ERR confirm this would drop 4 binds; put !")
    assert seat.send("show things\n").count("\r\n") == 51
    assert seat.send("\n") == "smppgw> "
    assert seat.send("x" * 9000 + "\n") == (
        f"ERR usage a line has at most {LONGEST_LINE} characters\r\nsmppgw> "
    )
    assert seat.send('echo "é?\t漢"\n') == "it is é? 漢\r\nsmppgw> "
    assert seat.send("echo ?\n").startswith("says its name\r\n")
    assert seat.send("exit\n") == "goodbye\r\n"
    assert seat.wire.closing


def test_a_dumb_terminal_is_told_nothing_that_steers(place: Place) -> None:
    seat = place.open(dumb=True)
    for line in ("show things", "ecko", "drop all", "watch 1 show things", "\x03", "help", "exit"):
        seat.terminal.received(f"{line}\n".encode())
    assert "\x1b" not in seat.wire.take()


def test_a_dumb_terminal_can_interrupt(place: Place) -> None:
    seat = place.open(dumb=True)
    seat.send("tail\n")
    seat.terminal.interrupt()
    assert seat.wire.take() == "ERR aborted the command was aborted\r\nsmppgw> "
    assert place.feed.stopped == 1


def test_more_lines_at_once_than_can_be_kept_wait_with_the_peer(place: Place) -> None:
    seat = place.open(dumb=True)
    seat.send("wait\n" + "echo uk\n" * 9000)
    assert not seat.wire.reading
    place.waiting[0].callback(text())
    assert len(place.did) == 1  # and other sessions come first
    settle(place.clock)
    assert len(place.did) == 9000
    assert seat.wire.reading


def test_a_terminal_becomes_smart_when_it_says_so(place: Place) -> None:
    seat = place.open(dumb=True)
    seat.wire.screen = seat.screen
    seat.terminal.smart(True)
    assert seat.type("ech\tuk\r") == ["smppgw> echo uk", "it is uk", "smppgw>"]
    seat.wire.take()
    seat.terminal.smart(False)
    assert seat.send("echo uk\n") == "it is uk\r\nsmppgw> "


def test_nothing_more_comes(place: Place) -> None:
    seat = place.open(dumb=True)
    seat.send("wait\necho fr-a\necho uk")
    seat.terminal.ended()
    assert not seat.wire.closing
    place.waiting[0].callback(text("done"))
    settle(place.clock)
    assert place.did == ["fr-a", "uk"]
    assert seat.wire.closing


def test_nothing_more_comes_and_a_command_goes_on(place: Place) -> None:
    seat = place.open(dumb=True)
    seat.send("tail\n")
    seat.terminal.ended()
    place.feed.emit(["still here"])
    assert seat.wire.take() == "still here\r\n"
    place.clock.advance(LAST_COMMANDS)
    assert seat.wire.closing
    assert place.feed.stopped == 1


# ---------------------------------------------------------------- terminals that do not read


def test_live_output_is_left_out_while_nobody_reads(place: Place) -> None:
    seat = place.open(dumb=True)
    seat.send("tail\n")
    seat.terminal.pause(True)
    for _ in range(100_000):
        place.feed.emit(["x" * 100])
    assert seat.wire.take() == ""
    seat.terminal.pause(False)
    place.feed.emit(["again"])
    assert seat.wire.take() == (
        "... 100000 lines left out: the terminal did not keep up\r\nagain\r\n"
    )


def test_an_answer_waits_until_it_is_read_and_so_do_commands(place: Place) -> None:
    seat = place.open(dumb=True)
    seat.wire.take()
    seat.terminal.pause(True)
    seat.terminal.received(b"echo uk\nshow things\nshow things\n")
    assert place.did == []
    seat.terminal.pause(False)
    settle(place.clock)
    assert seat.wire.take().count("thing 49") == 2


def test_a_stuck_terminal_that_goes_on_typing_is_cut_off(place: Place) -> None:
    seat = place.open()
    seat.type("wait\r")
    seat.terminal.pause(True)
    for _ in range(200_000):
        seat.terminal.received(b"x" * 10)
    assert seat.terminal._outlet._size <= MOST_UNSENT
    assert seat.terminal._ahead._size <= MOST + 20


def test_a_stuck_terminal_is_given_up(place: Place) -> None:
    seat = place.open()
    seat.type("tail\r")
    seat.terminal.pause(True)
    place.clock.advance(STUCK)
    assert seat.wire.aborted
    seat.terminal.closed()
    assert (place.feed.stopped, place.shell.sessions.all()) == (1, [])
    assert place.clock.getDelayedCalls() == []


def test_a_terminal_that_reads_again_in_time_is_not(place: Place) -> None:
    seat = place.open()
    seat.terminal.pause(True)
    place.clock.advance(STUCK - 1)
    seat.terminal.pause(False)
    place.clock.advance(STUCK)
    assert seat.type("echo uk\r")[-2:] == ["it is uk", "smppgw>"]


def test_closing_a_stuck_terminal_does_not_wait(place: Place) -> None:
    seat = place.open()
    seat.terminal.pause(True)
    seat.terminal.close("the gateway stops")
    assert seat.wire.aborted


# ---------------------------------------------------------------- the end of sessions


def test_silence(place: Place) -> None:
    seat = place.open()
    place.clock.advance(IDLE - 1)
    seat.type("x")
    place.clock.advance(IDLE - 1)
    assert not seat.wire.closing
    place.clock.advance(1)
    assert seat.screen.rows[-2] == "nothing was typed for long: goodbye"
    assert seat.wire.closing


def test_silence_while_a_command_goes_on_is_none(place: Place) -> None:
    seat = place.open()
    seat.type("tail\r")
    place.clock.advance(3 * IDLE)
    assert not seat.wire.closing


def test_the_connection_goes_while_a_command_is_at_work(place: Place) -> None:
    seat = place.open()
    seat.type("tail\r")
    seat.terminal.closed()
    seat.terminal.closed()
    place.feed.emit(["late"])
    seat.terminal.received(b"echo uk\r")
    assert (place.feed.stopped, place.did, place.shell.sessions.all()) == (1, [], [])
    assert place.clock.getDelayedCalls() == []


def test_an_operator_who_may_no_longer(place: Place) -> None:
    now: list[Operator | None] = [Operator("ops", Role.VIEW, "10.0.0.1")]
    seat = place.open(Role.ADMIN, current=lambda operator: now[0])
    assert seat.type("set key x\r")[-2] == "set key: only for the role admin"
    now[0] = None
    assert seat.type("echo uk\r")[-2] == "this operator may not use the shell any more"
    assert seat.wire.closing
    assert place.did == []


def test_two_sessions_know_nothing_of_each_other(place: Place) -> None:
    one, two = place.open(), place.open(name="other")
    one.type("tail\r")
    assert two.type("echo uk\r") == ["smppgw> echo uk", "it is uk", "smppgw>"]
    place.feed.emit(["for one"])
    assert two.screen.rows[-1] == "smppgw>"
    assert one.screen.rows[-2] == "for one"


OCTETS = st.one_of(
    st.binary(max_size=30),
    st.sampled_from(
        [
            b"tail\r", b"wait\r", b"show things\r", b"drop all\r", b"\x03", b"y\r", b" ",
            b"\t\t", b"?", b"echo f\t", b"watch 1 show things\r", b"\x1b[200~a\nb\x1b[201~\r",
        ]
    ),
)  # fmt: skip


@settings(max_examples=200)
@given(st.lists(OCTETS, max_size=20), st.booleans(), st.lists(st.booleans(), max_size=5))
def test_no_octets_harm_a_session(
    tmp_path_factory: pytest.TempPathFactory, reads: list[bytes], dumb: bool, full: list[bool]
) -> None:
    place = Place(tmp_path_factory.mktemp("fuzz"))
    seat: Seat = place.open(dumb=dumb)
    with capturedLogs() as logs:
        for octets, paused in zip(reads, [*full, *[False] * len(reads)], strict=False):
            seat.terminal.pause(paused)
            if not seat.wire.closing:
                seat.terminal.received(octets)
            place.clock.advance(1)
        seat.terminal.pause(False)
        settle(place.clock)
        if not seat.wire.closing:
            for octets in (b"\x1b[201~\x03\x03\x03", b"\r\x15", b"echo uk\r\n"):
                seat.terminal.received(octets)
                settle(place.clock)
            assert place.did[-1:] == ["uk"]
        seat.terminal.closed()
    ours = [event for event in logs if "reference" not in event]  # but not of the command `break`
    assert [event for event in ours if event.get("log_failure")] == []
    assert place.clock.getDelayedCalls() == []


def test_too_many_sessions(place: Place) -> None:
    seats = [place.open() for _ in range(100)]
    with pytest.raises(CommandError, match="too many sessions"):
        place.open()
    seats[3].terminal.closed()
    place.open()
