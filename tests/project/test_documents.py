"""README, changelog and docstrings say what is there."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

import pytest
from project_kit import MODULES, ROOT, Function, Module

from smppgw._version import __version__

README = (ROOT / "README.md").read_text()
TEXTS = sorted(
    path
    for folder in ("smppgw", "conf", "scripts", "tests", ".ci")
    for path in (ROOT / folder).rglob("*")
    if path.is_file() and path.suffix in {"", ".py", ".sh", ".toml"}
) + [ROOT / name for name in ("README.md", "CHANGELOG.md", "setup.cfg", "pyproject.toml")]
SCRIPTS = sorted(path for path in (ROOT / "scripts").iterdir() if not path.suffix)


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


# ---------------------------------------------------------------- README


def code_blocks() -> list[str]:
    """The indented and the fenced blocks of the README."""
    fenced = re.findall(r"^```\w*\n(.*?)^```", README, re.S | re.M)
    return [*fenced, *re.findall(r"(?:^ {4}\S.*\n)+", README, re.M)]


def commands() -> set[tuple[str, tuple[str, ...]]]:
    """(command of smppgw, its options) wherever the README shows one."""
    found = set()
    for line in "\n".join(code_blocks()).splitlines():
        match = re.match(r"\s*(?:\$ )?(?:\.venv/bin/)?smppgw ((?:simulate )?[a-z]+)([^#\n]*)", line)
        if match:
            found.add((match[1], tuple(re.findall(r"(?<!\S)--?[a-z]+", match[2]))))
    return found


def smppgw(*words: str) -> str:
    """What the command line says to `words`."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "smppgw", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_readme_shows_commands() -> None:
    assert {name for name, _ in commands()} >= {"run", "check", "send", "encode", "dlr"}


def test_the_commands_of_the_readme_exist() -> None:
    for name, options in sorted(commands()):
        *group, last = name.split()
        listed = smppgw(*group, "--help")
        assert re.search(rf"\b{last}\b", listed), f"smppgw {name} is not in smppgw --help"
        described = smppgw(*group, last, "--help") if options else ""
        for option in options:
            assert re.search(rf"(?<!\S){option}\b", described), f"smppgw {name} has no {option}"


def test_the_table_of_commands_is_whole() -> None:
    listed = set(re.findall(r"^    ([a-z]+) +\w", smppgw("--help"), re.M))
    rows = "".join(re.findall(r"^\| `smppgw .*\n", README, re.M))
    assert len(listed) > 5
    assert set(re.findall(r"`smppgw ([a-z]+)", rows)) == listed


@pytest.mark.parametrize("name", ["encode", "dlr", "simulate carrier --persona list"])
def test_what_the_readme_shows_is_what_is_printed(name: str) -> None:
    text = re.sub(r"^ {4}", "", README, flags=re.M)
    shown = re.findall(rf"^\$ (smppgw {name}\b.*)\n", text, re.M)
    assert shown
    for command in shown:
        words = shlex.split(command)[1:]
        assert f"$ {command}\n{smppgw(*words)}" in text


def test_the_scripts_of_the_readme_exist() -> None:
    named = set(re.findall(r"\bscripts/\w+", README))
    assert named >= {"scripts/run", "scripts/test", "scripts/check"}
    for name in named:
        assert os.access(ROOT / name, os.X_OK), f"{name} cannot be run"


def test_the_files_and_folders_of_the_readme_exist() -> None:
    named = set(re.findall(r"`((?:smppgw|conf|tests)/[\w./]*)`", README))
    assert len(named) > 5
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_the_configuration_keys_of_the_readme_exist() -> None:
    sample = (ROOT / "conf" / "smppgw.toml").read_text()
    keys = "unknown_outcome max_queue delivery_validity password receipt_format alphabets"
    keys += " shift_languages data_codings concatenation maximum_parts class_style class_fallback"
    for key in (*keys.split(), "long_mo", "mo_wait"):
        assert key in README
        assert re.search(rf"^#?{key} = ", sample, re.M)


def test_the_python_of_the_readme_runs() -> None:
    sources = re.findall(r"^```python\n(.*?)^```", README, re.S | re.M)
    scope: dict[str, object] = {}
    for source in sources:
        exec(source, scope)  # noqa: S102
    assert "Weather" in scope
    assert scope["events"] == []
    assert isinstance(scope["to_send"], bytes)


def test_links_of_the_documents_lead_somewhere() -> None:
    for document in (README, (ROOT / "CHANGELOG.md").read_text()):
        for target in re.findall(r"\]\(([^)#]+)\)", document):
            assert target.startswith("https://") or (ROOT / target).exists(), target


# ---------------------------------------------------------------- changelog, licence, metadata


def test_the_changelog_has_the_version() -> None:
    newest = re.search(r"^## \[([\d.]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert newest is not None
    assert newest[1] == __version__


def test_licence_and_metadata_agree() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert setup["metadata"]["license"] == "MIT"
    licence = (ROOT / "LICENSE").read_text()
    assert licence.startswith("MIT License")
    assert "The smppgw authors" in licence


def test_the_oldest_python_is_said_once() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert setup["options"]["python_requires"] == ">=3.11"
    ruff = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]
    assert ruff["target-version"] == "py311"
    assert "Python 3.11 or later" in README


# ---------------------------------------------------------------- scripts


@pytest.mark.parametrize("script", SCRIPTS, ids=shown)
def test_scripts_stop_at_the_first_error(script: Path) -> None:
    lines = script.read_text().splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert "set -euo pipefail" in lines
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True)  # noqa: S603, S607


# ---------------------------------------------------------------- docstrings and words


@pytest.mark.parametrize(
    "module",
    [one for one in MODULES if one.path.stat().st_size and one.name != "smppgw._version"],
    ids=lambda module: module.shown,
)
def test_modules_and_public_names_have_docstrings(module: Module) -> None:
    missing = [] if ast.get_docstring(module.tree) else [f"{module.shown} itself"]
    missing += [
        f"{module.shown}:{node.lineno} {node.name}"
        for node in public(module.tree)
        if not ast.get_docstring(node)
    ]
    assert missing == []


def public(tree: ast.Module) -> Iterator[Function | ast.ClassDef]:
    """Public classes and functions, and the public methods of public classes.

    Left out: setters, and methods that a base class or a Protocol of the module explains.
    """
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in tree.body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            yield node
    for owner in classes.values():
        if owner.name.startswith("_"):
            continue
        for node in owner.body:
            if (
                isinstance(node, Function)
                and not node.name.startswith("_")
                and not any(getattr(one, "attr", "") == "setter" for one in node.decorator_list)
                and not explained(node.name, owner, classes)
            ):
                yield node


def explained(name: str, owner: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> bool:
    """A base class, or a Protocol of the module, documents this method."""
    bases = {getattr(base, "id", "") for base in owner.bases}
    for above in classes.values():
        if above.name in bases or "Protocol" in ast.unparse(above).partition("\n")[0]:
            methods = [one for one in above.body if isinstance(one, Function) and one.name == name]
            if any(map(ast.get_docstring, methods)):
                return True
            if above.name in bases and explained(name, above, classes):
                return True
    return False


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.shown)
def test_names_say_what_is_inside(module: Module) -> None:
    names = [
        module.path.stem,
        *(node.name for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef)),
    ]
    pattern = re.compile(r"util|helper|manager|misc|common", re.I)
    assert [name for name in names if pattern.search(name)] == []


WORDS = {
    "unfinished": "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "NotImplemented" + "Error")),
    "a machine path": r"(?<![\w.])/(?:"
    + "|".join(("work", "home", "root", "farm", "Users"))
    + ")/|"
    r"(?<![\w.])/tmp/\w",
    "a skipped test": r"mark\.(?:sk" + r"ip|xf" + "ail)",
}


@pytest.mark.parametrize("path", TEXTS, ids=shown)
def test_nothing_is_unfinished_and_no_path_of_one_machine(path: Path) -> None:
    text = path.read_text()
    for what, pattern in WORDS.items():
        hits = [
            f"{shown(path)}:{number} {line.strip()}"
            for number, line in enumerate(text.splitlines(), 1)
            if re.search(rf"\b(?:{pattern})" if what == "unfinished" else pattern, line)
        ]
        assert hits == [], what
