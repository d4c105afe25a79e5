"""What of the commands is there for an operator who is limited to accounts.

Owns: that a command which does not promise to respect the limit cannot be used, and that no list of
values tells of anything else.
Refuses to know: what commands show (each keeps its promise itself), roles.
"""

from __future__ import annotations

from functools import partial

from attrs import evolve

from smppgw.core.command import Argument, Command, Operator
from smppgw.ops.shell.registry import Registry


def narrowed(command: Command, operator: Operator) -> Command | None:
    """A command as it is there for an operator; None when it is not."""
    if not operator.accounts:
        return command
    if not command.scoped:
        return None
    found = [_narrowed(one, operator) for one in command.arguments]
    if any(one.required for one, new in zip(command.arguments, found, strict=True) if new is None):
        return None
    return evolve(command, arguments=tuple(one for one in found if one is not None))


def _narrowed(argument: Argument, operator: Operator) -> Argument | None:
    """An argument that lists nothing else; None where only a list says what is right."""
    if argument.seen is not None:
        return evolve(argument, values=partial(argument.seen, operator), begun=None)
    if argument.values is not None and argument.strict:
        return None
    return evolve(argument, values=None, begun=None)


def there_for(registry: Registry, operator: Operator) -> Registry:
    """The commands that are there for an operator, whatever the role."""
    if not operator.accounts:
        return registry
    found = (narrowed(one, operator) for one in registry.commands())
    return Registry(one for one in found if one is not None)
