"""What a command_status means to people and to the queue of a carrier.

Owns: reading a status from configuration, its words for operators, the built-in policy on refused
submits and how an operator's rules change it.
Refuses to know: how a pause, a retry or a reroute is carried out, and how many tries there were.
Source: SMPP 3.4 section 5.1.3, SMPP 5.0 table 4-45. Which refusals pass by themselves is taken from
what carriers are seen to mean by them; any other status is final unless a rule says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from smppgw.core.nearest import did_you_mean
from smppgw.core.settings import StatusRule
from smppgw.smpp.wire import CommandStatus, status_name

# The names of SMPP 3.4 where 5.0 changed them: manuals of carriers still use these.
_NAMES_OF_3_4 = {
    "ESME_RINVOPTPARSTREAM": CommandStatus.ESME_RINVTLVSTREAM,
    "ESME_ROPTPARNOTALLWD": CommandStatus.ESME_RTLVNOTALLWD,
    "ESME_RINVPARLEN": CommandStatus.ESME_RINVTLVLEN,
    "ESME_RMISSINGOPTPARAM": CommandStatus.ESME_RMISSINGTLV,
    "ESME_RINVOPTPARAMVAL": CommandStatus.ESME_RINVTLVVAL,
}
_NAMES = {**CommandStatus.__members__, **_NAMES_OF_3_4}
_LARGEST = 0xFFFFFFFF

_MEANINGS: dict[int, str] = {
    0x00: "no error",
    0x01: "message length is invalid",
    0x02: "command_length is invalid",
    0x03: "command_id is unknown or not supported",
    0x04: "not allowed in this bind state; advice: look whether the bind is still up and of the"
    " right kind (a receiver cannot submit)",
    0x05: "already bound; advice: bind limit or another session open: unbind the other one, or"
    " wait until the peer has dropped a session that the network lost",
    0x06: "priority_flag is invalid",
    0x07: "registered_delivery is invalid",
    0x08: "system error at the peer; advice: it is temporary more often than not, try again later",
    0x0A: "source address is invalid; advice: look at the sender and its TON/NPI (source_ton,"
    " source_npi): the peer may allow declared senders only",
    0x0B: "destination address is invalid; advice: look at the number and its TON/NPI (dest_ton,"
    " dest_npi); the peer may not serve that network",
    0x0C: "message_id is unknown",
    0x0D: "bind failed; advice: ask for the allow-list of addresses, the number of binds and the"
    " kind of bind the account has; some peers also say so of a wrong password",
    0x0E: "password is wrong; advice: look at the password and its length (8 characters at most)",
    0x0F: "system_id is unknown; advice: look at system_id, host and port: test and live systems"
    " often have accounts of their own",
    0x11: "cancel_sm failed: the message may be on its way already",
    0x13: "replace_sm failed: the message may be on its way already",
    0x14: "message queue is full, of the destination or as a whole; advice: slow down, try later",
    0x15: "service_type is invalid",
    0x33: "number of destinations is invalid",
    0x34: "distribution list is unknown",
    0x40: "dest_flag is invalid",
    0x42: "replacing is not supported here",
    0x43: "esm_class is invalid",
    0x44: "cannot submit to this distribution list",
    0x45: "submit failed, for no stated reason",
    0x48: "source_addr_ton is invalid; advice: set source_ton",
    0x49: "source_addr_npi is invalid; advice: set source_npi",
    0x50: "dest_addr_ton is invalid; advice: set dest_ton",
    0x51: "dest_addr_npi is invalid; advice: set dest_npi",
    0x53: "system_type is invalid; advice: set system_type as the peer wants it, or leave it empty",
    0x54: "replace_if_present_flag is invalid",
    0x55: "number of messages is invalid",
    0x58: "throttled: more messages than allowed; advice: set throughput to what was agreed",
    0x61: "schedule_delivery_time is invalid",
    0x62: "validity_period is invalid",
    0x63: "predefined message (sm_default_msg_id) is unknown",
    0x64: "temporary error of the receiving application",
    0x65: "permanent error of the receiving application",
    0x66: "rejected by the receiving application",
    0x67: "query_sm failed",
    0xC0: "optional part of the PDU is malformed",
    0xC1: "TLV is not allowed here",
    0xC2: "length of a parameter is invalid",
    0xC3: "a TLV is missing",
    0xC4: "value of a TLV is invalid",
    0xFE: "delivery failed (transaction mode)",
    0xFF: "unknown error at the peer",
    0x100: "account may not use this service_type",
    0x101: "account may not use this operation; advice: ask which kind of bind and which"
    " commands the account has",
    0x102: "service_type is unavailable",
    0x103: "service_type is denied",
    0x104: "data_coding is invalid or not supported",
    0x105: "source_addr_subunit is invalid",
    0x106: "dest_addr_subunit is invalid",
    0x107: "broadcast_frequency_interval is invalid",
    0x108: "broadcast alias name is invalid",
    0x109: "format of broadcast_area_identifier is invalid",
    0x10A: "number of broadcast areas is invalid",
    0x10B: "broadcast_content_type is invalid",
    0x10C: "broadcast_message_class is invalid",
    0x10D: "broadcast_sm failed",
    0x10E: "query_broadcast_sm failed",
    0x10F: "cancel_broadcast_sm failed",
    0x110: "broadcast_rep_num is invalid",
    0x111: "broadcast_service_group is invalid",
    0x112: "broadcast_channel_indicator is invalid",
    0x453: "the phone said STOP to this sender; advice: it gets nothing until it says START",
}

FAIL = StatusRule(action="fail")
"""What every status gets that no table names: a refusal is final unless known to be temporary."""

BUILT_IN: Mapping[int, StatusRule] = MappingProxyType(
    {
        # The link as a whole is refused: hold its queue, in order, for as long as it takes.
        CommandStatus.ESME_RTHROTTLED: StatusRule(action="pause", delay=1.0, max_delay=30.0),
        CommandStatus.ESME_RMSGQFUL: StatusRule(action="pause", delay=5.0, max_delay=60.0),
        CommandStatus.ESME_RINVBNDSTS: StatusRule(action="pause", delay=1.0, max_delay=30.0),
        # Trouble over there that passes: 10, 20, 40 ... 300 s, about a quarter of an hour in all.
        CommandStatus.ESME_RSYSERR: StatusRule(
            action="retry", delay=10.0, max_delay=300.0, tries=8
        ),
        CommandStatus.ESME_RX_T_APPN: StatusRule(
            action="retry", delay=10.0, max_delay=300.0, tries=8
        ),
        # No reason given; peers use them for passing trouble too: 10, 20, 40 s, then give up.
        CommandStatus.ESME_RSUBMITFAIL: StatusRule(
            action="retry", delay=10.0, max_delay=60.0, tries=4
        ),
        CommandStatus.ESME_RUNKNOWNERR: StatusRule(
            action="retry", delay=10.0, max_delay=60.0, tries=4
        ),
    }
)
"""Rules for refused submits where the carrier's own (`statuses`) say nothing; the rest fails."""


def parse_status(text: str) -> int:
    """Return the command_status that an operator wrote: `0x58`, `ESME_RTHROTTLED`, `rthrottled`.

    The names are those of SMPP 5.0 and 3.4. Raises ValueError with what would be right. A number
    without 0x is refused: manuals print 58 and 88 for the same status.
    """
    name = text.strip().upper()
    if name.startswith("0X"):
        digits = name[2:]
        if digits and set(digits) <= set("0123456789ABCDEF") and int(digits, 16) <= _LARGEST:
            return int(digits, 16)
        raise ValueError(f"{text!r} is not a status: 0x and 1 to 8 hexadecimal digits")
    if name.isdecimal():
        raise ValueError(f"{text!r} could be decimal or hexadecimal: write 0x...")
    if not name.startswith("ESME_"):
        name = f"ESME_{name}"
    status = _NAMES.get(name)
    if status is None:
        hint = did_you_mean(name, _NAMES)
        raise ValueError(f"{text!r} is not the name of a status{hint}")
    return int(status)


def status_text(command_status: int) -> str:
    """Return name, number and meaning of any command_status, with advice where there is some."""
    meaning = _MEANINGS.get(command_status)
    if meaning is not None:
        return f"{status_name(command_status)} (0x{command_status:02X}): {meaning}"
    if 0x400 <= command_status <= 0x4FF:
        return f"0x{command_status:X}: not in the standard, see the peer's manual (vendor range)"
    return f"0x{command_status:X}: not in the standard, see the peer's manual"


class StatusPolicy:
    """What one carrier's refusals of submits lead to: its own rules over the built-in ones.

    `rules` is keyed as in the configuration (see `parse_status`). Raises ValueError when a key is
    no status, is ESME_ROK, or names a status that another key names too.
    """

    __slots__ = ("_rules",)

    def __init__(self, rules: Mapping[str, StatusRule] = MappingProxyType({})) -> None:
        own: dict[int, StatusRule] = {}
        for text, rule in rules.items():
            command_status = parse_status(text)
            if command_status == CommandStatus.ESME_ROK:
                raise ValueError(f"{text!r} is success, it takes no rule")
            if command_status in own:
                raise ValueError(f"{text!r} has two rules")
            own[command_status] = rule
        self._rules = {**BUILT_IN, **own}

    def rule(self, command_status: int) -> StatusRule:
        """Return the rule for a status other than ESME_ROK; `FAIL` for one that has none."""
        return self._rules.get(command_status, FAIL)


def delay(rule: StatusRule, attempt: int) -> float:
    """Return the seconds to wait after failed attempt number `attempt` (1 = the first).

    `rule.delay`, doubled for each further attempt, never above `rule.max_delay`.
    """
    doublings = min(max(attempt, 1) - 1, 64)  # a float holds no more than 1023 of them
    return min(rule.delay * 2.0**doublings, rule.max_delay)
