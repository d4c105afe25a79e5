"""A gateway in memory whose configuration operators change, with crashes."""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from relay_kit import World, account, carrier
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from smppgw.core.reload import Reload
from smppgw.core.settings import RouteSettings, Settings
from smppgw.ops.config import Loaded
from smppgw.ops.config.loader import parse
from smppgw.ops.config.writing import document_of, text_of
from smppgw.ops.revisions import Candidate, Configuration, EditError
from smppgw.ops.revisions.configuration import Committed


def file_of(settings: Settings) -> Loaded:
    """Settings as a file declares them."""
    return parse(text_of(document_of(settings)), "gw.toml", {})


class Managed:
    """A world and its configuration; `ops` and `ada` are operators with a session each."""

    def __init__(self, directory: Path) -> None:
        self.world = World(
            directory,
            carriers=(carrier("a"), carrier("b", port=2791)),
            accounts=(account("esme"),),
            routes=(RouteSettings(carriers=(("a",),)),),
        )
        self.file = file_of(self.world.settings)
        self.begin()

    def begin(self) -> None:
        """What the composition does at a start, but for the relay that runs already."""
        self.reload = Reload(self.world.relay, self.file.settings, self.world.clock)
        self.configuration = Configuration(
            self.file, self.world.store, self.world.clock, self.apply
        )
        self.configuration.begin()
        self.begun_at = self.configuration.revisions.newest
        """The newest revision before the first turn of the reactor."""
        if self.configuration.settings != self.file.settings:
            self.finish(self.apply(self.configuration.settings))
        self.world.settle()

    async def apply(self, settings: Settings) -> list[str]:
        return await self.reload.apply(settings)

    def restart(self, down: float = 0.0) -> None:
        """kill -9, `down` seconds of nothing, a new start."""
        self.configuration.stop()
        self.world.clock.rightNow += down  # nothing runs meanwhile
        self.world.crash()
        self.begin()

    def start_work(self, work: Coroutine[Any, Any, Any]) -> list[Any]:
        """Begin something; its result or Failure will be in the list."""
        results: list[Any] = []
        Deferred.fromCoroutine(work).addBoth(results.append)
        return results

    def finish(self, work: Coroutine[Any, Any, Any], seconds: float = 3) -> Any:
        """Something that comes to its end; raises what it raised."""
        results = self.start_work(work)
        self.world.settle(seconds)
        (result,) = results
        if isinstance(result, Failure):
            result.raiseException()
        return result

    # ------------------------------------------------------------------ operators

    def edit(self, action: str, *arguments: Any, by: str = "ops") -> list[str]:
        """An edit in the session of an operator."""

        def act(candidate: Candidate) -> None:
            getattr(candidate, action)(*arguments)

        return self.configuration.edit(by, by, act)

    def commit(self, comment: str = "", minutes: float = 0, by: str = "ops") -> Committed:
        committed = self.finish(self.configuration.commit(by, by, comment, minutes))
        assert isinstance(committed, Committed)
        return committed

    def refused(self, work: Coroutine[Any, Any, Any]) -> str:
        """Why something is refused."""
        try:
            self.finish(work)
        except EditError as error:
            return str(error)
        raise AssertionError("it was not refused")

    def new_account(self, name: str = "new", by: str = "ops") -> None:
        self.edit("add", "account", name, {"password_hash": HASH}, by=by)

    def may_bind(self, name: str) -> bool:
        """An account is there and enabled, and binds."""
        found = self.world.relay.accounts.get(name)
        if found is None or not found.settings.enabled:
            return False
        esme = self.world.esme(name)
        bound = esme.bind_status == 0
        if bound:
            esme.unbind()
            self.world.settle()
        return bound


HASH = "scrypt$16384$8$1$AAAAAAAAAAAAAAAAAAAAAA$v7dCKJJTWcwDJCNIBH_UNscvxo7L97fhqLlMFPlvIaE"
"""Of the password `pw`."""
