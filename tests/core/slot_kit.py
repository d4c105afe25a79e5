"""A gateway with a feature that answers, and what it saw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mo_kit import said
from relay_kit import World
from relay_peers import PHONE

from smppgw.core.command import Command
from smppgw.core.plugin import Feature, Host, Mo, Mt, State
from smppgw.core.settings import NumberSettings

NUMBERS = (
    NumberSettings(address="38100", carrier="a", profile="campaign", account="esme"),
    NumberSettings(address="38200", account="esme"),
)
COUNT = "SELECT phone, words FROM echo_heard ORDER BY id"


class Echo:
    """Answers `say X` with X, takes `quiet`, fails at `bug`, and leaves everything else."""

    name = "echo"
    migrations = (
        "CREATE TABLE echo_heard (id INTEGER PRIMARY KEY, phone TEXT, words TEXT NOT NULL)",
    )

    def __init__(self, host: Host) -> None:
        self.host = host
        self.seen: list[Mo] = []
        self.ends: list[tuple[int, State, str]] = []
        self.sent: list[int] = []
        self.running = False

    def commands(self) -> list[Command]:
        return []

    def start(self) -> None:
        self.running = True

    def stop(self) -> None:
        self.running = False

    def take(self, mo: Mo) -> bool:
        self.seen.append(mo)
        words = mo.text
        self.host.change("INSERT INTO echo_heard VALUES (?, ?, ?)", (mo.id, mo.source, words))
        if words == "bug":
            self.reply(mo, "never")
            raise KeyError("bug")
        if words.startswith("say "):
            self.reply(mo, words[4:])
        return words == "quiet" or words.startswith("say ")

    def reply(self, mo: Mo, text: str, **fields: Any) -> None:
        mt = Mt(mo.number.address, mo.source, text, carrier=mo.carrier, **fields)
        self.sent.append(self.host.send(mt))

    def ended(self, message: int, state: State, error: str) -> None:
        self.ends.append((message, state, error))


class Place:
    """A gateway with the feature, and what came of a message."""

    def __init__(self, directory: Path, **rest: Any) -> None:
        self.made: list[Echo] = []
        rest.setdefault("numbers", NUMBERS)
        rest.setdefault("features", (self.make,))
        self.world = World(directory / "var", **rest)

    def make(self, host: Host) -> Feature:
        self.made.append(Echo(host))
        return self.made[-1]

    @property
    def echo(self) -> Echo:
        return self.made[-1]

    @property
    def heard(self) -> list[tuple[str, str]]:
        return self.world.engine.select(COUNT)

    @property
    def texts(self) -> list[str]:
        received = self.world.simulated["a"].received
        return [said(one.pdu) for one in received if one.destination == PHONE]
