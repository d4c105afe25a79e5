"""Who is in the shell now: the sessions behind every door, and what all of them share.

Owns: their numbers, their limits, who they are and since when, and how one is ended from outside.
Refuses to know: terminals, networks and logins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from smppgw.core.command import Command, CommandError, Operator
from smppgw.ops.shell.history import Histories, History
from smppgw.ops.shell.registry import Registry
from smppgw.ops.shell.runner import Audit, Runner
from smppgw.ops.shell.scope import there_for

MOST_SESSIONS = 100
"""Sessions that came over the network; those from this machine always find room."""
MOST_LOCAL = 32
LOCAL = "local"
"""The door, and the peer, of sessions from this machine."""

LOST = "what was edited here and not committed is lost"
"""The last words to who leaves a candidate behind."""

NOT_ANY_MORE = "this operator may not use the shell any more"
"""What somebody is told who was an operator."""

log = Logger()


@define(eq=False)
class Session:
    """One operator behind one door: what `Call.session` is, the same object for all its lines.

    `door` is `telnet`, `ssh` or `local`; `since` and `active` are seconds of the clock. `end` says
    a reason to the operator and closes. `command` is the line at work, without secrets.
    """

    number: int
    operator: Operator
    door: str
    since: float
    end: Callable[[str], None] = field(repr=False)
    history: History = field(repr=False)
    active: float = 0.0
    command: str = ""
    leaving: bool = False
    """The operator said `exit`."""
    reason: str = ""
    """Why it has ended."""


class Sessions:
    """All sessions. `over` are called with each that has ended: who keeps things of a session."""

    def __init__(self, clock: IReactorTime, histories: Histories) -> None:
        self.over: list[Callable[[Session], None]] = []
        self._clock = clock
        self._histories = histories
        self._open: dict[int, Session] = {}
        self._last = 0

    def open(self, operator: Operator, door: str, end: Callable[[str], None]) -> Session:
        """A session begins. Raises CommandError `busy` when there are too many."""
        local = door == LOCAL
        count = sum((one.door == LOCAL) is local for one in self._open.values())
        if count >= (MOST_LOCAL if local else MOST_SESSIONS):
            raise CommandError("there are too many sessions; try again later", "busy")
        self._last += 1
        now = self._clock.seconds()
        history = self._histories.of(operator)
        session = Session(self._last, operator, door, now, end, history, active=now)
        self._open[session.number] = session
        log.info(
            "shell: session {number}: {operator} ({role}) by {door} from {peer}",
            number=session.number,
            operator=operator.name,
            role=operator.role.name.lower(),
            door=door,
            peer=operator.peer,
        )
        return session

    def ended(self, session: Session, reason: str = "") -> None:
        """A session is over; a second time is nothing."""
        if self._open.pop(session.number, None) is None:
            return
        session.reason = reason or "the connection was closed"
        log.info(
            "shell: session {number} ended: {reason}", number=session.number, reason=session.reason
        )
        for call in self.over:
            try:
                call(session)
            except Exception:
                log.failure("shell: after session {number}", number=session.number)

    def all(self) -> list[Session]:
        """The open ones, the oldest first."""
        return list(self._open.values())

    def get(self, number: int) -> Session:
        """The one with a number; raises CommandError."""
        session = self._open.get(number)
        if session is None:
            raise CommandError(f"there is no session {number}; see show sessions", "unknown")
        return session

    def review(self, current: Callable[[Operator], Operator | None]) -> None:
        """What operators may do has changed: end what goes on without the right to it.

        `current` gives what one may do now. Lines to come are judged when they come. Who is on
        this machine is no configured operator.
        """
        for session in self.all():
            before = session.operator
            if session.door == LOCAL:
                continue
            now = current(before)
            if now is None:
                session.end(NOT_ANY_MORE)
            elif session.command and (now.role < before.role or now.accounts != before.accounts):
                session.end("what this operator may do has changed: log in again")

    def close(self, reason: str) -> None:
        """End all of them."""
        for session in self.all():
            session.end(reason)


class Shell:
    """What all sessions share: commands, clock, audit, histories.

    `dirty` says whether a session has changes that are not committed; `banner` are lines shown
    when one begins.
    """

    def __init__(
        self,
        commands: Iterable[Command],
        clock: IReactorTime,
        audit: Audit,
        directory: Path,
        *,
        dirty: Callable[[Session], bool] = lambda session: False,
        banner: Iterable[str] = (),
    ) -> None:
        self.registry = Registry(commands)
        self.clock = clock
        self.runner = Runner(self.registry, clock, audit)
        self.sessions = Sessions(clock, Histories(directory / "history"))
        self.banner = tuple(banner)
        self._dirty = dirty

    def there(self, session: Session) -> Registry:
        """The commands that there are for the operator of a session, whatever the role."""
        return there_for(self.registry, session.operator)

    def dirty(self, session: Session) -> bool:
        """Whether a session has changes that are not committed."""
        try:
            return self._dirty(session)
        except Exception:
            log.failure("shell: is session {number} dirty", number=session.number)
            return False
