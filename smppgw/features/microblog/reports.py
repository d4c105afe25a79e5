"""What members report, until an operator has decided about it.

Owns: these rows. Refuses to know: what a decision does to an account (`commands`).
"""

from __future__ import annotations

from attrs import frozen

from smppgw.core.plugin import Host


@frozen
class Report:
    """One report; `post` is the last of the user at that time, 0 for none. `decision` "": open."""

    id: int
    at: int
    reporter: int
    user: int
    post: int
    decision: str
    decided_by: str
    decided_at: int


_SELECT = (
    "SELECT id, at, reporter, user, post, decision, decided_by, decided_at FROM microblog_report"
)


class Reports:
    """The reports of one microblog; what is written is written in a piece of work."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def add(self, reporter: int, user: int, post: int) -> None:
        """Somebody reports somebody; the same again while it is open is nothing new."""
        known = self._host.query(
            "SELECT 1 FROM microblog_report WHERE user = ? AND reporter = ? AND decision = ''",
            (user, reporter),
        )
        if not known:
            self._host.change(
                "INSERT INTO microblog_report"
                " (id, at, reporter, user, post, decision, decided_by, decided_at)"
                " VALUES (?, ?, ?, ?, ?, '', '', 0)",
                (self._host.next_id(), self._host.now(), reporter, user, post),
            )

    def open(self, limit: int) -> list[Report]:
        """Those that nobody has decided about, the oldest first."""
        rows = self._host.query(f"{_SELECT} WHERE decision = '' ORDER BY id LIMIT ?", (limit,))
        return [Report(*row) for row in rows]

    def get(self, number: int) -> Report | None:
        """The report with an id."""
        rows = self._host.query(f"{_SELECT} WHERE id = ?", (number,))
        return Report(*rows[0]) if rows else None

    def decide(self, user: int, decision: str, operator: str) -> None:
        """Every open report about a user is decided."""
        self._host.change(
            "UPDATE microblog_report SET decision = ?, decided_by = ?, decided_at = ?"
            " WHERE user = ? AND decision = ''",
            (decision, operator, self._host.now(), user),
        )
