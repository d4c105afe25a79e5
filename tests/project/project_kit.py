"""The source tree as data, for tests about the project itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "smppgw"


@frozen
class Module:
    """One parsed source file; `name` is dotted, a package has the name of its folder."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    @property
    def shown(self) -> str:
        return str(self.path.relative_to(ROOT))


def module_of(path: Path) -> Module:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    return Module(".".join(parts), path, ast.parse(path.read_text(), str(path)))


MODULES = [module_of(path) for path in sorted(PACKAGE.rglob("*.py"))]
NAMES = {module.name for module in MODULES}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.AST) -> Iterator[Function]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imports(module: Module, *, executed_at_import: bool = False) -> Iterator[tuple[str, int]]:
    """(absolute dotted name, line) of everything a module imports, wherever it does.

    A name imported from one of our packages is told as the module it comes from when it is one.
    With `executed_at_import`, only what runs when the module is imported.
    """
    nodes = _at_import(module.tree) if executed_at_import else ast.walk(module.tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(module, node)
            for alias in node.names:
                yield f"{base}.{alias.name}", node.lineno


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    up = node.level - (1 if module.is_package else 0)
    base = parts[: len(parts) - up]
    return ".".join([*base, node.module] if node.module else base)


def _at_import(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a module without the bodies of its functions."""
    for child in ast.iter_child_nodes(tree):
        yield child
        if not isinstance(child, Function | ast.Lambda):
            yield from _at_import(child)
