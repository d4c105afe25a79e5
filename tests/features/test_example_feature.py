"""The example of the README works as it is printed, beside the features that come with us."""

from __future__ import annotations

from pathlib import Path

from mo_kit import come, said, statuses
from relay_kit import World, account, carrier
from relay_peers import mo
from weather_feature import Weather

from smppgw.app import FEATURES
from smppgw.core.settings import NumberSettings
from smppgw.ops.shell.registry import Registry

ROOT = Path(__file__).parents[2]
PHONE = "33639980001"


def world_of(directory: Path) -> World:
    return World(
        directory / "var",
        carriers=(carrier("a", enquire_link=3600.0),),
        accounts=(account("esme"),),
        numbers=(
            NumberSettings(address="38100", carrier="a", account="esme", profile="forward"),
            NumberSettings(address="40404", carrier="a", profile="microblog"),
        ),
        features=(*FEATURES, Weather),
    )


def text(world: World, words: bytes, number: str = "38100") -> list[str]:
    """What the phone gets for a text."""
    before = len(list(world.simulated["a"].received))
    assert statuses(come(world, mo(words, number, source_addr=PHONE))) == [0]
    world.settle(3)
    return [said(one.pdu) for one in list(world.simulated["a"].received)[before:]]


def test_a_keyword_is_answered_and_counted(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    assert text(world, b"weather Lille") == ["lille: sunny, 21 degrees. Asked 1 times."]
    world.crash()
    assert text(world, b"Weather lille") == ["lille: sunny, 21 degrees. Asked 2 times."]


def test_what_it_does_not_want_goes_on(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    esme = world.esme("esme")
    assert text(world, b"hello") == []
    assert [one.short_message for one in esme.delivered] == [b"hello"]
    assert text(world, b"START", "40404")[0].startswith("Welcome to smppgw!")


def test_no_two_features_add_the_same_command(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    registry = Registry()
    for feature in world.slot.features:
        registry.add(feature.commands())
    assert len(registry.commands()) > 30


def test_it_is_short_and_as_printed() -> None:
    source = (Path(__file__).parent / "weather_feature.py").read_text()
    assert len(source.splitlines()) <= 30
    readme = (ROOT / "README.md").read_text()
    assert source in readme
