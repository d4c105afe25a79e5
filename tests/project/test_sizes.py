"""Files and functions stay small enough to be read."""

from __future__ import annotations

import pytest
from project_kit import MODULES, Module, functions

FILE = 420
"""The rule is 400 lines; a little more is better than a split in the wrong place."""
FUNCTION = 60
"""Lines after the one that names it."""


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.shown)
def test_a_file_fits_in_a_room(module: Module) -> None:
    assert len(module.path.read_text().splitlines()) <= FILE


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.shown)
def test_a_function_fits_on_a_screen(module: Module) -> None:
    long = {
        f"{one.name} (line {one.lineno})": length
        for one in functions(module.tree)
        if (length := (one.end_lineno or one.lineno) - one.lineno) > FUNCTION
    }
    assert long == {}
