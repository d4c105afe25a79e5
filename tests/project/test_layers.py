"""The layers: who may import whom, and what pure code may not touch."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
from project_kit import MODULES, Module, imports, module_of

OPEN = ("smppgw.app", "smppgw.cli", "smppgw.__main__")
"""Composition: may import everything."""
LAYERS = (
    "smppgw.smpp.wire",
    "smppgw.smpp.session",
    "smppgw.smpp.net",
    "smppgw.sms",
    "smppgw.core",
    "smppgw.features",
    "smppgw.ops",
    "smppgw.simulator",
)
OURS = {
    "smppgw.smpp.wire": (),
    "smppgw.smpp.session": ("smppgw.smpp.wire",),
    "smppgw.smpp.net": ("smppgw.smpp.session", "smppgw.smpp.wire"),
    "smppgw.sms": (),
    "smppgw.core": ("smppgw.smpp", "smppgw.sms"),
    "smppgw.features": ("smppgw.core", "smppgw.sms"),
    "smppgw.ops": ("smppgw.core",),
    "smppgw.simulator": ("smppgw.smpp", "smppgw.sms"),
}
"""Layer -> what else of ours it may import."""
TWISTED = frozenset({"twisted", "zope", "attrs"})
THEIRS = {
    "smppgw.smpp.wire": frozenset({"attrs"}),
    "smppgw.smpp.session": frozenset({"attrs"}),
    "smppgw.smpp.net": TWISTED | {"OpenSSL"},
    "smppgw.sms": frozenset({"attrs"}),
    "smppgw.core": TWISTED | {"msgpack"},
    "smppgw.features": TWISTED,
    "smppgw.ops": TWISTED | {"OpenSSL", "cryptography", "prometheus_client", "tomli_w"},
    "smppgw.simulator": TWISTED,
}
"""Layer -> which packages of others it may import."""
PURE = ("smppgw.smpp.wire", "smppgw.smpp.session", "smppgw.sms")
IMPURE = frozenset(
    {
        "asyncio", "io", "logging", "os", "pathlib", "random", "sched", "secrets", "select",
        "selectors", "signal", "socket", "socketserver", "sqlite3", "ssl", "subprocess",
        "tempfile", "threading", "time", "uuid", "warnings",
    }
)  # fmt: skip
CLOCKS = frozenset({"now", "utcnow", "today"})


def layer_of(name: str) -> str | None:
    return next((one for one in LAYERS if name == one or name.startswith(one + ".")), None)


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def faults(module: Module) -> list[str]:
    """What a module imports and may not."""
    layer = layer_of(module.name)
    found = []
    for name, line in imports(module):
        top = name.partition(".")[0]
        if top == "smppgw":
            wrong = not _ours_allowed(module.name, layer, name)
        elif top == "__future__" or top in sys.stdlib_module_names:
            wrong = layer in PURE and top in IMPURE
        else:
            wrong = layer is not None and top not in THEIRS[layer]
        if wrong:
            found.append(f"{module.shown}:{line} imports {name}")
    return found


def _ours_allowed(importer: str, layer: str | None, name: str) -> bool:
    if any(within(importer, one) for one in OPEN) or name == "smppgw._version.__version__":
        return True
    if layer is None:  # the empty packages between the layers
        return False
    if layer == "smppgw.features":
        # A feature is a slice: it sees itself, never another one.
        slice_ = ".".join(importer.split(".")[:3])
        if within(name, slice_):
            return True
    elif within(name, layer):
        return True
    return any(within(name, package) for package in OURS[layer])


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.shown)
def test_a_module_imports_only_what_its_layer_may(module: Module) -> None:
    assert faults(module) == []


@pytest.mark.parametrize(
    "module", [one for one in MODULES if layer_of(one.name) in PURE], ids=lambda one: one.shown
)
def test_pure_code_reads_no_clock_and_opens_nothing(module: Module) -> None:
    calls = [node for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
    for call in calls:
        function = call.func
        where = f"{module.shown}:{call.lineno}"
        if isinstance(function, ast.Attribute):
            assert function.attr not in CLOCKS, f"{where} reads a clock"
        elif isinstance(function, ast.Name):
            assert function.id not in {"open", "print", "input"}, f"{where} does I/O"


@pytest.mark.parametrize(
    "module",
    [one for one in MODULES if not within(one.name, "smppgw.cli")],
    ids=lambda one: one.shown,
)
def test_no_module_imports_the_reactor(module: Module) -> None:
    named = [
        line
        for name, line in imports(module, executed_at_import=True)
        if name.startswith("twisted.internet.reactor")
    ]
    assert named == [], "a reactor is an argument; only cli.py knows the real one"


def test_every_folder_has_a_layer() -> None:
    known = {"smppgw", "smppgw._version", "smppgw.smpp"}
    homeless = [
        one.name
        for one in MODULES
        if layer_of(one.name) is None
        and one.name not in known
        and not any(within(one.name, package) for package in OPEN)
    ]
    assert homeless == []


# ---------------------------------------------------------------- the test itself can fail


@pytest.mark.parametrize(
    ("place", "source", "wrong"),
    [
        ("smpp/wire/x.py", "import time", True),
        ("smpp/wire/x.py", "from twisted.logger import Logger", True),
        ("smpp/wire/x.py", "from smppgw.sms import receipt", True),
        ("smpp/wire/x.py", "from ..session import Session", True),
        ("smpp/wire/x.py", "def f():\n    import socket", True),
        ("smpp/wire/x.py", "from .codec import decode", False),
        ("smpp/wire/__init__.py", "from .codec import decode", False),
        ("sms/x.py", "from smppgw.smpp import wire", True),
        ("sms/x.py", "from datetime import datetime", False),
        ("smpp/session/x.py", "from smppgw.smpp.wire import decode", False),
        ("smpp/session/x.py", "from smppgw.smpp.net import listen", True),
        ("smpp/session/x.py", "from random import Random", True),
        ("smpp/net/x.py", "from smppgw.core.message import Message", True),
        ("core/x.py", "from smppgw.ops.config import load", True),
        ("core/x.py", "import smppgw.features.keywords", True),
        ("core/x.py", "import smpplib", True),
        ("core/store/x.py", "from smppgw.core.message import Message", False),
        ("features/keywords/x.py", "from smppgw.features.forward import model", True),
        ("features/keywords/x.py", "from smppgw.features.keywords import model", False),
        ("features/keywords/x.py", "from smppgw.smpp import wire", True),
        ("features/keywords/x.py", "from smppgw.core.message import Message", False),
        ("ops/shell/x.py", "from smppgw.features.keywords import service", True),
        ("simulator/x.py", "from smppgw.core.message import Message", True),
        ("app.py", "from smppgw.ops.config import load", False),
        ("cli/x.py", "from smppgw.app import Gateway", False),
        ("later/x.py", "from smppgw.core.message import Message", True),
    ],
)
def test_the_rules_see_a_wrong_import(
    place: str, source: str, wrong: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("project_kit.ROOT", tmp_path)
    path = tmp_path / "smppgw" / place
    path.parent.mkdir(parents=True)
    path.write_text(source)
    assert bool(faults(module_of(path))) is wrong
