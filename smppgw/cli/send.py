"""`smppgw send`: one message through any SMPP server, by smpplib.

Owns: whom to bind as, and what is printed. smpplib is an independent implementation: what it and
the gateway agree on is not one mistake made twice.
Refuses to know: our own protocol code.

Whom to bind as, where options do not say:

- with `-c FILE`: the account of the file that `--system-id` names, else its first one; at the
  file's first `tcp:` listener;
- without `-c`, `--host` and `--system-id`: the demo's account, from `demo.json` in `--data-dir`
  (else `var/demo`), if the demo runs;
- else `--system-id` is needed; the server is 127.0.0.1:2775 unless `--host` and `--port` differ.

The password is the first line of `--password-file`; else that of the file or the demo; else the
environment variable SMPPGW_PASSWORD; else it is asked for.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import time
from argparse import Namespace
from getpass import getpass
from pathlib import Path
from typing import Any

from attrs import define, evolve, field, frozen
from smpplib import consts, exceptions, gsm
from smpplib.client import Client

from smppgw.cli.client import DEMO_DIR
from smppgw.cli.output import FAULT, OK, CommandFault, complain, say, say_json
from smppgw.cli.run import read
from smppgw.core.account_settings import AccountSettings

DEMO_FILE = "demo.json"
"""In the demo's data directory while it runs: host, port, system_id, password, source (0600)."""
HOST, PORT = "127.0.0.1", 2775
ANSWER_TIME = 10.0
"""Seconds for a bind and for the answers to submit_sm."""
CLASSES = {"flash": 0x10, "sim": 0x12}
"""data_coding of SMPP 3.4 for message class 0 (shown at once) and 2 (kept on the SIM card)."""
ALPHABETS = {0: "GSM 7-bit", 8: "UCS-2"}
LONGEST_ADDRESS = 20
LONGEST_SHORT_CODE = 8
_LISTEN = re.compile(r"tcp:(?:port=)?(\d+)(?:.*:interface=([\d.]+))?")
_FIELD = r"\b{name}:(\S*)"
_REFUSED = re.compile(r"\(\d+\) (\w+):")
"""How smpplib words a refused bind; the status is the second argument of its exception."""


@frozen
class Target:
    """Where to send, and as whom."""

    host: str = HOST
    port: int = PORT
    system_id: str = ""
    password: str = field(default="", repr=False)
    source: str = ""


@define
class Exchange:
    """What has come back: the id of each part, and its receipt when one was asked for."""

    ids: dict[int, str] = field(factory=dict)
    receipts: dict[str, dict[str, Any]] = field(factory=dict)
    refusal: str = ""

    def submitted(self, pdu: Any) -> None:
        """submit_sm_resp."""
        self.ids[pdu.sequence] = _text(pdu.message_id)

    def delivered(self, pdu: Any) -> None:
        """deliver_sm; what is no receipt is somebody else's message, and taken all the same."""
        if not pdu.esm_class & 0x04:
            return
        text = _text(pdu.short_message)
        id = _text(pdu.receipted_message_id) or _find("id", text)
        self.receipts[id] = {
            "id": id,
            "state": _find("stat", text),
            "err": _find("err", text),
            "text": text,
        }

    def refused(self, pdu: Any) -> None:
        """Any answer with an error status."""
        self.refusal = _refusal(pdu.command, pdu.status)


def send(arguments: Namespace) -> int:
    """Send, print id and parts, and with `--dlr` wait for the receipt.

    Exit code 0 when every part was accepted and, with `--dlr`, a receipt came for each, whatever
    it says.
    """
    target = _target(arguments)
    if not target.system_id:
        raise CommandFault("whom to bind as? give --system-id, -c FILE, or start smppgw demo")
    parts, alphabet, esm_class = gsm.make_parts(arguments.text)
    data_coding = alphabet | CLASSES.get(arguments.message_class, 0)
    started = time.monotonic()
    patience = min(ANSWER_TIME, arguments.wait) if arguments.dlr else ANSWER_TIME
    client = _client(target, patience)
    exchange = Exchange()
    client.set_message_sent_handler(exchange.submitted)
    client.set_message_received_handler(exchange.delivered)
    client.set_error_pdu_handler(exchange.refused)
    try:
        client.connect()
        client.bind_transceiver(system_id=target.system_id, password=target.password)
        for part in parts:
            client.send_message(
                **_address("source", target.source),
                **_address("destination", arguments.to),
                short_message=part,
                esm_class=esm_class,
                data_coding=data_coding,
                registered_delivery=1 if arguments.dlr else 0,
            )
        _listen(client, exchange, len(parts), started + ANSWER_TIME, receipts=False)
        ids = list(exchange.ids.values())
        if not arguments.json:
            coding = f"{ALPHABETS[alphabet]}, data_coding 0x{data_coding:02X}"
            say(*(f"id       {id}" for id in ids), f"parts    {len(parts)} ({coding})")
        if arguments.dlr:
            _listen(client, exchange, len(parts), time.monotonic() + arguments.wait, receipts=True)
    except exceptions.ConnectionError as error:
        raise CommandFault(f"{target.host}:{target.port}: {_lost(error, patience)}") from None
    except exceptions.PDUError as error:
        raise CommandFault(f"{target.host}:{target.port}: {_refused(error)}") from None
    finally:
        _leave(client)
    return _report(arguments, exchange, len(parts), data_coding, time.monotonic() - started)


def _report(
    arguments: Namespace, exchange: Exchange, parts: int, data_coding: int, seconds: float
) -> int:
    ids = list(exchange.ids.values())
    receipts = [exchange.receipts[id] for id in ids if id in exchange.receipts]
    if arguments.json:
        say_json({"ids": ids, "parts": parts, "data_coding": data_coding, "receipts": receipts})
    else:
        for one in receipts:
            say(f"receipt  {one['state']} err {one['err']} ({seconds:.1f} s after the start)")
    missing = parts - len(receipts)
    if arguments.dlr and missing:
        complain(f"{missing} of {parts} receipts did not come within {arguments.wait:g} s")
        return FAULT
    return OK


def _listen(
    client: Client, exchange: Exchange, parts: int, deadline: float, *, receipts: bool
) -> None:
    """Read until every answer, or every receipt, is there."""

    def complete() -> bool:
        if receipts:
            return all(id in exchange.receipts for id in exchange.ids.values())
        return len(exchange.ids) == parts

    while not complete() and time.monotonic() < deadline:
        try:
            client.read_once(auto_send_enquire_link=False)
        except TimeoutError:
            continue
        if exchange.refusal:
            raise CommandFault(exchange.refusal)
    if not receipts and not complete():
        raise CommandFault(f"no answer to submit_sm within {ANSWER_TIME:g} s")


def _client(target: Target, patience: float) -> Client:
    logging.getLogger("smppgw.send").disabled = True
    return Client(
        target.host,
        target.port,
        timeout=patience,
        logger_name="smppgw.send",
        allow_unknown_opt_params=True,
    )


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


def _address(which: str, address: str) -> dict[str, Any]:
    """The smpplib parameters of an address; TON and NPI by what it looks like."""
    digits = address.removeprefix("+")
    if len(digits) > LONGEST_ADDRESS:
        raise CommandFault(
            f"{address} is longer than the {LONGEST_ADDRESS} characters of an address"
        )
    number = digits.isascii() and digits.isdecimal()
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


def _find(name: str, text: str) -> str:
    found = re.search(_FIELD.format(name=name), text, re.IGNORECASE)
    return found[1] if found else ""


# ---------------------------------------------------------------------- whom to bind as


def _target(arguments: Namespace) -> Target:
    if arguments.config is not None:
        target = _of_file(arguments.config, arguments.system_id)
    elif arguments.host is None and arguments.system_id is None:
        target = _of_demo(Path(arguments.data_dir or DEMO_DIR))
    else:
        target = Target()
    target = evolve(
        target,
        host=arguments.host or target.host,
        port=target.port if arguments.port is None else arguments.port,
        system_id=arguments.system_id or target.system_id,
        source=target.source if arguments.source is None else arguments.source,
    )
    if arguments.password_file is not None:
        return evolve(target, password=_first_line(arguments.password_file))
    if target.password or not target.system_id:
        return target
    return evolve(target, password=_password(target.system_id))


def _password(system_id: str) -> str:
    word = os.environ.get("SMPPGW_PASSWORD")
    if word is None and sys.stdin.isatty():
        word = getpass(f"Password of {system_id}: ")
    if word is None:
        raise CommandFault("no password: use --password-file or SMPPGW_PASSWORD")
    return word


def _first_line(file: Path) -> str:
    try:
        with file.open(encoding="utf-8") as lines:
            return lines.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFault(f"{file}: cannot be read ({error})") from None


def _of_file(file: Path, system_id: str | None) -> Target:
    settings = read(file).settings
    accounts: list[AccountSettings] = [
        one for one in settings.accounts if system_id in (None, one.system_id)
    ]
    if not accounts:
        wanted = f"account {system_id}" if system_id else "account"
        raise CommandFault(f"{file}: there is no {wanted}")
    account = accounts[0]
    for description in settings.smpp.listen:
        found = _LISTEN.match(description)
        if found:
            host = found[2] if found[2] and found[2] != "0.0.0.0" else HOST  # noqa: S104
            return Target(host, int(found[1]), account.system_id, account.password)
    raise CommandFault(f"{file}: [smpp] listen has no tcp: endpoint; give --host and --port")


def _of_demo(directory: Path) -> Target:
    try:
        said = json.loads((directory / DEMO_FILE).read_text("utf-8"))
    except FileNotFoundError:
        return Target()
    except (OSError, ValueError) as error:
        raise CommandFault(f"{directory / DEMO_FILE}: cannot be read ({error})") from None
    return Target(**said)
