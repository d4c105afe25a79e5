"""What follows when a carrier refuses a message: a pause, another try, another carrier, the end.

Owns: the policy by command_status, the pauses of a carrier, and giving up a message class that it
does not know.
Refuses to know: links, and which message goes next (see `carrier`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smppgw.core.content import submit_sm_of, without_class
from smppgw.core.message import Message, State
from smppgw.core.status import StatusPolicy, delay, status_text
from smppgw.smpp import wire
from smppgw.smpp.wire import CommandStatus

if TYPE_CHECKING:
    from smppgw.core.carrier import Carrier
    from smppgw.core.link import Link
    from smppgw.core.relay import Relay

THROTTLED = int(CommandStatus.ESME_RTHROTTLED)
QUEUE_FULL = int(CommandStatus.ESME_RMSGQFUL)
DATA_CODING_UNSUPPORTED = 0x401
"""What some carriers answer to a data_coding that they do not support, in the vendors' range."""
CLASS_REFUSED = frozenset(
    (
        DATA_CODING_UNSUPPORTED,
        CommandStatus.ESME_RINVDCS,
        CommandStatus.ESME_RINVESMCLASS,
        CommandStatus.ESME_RTLVNOTALLWD,
        CommandStatus.ESME_RINVTLVVAL,
    )
)
"""Answers that may mean that the carrier does not know the message class."""


class Refusals:
    """The refusals of one carrier."""

    def __init__(self, carrier: Carrier, relay: Relay) -> None:
        self.paused_until = 0.0
        """Until then (seconds) the carrier gets nothing."""
        self.pause_reason = ""
        self.paused_by = 0
        """command_status that paused it last."""
        self.last = ""
        """The last refusal, in words."""
        self._carrier = carrier
        self._relay = relay
        self.policy = StatusPolicy(carrier.settings.statuses)
        self._pauses = 0
        self._pause_seconds = 0.0

    def paused_for(self, now: float) -> float:
        """Return the seconds that it was paused until now, all pauses together."""
        return self._pause_seconds - max(0.0, self.paused_until - now)

    def accepted(self) -> None:
        """The carrier took a message: the next pause is a first one again."""
        self._pauses = 0

    def apply(self, link: Link, message: Message, command_status: int, now: float) -> None:
        """Do with a refused message, its carrier and its link, what the policy says."""
        carrier, relay = self._carrier, self._relay
        rule = self.policy.rule(command_status)
        self.last = status_text(command_status)
        if rule.action == "pause":
            sent_at = message.sent_at / 1000
            if command_status == THROTTLED:
                carrier.rate.throttled(now, sent_at)
            learns = command_status == QUEUE_FULL and carrier.settings.adaptive
            if learns and link.too_many(sent_at, now):
                message.attempts -= 1  # it was sent too early, and goes again without a pause
            else:
                self._pause(now, delay(rule, self._pauses + 1), command_status)
        if command_status in CLASS_REFUSED and self._give_up_class(message):
            carrier.give_back(message)
        elif rule.tries and message.attempts >= rule.tries:
            self.fail(message, command_status)
        elif rule.action == "pause":
            carrier.give_back(message)
        elif rule.action == "retry":
            wait = delay(rule, message.attempts)
            relay.outcomes.note(message, f"{self.last}; again in {wait:g} s")
            carrier.wait_again(message, now + wait)
        elif rule.action == "reroute" and relay.reroute(message, self.last):
            carrier.order.let_go(message)
        else:
            self.fail(message, command_status)

    def _pause(self, now: float, seconds: float, command_status: int) -> None:
        if now + seconds > self.paused_until:
            if self.paused_until <= now:
                self._pauses += 1
            self._pause_seconds += now + seconds - max(now, self.paused_until)
            self.paused_until = now + seconds
            self.pause_reason = self.last
            self.paused_by = command_status

    def _give_up_class(self, message: Message) -> bool:
        """Make it a standard message, if that is allowed and it is none yet."""
        carrier = self._carrier
        if not carrier.settings.class_fallback:
            return False
        writing = self._relay.dispatch.writing(message, carrier)
        standard = without_class(submit_sm_of(message.body), writing)
        if standard is None:
            return False
        message.body = wire.body_of(standard)
        message.rewrite()
        self._relay.outcomes.note(
            message, f"{self.last}; sent again as a standard message, without its class"
        )
        return True

    def fail(self, message: Message, command_status: int) -> None:
        """The carrier refused a message for good."""
        self._carrier.order.let_go(message)
        state = State.REJECTED if command_status else State.UNDELIVERABLE
        error = f"{command_status:03d}" if command_status < 1000 else "999"
        self._relay.outcomes.end(message, state, error)
