"""The shell itself: who is in it, what was typed, help, and the way out.

Owns: `show sessions`, `kick session`, `whoami`, `history`, `help`, `exit` and `quit`.
Refuses to know: doors and terminals.
"""

from __future__ import annotations

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
    Role,
    Table,
    text,
)
from smppgw.core.figures import duration, moment, when
from smppgw.ops.shell import grammar
from smppgw.ops.shell.commands.watch import watch_command
from smppgw.ops.shell.help import manual, overview
from smppgw.ops.shell.render import fold
from smppgw.ops.shell.scope import there_for
from smppgw.ops.shell.sessions import Session, Shell

SESSIONS = (
    Column("SESSION", "session", right=True),
    Column("OPERATOR", "operator"),
    Column("ROLE", "role", minor=2),
    Column("DOOR", "door", minor=1),
    Column("FROM", "peer"),
    Column("SINCE", "since", shown=when, whole=True, minor=3),
    Column("IDLE", "idle_s", right=True, shown=duration),
    Column("AT WORK", "command"),
)
MOST_SHOWN = 200
KEYS = (
    "TAB completes a word, ? says what can come next; words may be shortened. Keys are those of"
    " emacs: Ctrl-R looks for a former line, Ctrl-C ends what is at work, Ctrl-D leaves.",
    "Behind a command: | grep WORD, | head 5, | count, | sort COLUMN, | json, | csv.",
    "A command that disturbs traffic asks first; ! at its end says yes beforehand.",
)


def session_commands(shell: Shell) -> list[Command]:
    """The commands that work with the sessions of a shell."""

    def show_sessions(call: Call) -> Table:
        now = shell.clock.seconds()
        rows = [_record(one, now) for one in shell.sessions.all()]
        return Table(SESSIONS, rows, empty="no sessions")

    def session_of(call: Call) -> Session:
        return shell.sessions.get(int(call.values["session"]))

    def kick(call: Call) -> Document:
        session = session_of(call)
        if session is call.session:
            raise CommandError("this is your own session: exit ends it")
        session.end(f"the session was ended by {call.operator.name}")
        return text(f"session {session.number} was ended")

    def touches(call: Call) -> str:
        session = session_of(call)
        return f"end session {session.number} of {session.operator.name}"

    def help(call: Call) -> Answer:
        return _help(shell, call)

    number = Argument(
        "session",
        "its number, as show sessions says",
        Kind.NUMBER,
        positional=True,
        required=True,
        values=lambda: [str(one.number) for one in shell.sessions.all()],
    )
    about = Argument("about", "a command, or its first word", Kind.REST, positional=True)
    first = Argument("count", "how many of them, the newest", Kind.NUMBER, positional=True)
    return [
        Command(
            ("show", "sessions"), show_sessions, "who is in the shell, and what each does there"
        ),
        Command(("kick", "session"), kick, "end a session", (number,), Role.ADMIN, touches=touches),
        Command(("whoami",), _whoami, "who you are here, and what you may do", scoped=True),
        Command(("history",), _history, "what you typed, without secrets", (first,), scoped=True),
        Command(
            ("help",),
            help,
            "all there is, or all about one command",
            (about,),
            example="help show link",
            scoped=True,
        ),
        Command(("exit",), _exit, "end the session", scoped=True),
        Command(("quit",), _exit, "end the session", scoped=True),
        watch_command(lambda: shell.registry, shell.clock, shell.runner.turns),
    ]


def _record(session: Session, now: float) -> dict[str, object]:
    return {
        "session": session.number,
        "operator": session.operator.name,
        "role": session.operator.role.name.lower(),
        "door": session.door,
        "peer": session.operator.peer,
        "since": moment(session.since),
        "idle_s": round(max(now - session.active, 0.0), 1),
        "command": session.command,
    }


def _session(call: Call) -> Session:
    if not isinstance(call.session, Session):
        raise CommandError("there is no session here", "unavailable")
    return call.session


def _whoami(call: Call) -> Fields:
    operator = call.operator
    role = operator.role.name.lower()
    session = _session(call)
    return Fields(
        (
            ("operator", operator.name),
            ("role", role),
            ("accounts", ", ".join(sorted(operator.accounts))),
            ("from", operator.peer),
            ("session", f"{session.number} by {session.door} since {when(moment(session.since))}"),
        ),
        {
            "operator": operator.name,
            "role": role,
            "accounts": sorted(operator.accounts) or None,
            "peer": operator.peer,
            "session": session.number,
            "door": session.door,
        },
    )


def _history(call: Call) -> Document:
    count = int(call.values.get("count", MOST_SHOWN))
    kept = _session(call).history.kept
    said = kept[-count:] if count else []
    first = len(kept) - len(said) + 1
    return Document(
        {"lines": said},
        lambda width: [f"{place:5}  {line}" for place, line in enumerate(said, first)],
    )


def _exit(call: Call) -> Document:
    _session(call).leaving = True
    return text()


def _help(shell: Shell, call: Call) -> Document:
    words = call.text("about").split()
    there = there_for(shell.registry, call.operator)
    found = [
        one
        for one in there.commands(call.operator.role)
        if all(has.startswith(said) for has, said in zip(one.words, words, strict=False))
    ]
    exact = there.exactly(words)
    if exact in found and len(words) > 1:  # `show link`, not `show links` too
        found = [exact]
    if not found:
        raise CommandError(f"there is nothing about {call.text('about')!r}", "unknown")
    data = [
        {
            "command": one.name,
            "help": one.help,
            "usage": grammar.usage(one),
            "example": one.example,
            "role": one.role.name.lower(),
        }
        for one in found
    ]

    def shown(width: int) -> list[str]:
        if len(found) == 1:
            return manual(found[0], width)
        keys = [] if words else ["", *(line for said in KEYS for line in fold(said, width))]
        return [*overview(found, width), *keys]

    return Document(data, shown)
