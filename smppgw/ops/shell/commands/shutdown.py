"""Stop the gateway, or read its configuration again.

Owns: these commands and what they say. Refuses to know: how it stops (`ops.shutdown`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred

from smppgw.core.command import Answer, Call, Command, CommandError, Emit, Live, Role, text
from smppgw.ops.desk import Desk
from smppgw.ops.shutdown import Shutdown

LOOK = 0.1
"""Seconds between two looks at how far it is; shorter than the last words of a shutdown."""

HELP = {
    "drain": "drain, then stop. Nothing is read from applications and nothing sent to carriers any"
    " more, what is unanswered is waited for (drain_timeout at most), then the listeners close, the"
    " links unbind and the process ends, as after SIGTERM. Until the listeners close, `shutdown"
    " abort` calls it off. Ctrl-C ends the looking on only",
    "now": "stop at once, as after a second SIGTERM. What is unanswered is sent again at the next"
    " start, marked as a possible duplicate. Nothing that was acknowledged is lost",
    "abort": "call off a `shutdown drain` whose listeners are still open: all goes on as before",
}


def commands(desk: Desk) -> list[Command]:
    """The commands of this group."""
    acts: dict[str, Callable[[Shutdown, Call], Answer]] = {
        "drain": _drain,
        "now": _now,
        "abort": _abort,
    }
    touches = {"drain": partial(_touches, desk, "drain"), "now": partial(_touches, desk, "now")}
    made = [
        Command(
            ("shutdown", how),
            partial(_with, desk, act),
            HELP[how],
            (),
            Role.ADMIN,
            touches=touches.get(how),
        )
        for how, act in acts.items()
    ]
    reload = Command(
        ("reload",),
        partial(_reload, desk),
        "read the configuration file again and take over what changed, as after SIGHUP",
        (),
        Role.ADMIN,
    )
    return [*made, reload]


def _shutdown(desk: Desk) -> Shutdown:
    if desk.shutdown is None:
        raise CommandError("this gateway is not run by `smppgw run`", "unavailable")
    return desk.shutdown


def _with(desk: Desk, act: Callable[[Shutdown, Call], Answer], call: Call) -> Answer:
    return act(_shutdown(desk), call)


def _touches(desk: Desk, how: str, call: Call) -> str:
    shutdown = _shutdown(desk)
    shutdown.running()
    carriers, ours = shutdown.unanswered
    binds = sum(len(one.binds) for one in desk.relay.accounts.values())
    what = "stop the gateway at once" if how == "now" else "drain and stop the gateway"
    return (
        f"{what} ({binds:,} binds of accounts; {carriers:,} submits unanswered by carriers,"
        f" {ours:,} by us)"
    )


def _drain(shutdown: Shutdown, call: Call) -> Answer:
    shutdown.drain(call.operator.name)
    return Live(lambda emit, done: _Watch(shutdown, emit, done).stop)


def _now(shutdown: Shutdown, call: Call) -> Answer:
    shutdown.now(call.operator.name)
    return text("the gateway stops now")


def _abort(shutdown: Shutdown, call: Call) -> Answer:
    shutdown.abort(call.operator.name)
    return text("the drain is called off; all goes on as before")


def _reload(desk: Desk, call: Call) -> Deferred[Any]:
    reloading = _shutdown(desk).running().reload(f"reload by {call.operator.name}")
    return reloading.addCallback(lambda said: text(*(said or ["nothing changed"])))


class _Watch:
    """One operator looking on while the gateway drains."""

    def __init__(self, shutdown: Shutdown, emit: Emit, done: Callable[[str], None]) -> None:
        self._shutdown = shutdown
        self._emit = emit
        self._done = done
        self._said = ""
        self._call = shutdown.clock.callLater(0, self._look)

    def _look(self) -> None:
        shutdown = self._shutdown
        if shutdown.called_off_by:
            self._done(f"called off by {shutdown.called_off_by}")
            return
        carriers, ours = shutdown.unanswered
        if shutdown.ending:
            said = f"{carriers:,} answers did not come" if carriers + ours else "all is answered"
            self._emit([f"{said}; the gateway stops now"])
            self._done("")
            return
        said = f"waiting for {carriers:,} answers of carriers and {ours:,} of ours"
        if said != self._said:
            self._said = said
            self._emit([said])
        self._call = shutdown.clock.callLater(LOOK, self._look)

    def stop(self) -> None:
        """Look no more; the drain goes on."""
        if self._call.active():
            self._call.cancel()
