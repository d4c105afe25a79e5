"""Messages that go to somebody's web server as well: one POST of JSON for each.

Owns: what waits to be posted, when it is tried again, and that a server that fails is left alone
for a while. What waits is in the store: it is posted once or, after a crash, perhaps twice.
Refuses to know: which messages are posted (`service`), and HTTP (`core.http_post`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from attrs import frozen
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from smppgw.core.command import Call, Column, Command, CommandError, Table
from smppgw.core.plugin import Host

MOST_WAITING = 10_000
"""Posts that wait, of all numbers; what comes then is not posted, and counted."""
AT_ONCE = 8
"""Posts under way."""
FIRST_AGAIN, LAST_AGAIN = 10_000, 3_600_000
"""Milliseconds until the second try, doubled each time, and at most."""
GIVEN_UP_AFTER = 24 * 3_600_000
FAULTS = 5
"""In a row: the server is left alone then for PAUSE, and gets one post to try."""
PAUSE = 60_000
LOOK = 30.0
"""Seconds between two looks at what is due."""
WRITE_AGAIN = 1.0
"""Seconds until what became of a post is written again, when the disk refused it."""
LONGEST_URL = 300

COLUMNS = (
    Column("NUMBER", "number"),
    Column("WEBHOOK", "webhook"),
    Column("WAITING", "waiting", right=True),
    Column("FAULTS IN A ROW", "faults", right=True),
    Column("LAST FAULT", "last"),
)

log = Logger()


@frozen
class Waiting:
    """One row of `keywords_call`; times in milliseconds since 1970."""

    id: int
    url: str
    body: str
    tries: int
    began: int


def url_of(written: str) -> str:
    """A URL as it is kept, "" for none (`off`); raises CommandError."""
    if written in ("", "off"):
        return ""
    try:
        parts = urlsplit(written)
        port = parts.port
    except ValueError as error:
        raise CommandError(f"{written!r} is no URL: {error}", "usage") from error
    fine = parts.scheme in ("http", "https") and parts.hostname and port != 0
    if not fine or not written.isascii() or not written.isprintable() or " " in written:
        raise CommandError("a webhook is a URL, as https://example.com/sms, or off", "usage")
    if parts.username or parts.password or len(written) > LONGEST_URL:
        raise CommandError(f"a URL without a password, {LONGEST_URL} characters at most", "usage")
    return written


class Webhook:
    """The posts of all numbers."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._waiting = 0
        """About as many rows as there are; read anew at each look."""
        self.lost = 0
        """Messages that were not posted: too many waited, or nobody took them for a day."""
        self._busy: set[int] = set()
        self._faults: dict[str, tuple[int, str, int]] = {}
        """URL -> how many faults in a row, the last one, and until when it is left alone."""
        self._woken = False
        self._stopped = True
        self._call: IDelayedCall | None = None

    # ------------------------------------------------------------------ when

    def start(self) -> None:
        """Post what a stop or a crash left."""
        self._stopped = False
        self._look()

    def stop(self) -> None:
        """Begin no post any more."""
        self._stopped = True
        if self._call is not None and self._call.active():
            self._call.cancel()

    def add(self, url: str, phone: str, fields: dict[str, Any]) -> None:
        """Have something posted, in a piece of work: once that is durable."""
        if self._waiting >= MOST_WAITING:
            if not self.lost:
                log.warn("webhooks: {most} wait already; more are dropped", most=MOST_WAITING)
            self.lost += 1
            return
        now = self._host.now()
        self._waiting += 1
        self._host.change(
            "INSERT OR REPLACE INTO keywords_call (id, url, phone, body, tries, began, due)"
            " VALUES (?, ?, ?, ?, 0, ?, ?)",
            (self._host.next_id(), url, phone, json.dumps(fields, ensure_ascii=False), now, now),
        )
        if not self._woken:
            self._woken = True
            # The next commit is behind this one: what it holds is durable then.
            self._host.transact(lambda: None).addBoth(self._wake)

    def _wake(self, result: object) -> None:
        self._woken = False
        self._look()

    def _look(self) -> None:
        """Begin what is due, and look again later."""
        if self._stopped:
            return
        if self._call is not None and self._call.active():
            self._call.cancel()
        now = self._host.now()
        for one in self._due(now):
            if len(self._busy) >= AT_ONCE:
                break
            faults, _, until = self._faults.get(one.url, (0, "", 0))
            if one.id not in self._busy and until <= now:
                if faults >= FAULTS:  # one to see whether it is there again
                    self._faults[one.url] = (faults, "trying", now + PAUSE)
                self._begin(one)
        self._call = self._host.clock.callLater(self._pause(now), self._look)

    def _due(self, now: int) -> list[Waiting]:
        ((self._waiting,),) = self._host.query("SELECT count(*) FROM keywords_call")
        if not self._waiting:
            self._faults.clear()
            return []
        alone = [url for url, (_, _, until) in self._faults.items() if until > now]
        marks = ", ".join("?" * len(alone))
        rows = self._host.query(
            "SELECT id, url, body, tries, began FROM keywords_call WHERE due <= ?"  # noqa: S608
            f" AND url NOT IN ({marks}) ORDER BY due LIMIT ?",
            (now, *alone, 2 * AT_ONCE),
        )
        return [Waiting(*row) for row in rows]

    def _pause(self, now: int) -> float:
        rows = self._host.query("SELECT min(due) FROM keywords_call WHERE due > ?", (now,))
        times = [until for _, _, until in self._faults.values() if until > now]
        times += [rows[0][0]] if rows[0][0] is not None else []
        return min([LOOK, *((one - now) / 1000 for one in times)])

    # ------------------------------------------------------------------ posting

    def _begin(self, one: Waiting) -> None:
        self._busy.add(one.id)
        done = self._host.post(one.url, one.body.encode())
        done.addCallbacks(partial(self._answered, one), partial(self._unanswered, one))
        done.addErrback(partial(self._failed, one))

    def _answered(self, one: Waiting, status: int) -> Any:
        if not 200 <= status < 300:
            return self._fault(one, f"status {status}")
        self._faults.pop(one.url, None)
        return self._write(one, partial(self._remove, one))

    def _unanswered(self, one: Waiting, failure: Failure) -> Any:
        return self._fault(one, failure.type.__name__ if failure.type else "no answer")

    def _fault(self, one: Waiting, what: str) -> Any:
        now = self._host.now()
        count = self._faults.get(one.url, (0, "", 0))[0] + 1
        self._faults[one.url] = (count, what, now + PAUSE if count >= FAULTS else 0)
        if now - one.began >= GIVEN_UP_AFTER:
            self.lost += 1
            host = urlsplit(one.url).hostname  # the rest of it may hold a secret
            log.warn("webhook at {host}: given up after a day: {what}", host=host, what=what)
            work = partial(self._remove, one)
        else:
            work = partial(self._later, one, now)
        return self._write(one, work)

    def _write(self, one: Waiting, work: Callable[[], None]) -> Any:
        """Write what became of a post; until that is written, it is not posted again."""
        done = self._host.transact(work).addCallback(lambda _: self._over(one))
        return done.addErrback(partial(self._not_written, one, work))

    def _over(self, one: Waiting) -> None:
        self._busy.discard(one.id)
        self._look()

    def _not_written(self, one: Waiting, work: Callable[[], None], failure: Failure) -> None:
        """The disk refuses: tried again for as long as it does, and not posted meanwhile."""
        if not self._stopped:
            self._host.clock.callLater(WRITE_AGAIN, self._write, one, work)

    def _remove(self, one: Waiting) -> None:
        self._host.change("DELETE FROM keywords_call WHERE id = ?", (one.id,))

    def _later(self, one: Waiting, now: int) -> None:
        due = now + min(LAST_AGAIN, FIRST_AGAIN << min(one.tries, 20))
        self._host.change(
            "UPDATE keywords_call SET tries = ?, due = ? WHERE id = ?", (one.tries + 1, due, one.id)
        )

    def _failed(self, one: Waiting, failure: Failure) -> None:
        self._busy.discard(one.id)
        log.failure("webhook: what became of a post", failure)

    # ------------------------------------------------------------------ for operators

    def command(self) -> Command:
        """`show webhooks`."""
        return Command(("show", "webhooks"), self._show, "who is told of messages by HTTP, and how")

    def _show(self, call: Call) -> Table:
        rows = []
        known = self._host.query("SELECT address, webhook FROM keywords_number WHERE webhook <> ''")
        for address, url in known:
            faults, last, _ = self._faults.get(url, (0, "", 0))
            ((waiting,),) = self._host.query(
                "SELECT count(*) FROM keywords_call WHERE url = ?", (url,)
            )
            values = {"number": address, "webhook": url, "waiting": waiting}
            rows.append({**values, "faults": faults, "last": last or None})
        note = f"{self.lost:,} messages not posted since the start" if self.lost else ""
        return Table(COLUMNS, rows, empty="no number has a webhook", note=note)
