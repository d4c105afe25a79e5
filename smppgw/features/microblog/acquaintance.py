"""Users whose rows were read a short time ago.

Owns: these rows in memory, as they stand in the table. Refuses to know: SQL (`users`).

Whoever writes a row says so here. When rows that were written did not stay (`Host.undone`), all is
forgotten: it may never have been.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from smppgw.core.plugin import Host

if TYPE_CHECKING:
    from smppgw.features.microblog.users import User

KNOWN = 5_000
"""Users in memory."""


class Acquaintance:
    """Users by id, phone and folded name; None for one who has to be read."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._users: OrderedDict[int, User] = OrderedDict()
        self._phones: dict[str, int] = {}
        self._names: dict[str, int] = {}
        self._undone = 0

    def __len__(self) -> int:
        return len(self._users)

    def by_id(self, number: int) -> User | None:
        """The user with an id."""
        if self._undone != self._host.undone:
            self.clear()
            return None
        found = self._users.get(number)
        if found is not None:
            self._users.move_to_end(number)
        return found

    def by_phone(self, phone: str) -> User | None:
        """Whose phone this is."""
        found = self.by_id(self._phones.get(phone, 0))
        return found if found is not None and found.phone == phone else None

    def by_name(self, folded: str) -> User | None:
        """Who is called so."""
        found = self.by_id(self._names.get(folded, 0))
        return found if found is not None and found.folded == folded else None

    def meet(self, user: User) -> User:
        """A row, as it was read or written."""
        if self._undone != self._host.undone:
            self.clear()
        number = user.id
        self.forget(number)
        for index, key in ((self._phones, user.phone), (self._names, user.folded)):
            if key is not None:
                if key in index:  # the row of somebody else was replaced, or is another one now
                    self.forget(index[key])
                index[key] = number
        self._users[number] = user
        if len(self._users) > KNOWN:
            self._lose(self._users.popitem(last=False)[1])
        return user

    def forget(self, number: int) -> None:
        """A row is gone."""
        user = self._users.pop(number, None)
        if user is not None:
            self._lose(user)

    def _lose(self, user: User) -> None:
        for index, key in ((self._phones, user.phone), (self._names, user.folded)):
            if key is not None and index.get(key) == user.id:
                del index[key]

    def clear(self) -> None:
        """Forget everybody."""
        self._users.clear()
        self._phones.clear()
        self._names.clear()
        self._undone = self._host.undone
