"""Alert rules, dashboard and README name metrics that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from relay_kit import World
from web_kit import SUFFIXES, families

CONF = Path(__file__).parents[2] / "conf"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "var")


@pytest.mark.parametrize("file", ["smppgw.rules.yml", "smppgw-dashboard.json"])
def test_every_metric_that_the_files_name_exists(world: World, file: str) -> None:
    known = {
        family.name + suffix
        for family in families(world).values()
        for suffix in SUFFIXES[family.type]
    }
    named = set(re.findall(r"\b(?:smppgw|process)_[a-z_]+\b", (CONF / file).read_text("utf-8")))
    assert len(named) > 10
    assert named - known == set()


def test_the_labels_that_the_files_name_exist(world: World) -> None:
    known = {label for one in families(world).values() for s in one.samples for label in s.labels}
    for file in ("smppgw.rules.yml", "smppgw-dashboard.json"):
        text = (CONF / file).read_text("utf-8")
        used = {
            name for group in re.findall(r"\bby ?\(([^)]*)\)", text) for name in group.split(", ")
        }
        assert used
        assert used <= known | {"instance"}


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    board = json.loads((CONF / "smppgw-dashboard.json").read_text("utf-8"))
    assert board["uid"] == "smppgw"
    panels = [panel for panel in board["panels"] if panel["type"] != "row"]
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    for panel in panels:
        assert panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert all(target["expr"] for target in panel["targets"])


def test_every_alert_says_what_it_means() -> None:
    text = (CONF / "smppgw.rules.yml").read_text("utf-8")
    alerts = text.split("- alert: ")[1:]
    assert len(alerts) >= 8
    for alert in alerts:
        for key in ("expr:", "for:", "severity:", "summary:", "description:"):
            assert key in alert, alert


def test_the_readme_names_every_metric_of_ours(world: World) -> None:
    (table,) = re.findall(
        r"(?m)^\| about \|.*\n(?:\|.*\n)+", (CONF.parent / "README.md").read_text()
    )
    named = set(re.findall(r"`([a-z_]+)`", table))
    known = {
        name.removeprefix("smppgw_") + ("_total" if family.type == "counter" else "")
        for name, family in families(world).items()
        if name.startswith("smppgw_")
    }
    assert named == known - {"info"}
