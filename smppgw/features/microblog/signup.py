"""How a phone becomes somebody: sign-up in a dialog, and linking to an account that exists.

Owns: the dialogs of phones, the codes that link, and what a phone is to an account.
Refuses to know: commands of members (`actions`), and who a text is for.
"""

from __future__ import annotations

import json
import re
from secrets import randbelow
from typing import Any

from attrs import evolve, frozen

from smppgw.core.plugin import Host, Priority
from smppgw.core.proof import Evidence
from smppgw.features.microblog.delivery import Delivery
from smppgw.features.microblog.grammar import username_fault
from smppgw.features.microblog.numbers import CHOOSE
from smppgw.features.microblog.talk import Talk
from smppgw.features.microblog.users import User, Users, UserState

DAY = 86_400_000
MINUTE = 60_000
LONGEST_NAME = 20
TRIES = 3
CODE_LASTS = 10 * MINUTE
CODE_CHECKS = 5
ASK_NAME, ASK_USERNAME, EXPIRED = "ask_name", "ask_username", "expired"
_CODE = re.compile(r"\d{3}[ -]?\d{3}")


@frozen
class Dialog:
    """Where a phone is in a dialog; `expires` in milliseconds since 1970."""

    phone: str
    kind: str
    language: str
    tries: int
    data: dict[str, Any]
    expires: int


class Signup:
    """The dialogs of phones; everything in a piece of work."""

    def __init__(self, host: Host, users: Users, delivery: Delivery) -> None:
        self._host = host
        self._users = users
        self._delivery = delivery

    # ------------------------------------------------------------------ dialogs

    def dialog(self, phone: str) -> Dialog | None:
        """The dialog that a phone is in; one that is over is told as EXPIRED, once."""
        rows = self._host.query(
            "SELECT phone, kind, language, tries, data, expires FROM microblog_dialog"
            " WHERE phone = ?",
            (phone,),
        )
        if not rows:
            return None
        *fields, data, expires = rows[0]
        kind = EXPIRED if expires <= self._host.now() else fields[1]
        return Dialog(fields[0], kind, fields[2], fields[3], json.loads(data), expires)

    def put_dialog(self, dialog: Dialog) -> None:
        """Write where a phone is."""
        self._host.change(
            "INSERT OR REPLACE INTO microblog_dialog (phone, kind, language, tries, data, expires)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                dialog.phone,
                dialog.kind,
                dialog.language,
                dialog.tries,
                json.dumps(dialog.data),
                dialog.expires,
            ),
        )

    def end_dialog(self, phone: str) -> None:
        """A phone is in no dialog any more."""
        self._host.change("DELETE FROM microblog_dialog WHERE phone = ?", (phone,))

    def begin(self, talk: Talk) -> None:
        """START, or the like, from a phone without an account."""
        self.put_dialog(Dialog(talk.mo.source, ASK_NAME, talk.language, TRIES, {}, talk.now + DAY))
        self._consent(talk, "start")
        talk.answer("signup.ask_name", exempt=True)

    def go_on(self, talk: Talk, dialog: Dialog) -> bool:
        """A text within a dialog; whether it was one of its answers."""
        if dialog.kind == EXPIRED:
            self.end_dialog(dialog.phone)
            if "address" in dialog.data:
                return False
            talk.answer("signup.expired")
            return True
        talk.language = dialog.language
        if dialog.kind == ASK_NAME:
            self._name(talk, dialog)
            return True
        if dialog.kind == ASK_USERNAME:
            self._username(talk, dialog)
            return True
        return False

    def _name(self, talk: Talk, dialog: Dialog) -> None:
        name = " ".join(talk.text.split())[:LONGEST_NAME].strip()
        if not name:
            talk.answer("signup.ask_name")
            return
        if talk.number.signup == CHOOSE:
            self.put_dialog(evolve(dialog, kind=ASK_USERNAME, data={"name": name}))
            talk.answer("signup.choose_username", name=name)
            return
        self._done(talk, name, self._users.generated(name), "signup.done")

    def _username(self, talk: Talk, dialog: Dialog) -> None:
        wanted = talk.text.strip().removeprefix("@")
        name = dialog.data["name"]
        if username_fault(wanted) or self._reserved(wanted):
            talk.answer("signup.invalid")
        elif self._users.is_free(wanted):
            self._done(talk, name, wanted, "signup.done")
        elif dialog.tries > 1:
            self.put_dialog(evolve(dialog, tries=dialog.tries - 1))
            talk.answer("signup.taken", user=wanted, freq=dialog.tries - 1)
        else:
            self._done(talk, name, self._users.generated(name), "signup.assigned")

    def _reserved(self, wanted: str) -> bool:
        return not self._users.exists(wanted) and not self._users.is_free(wanted)

    def _done(self, talk: Talk, name: str, username: str, key: str) -> None:
        self.end_dialog(talk.mo.source)
        before = self._users.by_phone(talk.mo.source)
        number = self._host.next_id() if before is None else before.id
        user = User(
            id=number,
            username=username,
            folded=username.casefold(),
            phone=talk.mo.source,
            address=talk.number.address,
            carrier=talk.carrier,
            created=talk.now,
            name=name,
            language=talk.language,
            zone=_zone(talk.number.country),
            followers=before.followers if before else 0,
            following=before.following if before else 0,
        )
        self._users.put(user)
        talk.answer(key, user=username, max=140)

    # ------------------------------------------------------------------ linking by a code

    def request(self, user: User, phone: str) -> str:
        """A code that links a phone ("": whichever sends it) to an account, 10 minutes long."""
        code = f"{randbelow(1_000_000):06}"
        self._host.change("DELETE FROM microblog_link WHERE user = ?", (user.id,))
        self._host.change(
            "INSERT INTO microblog_link (id, user, phone, code, checks, expires)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                self._host.next_id(),
                user.id,
                phone,
                code,
                CODE_CHECKS,
                self._host.now() + CODE_LASTS,
            ),
        )
        return code

    def confirm(self, user: User, code: str) -> tuple[str, int]:
        """Check a code for an account: the phone it was for ("" if wrong), and the tries left."""
        rows = self._host.query(
            "SELECT id, phone, code, checks FROM microblog_link WHERE user = ? AND expires > ?",
            (user.id, self._host.now()),
        )
        if not rows:
            return "", 0
        number, phone, right, checks = rows[0]
        if code == right:
            self._host.change("DELETE FROM microblog_link WHERE id = ?", (number,))
            return str(phone), checks
        if checks <= 1:
            self._host.change("DELETE FROM microblog_link WHERE id = ?", (number,))
        else:
            self._host.change(
                "UPDATE microblog_link SET checks = ? WHERE id = ?", (checks - 1, number)
            )
        return "", checks - 1

    def by_code(self, talk: Talk, *, go: bool) -> bool:
        """A code from a phone, or GO for the one request of it; whether the text was either."""
        found = _CODE.fullmatch(talk.text.strip())
        if not go and found is None:
            return False
        now = self._host.now()
        if go:
            rows = self._host.query(
                "SELECT id, user FROM microblog_link WHERE phone = ? AND expires > ?",
                (talk.mo.source, now),
            )
        else:
            code = re.sub(r"\D", "", talk.text)
            rows = self._host.query(
                "SELECT id, user FROM microblog_link WHERE code = ? AND phone IN ('', ?)"
                " AND expires > ?",
                (code, talk.mo.source, now),
            )
        user = self._users.by_id(rows[0][1]) if len(rows) == 1 else None
        if user is None:
            if not go and self._users.by_phone(talk.mo.source) is not None:
                return False  # six digits of a member are a post unless somebody waits for them
            talk.answer("link.bad_code")
            return True
        self._host.change("DELETE FROM microblog_link WHERE id = ?", (rows[0][0],))
        self.link(user, talk.mo.source, talk.number.address, talk.carrier)
        self._consent(talk, "start")
        talk.answer("link.done", user=user.called, exempt=True)
        return True

    def link(self, user: User, phone: str, address: str, carrier: str) -> None:
        """A phone speaks for an account from now on, and for no other."""
        before = self._users.by_phone(phone)
        if before is not None and before.id != user.id:
            state = UserState.STOPPED if before.username else before.state
            self._users.put(evolve(before, phone=None, state=state))
            self._event(before, "link.moved", f"the phone was linked to @{user.called}")
        fresh = self._users.by_id(user.id) or user
        self._users.put(
            evolve(fresh, phone=phone, address=address, carrier=carrier, state=UserState.ACTIVE)
        )
        self._event(fresh, "link.done", "a phone was linked")

    # ------------------------------------------------------------------ STOP and START

    def stop(self, talk: Talk) -> None:
        """STOP: nothing more goes to the phone; an account stays, a half-done sign-up does not."""
        dialog = self.dialog(talk.mo.source)
        consent = self._host.consent
        before = consent.standing(talk.mo.source, talk.number.address)
        user = talk.user
        key = "stop.nolink"
        if dialog is not None and dialog.kind in (ASK_NAME, ASK_USERNAME):
            key = "signup.cancelled"
        elif user is not None and user.username:
            key = "stop.microblog"
        self.end_dialog(talk.mo.source)
        if user is not None:
            for followed in self._users.followed_by(user.id, 10_000) if not user.username else ():
                self._users.remove_follow(followed, user.id)
            fresh = self._users.by_id(user.id) or user
            stopped = evolve(fresh, phone=None, last_phone=talk.mo.source, state=UserState.STOPPED)
            self._users.put(stopped)
            self._event(user, "stop", "the phone was unlinked")
        silent = before is not None and before.state.name == "STOPPED"
        reply = 0
        if not silent:
            called = user.called if user is not None else ""
            reply = talk.answer(key, Priority.CODES, exempt=True, user=called)
        consent.stop(self._evidence(talk, "stop", reply))

    def start(self, talk: Talk) -> None:
        """START: sign up, or come back."""
        user = talk.user or self._users.by_last_phone(talk.mo.source)
        if user is None or not user.username:
            self.begin(talk)
        elif user.state == UserState.ACTIVE and user.phone == talk.mo.source:
            talk.answer("signup.already", user=user.called)
        elif user.phone is None:
            self.link(user, talk.mo.source, talk.number.address, talk.carrier)
            self._consent(talk, "start")
            talk.answer("on.all", exempt=True)
        else:
            self.begin(talk)

    def _consent(self, talk: Talk, event: str) -> None:
        self._host.consent.start(self._evidence(talk, event, 0))

    def _evidence(self, talk: Talk, event: str, reply: int) -> Evidence:
        mo = talk.mo
        return Evidence(
            phone=mo.source,
            scope=talk.number.address,
            event=event,
            at=mo.at,
            octets=mo.octets.hex(),
            text=mo.text,
            language=talk.language,
            origin=mo.origin,
            reply=reply,
        )

    def _event(self, user: User, event: str, detail: str) -> None:
        self._host.change(
            "INSERT INTO microblog_event (id, at, user, event, detail) VALUES (?, ?, ?, ?, ?)",
            (self._host.next_id(), self._host.now(), user.id, event, detail),
        )


def _zone(country: str) -> str:
    """The time zone of a country that has one."""
    return {"FR": "Europe/Paris", "GB": "Europe/London", "DE": "Europe/Berlin"}.get(country, "UTC")
