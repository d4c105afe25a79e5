"""Rows that are changed at once: pieces of work of which all stays, or nothing.

Owns: the open transaction of the commit being filled, and the list of what it wrote.
Refuses to know: when a commit is (see `group_commit`), the journal, and what the rows mean.

A piece of work reads what it wrote, and so does everybody on the same connection. Its rows may
reach the disk only behind the record that speaks of them (see `engine`): until then the
transaction stays open.
"""

from __future__ import annotations

import sqlite3
from typing import Any

Change = tuple[str, tuple[Any, ...]]
"""A statement and its values."""
ENDED = "the disk ended the transaction"


class ChangesLost(Exception):
    """Rows could not be written although their record is on disk; `changes` have to be repeated."""

    def __init__(self, reason: str, changes: list[Change]) -> None:
        super().__init__(reason)
        self.changes = changes


class Changes:
    """The transaction of one connection; what raises sqlite3.Error changes nothing."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.made: list[Change] = []
        """What the next record has to say."""
        self._mark = 0
        self.undone = 0
        """How often rows that were written did not stay, or not yet."""
        self._ended = False
        """A full disk ended the transaction, and took with it what was finished before."""

    def begin(self) -> None:
        """Begin a piece of work; raises sqlite3.Error."""
        self._mark = len(self.made)
        if self._ended:
            raise sqlite3.OperationalError(ENDED)
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")

    def write(self, sql: str, values: tuple[Any, ...] = ()) -> None:
        """Write within a piece of work; raises sqlite3.Error.

        `sql` is a constant of the program. After a crash it may be carried out a second time, in
        the same order with all others: it sets values, and never counts them up. What a constraint
        then refuses is there already.
        """
        self._connection.execute(sql, values)
        self.made.append((sql, values))

    def undo(self) -> None:
        """Nothing of the piece of work stays; what was finished before it is written again.

        A savepoint for each piece would cost all of them more than this costs the few that fail.
        """
        self.undone += 1
        wrote = len(self.made) > self._mark
        del self.made[self._mark :]
        try:
            if wrote and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
                self._connection.execute("BEGIN IMMEDIATE")
                for sql, values in self.made:
                    self._connection.execute(sql, values)
        except sqlite3.Error:
            self._roll_back()
        self._ended = not self._connection.in_transaction

    def keep(self) -> None:
        """The record is on disk: let the rows follow; raises ChangesLost."""
        made, self.made = self.made, []
        ended, self._ended = self._ended, False
        try:
            if ended:
                raise sqlite3.OperationalError(ENDED)
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self.undone += 1
            self._roll_back()
            raise ChangesLost(str(error), made) from error

    def drop(self) -> None:
        """There is no record: nothing stays of any piece of work that was not kept."""
        self.undone += 1
        self.made = []
        self._ended = False
        self._roll_back()

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
