"""Which carrier takes a message to a destination.

Owns: the longest-prefix table, the order of carrier groups, the sharing of load inside a group.
Refuses to know: whether a carrier is usable (asked of the caller) and what happens to a message
that has to wait.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable

from attrs import define, frozen

from smppgw.core.settings import RouteSettings

Usable = Callable[[str], bool]
Groups = tuple[tuple[str, ...], ...]


@define(eq=False)
class _Group:
    """Carriers that share a load in turn; routes that name the same group share its turn."""

    members: tuple[str, ...]
    turn: int = 0

    def in_turn(self) -> tuple[str, ...]:
        return self.members[self.turn :] + self.members[: self.turn]

    def take(self, usable: Usable, tried: Collection[str]) -> str | None:
        members = self.members
        size = len(members)
        if size == 1:
            name = members[0]
            return name if name not in tried and usable(name) else None
        for offset in range(size):
            index = (self.turn + offset) % size
            name = members[index]
            if name not in tried and usable(name):
                self.turn = (index + 1) % size
                return name
        return None


@frozen(eq=False)
class _Route:
    prefix: str
    names: Groups
    groups: tuple[_Group, ...]


@frozen
class Match:
    """A route: its prefix, and its groups of carriers in the order in which they are tried."""

    prefix: str
    groups: Groups


class Router:
    """The routes in force; never changed, replaced as a whole by a reload.

    The longest prefix that starts the destination wins; the empty prefix matches everything.
    Carriers are tried group by group; inside a group they take turns, and a carrier named twice
    gets two turns. A look-up is one binary search, whatever the number and lengths of prefixes.
    Raises ValueError when two routes have the same prefix.
    """

    __slots__ = ("_beside", "_count", "_routes", "_starts")

    def __init__(self, routes: Iterable[RouteSettings] = ()) -> None:
        groups: dict[tuple[str, ...], _Group] = {}
        table: dict[str, _Route] = {}
        for settings in routes:
            if settings.prefix in table:
                raise ValueError(f"two routes have the prefix {settings.prefix!r}")
            names = tuple(tuple(group) for group in settings.carriers if group)
            table[settings.prefix] = _Route(
                settings.prefix,
                names,
                tuple(groups.setdefault(members, _Group(members)) for members in names),
            )
        self._beside: dict[str, set[str]] = {}
        for route in table.values():
            together = {name for members in route.names for name in members}
            for name in together:
                self._beside.setdefault(name, set()).update(together - {name})
        self._count = len(table)
        self._starts, self._routes = _intervals(table)

    def __len__(self) -> int:
        return self._count

    def groups(self, destination: str) -> Groups:
        """Return the carrier names for `destination`, in groups; () when it has no route."""
        route = self._find(destination)
        return () if route is None else route.names

    def beside(self, name: str) -> Collection[str]:
        """Return the carriers that some route names together with this one."""
        return self._beside.get(name, ())

    def choose(self, destination: str, usable: Usable, tried: Collection[str] = ()) -> str | None:
        """Return the carrier that takes the message, or None when there is none (left).

        The first group with a usable carrier gives it, the next in its turn. When no carrier is
        usable: the first one, in the order of the route, that is not in `tried`: the message is
        held there. None: no route, or every carrier of the route is in `tried`.
        """
        route = self._routes[bisect_right(self._starts, destination)]
        if route is None:
            return None
        for group in route.groups:
            name = group.take(usable, tried)
            if name is not None:
                return name
        return _first_untried(route, tried)

    def match(self, destination: str) -> Match | None:
        """The route of a destination, its groups as they would be asked now; None for none."""
        route = self._find(destination)
        if route is None:
            return None
        return Match(route.prefix, tuple(group.in_turn() for group in route.groups))

    def table(self, beginning: str, limit: int) -> list[Match]:
        """The first `limit` routes, by prefix, of those whose prefix has this beginning."""
        found: list[Match] = []
        for place in range(bisect_left(self._starts, beginning), len(self._starts)):
            start, route = self._starts[place], self._routes[place + 1]
            if not start.startswith(beginning) or len(found) == limit:
                break
            if route is not None and route.prefix == start:  # else one goes on after a longer one
                found.append(Match(start, route.names))
        return found

    def _find(self, destination: str) -> _Route | None:
        return self._routes[bisect_right(self._starts, destination)]


def _first_untried(route: _Route, tried: Collection[str]) -> str | None:
    for group in route.groups:
        for name in group.members:
            if name not in tried:
                return name
    return None


def _intervals(table: dict[str, _Route]) -> tuple[list[str], list[_Route | None]]:
    """Flatten nested prefixes into sorted starts; `routes[i + 1]` rules from `starts[i]` on.

    All strings that start with a prefix lie, in string order, between the prefix and its successor
    (the prefix with its last character raised by one); a longer prefix interrupts a shorter one.
    """
    ruling: dict[str, _Route | None] = {}
    nested: list[_Route] = []

    def close() -> None:
        prefix = nested.pop().prefix
        if prefix:
            successor = prefix[:-1] + chr(ord(prefix[-1]) + 1)
            ruling[successor] = nested[-1] if nested else None

    for prefix in sorted(table):
        while nested and not prefix.startswith(nested[-1].prefix):
            close()
        nested.append(table[prefix])
        ruling[prefix] = table[prefix]
    while nested:
        close()
    # A later start replaces an equal earlier one, and starts only grow: insertion order is sorted.
    return list(ruling), [None, *ruling.values()]
