"""Operators and consent: what phones said, the proof of it, lists from elsewhere, and forgetting.

Owns: these commands. Refuses to know: how an answer is shown, words of phones (`decide`), how a
file is read (`importing`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from smppgw.core import proof
from smppgw.core.address import LONGEST_ADDRESS, mask
from smppgw.core.command import (
    Answer,
    Argument,
    Call,
    Column,
    Command,
    CommandError,
    Kind,
    Role,
    Table,
    text,
)
from smppgw.core.consent import EVERYTHING, LIST, Standing, sender_of
from smppgw.core.figures import moment
from smppgw.core.plugin import Host
from smppgw.core.proof import Evidence, ProofBroken, Verifier
from smppgw.features.keywords.decide import LONGEST_PHONE, SHORTEST_PHONE
from smppgw.features.keywords.importing import Import, ListUnread, StopList
from smppgw.features.keywords.tables import Tables

PAGE = 500
"""Records, or states, of one answer."""
VERIFIED = 200
"""Records of the proof trail that are checked at once."""

PHONE = Argument("phone", "the number of a phone", positional=True, required=True)
REVEAL = Argument("reveal", "show numbers of phones whole", Kind.FLAG)
SCOPE = Argument("scope", "a number of ours, list:NAME, or * for everything", positional=True)

CONSENT_COLUMNS = (
    Column("PHONE", "phone"),
    Column("SCOPE", "scope"),
    Column("STATE", "state"),
    Column("SINCE", "since"),
    Column("LANGUAGE", "language"),
    Column("PROOF", "proof", right=True),
)
STATE_COLUMNS = (
    Column("PHONE", "phone", whole=True),
    Column("SCOPE", "scope", whole=True),
    Column("STATE", "state", whole=True),
)


def consent_commands(host: Host, tables: Tables) -> list[Command]:
    """The commands about consent."""
    desk = _Desk(host, tables)
    return [*_states(desk), *_proofs(desk)]


def _states(desk: _Desk) -> list[Command]:
    return [
        Command(
            ("show", "consents"), desk.show, "what a phone said to our numbers", (PHONE, REVEAL)
        ),
        Command(
            ("add", "stop"),
            desk.add_stop,
            "a phone told somebody that it wants nothing more",
            (PHONE, SCOPE),
            role=Role.OPERATE,
            example="add stop 33639980020 36180",
        ),
        Command(
            ("del", "stop"),
            desk.remove_stop,
            "a stop was a mistake: messages pass again, and the proof says who did that",
            (PHONE, SCOPE),
            role=Role.ADMIN,
            touches=lambda call: "let messages pass to a phone that said STOP",
        ),
        Command(
            ("export", "stops"),
            desk.states,
            "phones, scopes and states, whole numbers, page by page",
            (Argument("after", "the last PHONE,SCOPE of the page before"),),
            role=Role.OPERATE,
        ),
        Command(
            ("import", "stops"),
            desk.take_over,
            "phones that said STOP elsewhere, from a file on the gateway's machine",
            (
                Argument("file", "lines PHONE or PHONE,SCOPE", positional=True, required=True),
                Argument("scope", "for lines without one; * otherwise"),
            ),
            role=Role.ADMIN,
            example="import stops optouts.csv scope 36180",
        ),
    ]


def _proofs(desk: _Desk) -> list[Command]:
    return [
        Command(
            ("export", "consents"),
            desk.export,
            "the proof trail, of a phone or of all, as lines of JSON, page by page",
            (
                Argument("phone", "the number of a phone", positional=True),
                Argument("after", "the id of the last record of the page before", Kind.NUMBER),
            ),
            role=Role.OPERATE,
        ),
        Command(("test", "consents"), desk.verify, "whether the proof trail is as it was written"),
        Command(
            ("forget", "consents"),
            desk.forget,
            "take a person out of all records; a STOP stays with its number, or we would write"
            " again",
            (PHONE,),
            role=Role.ADMIN,
            touches=lambda call: f"blank all records about {mask(phone_of(call.text('phone')))}",
        ),
    ]


class _Desk:
    """What the commands do."""

    def __init__(self, host: Host, tables: Tables) -> None:
        self._host = host
        self._tables = tables
        self._importing = False

    # ------------------------------------------------------------------ states

    def show(self, call: Call) -> Table:
        """What a phone said."""
        found = self._host.consent.standings(phone_of(call.text("phone")))
        show = str if call.flag("reveal") else mask
        return Table(
            CONSENT_COLUMNS,
            [_standing(one, show) for one in found],
            empty="this phone said nothing about messages",
        )

    def add_stop(self, call: Call) -> Deferred[Answer]:
        """An operator was told."""
        said = self._said(call, "stop")
        consent = self._host.consent

        def work() -> tuple[int, int]:
            late = len(consent.flying(said.phone, said.scope))
            return len(consent.stop(said)), late

        def told(counts: tuple[int, int]) -> Answer:
            killed, late = counts
            what = f"{killed} messages taken back"
            if late:
                what += f"; {late} in flight cannot be recalled"
            return text(f"{mask(said.phone)} gets nothing more from {said.scope}; {what}")

        return self._host.transact(work).addCallback(told)

    def remove_stop(self, call: Call) -> Deferred[Answer]:
        """An operator was wrong."""
        said = self._said(call, "start")
        before = self._host.consent.standing(said.phone, said.scope)
        if before is None or before.state.name == "ACTIVE":
            raise CommandError(f"{mask(said.phone)} did not say STOP to {said.scope}", "unknown")
        done = self._host.transact(lambda: self._host.consent.start(said))
        return done.addCallback(
            lambda _: text(f"{mask(said.phone)} gets messages from {said.scope} again")
        )

    def _said(self, call: Call, event: str) -> Evidence:
        return Evidence(
            phone=phone_of(call.text("phone")),
            scope=scope_of(call.text("scope") or EVERYTHING),
            event=event,
            at=self._host.now(),
            origin=f"operator {call.operator.name}",
        )

    def states(self, call: Call) -> Table:
        """A page of states, numbers whole: it is for other programs."""
        phone, _, scope = call.text("after").partition(",")
        found = self._host.consent.page((phone, scope), PAGE)
        rows = [
            {"phone": one.phone, "scope": one.scope, "state": one.state.name.lower()}
            for one in found
        ]
        note = ""
        if len(found) == PAGE:
            note = f"more: export stops after {found[-1].phone},{found[-1].scope}"
        return Table(STATE_COLUMNS, rows, empty="nobody said anything", note=note)

    def take_over(self, call: Call) -> Deferred[Answer]:
        """Stops of elsewhere."""
        if self._importing:
            raise CommandError("another import is at work", "busy")
        scope = scope_of(call.text("scope") or EVERYTHING)
        origin = f"import by operator {call.operator.name}"
        work = Import(self._host, StopList(call.text("file"), scope, _row), origin)
        self._importing = True
        done = Deferred.fromCoroutine(work.run())

        def over(result: Any) -> Any:
            self._importing = False
            return result

        def unread(failure: Any) -> Answer:
            failure.trap(ListUnread)
            raise CommandError(failure.getErrorMessage(), "failed")

        done.addBoth(over)
        return done.addCallbacks(lambda _: text(*work.report()), unread)

    # ------------------------------------------------------------------ proof

    def export(self, call: Call) -> Answer:
        """A page of records."""
        after = int(call.values.get("after", 0))
        phone = call.text("phone")
        if phone:
            where, values = "phone = ? AND id > ?", (phone_of(phone), after)
        else:
            where, values = "id > ?", (after,)  # type: ignore[assignment]
        rows = self._host.query(
            f"{proof.SELECT} WHERE {where} ORDER BY id LIMIT ?", (*values, PAGE)
        )
        lines = list(proof.exported(rows, self._host.consent.became))
        if len(rows) == PAGE:
            words = filter(None, ("export consents", phone, f"after {rows[-1][0]}"))
            lines.append(json.dumps({"more": " ".join(words)}))
        return text(*lines)

    def verify(self, call: Call) -> Deferred[Answer]:
        """All records, page by page."""
        return Deferred.fromCoroutine(self._verify())

    async def _verify(self) -> Answer:
        verifier, at = Verifier(), 0
        query = f"{proof.SELECT} WHERE id > ? ORDER BY id LIMIT ?"
        try:
            while rows := self._host.query(query, (at, VERIFIED)):
                verifier.read(rows)
                at = rows[-1][0]
                await deferLater(self._host.clock, 0)  # other traffic has its turn
            verifier.finish()
        except ProofBroken as broken:
            raise CommandError(str(broken), "failed") from broken
        return text(
            f"{verifier.count:,} records, all as they were written",
            f"last hash {verifier.last}",
        )

    def forget(self, call: Call) -> Deferred[Answer]:
        """A person wants to be forgotten."""
        phone, origin = phone_of(call.text("phone")), f"operator {call.operator.name}"

        def work() -> tuple[int, int]:
            self._tables.forget(phone)
            return self._host.consent.forget(phone, origin)

        def said(counts: tuple[int, int]) -> Answer:
            records, kept = counts
            stays = f"{kept} STOP kept" if kept else "no STOP to keep"
            return text(f"{mask(phone)} is forgotten: {records} records blanked, {stays}")

        done = self._host.transact(work).addCallback(said)
        return done.addCallback(
            lambda answer: self._host.forget(phone).addCallback(lambda _: answer)
        )


def phone_of(written: str) -> str:
    """The number of a phone as it is kept; raises CommandError."""
    digits = sender_of(written)
    if not (digits.isascii() and digits.isdecimal()) or digits.startswith("0"):
        raise CommandError(f"{written!r} is no phone number: digits, with the country")
    if not SHORTEST_PHONE <= len(digits) <= LONGEST_PHONE:
        raise CommandError(f"{written!r} has not {SHORTEST_PHONE} to {LONGEST_PHONE} digits")
    return digits


def scope_of(written: str) -> str:
    """A scope as it is kept; raises CommandError."""
    if written == EVERYTHING:
        return written
    if written.startswith(LIST):
        name = written.removeprefix(LIST)
        if not name or not name.isprintable() or set(" ,") & set(name):
            raise CommandError(f"{written!r} is no list: {LIST}NAME, a name without blanks")
        return written
    scope = sender_of(written)
    if not scope or len(scope) > LONGEST_ADDRESS or not scope.isprintable():
        raise CommandError(f"{written!r} is no scope: a sender, {LIST}NAME, or {EVERYTHING}")
    return scope


def _row(phone: str, scope: str) -> tuple[str, str]:
    """A line of a list; raises ValueError."""
    try:
        return phone_of(phone), scope_of(scope)
    except CommandError as error:  # a report is no place for whole numbers
        raise ValueError(str(error).replace(repr(phone), repr(mask(phone)))) from error


def _standing(one: Standing, show: Callable[[str], str]) -> dict[str, Any]:
    return {
        "phone": show(one.phone),
        "scope": one.scope,
        "state": one.state.name.lower(),
        "since": moment(one.at / 1000) if one.at else None,
        "language": one.language or None,
        "proof": one.proof,
    }
