"""Name and password, asked for on a terminal.

Owns: the two questions, how often they are asked and how soon again; that a password is not shown
where the terminal lets us; what was typed ahead.
Refuses to know: who may log in (`ops.operators`), and what kind of connection it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from smppgw.core.command import Operator
from smppgw.ops.operators import NEUTRAL, TRIES, Refused
from smppgw.ops.shell.editor import Asking, Editor, Ended, Event, Interrupted, Submitted
from smppgw.ops.shell.keys import INTERRUPT, LINE, Key, Keys, Lines

LOGIN_TIME = 60.0
"""Seconds from connecting to being logged in."""
MOST_AHEAD = 16 * 1024
"""Octets sent before they are wanted."""
MOST_QUESTIONS = 20
"""Of whoever gives empty answers."""
NAME, PASSWORD = "Username: ", "Password: "

log = Logger()


class Door(Protocol):
    """What a login needs of its connection."""

    def write(self, octets: bytes) -> None:
        """Send."""
        ...

    def read(self, wanted: bool) -> None:
        """Whether more octets are wanted now."""
        ...

    def let_in(self, operator: Operator, ahead: bytes) -> None:
        """Somebody is in; `ahead` is what was sent behind the password."""
        ...

    def refused(self, refused: Refused) -> None:
        """Somebody was refused; the reason is not for the peer."""
        ...

    def close(self) -> None:
        """Close when all that was written has been sent."""
        ...


class Login:
    """One peer on its way in: `start`, then `received`; `stop` when it has gone."""

    def __init__(
        self,
        door: Door,
        check: Callable[[str, str, str], Deferred[Operator | Refused]],
        source: str,
        clock: IReactorTime,
    ) -> None:
        self._door = door
        self._check = check
        self._source = source
        self._clock = clock
        self._smart = False
        self._keys = Keys()
        self._lines = Lines()
        self._editor = Editor(lambda said: door.write(said.encode()), (), 80)
        self._question = ""
        self._name = ""
        self._tries = 0
        self._asked = 0
        self._ahead = b""
        self._ended = False
        self._over = False
        self._checking: Deferred[Any] | None = None
        self._pause: IDelayedCall | None = None
        self._limit = clock.callLater(LOGIN_TIME, self._too_late)

    def start(self) -> None:
        """Ask for the name."""
        self._ask(NAME)

    def smart(self, smart: bool) -> None:
        """Whether the terminal shows what it is told; what is asked is asked again in its way."""
        if self._smart is smart or self._over:
            return
        self._smart = smart
        if smart and self._question:
            self._editor.begin(self._question, hidden=self._question == PASSWORD)
            self._editor.refresh()

    def received(self, octets: bytes) -> None:
        """Octets from the terminal."""
        self._ahead += octets
        self._work()

    def interrupt(self) -> None:
        """Begin with the name again."""
        if self._question and not self._over:
            self._say("\r\n")
            self._ask(NAME)

    def ended(self) -> None:
        """Nothing more will come."""
        self._ended = True
        self._work()

    def stop(self) -> None:
        """Forget it: the connection has gone, or the operator is in."""
        self._over = True
        for timer in (self._limit, self._pause):
            if timer is not None and timer.active():
                timer.cancel()
        if self._checking is not None:
            self._checking.cancel()

    # ------------------------------------------------------------ what was typed

    def _work(self) -> None:
        """Take what was sent, a line at a time: what is behind the password is not ours."""
        while self._ahead and self._question and not self._over:
            end = _line_end(self._ahead)
            part, self._ahead = self._ahead[:end], self._ahead[end:]
            for key in (self._keys if self._smart else self._lines).feed(part):
                self._key(key)
        if self._over:
            return
        if self._smart and self._question:
            self._editor.refresh()
        if self._ended and self._question:
            self._close()
            return
        self._door.read(len(self._ahead) < MOST_AHEAD)

    def _key(self, key: Key) -> None:
        if not self._question:
            return
        if self._smart:
            event: Event | None = self._editor.key(key)
        else:
            event = Interrupted() if key.name == INTERRUPT else Submitted(key.text)
            if key.name not in {LINE, INTERRUPT}:  # a line that is too long is no name of anybody
                event = Submitted("")
        if isinstance(event, Asking):
            self._editor.insert("?")
        elif isinstance(event, Ended):
            self._close()
        elif isinstance(event, Interrupted):
            self._ask(NAME)
        elif isinstance(event, Submitted):
            self._answered(event.text)

    def _ask(self, question: str) -> None:
        self._question = question
        self._asked += 1
        if self._asked > MOST_QUESTIONS:
            self._close()
            return
        if self._smart:
            self._editor.begin(question, hidden=question == PASSWORD)
            self._editor.refresh()
        else:
            self._say(question)

    def _answered(self, text: str) -> None:
        if self._question == NAME:
            self._name = text.strip()
            self._ask(PASSWORD if self._name else NAME)
            return
        self._question = ""
        name, self._name = self._name, ""
        self._checking = self._check(name, text, self._source)
        self._checking.addCallbacks(self._decided, self._failed)

    # ------------------------------------------------------------ what came of it

    def _failed(self, failure: Failure) -> None:
        if not self._over:
            log.failure("shell: a login could not be checked", failure)
            self._decided(Refused("it could not be checked"))

    def _decided(self, found: Operator | Refused) -> None:
        self._checking = None
        if self._over:
            return
        if isinstance(found, Operator):
            self.stop()
            self._door.let_in(found, self._ahead)
            return
        self._door.refused(found)
        self._tries += 1
        # Each try costs more time than the one before.
        self._pause = self._clock.callLater(self._tries, self._again)

    def _again(self) -> None:
        self._say(f"{NEUTRAL}\r\n")
        if self._tries >= TRIES:
            self._close()
            return
        self._ask(NAME)
        self._work()

    def _too_late(self) -> None:
        self._say("\r\nThe time to log in is over.\r\n")
        self._close()

    def _close(self) -> None:
        self.stop()
        self._door.close()

    def _say(self, text: str) -> None:
        self._door.write(text.encode())


def _line_end(octets: bytes) -> int:
    """How many octets end with the first line, its whole end of line included."""
    for place, octet in enumerate(octets):
        if octet in b"\r\n":
            both = octet == 13 and octets[place + 1 : place + 2] in {b"\n", b"\0"}
            return place + 2 if both else place + 1
    return len(octets)
