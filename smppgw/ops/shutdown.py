"""The end of the gateway as operators ask for it: after a drain that can be called off, or at once.

Owns: the first part of a drain, in which nothing new is taken or sent and every door is still open,
so that all of it can be taken back.
Refuses to know: the second part, which cannot (`app.Gateway.stop`), signals, and what is said.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from smppgw.core.command import CommandError
from smppgw.core.link import Link
from smppgw.core.relay import Relay

LOOK = 0.1
"""Seconds between two looks at what is unanswered."""
LAST_WORDS = 0.2
"""Seconds that an answer has to reach its operator before the process goes."""
CAUSE = "shutdown"

log = Logger()


class Process(Protocol):
    """The process that the gateway is."""

    @property
    def stopping(self) -> bool:
        """Its stop has begun."""
        ...

    def stop(self, why: str) -> None:
        """Close the doors, drain, exit."""

    def leave(self, why: str) -> None:
        """Exit at once."""

    def reload(self, why: str) -> Deferred[list[str]]:
        """Read the configuration again; fires with what changed, fails with CommandError."""
        ...


class Shutdown:
    """Drains a relay, and then has the process stop. `process` is whoever runs the gateway."""

    def __init__(self, relay: Relay, clock: Any) -> None:
        self.process: Process | None = None
        self.called_off_by = ""
        """Who ended the last drain before its time."""
        self._relay = relay
        self.clock = clock
        self._call: IDelayedCall | None = None
        self._why = ""
        self._until = 0.0
        self.ending = False
        """The doors close next, or have."""

    @property
    def draining(self) -> bool:
        """A drain has begun, and can be called off."""
        return self._call is not None

    @property
    def unanswered(self) -> tuple[int, int]:
        """Submits that carriers have to answer, and requests that we have to."""
        relay = self._relay
        carriers = (*relay.carriers.values(), *relay.leaving)
        binds = (bind for one in relay.accounts.values() for bind in one.binds)
        return sum(one.in_flight for one in carriers), sum(bind.unanswered for bind in binds)

    def running(self) -> Process:
        """The process, while it does not stop; raises CommandError."""
        if self.process is None:
            raise CommandError("this gateway is not run by `smppgw run`", "unavailable")
        if self.process.stopping:
            raise CommandError("too late: the doors are closed and the gateway stops", "refused")
        return self.process

    def drain(self, who: str) -> None:
        """Take and send nothing more; stop once all is answered, or after drain_timeout."""
        self.running()
        if self.draining:
            raise CommandError("a drain is under way; `shutdown abort` calls it off", "busy")
        self.called_off_by = ""
        self.ending = False
        self._why = f"shutdown by {who}"
        self._until = self.clock.seconds() + self._relay.settings.drain_timeout
        log.info("{why}: draining; it can still be called off", why=self._why)
        self._look()

    def abort(self, who: str) -> None:
        """Call a drain off: all goes on as before; raises CommandError when it cannot."""
        self.running()
        if not self.draining:
            raise CommandError("no drain is under way", "refused")
        self.stop()
        self.ending = False
        self.called_off_by = who
        for account in self._relay.accounts.values():
            for bind in account.binds:
                bind.pause(False, CAUSE)
        for carrier in self._relay.carriers.values():
            carrier.every_link(Link.undrain)
        log.info("{why}: called off by {who}", why=self._why, who=who)

    def now(self, who: str) -> None:
        """Exit at once, or nearly: the answer to this has to leave first."""
        process = self.running()
        self.clock.callLater(LAST_WORDS, process.leave, f"shutdown now by {who}")

    def stop(self) -> None:
        """Look no more: the gateway stops anyway."""
        call, self._call = self._call, None
        if call is not None and call.active():
            call.cancel()

    def _look(self) -> None:
        relay = self._relay
        # Those that came a moment ago, too.
        for account in relay.accounts.values():
            for bind in account.binds:
                bind.pause(True, CAUSE)
        for carrier in relay.carriers.values():
            carrier.every_link(Link.drain)
        if any(self.unanswered) and self.clock.seconds() < self._until:
            self._call = self.clock.callLater(LOOK, self._look)
        else:
            self.ending = True
            # Whoever looks on hears of it before the doors close.
            self._call = self.clock.callLater(LAST_WORDS, self._end)

    def _end(self) -> None:
        self._call = None
        if self.process is not None and not self.process.stopping:
            self.process.stop(self._why)
