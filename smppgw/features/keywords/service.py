"""Keywords at work: a message from a phone, its consent, its answer.

Owns: carrying out what `decide` says, in the piece of work of one message.
Refuses to know: rules (`decide`), texts (`texts`), SQL (`tables`), the shell (`commands`).
"""

from __future__ import annotations

from attrs import evolve

from smppgw.core.command import Command
from smppgw.core.consent import ConsentState
from smppgw.core.figures import moment
from smppgw.core.ids import format_id
from smppgw.core.plugin import Host, Mo, Mt, Priority, State
from smppgw.core.proof import Evidence
from smppgw.core.words import Meaning
from smppgw.features.keywords.commands import commands
from smppgw.features.keywords.decide import (
    PASS,
    Decision,
    Effect,
    decide,
    is_machine,
    language_of,
    readable,
    vocabulary_of,
)
from smppgw.features.keywords.tables import MIGRATIONS, Number, Phone, Tables
from smppgw.features.keywords.texts import PHRASES
from smppgw.features.keywords.webhook import Webhook

PROFILE = "campaign"
"""The profile of the numbers that this feature looks after."""
DAY = 86_400_000
UNHEARD = (Effect.NONE, Effect.ASK)
"""What a message does to consent that is posted to a webhook."""
STEP = 1_000
"""Milliseconds between the replies of a chain."""


class Keywords:
    """The feature; see `plugin.Feature`."""

    name = "keywords"
    migrations = MIGRATIONS

    def __init__(self, host: Host) -> None:
        self._host = host
        self.tables = Tables(host)
        self.webhook = Webhook(host)

    def commands(self) -> list[Command]:
        """See `commands`."""
        return [*commands(self._host, self), self.webhook.command()]

    def start(self) -> None:
        """Only posts wait: every rule is carried out when a message comes."""
        self.webhook.start()

    def stop(self) -> None:
        """See `plugin.Feature`."""
        self.webhook.stop()

    def ended(self, message: int, state: State, error: str) -> None:
        """What became of an answer changes nothing."""

    # ------------------------------------------------------------------ messages

    def take(self, mo: Mo) -> bool:
        """See `plugin.Feature`."""
        if mo.number.profile != PROFILE or not readable(mo):
            return False
        ours = frozenset(one.address for one in self._host.numbers())
        if is_machine(mo.source, mo.source_ton, ours):
            return False
        number = self.tables.number(mo.number.address)
        phone = self.tables.phone(mo.source, number.address)
        decision = self.judge(mo.text, number, phone, mo.at)
        language = language_of(decision, phone, number)
        reply = self._answer(mo, number, decision, language)
        spoken = decision.heard.language if decision.heard else ""
        changed = evolve(
            phone,
            language=spoken or phone.language,
            answered=mo.at if reply and not decision.always else phone.answered,
            helped=mo.at if decision.helps else phone.helped,
            puzzled=mo.at if decision.puzzles else phone.puzzled,
        )
        if changed != phone:
            self.tables.put_phone(changed)
        self._consent(mo, number, decision, language, reply)
        if decision.why != PASS.why:
            self._host.note(decision.why)
        if number.webhook and decision.heard is None and decision.effect in UNHEARD:
            self._tell(mo, number, phone, decision, answered=bool(reply))
        if decision.account:
            self._host.pass_on(decision.account)
        return not decision.passed_on

    def again(self, mo: Mo) -> bool:
        """See `plugin.Again`: STOP of a phone that came back in the meantime."""
        if mo.number.profile != PROFILE or not readable(mo):
            return False
        heard = vocabulary_of(self.tables.number(mo.number.address)).hear(mo.text)
        if heard is None or heard.meaning is not Meaning.STOP:
            return False
        standing = self._host.consent.effective(mo.source, mo.number.address)
        return standing is not None and standing.state is not ConsentState.STOPPED

    def _tell(
        self, mo: Mo, number: Number, phone: Phone, decision: Decision, *, answered: bool
    ) -> None:
        """A message that is none of the words of all numbers is posted, also of who said STOP."""
        standing = self._host.consent.effective(phone.phone, number.address)
        active = standing is None or standing.state is ConsentState.ACTIVE
        fields = {
            "id": format_id(mo.id),
            "at": moment(mo.at / 1000),
            "from": mo.source,
            "to": number.address,
            "text": mo.text,
            "word": decision.word or None,
            "stopped": not active,
            "answered": answered,
        }
        self.webhook.add(number.webhook, mo.source, fields)

    def judge(self, text: str, number: Number, phone: Phone, now: int) -> Decision:
        """What a text of a phone would lead to."""
        standing = self._host.consent.effective(phone.phone, number.address)
        words = self.tables.words(number.address)
        return decide(text, number, words, standing, phone, now)

    def _answer(self, mo: Mo, number: Number, decision: Decision, language: str) -> int:
        """Send what is answered: the id of its first text, 0 for none."""
        texts = decision.own
        if decision.reply:
            texts = (self.say(decision.reply, number, language),)
        sent = [
            self._host.send(
                Mt(
                    source=number.address,
                    destination=mo.source,
                    text=text,
                    priority=_priority(decision),
                    carrier=mo.number.carrier or mo.carrier,
                    due=mo.at + place * STEP if place else 0,
                    exempt=not decision.own,
                )
            )
            for place, text in enumerate(texts)
        ]
        return sent[0] if sent else 0

    def say(self, key: str, number: Number, language: str) -> str:
        """A text of a number."""
        return PHRASES.say(
            key,
            language,
            org=number.organisation or number.address,
            tel=number.telephone or number.address,
            freq=number.frequency,
            days=number.confirm_days,
        )

    def _consent(
        self, mo: Mo, number: Number, decision: Decision, language: str, reply: int
    ) -> None:
        if decision.effect is Effect.NONE:
            return
        evidence = Evidence(
            phone=mo.source,
            scope=number.address,
            event=decision.effect.value,
            at=mo.at,
            octets=mo.octets.hex(),
            text=mo.text,
            word=decision.heard.word if decision.heard else "",
            language=language,
            origin=mo.origin,
            reply=reply,
        )
        consent = self._host.consent
        match decision.effect:
            case Effect.STOP:
                consent.stop(evidence)
            case Effect.START:
                consent.start(evidence)
            case Effect.PEND:
                consent.pend(evidence, mo.at + number.confirm_days * DAY)
            case Effect.EXPIRE:
                consent.stop(evidence)
            case Effect.ASK:
                consent.record(evidence)


def _priority(decision: Decision) -> Priority:
    """The confirmation of STOP goes before everything else that waits."""
    if decision.effect is Effect.STOP:
        return Priority.EXPEDITED
    return Priority.TRANSACTIONAL if decision.own else Priority.CODES
