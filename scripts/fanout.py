"""The microblog under load: one post to many followers, and many texts of many members.

A store with so many accounts is written by SQL. One of them posts: how many texts a second are
accepted into the queue (durable, of a carrier that is away), how long the reactor was held up at
most meanwhile, and how much memory it took. Then phones send commands of all kinds, as many at a
time as `--window` says: how many a second are carried out, durable, and answered.

Rates depend on what else the machine does; CPU time per text and per message does so less.
"""

from __future__ import annotations

import gc
import sqlite3
import sys
import time
from argparse import Namespace
from functools import partial
from pathlib import Path
from random import Random
from resource import RUSAGE_SELF, getrusage
from typing import Any

from attrs import asdict
from playing import Report, parser, play, until
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool

from smppgw.core.relay import Relay
from smppgw.core.settings import CarrierSettings, NumberSettings, RouteSettings, Settings
from smppgw.core.slot import Slot
from smppgw.core.store.checkpoint import Checkpointer
from smppgw.core.store.engine import Engine
from smppgw.core.store.group_commit import Store
from smppgw.core.store.synchronizer import ProcessSynchronizer
from smppgw.features.microblog import Microblog
from smppgw.features.microblog.users import COLUMNS, User
from smppgw.smpp import wire

SHORT = "40404"
SETTINGS = Settings(
    carriers=(CarrierSettings(name="far", host="far", system_id="gw"),),
    routes=(RouteSettings(carriers=(("far",),)),),
    numbers=(NumberSettings(address=SHORT, carrier="far", profile="microblog"),),
)
PROBE = 0.001
"""Seconds between two turns that should be there."""
WITHIN = 600.0
MIX = (
    (40, "good morning from {n}"),
    (15, "D u{before} see you at {n}"),
    (10, "FAV u{after}"),
    (10, "STATS"),
    (10, "WHOIS u{other}"),
    (5, "GET u{other}"),
    (5, "FOLLOW u{other}"),
    (5, "UNFOLLOW u{other}"),
)
"""Parts of a hundred."""


class Away:
    """Carriers that never answer."""

    def connect(self, *_: Any) -> Deferred[Any]:
        """A connection that does not come."""
        return Deferred()


class FarLink:
    """Stands in for the link that texts of phones come by: counts what is answered."""

    name = "far#1"

    def __init__(self) -> None:
        self.answered = 0
        self.refused = 0

    def release(self, octets: bytes, count: int) -> None:
        """Answers that may leave."""
        self.answered += count

    def flush(self) -> None:
        """Nothing is kept back."""

    def has_answered(self, count: int) -> bool:
        """Whether so many were answered."""
        return self.answered + self.refused >= count

    def refuse(self, command_id: int, sequence_number: int) -> None:
        """A text that could not be taken."""
        self.refused += 1


class Blog:
    """A gateway with the microblog and its members."""

    def __init__(self, reactor: Any, directory: Path) -> None:
        self._reactor = reactor
        engine = Engine(directory)
        self.store = Store(engine, reactor, ProcessSynchronizer(reactor, engine.descriptors))
        self.relay = Relay(SETTINGS, self.store, reactor, Away(), Random(1))  # noqa: S311
        made: list[Microblog] = []

        def make(host: Any) -> Microblog:
            made.append(Microblog(host))
            return made[0]

        self.slot = Slot(self.relay, (make,))
        self.feature = made[0]
        in_thread = partial(deferToThreadPool, reactor, reactor.getThreadPool())
        self._checkpointer = Checkpointer(self.store, reactor, in_thread)

    def fill(self, accounts: int, followers: int) -> None:
        """Members u1 to uN: each follows the next, and so many follow the first."""
        at = sqlite3.connect(self.store.engine.path)
        marks = ", ".join("?" * len(COLUMNS))
        at.executemany(
            f"INSERT INTO microblog_user ({', '.join(COLUMNS)}) VALUES ({marks})",  # noqa: S608
            (tuple(asdict(member(n, followers)).values()) for n in range(1, accounts + 1)),
        )
        edges = [(n % accounts + 1, n) for n in range(1, accounts + 1)]
        edges += [(1, n) for n in range(2, followers + 2)]
        edges += [(n, n % accounts + 1) for n in range(1, accounts + 1)]
        at.executemany("INSERT OR IGNORE INTO microblog_follow VALUES (?, ?, 1, 0, 1)", edges)
        at.commit()
        at.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        at.close()

    def start(self) -> None:
        """Begin."""
        self.relay.start()
        self.slot.start()
        self._checkpointer.start()

    def stop(self) -> None:
        """End."""
        self._checkpointer.stop()
        self.slot.stop()
        self.relay.scheduler.stop()
        self.store.stop()


def member(number: int, followers: int) -> User:
    """One of them; nobody sleeps."""
    return User(
        id=number,
        username=f"u{number}",
        folded=f"u{number}",
        phone=phone(number),
        address=SHORT,
        carrier="far",
        quiet_from=0,
        quiet_to=0,
        followers=followers if number == 1 else 1,
        following=2,
    )


def phone(number: int) -> str:
    """Its phone."""
    return f"336{number:08}"


class Held:
    """How long the reactor was held up, at most."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self.longest = 0.0
        self._due = reactor.seconds() + PROBE
        self._call = reactor.callLater(PROBE, self._turn)

    def _turn(self) -> None:
        now = self._reactor.seconds()
        self.longest = max(self.longest, now - self._due)
        self._due = now + PROBE
        self._call = self._reactor.callLater(PROBE, self._turn)

    def stop(self) -> None:
        """No more."""
        self._call.cancel()


async def one_post(reactor: Any, blog: Blog, report: Report) -> None:
    """A post of the first member to all that follow it."""
    feature, relay = blog.feature, blog.relay
    first, before = feature.blog.users.by_id(1), relay.queued
    if first is None:
        raise AssertionError
    memory, held = resident(), Held(reactor)
    began, busy = time.monotonic(), time.process_time()
    await blog.store.transact(lambda: feature.blog.posts.add(first, 140 * "x", 1))
    query = "SELECT 1 FROM microblog_job LIMIT 1"
    await until(reactor, lambda: not blog.store.engine.select(query), WITHIN, "the fan-out ends")
    seconds, cpu = time.monotonic() - began, time.process_time() - busy
    held.stop()
    count = relay.queued - before
    report.check(count > 0, "nobody got the post")
    figures = {
        "texts": count,
        "per_second": round(count / seconds),
        "cpu_us_per_text": round(cpu / count * 1e6, 1),
        "longest_turn_ms": round(held.longest * 1e3, 1),
        "memory_mib": round((resident() - memory) / 2**20, 1),
    }
    report.figures["fanout"] = figures
    report.say("  ".join(f"{name} {value:,}" for name, value in figures.items()))


async def many_texts(reactor: Any, blog: Blog, arguments: Namespace, report: Report) -> None:
    """Commands of all kinds of all members."""
    random, link = Random(3), FarLink()  # noqa: S311
    carrier, inbox = blog.relay.carriers["far"], blog.relay.inbox
    kinds = [words for share, words in MIX for _ in range(share)]
    texts = [text_of(random, kinds, arguments.accounts, n) for n in range(arguments.texts)]
    began, busy, sent = time.monotonic(), time.process_time(), 0
    held = Held(reactor)
    while sent < len(texts):
        done = link.answered + link.refused
        for octets in texts[sent : done + arguments.window]:
            inbox.take(carrier, link, wire.decode(octets))  # type: ignore[arg-type]
            sent += 1
        await until(
            reactor, partial(link.has_answered, sent - arguments.window // 2), WITHIN, "answers"
        )
    await until(reactor, partial(link.has_answered, sent), WITHIN, "the last answers")
    seconds, cpu = time.monotonic() - began, time.process_time() - busy
    held.stop()
    report.check(not link.refused, f"{link.refused} texts were refused")
    figures = {
        "accounts": arguments.accounts,
        "texts": sent,
        "per_second": round(sent / seconds),
        "cpu_us_per_text": round(cpu / sent * 1e6, 1),
        "longest_turn_ms": round(held.longest * 1e3, 1),
    }
    report.figures["commands"] = figures
    report.say("  ".join(f"{name} {value:,}" for name, value in figures.items()))


def text_of(random: Random, kinds: list[str], accounts: int, number: int) -> bytes:
    """The deliver_sm of one text of some member."""
    who = random.randrange(2, accounts)
    other = random.randrange(1, accounts + 1)
    words = random.choice(kinds).format(n=number, before=who - 1, after=who + 1, other=other)
    return wire.encode(
        wire.DeliverSm(
            source_addr=phone(who),
            source_addr_ton=1,
            destination_addr=SHORT,
            short_message=words.encode(),
            sequence_number=number + 1,
        )
    )


def resident() -> int:
    """Octets of memory, at most so far."""
    return getrusage(RUSAGE_SELF).ru_maxrss * 1024


async def work(reactor: Any, arguments: Namespace, directory: Path, report: Report) -> None:
    """The whole run."""
    blog = Blog(reactor, directory / "var")
    blog.fill(arguments.accounts, arguments.followers)
    report.say(f"{arguments.accounts:,} accounts, {arguments.followers:,} follow the first")
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)  # as the gateway has it
    blog.start()
    try:
        for _ in range(arguments.posts):
            await one_post(reactor, blog, report)
        await many_texts(reactor, blog, arguments, report)
    finally:
        blog.stop()


def main() -> int:
    """The command line."""
    options = parser(__doc__)
    options.add_argument("--accounts", type=int, default=1_000_000, help="members (1000000)")
    options.add_argument("--followers", type=int, default=100_000, help="of the first (100000)")
    options.add_argument("--posts", type=int, default=1, help="of the first, one by one (1)")
    options.add_argument("--texts", type=int, default=20_000, help="commands of phones (20000)")
    options.add_argument("--window", type=int, default=200, help="commands at a time (200)")
    return play(work, options.parse_args())


if __name__ == "__main__":
    sys.exit(main())
