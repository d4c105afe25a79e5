"""Reset one session: unbind in order, and bind again.

Owns: `reset link` and `reset bind`, and how long a reset waits. Refuses to know: how a link binds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from smppgw.core.binding import LinkState
from smppgw.core.command import (
    Answer,
    Argument,
    Call,
    Command,
    CommandError,
    Emit,
    Live,
    Role,
    text,
)
from smppgw.core.link import Link
from smppgw.core.relay import Relay
from smppgw.core.standing import CARRIER
from smppgw.ops.desk import Desk
from smppgw.ops.shell.commands.names import binds, links, named

LOOK = 0.1
"""Seconds between two looks at a link that is being reset."""
CLOSED = (LinkState.WAITING, LinkState.REFUSED, LinkState.IDLE)

HELP_LINK = (
    "unbind one link of a carrier in order and bind it again. Nothing new is sent on it, what is"
    " unanswered is waited for (response_timeout at most), then it unbinds and binds. The other"
    " links go on. A link that waits for its next attempt makes it now"
)
HELP_BIND = (
    "unbind one bind of an account in order. Its application binds again by itself. What it has"
    " not answered is delivered again"
)


def commands(desk: Desk) -> list[Command]:
    """The commands of this group."""
    relay = desk.relay

    def argument(what: str, known: Callable[[], dict[str, object]]) -> Argument:
        return Argument("name", f"the {what}", positional=True, required=True, values=known)

    return [
        Command(
            ("reset", "link"),
            partial(_reset_link, relay),
            HELP_LINK,
            (argument("link", lambda: dict(links(relay))),),
            Role.OPERATE,
            "reset link fr-a#1",
            partial(_touches_link, relay),
        ),
        Command(
            ("reset", "bind"),
            partial(_reset_bind, relay),
            HELP_BIND,
            (argument("bind", lambda: dict(binds(relay))),),
            Role.OPERATE,
            "reset bind agg1#2",
            partial(_touches_bind, relay),
            scoped=True,
        ),
    ]


# ---------------------------------------------------------------------- binds of accounts


def _touches_bind(relay: Relay, call: Call) -> str:
    bind = named("bind", call.text("name"), binds(relay, call.operator))
    return (
        f"unbind {bind.name} of {bind.peer} ({bind.unanswered:,} submits to answer,"
        f" {bind.taken:,} deliveries unanswered)"
    )


def _reset_bind(relay: Relay, call: Call) -> Answer:
    bind = named("bind", call.text("name"), binds(relay, call.operator))
    bind.close("reset by an operator")
    return text(f"bind {bind.name} of {bind.peer} is being unbound; its application binds again")


# ---------------------------------------------------------------------- links to carriers


def _link(relay: Relay, name: str) -> Link:
    link = named("link", name, links(relay))
    if not link.carrier.settings.enabled:
        raise CommandError(f"carrier {link.carrier.name} is not enabled: its links do not bind")
    if relay.standing.draining(link.carrier):
        decision = relay.standing.of(CARRIER, link.carrier.name)
        raise CommandError(f"carrier {link.carrier.name} is {decision}; release it first")
    if link.state in (LinkState.CONNECTING, LinkState.BINDING, LinkState.DRAINING):
        raise CommandError(f"link {name} is {link.state.value}: that ends by itself", "busy")
    return link


def _touches_link(relay: Relay, call: Call) -> str:
    link = _link(relay, call.text("name"))
    if link.state is not LinkState.BOUND:
        return ""
    return f"unbind link {link.name} and bind it again ({link.taken:,} submits are unanswered)"


def _reset_link(relay: Relay, call: Call) -> Answer:
    link = _link(relay, call.text("name"))
    return Live(lambda emit, done: _Reset(relay, link, emit, done).stop)


class _Reset:
    """One link on its way out and in again."""

    def __init__(self, relay: Relay, link: Link, emit: Emit, done: Callable[[str], None]) -> None:
        self._relay = relay
        self._clock = relay.clock
        self._link = link
        self._emit = emit
        self._done = done
        self._again = False
        """It was told to bind again."""
        if link.state is LinkState.BOUND:
            emit([f"link {link.name}: {link.taken:,} submits are unanswered"])
            link.drain()
        self._call = self._clock.callLater(0, self._look)

    def _look(self) -> None:
        link = self._link
        if self._relay.carriers.get(link.carrier.name) is not link.carrier:
            self._done(f"carrier {link.carrier.name} was changed meanwhile")
            return
        if not self._again:
            self._go_on(link)
        elif link.state is LinkState.BOUND:
            self._emit([f"link {link.name}: bound again as {link.kind} at {link.place[0]}"])
            self._done("")
            return
        elif link.state in CLOSED:
            self._done(f"link {link.name} is {link.state.value}: {link.reason}")
            return
        self._call = self._clock.callLater(LOOK, self._look)

    def _go_on(self, link: Link) -> None:
        if link.state in CLOSED or (link.state is LinkState.DRAINING and not link.taken):
            link.stop()
            link.start()
        self._again = link.state is not LinkState.DRAINING or not link.taken

    def stop(self) -> None:
        """Look no more; a link that has not unbound goes on."""
        if self._call.active():
            self._call.cancel()
        if not self._again:
            self._link.undrain()
