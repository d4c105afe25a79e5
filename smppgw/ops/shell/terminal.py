"""A session on a terminal: prompt, keys, completion, output page by page, questions, Ctrl-C.

Owns: what happens when on one terminal, smart (it shows what it is told, character by character) or
dumb (it shows lines and edits them itself; nobody is asked anything there).
Refuses to know: networks and logins (the doors: telnet, SSH, the local socket), and commands.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from smppgw.core.command import Operator
from smppgw.ops.shell import grammar, help
from smppgw.ops.shell.ahead import Ahead
from smppgw.ops.shell.completion import complete, listed
from smppgw.ops.shell.editor import (
    BELL,
    Asking,
    Completing,
    Editor,
    Ended,
    Event,
    Interrupted,
    Submitted,
)
from smppgw.ops.shell.keys import END, ENTER, INTERRUPT, LINE, TOO_LONG, Key, Keys, Lines
from smppgw.ops.shell.masking import masked
from smppgw.ops.shell.outlet import Outlet, Wire
from smppgw.ops.shell.pager import Pager
from smppgw.ops.shell.render import fold
from smppgw.ops.shell.runner import Outcome, Running
from smppgw.ops.shell.sessions import LOST, NOT_ANY_MORE, Shell

IDLE = 1800.0
"""Seconds without a key, while no command is at work, after which a session is closed."""
LAST_COMMANDS = 60.0
"""Seconds that commands have when the terminal will say nothing more."""
WIDEST, HIGHEST = 500, 500
UNCUT = 200
"""Characters of a line for a dumb terminal of which nothing is known."""
PROMPT, DIRTY = "smppgw> ", "smppgw*> "

log = Logger()


class Terminal:
    """One session of an operator; raises CommandError when there are too many.

    The door calls `start`, then `received`, `resized`, `interrupt`, `pause`, `ended` and, once,
    `closed`. `current` gives what the operator may do now, None when that is nothing any more.
    """

    def __init__(
        self,
        shell: Shell,
        operator: Operator,
        wire: Wire,
        door: str,
        *,
        current: Callable[[Operator], Operator | None] = lambda operator: operator,
        dumb: bool = False,
        width: int = 0,
        height: int = 0,
    ) -> None:
        self.session = shell.sessions.open(operator, door, self.close)
        self.dumb = dumb
        self._shell = shell
        self._current = current
        self._wire = wire
        self._outlet = Outlet(wire, shell.clock, self._resumed)
        self._keys = Keys()
        self._lines = Lines()
        self._editor = Editor(self._outlet.write, self.session.history, width)
        self._pager = Pager(self._outlet, self._shown)
        self._ahead = Ahead()
        self._turn: IDelayedCall | None = None
        self._pasted: deque[str] = deque()
        self._running: Running | None = None
        self._outcome: Outcome | None = None
        self._asking: Deferred[bool] | None = None
        self._at_prompt = False
        self._working = False
        self._deaf = False
        self._ending = False
        self._over = False
        self._last_call: IDelayedCall | None = None
        self._idle = shell.clock.callLater(IDLE, self._timed_out)
        self.resized(width, height)

    # ------------------------------------------------------------ what the door calls

    def start(self) -> None:
        """Greet and ask for the first line."""
        self._say(self._shell.banner)
        self._prompt()

    def received(self, octets: bytes) -> None:
        """Octets from the terminal, of whatever kind."""
        if self._over:
            return
        self.session.active = self._shell.clock.seconds()
        self._idle.reset(IDLE)
        self._take((self._lines if self.dumb else self._keys).feed(octets))

    def interrupt(self) -> None:
        """Ctrl-C in whatever way it was said: drop the line, or what is at work."""
        self._take([Key(INTERRUPT)])

    def resized(self, width: int, height: int) -> None:
        """The size of the terminal in characters; 0 = unknown."""
        self.width = min(width or (UNCUT if self.dumb else 80), WIDEST)
        height = min(height or 24, HIGHEST)
        self._editor.resized(self.width)
        self._pager.resized(self.width, height, paged=not self.dumb and height > 2)
        if self._at_prompt and not self.dumb:
            self._editor.refresh()

    def smart(self, smart: bool) -> None:
        """The terminal shows what it is told, or no longer; counts from the next prompt on."""
        if smart is self.dumb:
            self.dumb = not smart
            self._keys, self._lines = Keys(), Lines()
            self._pager.paged = smart
            if self._at_prompt:
                self._prompt()

    def pause(self, full: bool) -> None:
        """The connection holds too much that was not read, or no longer."""
        self._outlet.pause(full)

    def ended(self) -> None:
        """Nothing more will be typed: what was is carried out, then the session ends."""
        if self._over or self._ending:
            return
        if self.dumb and self._lines.begun:
            self._take(self._lines.rest())
        self._ending = True
        self._last_call = self._shell.clock.callLater(LAST_COMMANDS, self.close, "")
        self._work()

    def closed(self) -> None:
        """The connection has gone: nothing can be said any more."""
        self._outlet.closed()
        self._leave("")

    def close(self, reason: str) -> None:
        """End the session, saying why unless that is ""."""
        if self._over:
            return
        lost = LOST if self._shell.dirty(self.session) else ""
        said = [line for line in (lost, reason) if line]
        if said and (self._at_prompt or self._running is not None):
            self._outlet.write("\r\n")
        self._say(said)
        self._leave(reason)
        self._outlet.close()

    def _leave(self, reason: str) -> None:
        if self._over:
            return
        self._over = True
        self._ahead.clear()
        self._pasted.clear()
        self._pager.drop()
        for timer in (self._idle, self._last_call, self._turn):
            if timer is not None and timer.active():
                timer.cancel()
        if self._running is not None:
            self._running.abort()
        self._shell.sessions.ended(self.session, reason)

    def _timed_out(self) -> None:
        if self._running is None or self._pager.waiting or self._asking is not None:
            self.close("nothing was typed for long: goodbye")
        else:
            self._idle = self._shell.clock.callLater(IDLE, self._timed_out)

    def _resumed(self) -> None:
        self._pager.go_on()
        self._work()

    # ------------------------------------------------------------ keys

    def _take(self, keys: Sequence[Key]) -> None:
        """Keys in order; what asks something is not answered by what came with it."""
        self._deaf = False
        for key in keys:
            if self._deaf:
                return
            self._ahead.add(key)
            self._work()

    def _abort(self) -> None:
        """An interrupt is obeyed before what was typed ahead of it."""
        self._pasted.clear()
        self._ahead.skip_interrupt()
        if not self.dumb:
            self._outlet.write("^C\r\n")
        self._pager.drop()
        if self._running is not None and self._outcome is None:
            self._running.abort()
        else:
            self._shown()

    def _tire(self) -> None:
        """Something was done: others come first, then the rest of what was typed."""
        if self._turn is None and not self._over:
            self._turn = self._shell.clock.callLater(0, self._rested)

    def _rested(self) -> None:
        self._turn = None
        self._work()

    def _work(self) -> None:
        """As much of what was typed as can be taken now: one line, or what is typed within one."""
        if self._working:
            return
        self._working = True
        try:
            while not self._over:
                if self._ahead.interrupted and self._running is not None:
                    self._abort()
                elif self._turn is not None or not self._ready():
                    break
                elif self._pasted and self._running is None:
                    self._begin(self._pasted.popleft())
                elif self._ahead:
                    self._key(self._ahead.next())
                else:
                    break
        finally:
            self._working = False
        if self._over:
            return
        if self._ending and self._running is None and not self._ahead and not self._pasted:
            self.close("")
            return
        if (self._at_prompt or self._asking) and not self.dumb and not self._outlet.full:
            self._editor.refresh()
        self._wire.read(not self._ahead.enough)

    def _ready(self) -> bool:
        if self._pager.waiting or self._asking is not None:
            return True
        return self._running is None and not self._outlet.full

    def _key(self, key: Key) -> None:
        if self._pager.waiting:
            self._ahead.put_back(self._pager.key(key))
        elif key.name == LINE:
            self._entered(key.text)
        elif key.name == TOO_LONG:
            self._tire()
            self._say([f"ERR usage a line has at most {grammar.LONGEST_LINE} characters"])
            self._prompt()
        elif key.name == INTERRUPT and self.dumb:
            self._tire()
            self._prompt()
        elif not self.dumb or key.name in {END, ENTER}:
            event = self._editor.key(key)
            if event is not None:
                self._happened(event)

    def _happened(self, event: Event) -> None:
        """What the editor made of a key."""
        asking = self._asking
        if not isinstance(event, Submitted):
            self._tire()
        if isinstance(event, Completing):
            self._complete(event) if asking is None else self._outlet.write(BELL)
        elif isinstance(event, Asking):
            self._help(event.before) if asking is None else self._editor.insert("?")
        elif asking is not None:
            self._asking = None
            if isinstance(event, Ended):
                self._outlet.write("\r\n")
            text = "" if isinstance(event, Interrupted | Ended) else event.text
            asking.callback(text.strip().casefold() in {"y", "yes"})
        elif isinstance(event, Ended):
            self.close("goodbye")
        elif isinstance(event, Interrupted):
            self._prompt()
        else:
            self._entered(event.text)

    # ------------------------------------------------------------ the prompt

    def _prompt(self) -> None:
        self._at_prompt = True
        self._pager.begin()
        prompt = DIRTY if self._shell.dirty(self.session) else PROMPT
        if self.dumb:
            self._outlet.write(prompt)
        else:
            self._editor.begin(prompt)
            if not self._working:
                self._editor.refresh()

    def _complete(self, event: Completing) -> None:
        begin, text, choices = 0, "", list[str]()
        with log.failuresHandled("shell: completion"):  # a value that cannot be listed
            there, role = self._shell.there(self.session), self.session.operator.role
            begin, text, choices = complete(event.before, there, role)
        if text:
            self._editor.replace(begin, text)
        elif choices and event.again:
            self._below(listed(choices, self.width))
        else:
            self._outlet.write(BELL)

    def _help(self, before: str) -> None:
        if grammar.quoting(before):
            self._editor.insert("?")
            return
        said: Sequence[str] = ()
        with log.failuresHandled("shell: help"):
            role = self.session.operator.role
            said = help.asked(before, self._shell.there(self.session), role, self.width)
        self._below(said or ["nothing can come here"])

    def _below(self, said: Sequence[str]) -> None:
        """Lines below that which is edited; then it is drawn again."""
        self._editor.refresh()
        self._outlet.write("\r\n")
        self._say(said)
        self._editor.again()

    def _say(self, said: Sequence[str]) -> None:
        self._outlet.write("".join(f"{line}\r\n" for line in said))

    # ------------------------------------------------------------ commands

    def _entered(self, text: str) -> None:
        """A line is done: carry it out, or the lines of a pasted text one by one."""
        self._pasted += grammar.lines_of(text)
        if not self._pasted:
            self._tire()
            self._prompt()

    def _begin(self, line: str) -> None:
        self._tire()
        session = self.session
        operator = self._current(session.operator)
        if operator is None:
            self.close(NOT_ANY_MORE)
            return
        session.operator = operator
        session.command = masked(line, self._shell.registry)
        session.history.add(line, session.command)
        self._at_prompt = False
        self._outcome = None
        self._pager.begin()
        self._running = running = self._shell.runner.run(line, operator, session, self)
        running.result.addCallback(self._done)

    def _done(self, outcome: Outcome) -> None:
        self._outcome = outcome
        self._asking = None
        self._shown()

    def _shown(self) -> None:
        """Everything that was said so far is shown: when the command is done, go on."""
        outcome = self._outcome
        if self._over or outcome is None or self._running is None or self._pager.holding:
            return
        self._running = self._outcome = None
        self.session.command = ""
        if outcome.code and not (outcome.code == "aborted" and not self.dumb):
            self._failed(outcome)
        if outcome.code:
            self._pasted.clear()  # the rest of a pasted text counted on this line
        if self.session.leaving:
            self.close("goodbye")
        elif not self._pasted:
            self._prompt()
        self._work()

    def _failed(self, outcome: Outcome) -> None:
        said = "\r\n".join(fold(outcome.text, self.width - 1))
        self._say([outcome.status if self.dumb else f"\x1b[31m{said}\x1b[m"])

    # ------------------------------------------------------------ the sink of a running command

    def emit(self, said: Sequence[str], *, live: bool = False, redraw: bool = False) -> None:
        """Lines of output (see `runner.Sink`)."""
        if self._over:
            return
        if redraw and not self.dumb:
            self._pager.frame(said)
        elif live:
            self._pager.live(said)
        else:
            self._pager.show(said)

    @property
    def reads(self) -> bool:
        """See `runner.Sink`."""
        return not self._outlet.full

    def ask(self, question: str) -> Deferred[bool] | None:
        """Ask the operator; what was typed before does not answer."""
        if self.dumb or self._over or self._outlet.full:
            return None
        self._ahead.clear()
        self._pasted.clear()
        self._deaf = True
        *before, last = fold(question, max(self.width - 12, 20)) or [""]
        self._say(before)
        self._editor.begin(f"{last} ")
        self._editor.refresh()
        self._asking = Deferred()
        return self._asking
