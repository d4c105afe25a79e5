"""Sessions over SSH: terminals, commands with their exit status, and what is not to be had."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from ssh_kit import House, Window
from twisted.conch.ssh.common import NS
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from smppgw.core.command import Command, CommandError, Document, Live, Role, text
from smppgw.ops.shell.sessions import LOST
from smppgw.ops.shell.ssh import EMPTY_TIME, MOST_CHANNELS
from smppgw.ops.shell.ssh_channel import WINDOW


def fail_(_: Any) -> Document:
    raise CommandError("the carrier is away", "refused")


class Slow:
    """A command that ends when the test says so."""

    def __init__(self) -> None:
        self.answers: list[Deferred[Any]] = []
        self.cancelled = 0

    def __call__(self, _: Any) -> Deferred[Any]:
        self.answers.append(Deferred(self._cancel))
        return self.answers[-1]

    def _cancel(self, _: Any) -> None:
        self.cancelled += 1


class Tail:
    """A command whose output goes on."""

    def __init__(self) -> None:
        self.emit: Callable[[list[str]], None] = lambda said: None
        self.stopped = 0

    def __call__(self, _: Any) -> Live:
        return Live(self._begin)

    def _begin(self, emit: Any, done: Any) -> Callable[[], None]:
        self.emit = emit
        return self._stop

    def _stop(self) -> None:
        self.stopped += 1


class Home(House):
    def __init__(self, directory: Path) -> None:
        self.slow_one, self.tail = Slow(), Tail()
        super().__init__(
            directory,
            Command(("show", "links"), lambda call: text("fr-a up"), "links"),
            Command(("show", "width"), lambda call: text(str(call.width)), "its width"),
            Command(
                ("show", "much"), lambda call: text(*("x" * 99 for _ in range(20_000))), "much"
            ),
            Command(("drop", "it"), fail_, "drops", role=Role.OPERATE),
            Command(("wait", "it"), self.slow_one, "waits"),
            Command(
                ("reset", "it"),
                lambda call: text("done"),
                "r",
                touches=lambda call: "unbind 4 binds",
            ),
            Command(("tail",), self.tail, "goes on"),
        )


@pytest.fixture
def house(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def session(house: Home) -> Window:
    return house.session()


class TestCommand:
    def test_output_and_status(self, house: Home, session: Window) -> None:
        session.run("show links")
        assert (session.output, session.errors, session.status) == (b"fr-a up\n", b"", 0)
        assert session.over
        assert house.shell.sessions.all() == []

    def test_the_answer_comes_before_everything_else(self, session: Window) -> None:
        session.run("show links")
        assert session.order == ["answer", "data"]

    @pytest.mark.parametrize(
        ("line", "status", "errors"),
        [
            ("drop it", 1, b"ERR refused the carrier is away\n"),
            ("shw links", 2, b"ERR unknown there is no 'shw'; did you mean 'show'?\n"),
            ("show links 'x", 2, b"ERR usage a quotation is not closed\n"),
            ("reset it", 1, b"ERR confirm this would unbind 4 binds; put ! at the end to do it\n"),
            ("", 0, b""),
        ],
    )
    def test_what_goes_wrong(self, session: Window, line: str, status: int, errors: bytes) -> None:
        session.run(line)
        assert (session.output, session.errors, session.status) == (b"", errors, status)
        assert session.over

    def test_what_is_sure_is_done(self, session: Window) -> None:
        assert session.run("reset it !").output == b"done\n"

    def test_several_lines_until_one_fails(self, session: Window) -> None:
        session.run("show links\n\nshow links | count\ndrop it\nshow links")
        assert session.output.splitlines()[0] == b"fr-a up"
        assert session.output.count(b"fr-a") == 1
        assert session.status == 1

    def test_edits_that_no_line_commits(self, house: Home, session: Window) -> None:
        house.dirty = True
        session.run("show links")
        assert (
            session.errors == f"ERR uncommitted {LOST}: end with commit, or with discard\n".encode()
        )
        assert (session.output, session.status) == (b"fr-a up\n", 1)
        session = house.session()
        session.run("shw links")
        assert (session.errors.count(b"\n"), session.status) == (2, 2)

    def test_no_line_follows_an_exit(self, session: Window) -> None:
        session.run("show links\nexit\nshow links")
        assert (session.output, session.status) == (b"fr-a up\n", 0)

    def test_many_lines(self, session: Window) -> None:
        session.run("show links\n" * 2000)
        assert session.output == b"fr-a up\n" * 2000
        assert session.status == 0

    def test_octets_that_are_no_utf_8(self, session: Window) -> None:
        assert session.ask(b"exec", NS(b"show \xff\xfe"))
        assert session.status == 2

    def test_the_role_counts(self, house: Home) -> None:
        house.role(Role.VIEW)
        session = house.session().run("drop it")
        assert session.errors.startswith(b"ERR denied")

    def test_the_role_of_now_counts(self, house: Home, session: Window) -> None:
        house.configured = [evolve(house.configured[0], enabled=False)]
        session.run("show links")
        assert session.errors == b"ERR denied this operator may not use the shell any more\n"
        assert session.status == 1

    def test_it_is_written_down(self, house: Home, session: Window) -> None:
        session.run("show links")
        assert house.audit.logins == [("ops", 1, "ssh")]
        assert house.audit.entries == [("ops", "show links", "ok")]

    def test_a_signal_aborts_it(self, house: Home, session: Window) -> None:
        session.run("wait it")
        assert session.signal(b"INT")
        assert house.slow_one.cancelled == 1
        assert session.status == 1
        assert session.errors.startswith(b"ERR aborted")

    def test_who_leaves_aborts_it(self, house: Home, session: Window) -> None:
        session.run("wait it")
        session.visitor.leave()
        assert house.slow_one.cancelled == 1
        assert house.shell.sessions.all() == []

    def test_who_closes_the_channel_aborts_it(self, house: Home, session: Window) -> None:
        session.run("wait it")
        session.loseConnection()
        session.visitor.pump()
        assert house.slow_one.cancelled == 1
        assert session.over

    def test_somebody_ends_it(self, house: Home, session: Window) -> None:
        session.run("wait it")
        house.shell.sessions.close("the gateway stops")
        session.visitor.pump()
        assert session.errors == b"the gateway stops\n"
        assert session.status == 1
        assert session.over

    def test_what_goes_on_ends_with_the_client(self, house: Home, session: Window) -> None:
        session.run("tail")
        house.tail.emit(["one"])
        session.visitor.pump()
        assert session.output == b"one\n"
        session.visitor.leave()
        assert house.tail.stopped == 1
        house.tail.emit(["two"])

    def test_the_width_is_that_of_a_terminal_if_there_is_one(self, house: Home) -> None:
        assert house.session().run("show width").output == b"200\n"
        session = house.session()
        session.ask(b"pty-req", NS(b"xterm") + bytes((0, 0, 0, 77)) + bytes(16))
        assert session.run("show width").output == b"77\n"


class TestMuchOutput:
    SIZE = 20_000 * 100

    def test_all_of_it_comes(self, session: Window) -> None:
        session.run("show much")
        assert len(session.output) == self.SIZE
        assert session.status == 0

    def test_it_waits_for_a_client_that_reads_slowly(self, house: Home) -> None:
        visitor = house.visit()
        visitor.pump()
        session = visitor.open(window=1000)
        session.localWindowSize = 0  # of itself it lets nothing more be sent
        session.run("show much")
        assert len(session.output) == 1000
        assert len(visitor.server.service.channels[0].buf) < 40_000
        while not session.over:
            session.more(70_000)
        assert len(session.output) == self.SIZE
        assert session.status == 0

    def test_a_client_that_reads_nothing_holds_a_limited_part_of_it(self, house: Home) -> None:
        session = house.session()
        session.visitor.stuck = True
        session.conn.sendRequest(session, b"exec", NS(b"show much"))
        session.visitor.pump()
        assert session.visitor.far.most < 300_000
        house.clock.advance(301)
        session.visitor.pump()
        assert session.visitor.lost
        assert house.shell.sessions.all() == []

    def test_what_goes_on_is_left_out_while_nobody_reads_it(self, house: Home) -> None:
        session = house.session()
        session.run("tail")
        session.visitor.stuck = True
        for _ in range(2_000):
            house.tail.emit(["x" * 99 for _ in range(100)])
        assert session.visitor.far.most < 300_000
        session.visitor.stuck = False
        session.visitor.pump()
        house.tail.emit(["on"])
        session.visitor.pump()
        assert b"lines left out" in session.output
        assert session.output.endswith(b"on\n")
        assert house.tail.stopped == 0

    def test_what_goes_on_is_given_up_when_nobody_reads_it_for_long(self, house: Home) -> None:
        session = house.session()
        session.run("tail")
        session.visitor.stuck = True
        for _ in range(2_000):
            house.tail.emit(["x" * 99 for _ in range(100)])
        house.clock.advance(301)
        session.visitor.pump()
        assert house.tail.stopped == 1
        assert house.shell.sessions.all() == []


class TestTerminal:
    def test_a_greeting_a_prompt_and_an_answer(self, session: Window) -> None:
        session.terminal()
        assert b"welcome" in session.output
        assert "fr-a up" in session.type("show links\r")
        assert session.output.endswith(b"smppgw> \x1b[K")

    def test_its_size(self, session: Window) -> None:
        session.terminal(columns=132)
        assert "132\r\n" in session.type("show width\r")
        session.resize(91, 40)
        assert "91\r\n" in session.type("show width\r")

    def test_completion(self, session: Window) -> None:
        session.terminal()
        assert "links" in session.type("show li\t")

    def test_ctrl_c_and_signals_abort(self, house: Home, session: Window) -> None:
        session.terminal()
        session.type("wait it\r")
        session.type(b"\x03")
        assert house.slow_one.cancelled == 1
        session.type("wait it\r")
        session.signal(b"INT")
        assert house.slow_one.cancelled == 2
        assert not session.over

    def test_ctrl_d_ends_it(self, house: Home, session: Window) -> None:
        session.terminal()
        session.type(b"\x04")
        assert session.over
        assert session.status == 0
        assert house.shell.sessions.all() == []

    def test_without_a_pseudo_terminal_it_is_a_dumb_one(self, session: Window) -> None:
        assert session.ask(b"shell")
        shown = session.type("show links\n")
        assert "fr-a up" in shown
        assert "\x1b" not in shown

    def test_a_script_on_stdin_is_carried_out_to_its_end(self, session: Window) -> None:
        assert session.ask(b"shell")
        session.write(b"show links\nshow width")
        session.conn.sendEOF(session)
        session.visitor.pump()
        assert b"fr-a up" in session.output
        assert b"200" in session.output
        assert session.over

    def test_it_is_kicked(self, house: Home, session: Window) -> None:
        session.terminal()
        (listed,) = house.shell.sessions.all()
        assert (listed.door, listed.operator.peer) == ("ssh", "127.0.0.1")
        listed.end("kicked by chief")
        session.visitor.pump()
        assert b"kicked by chief" in session.output
        assert session.over

    def test_it_ends_with_the_connection(self, house: Home, session: Window) -> None:
        session.terminal()
        session.visitor.leave()
        assert house.shell.sessions.all() == []
        assert house.clock.getDelayedCalls() == []

    def test_a_pasted_text_is_not_lost(self, session: Window) -> None:
        """More than the window of the channel, while nothing can be taken."""
        session.terminal()
        session.type("wait it\r")
        session.type("show links\r" * 10_000)
        server = session.visitor.server.service.channels[0]
        assert not server.wanted
        assert server.localWindowLeft < WINDOW
        assert len(session.buf) > 0, "the rest waits with the client"

    def test_a_client_that_reads_nothing_is_given_up(self, house: Home, session: Window) -> None:
        session.terminal()
        session.visitor.stuck = True
        session.write(b"tail\r")
        session.visitor.pump()
        for _ in range(2_000):
            house.tail.emit(["x" * 99 for _ in range(100)])
            house.clock.advance(1)
        session.visitor.pump()
        assert session.visitor.far.most < 600_000
        assert session.visitor.lost
        assert house.shell.sessions.all() == []


class TestNotToBeHad:
    @pytest.mark.parametrize(
        "kind",
        [
            b"subsystem",
            b"x11-req",
            b"auth-agent-req@openssh.com",
            b"env",
            b"xon-xoff",
            b"\xff\xfe",
            b"closed",
            b"",
        ],
    )
    def test_other_requests(self, session: Window, kind: bytes) -> None:
        assert not session.ask(kind, NS(b"sftp"))
        assert not session.over

    @pytest.mark.parametrize(
        "kind", [b"direct-tcpip", b"direct-streamlocal@openssh.com", b"x11", b"session2", b"\xff"]
    )
    def test_other_channels(self, session: Window, kind: bytes) -> None:
        other = Window(session.visitor, 0, 32768)
        other.name = kind
        session.conn.openChannel(other)
        session.visitor.pump()
        assert other.failed == b"there are only sessions here"
        assert other.conn.localToRemoteChannel.get(other.id) is None
        assert session.terminal().output

    @pytest.mark.parametrize("kind", [b"tcpip-forward", b"keepalive@openssh.com", b"\xff", b""])
    def test_global_requests(self, session: Window, kind: bytes) -> None:
        answers: list[Any] = []
        session.conn.sendGlobalRequest(kind, b"", wantReply=1).addErrback(answers.append)
        session.visitor.pump()
        assert len(answers) == 1
        assert not session.visitor.lost

    def test_two_commands_on_one_channel(self, session: Window) -> None:
        session.run("wait it")
        assert not session.ask(b"exec", NS(b"show links"))
        assert not session.ask(b"shell")
        assert not session.ask(b"pty-req", NS(b"xterm") + bytes(20))

    @pytest.mark.parametrize("kind", [b"pty-req", b"window-change", b"exec", b"signal"])
    @pytest.mark.parametrize("data", [b"", b"\0", b"\0\0\0\x05ab", b"\xff" * 12])
    def test_requests_that_are_cut_short(self, session: Window, kind: bytes, data: bytes) -> None:
        with capturedLogs() as captured:
            session.conn.sendRequest(session, kind, data)
            session.ask(kind, data)
            gc.collect()  # a Deferred that failed in silence speaks now
        assert not session.visitor.lost
        assert not any("log_failure" in one for one in captured)

    @pytest.mark.parametrize("number", [91, 92])
    def test_answers_to_what_nobody_asked(self, house: Home, session: Window, number: int) -> None:
        session.terminal()
        session.visitor.client.sendPacket(number, bytes(4) + bytes((0, 0, 0, 1)) * 4)
        session.visitor.pump()
        assert session.visitor.lost
        assert house.shell.sessions.all() == []

    def test_packets_of_no_size(self, house: Home) -> None:
        visitor = house.visit()
        visitor.pump()
        session = Window(visitor, 0, 32768)
        session.localMaxPacket = 0
        visitor.connection.openChannel(session)
        visitor.pump()
        assert session.failed
        assert visitor.connection.localToRemoteChannel == {}

    def test_sessions_without_end(self, session: Window) -> None:
        others = [session.visitor.open() for _ in range(MOST_CHANNELS)]
        assert others[-1].failed == b"there are too many sessions"
        assert len(session.visitor.server.service.channels) == MOST_CHANNELS
        assert session.terminal().output


class TestConnectionWithoutSession:
    def test_it_ends_after_a_while(self, house: Home) -> None:
        visitor = house.visit()
        visitor.pump()
        assert visitor.inside
        house.clock.advance(EMPTY_TIME)
        visitor.pump()
        assert visitor.lost
        assert visitor.goodbye == b"nothing was asked for in time"

    def test_not_while_there_is_one(self, house: Home, session: Window) -> None:
        session.terminal()
        house.clock.advance(10 * EMPTY_TIME)
        session.visitor.pump()
        assert not session.visitor.lost

    def test_one_after_the_other(self, house: Home, session: Window) -> None:
        for _ in range(3):
            house.clock.advance(EMPTY_TIME - 1)
            assert session.run("show links").status == 0
            session = session.visitor.open()
        session.loseConnection()
        session.visitor.pump()
        house.clock.advance(EMPTY_TIME)
        session.visitor.pump()
        assert session.visitor.lost
        assert house.factory.connections == set()
