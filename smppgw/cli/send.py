"""`smppgw send`: one message through any SMPP server, by smpplib.

Owns: the session with the server, and what is printed. smpplib is an independent implementation:
what it and the gateway agree on is not one mistake made twice. Only the text is written and cut by
our own code (`core.encoding`), for what smpplib does to it is wrong in places.
Refuses to know: our own protocol code, whom to bind as (`cli.target`).
"""

from __future__ import annotations

import logging
import re
import time
from argparse import Namespace
from collections.abc import Callable
from secrets import randbelow
from typing import Any

from attrs import define, field
from smpplib import consts, exceptions
from smpplib.client import Client

from smppgw.cli.output import FAULT, OK, CommandFault, complain, folded, say, say_json
from smppgw.cli.parts import in_parts
from smppgw.cli.target import Target, target_of
from smppgw.core.encoding import InParts, counted, replaced, replacement_records
from smppgw.sms.receipt import STATE_WORDS, parse
from smppgw.sms.segment import Part

ANSWER_TIME = 10.0
"""Seconds for a bind and for the answer to each submit_sm."""
REFERENCES = 0x10000
"""Nobody counts the messages of one destination here, so chance numbers what is in parts."""
LONGEST_ADDRESS = 20
LONGEST_SHORT_CODE = 8
_REFUSED = re.compile(r"\(\d+\) (\w+):")
"""How smpplib words a refused bind; the status is the second argument of its exception."""


@define
class Exchange:
    """What has come back: the id of each part, and its receipt when one was asked for."""

    started: float
    ids: dict[int, str] = field(factory=dict)
    """By sequence_number, in the order of the parts."""
    receipts: dict[str, dict[str, Any]] = field(factory=dict)
    refusal: str = ""

    def submitted(self, pdu: Any) -> None:
        """submit_sm_resp; smpplib passes those with an error here as well."""
        if not pdu.is_error():
            self.ids[pdu.sequence] = _text(pdu.message_id)

    def delivered(self, pdu: Any) -> None:
        """deliver_sm; what is no receipt is somebody else's message, and taken all the same."""
        if not pdu.esm_class & 0x04:
            return
        text = _text(pdu.short_message) or _text(pdu.message_payload)
        read = parse(text)
        id = _text(pdu.receipted_message_id) or read.id or ""
        self.receipts[id] = {
            "id": id,
            # A template of an account may hide it from whoever reads the text.
            "state": read.stat or STATE_WORDS.get(pdu.message_state, ""),
            "err": read.err or "",
            "text": text,
            "seconds": round(time.monotonic() - self.started, 3),
        }

    def refused(self, pdu: Any) -> None:
        """Any answer with an error status."""
        self.refusal = _refusal(pdu.command, pdu.status)

    @property
    def received(self) -> list[dict[str, Any] | None]:
        """The receipt of each part that was accepted, None where it is missing."""
        return [self.receipts.get(id) for id in self.ids.values()]


def send(arguments: Namespace) -> int:
    """Send, print ids and parts, and with `--dlr` wait for the receipts.

    Exit code 0 when every part was accepted and, with `--dlr`, a receipt came for each, whatever
    it says. After a part that is refused none is sent.
    """
    text = in_parts(arguments.text, arguments, reference=randbelow(REFERENCES))
    target = target_of(arguments)
    addresses = {**_address("source", target.source), **_address("destination", arguments.to)}
    patience = min(ANSWER_TIME, arguments.wait) if arguments.dlr else ANSWER_TIME
    exchange = Exchange(time.monotonic())
    client = _client(target, patience, exchange)
    fault = ""
    try:
        client.connect()
        client.bind_transceiver(system_id=target.system_id, password=target.password)
        fault = _submit(client, exchange, arguments, addresses, text)
        if arguments.dlr and not fault:
            fault = _await_receipts(client, exchange, arguments.wait)
    except exceptions.ConnectionError as error:
        fault = f"{target.host}:{target.port}: {_lost(error, patience)}"
    except exceptions.PDUError as error:
        fault = f"{target.host}:{target.port}: {_refused(error)}"
    finally:
        _leave(client)
    if fault and not exchange.ids:
        raise CommandFault(fault)
    _report(arguments, exchange, text)
    if fault:
        complain(fault)
    return FAULT if fault else OK


def _submit(
    client: Client,
    exchange: Exchange,
    arguments: Namespace,
    addresses: dict[str, Any],
    text: InParts,
) -> str:
    """Send each part when the one before it was accepted; why one was not, else ""."""
    found = text.found
    total = len(found.parts)
    for number, part in enumerate(found.parts, 1):
        fields = {**addresses, **_fields(part), "registered_delivery": int(arguments.dlr)}
        if not _submit_part(client, exchange, fields):
            fault = exchange.refusal or f"no answer to submit_sm within {ANSWER_TIME:g} s"
            return f"part {number} of {total}: {fault}" if total > 1 else fault
        if not arguments.json:
            say(f"id       {list(exchange.ids.values())[-1]}")
    if not arguments.json:
        coding = f"{found.alphabet}, data_coding 0x{found.parts[0].data_coding:02X}"
        say(f"parts    {counted(found, text.style)} ({coding})")
        if text.replacements:
            say(*folded(f"replaced {replaced(text.replacements)}", " " * 9))
    return ""


def _submit_part(client: Client, exchange: Exchange, fields: dict[str, Any]) -> bool:
    sent = client.send_message(**fields)
    return _listen(client, exchange, ANSWER_TIME, lambda: sent.sequence in exchange.ids)


def _await_receipts(client: Client, exchange: Exchange, seconds: float) -> str:
    """Wait for the receipts of all parts; what is missing at the end, else ""."""
    if _listen(client, exchange, seconds, lambda: None not in exchange.received):
        return ""
    missing = f"{exchange.received.count(None)} of {len(exchange.ids)} receipts did not come"
    return exchange.refusal or f"{missing} within {seconds:g} s"


def _report(arguments: Namespace, exchange: Exchange, text: InParts) -> None:
    """The receipts there are; as JSON everything."""
    found = text.found
    if not arguments.json:
        for number, one in enumerate(exchange.received, 1):
            if one is not None:
                of = f"{number}/{len(found.parts)} " if len(found.parts) > 1 else ""
                after = f"{one['seconds']:.1f} s after the start"
                say(f"receipt  {of}{one['state']} err {one['err']} ({after})")
        return
    record = {
        "ids": list(exchange.ids.values()),
        "parts": len(found.parts),
        "alphabet": str(found.alphabet),
        "data_coding": found.parts[0].data_coding,
        "receipts": [one for one in exchange.received if one is not None],
    }
    if found.messages > len(found.parts):
        record["messages"] = found.messages
    if arguments.smart:
        record["replacements"] = replacement_records(text.replacements)
    say_json(record)


def _listen(
    client: Client, exchange: Exchange, seconds: float, complete: Callable[[], bool]
) -> bool:
    """Read until all is there, something was refused, or the time is over; whether all is there."""
    deadline = time.monotonic() + seconds
    while not complete() and not exchange.refusal and time.monotonic() < deadline:
        try:
            client.read_once(auto_send_enquire_link=False)
        except TimeoutError:
            continue
    return complete()


def _client(target: Target, patience: float, exchange: Exchange) -> Client:
    logging.getLogger("smppgw.send").disabled = True
    client = Client(
        target.host,
        target.port,
        timeout=patience,
        logger_name="smppgw.send",
        allow_unknown_opt_params=True,
    )
    client.set_message_sent_handler(exchange.submitted)
    client.set_message_received_handler(exchange.delivered)
    client.set_error_pdu_handler(exchange.refused)
    return client


def _lost(error: Exception, patience: float) -> str:
    """Why there is no connection; smpplib has words for a failed connect only, always the same."""
    connecting, cause = str(error), error.__context__
    if isinstance(cause, TimeoutError):
        return f"no {'connection' if connecting else 'answer to the bind'} within {patience:g} s"
    if connecting and isinstance(cause, OSError):
        return cause.strerror or str(cause)
    return connecting or "the connection was closed"


def _refused(error: Exception) -> str:
    """A refused bind, in the words of a refused submit."""
    found = _REFUSED.match(str(error.args[0]))
    if found is None or len(error.args) < 2:
        return str(error.args[0])
    return _refusal(found[1], error.args[1])


def _refusal(command: str, status: int) -> str:
    return f"{command}: 0x{status:02X} {consts.DESCRIPTIONS.get(status, '')}".rstrip()


def _leave(client: Client) -> None:
    """Unbind if it can be done, and close."""
    try:
        if client.state not in (consts.SMPP_CLIENT_STATE_CLOSED, consts.SMPP_CLIENT_STATE_OPEN):
            client.unbind()
    except (exceptions.ConnectionError, exceptions.PDUError):
        pass
    client.disconnect()


def _fields(part: Part) -> dict[str, Any]:
    """The smpplib parameters of a part; what is None is not sent."""
    fields: dict[str, Any] = {
        "short_message": part.short_message,
        "message_payload": part.message_payload,
        "esm_class": part.esm_class,
        "data_coding": part.data_coding,
        "dest_addr_subunit": part.dest_addr_subunit,
    }
    if part.sar is not None:
        fields["sar_msg_ref_num"] = part.sar.reference
        fields["sar_total_segments"] = part.sar.total
        fields["sar_segment_seqnum"] = part.sar.sequence
    return fields


def _address(which: str, address: str) -> dict[str, Any]:
    """The smpplib parameters of an address; TON and NPI by what it looks like."""
    digits = address.removeprefix("+")
    if len(digits) > LONGEST_ADDRESS:
        raise CommandFault(
            f"{address} is longer than the {LONGEST_ADDRESS} characters of an address"
        )
    if not digits.isascii():
        raise CommandFault(f"{address} has characters that an address cannot have")
    number = digits.isdecimal()
    if number and len(digits) > LONGEST_SHORT_CODE:
        ton, npi = consts.SMPP_TON_INTL, consts.SMPP_NPI_ISDN
    elif number or not address:
        ton, npi = consts.SMPP_TON_UNK, consts.SMPP_NPI_UNK
    else:
        ton, npi = consts.SMPP_TON_ALNUM, consts.SMPP_NPI_UNK
    if which == "source":
        return {"source_addr": digits, "source_addr_ton": ton, "source_addr_npi": npi}
    return {"destination_addr": digits, "dest_addr_ton": ton, "dest_addr_npi": npi}


def _text(octets: bytes | str | None) -> str:
    if isinstance(octets, bytes):
        return octets.rstrip(b"\0").decode("latin-1")
    return octets or ""
