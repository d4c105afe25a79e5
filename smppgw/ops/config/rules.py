"""What ties the keys of a configuration together, and what SMPP demands of them.

Owns: uniqueness, references between objects, credentials, lengths of SMPP fields, hosts, status
names, alphabets, listen addresses, forms of receipts. Each rule reads drafts, so all of them speak
even when values are faulty.
Refuses to know: types and ranges of single keys (`values`), files and lines (`faults`).
Source: SMPP 3.4 sections 4.1.1 (bind fields) and 5.2 (parameter sizes, without the closing NUL).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Any

from smppgw.core.account_settings import receipt_format_fault
from smppgw.core.passwords import PasswordFormatError, check_hash
from smppgw.core.status import parse_status
from smppgw.core.texts import alphabet_faults, data_coding_faults, shifts_septets
from smppgw.ops.config.endpoint import is_public
from smppgw.ops.config.faults import Report, quote
from smppgw.ops.config.lines import KeyPath
from smppgw.ops.config.reading import Draft, meant
from smppgw.ops.config.schema import identities, keys_of
from smppgw.ops.config.values import duration, is_reference
from smppgw.ops.public_key import PublicKeyError, read_public_key

_MAX_CHARACTERS = {"system_id": 15, "system_type": 12, "address_range": 40, "service_type": 5}
_MAX_PASSWORD = 8
_REFERENCES = (
    ("routes", "carriers", "carriers"),
    ("numbers", "carrier", "carriers"),
    ("numbers", "account", "accounts"),
    ("operators", "accounts", "accounts"),
)
_DIGITS = (("routes", "prefix"), ("numbers", "address"))
_NOT_ABOVE = (
    ("validity", "max_validity"),
    ("reconnect", "max_reconnect"),
    ("delay", "max_delay"),
    ("enquire_link", "inactivity_timeout"),
)
FEATURES = "@"
"""How the accounts of features begin: nobody binds with one, and none is declared."""
_FIRST_WITH_TLVS = 0x34
_IN_TLVS = {"concatenation": ("sar", "payload"), "class_style": ("subunit",)}
_OPERATOR_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?")


def check(root: Draft, document: Mapping[str, Any], report: Report) -> None:
    """Reports everything that is wrong between the keys of a whole configuration."""
    for table, name in identities().items():
        _unique(root.all(table), name, report)
    for table, name, target in _REFERENCES:
        _existing(root, table, name, target, report)
    for table, name in _DIGITS:
        for draft in root.all(table):
            value = draft.get(name)
            if value and not (value.isascii() and value.isdigit()):
                report.fault((*draft.path, name), f"{quote(value)} must be digits only")
    for draft in _drafts(root):
        _carried_by_smpp(draft, report)
        _not_above(draft, report)
        _listeners(draft, report)
        _password_hash(draft, report)
    for account in root.all("accounts"):
        _not_a_feature(account, report)
        _has_password(account, report, "needs password_hash or password")
        _one_password(account, report)
        _receipt_format(account, report)
    for operator in root.all("operators"):
        _operator_name(operator, report)
        _limited(operator, report)
        if not operator.get("ssh_keys"):
            _has_password(operator, report, "needs password_hash, password or ssh_keys")
        _one_password(operator, report)
        _clear_password(operator, document, report)
        _ssh_keys(operator, report)
    _one_peer_twice(root.all("carriers"), report)
    for carrier in root.all("carriers"):
        _password_length(carrier, report)
        _hosts(carrier, report)
        _statuses(carrier, report)
        _texts(carrier, report)
        _tlvs(carrier, report)


def _one_peer_twice(carriers: Iterable[Draft], report: Report) -> None:
    """Two carriers that are one to the peer: receipts of either come to the binds of both."""
    first: dict[tuple[Any, ...], Any] = {}
    for carrier in carriers:
        port, system_id = carrier.get("port"), carrier.get("system_id")
        for host in carrier.get("hosts") or (carrier.get("host"),):
            known = first.setdefault((host, port, system_id), carrier.get("name"))
            if host and system_id and known not in (None, carrier.get("name")):
                report.warning(
                    (*carrier.path, "system_id"),
                    f"the same as that of {quote(known)}, at the same host and port: receipts that"
                    " come to one find no message of the other; declare one carrier, with more"
                    " binds or with bind = transmitter+receiver",
                )
                break


def _not_a_feature(account: Draft, report: Report) -> None:
    name = account.get("system_id")
    if isinstance(name, str) and name.startswith(FEATURES):
        fault = f"{quote(name)} begins with {FEATURES}, which is kept for features of the gateway"
        report.fault((*account.path, "system_id"), fault)


def _drafts(draft: Draft) -> Iterable[Draft]:
    yield draft
    for value in draft.values.values():
        inner = value.values() if isinstance(value, dict) else value
        for item in inner if isinstance(value, tuple | dict) else (value,):
            if isinstance(item, Draft):
                yield from _drafts(item)


def _unique(drafts: Iterable[Draft], name: str, report: Report) -> None:
    first: dict[str, str] = {}
    for draft in drafts:
        value = draft.get(name)
        if value is None:
            continue
        path = (*draft.path, name)
        if value in first:
            report.fault(path, f"{quote(value)} is already declared {first[value]}")
        first.setdefault(value, report.place(path))


def _existing(root: Draft, table: str, name: str, target: str, report: Report) -> None:
    known = {draft.get(identities()[target]) for draft in root.all(target)} - {None}
    for draft in root.all(table):
        for path, reference in _names((*draft.path, name), draft.get(name)):
            if reference and reference not in known:
                hint = meant(reference, sorted(known))
                report.fault(path, f"there is no {target[:-1]} {quote(reference)}{hint}")


def _names(path: KeyPath, value: Any) -> Iterable[tuple[KeyPath, str]]:
    """The strings of a value and of the arrays in it, with the path of each."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _names((*path, index), item)


def _carried_by_smpp(draft: Draft, report: Report) -> None:
    for name, most in _MAX_CHARACTERS.items():
        value = draft.get(name)
        if isinstance(value, str) and len(value) > most:
            report.fault((*draft.path, name), f"{quote(value)} is longer than {most} characters")
    is_peer = "system_id" in keys_of(draft.cls)
    for name in (*_MAX_CHARACTERS, "password"):
        value = draft.get(name)
        if is_peer and isinstance(value, str) and not _is_latin_1(value):
            report.fault((*draft.path, name), "has characters that SMPP cannot carry")


def _is_latin_1(value: str) -> bool:
    return all(ord(character) < 256 for character in value)


def _not_above(draft: Draft, report: Report) -> None:
    for name, limit in _NOT_ABOVE:
        low, high = draft.get(name), draft.get(limit)
        if low is not None and high is not None and low > high:
            reason = f"{duration(low)} is longer than {limit}, which is {duration(high)}"
            report.fault((*draft.path, name), reason)


def _listeners(draft: Draft, report: Report) -> None:
    listeners = [
        one
        for name in ("listen", "ssh_listen")
        for one in _names((*draft.path, name), draft.get(name))
    ]
    for path, description in listeners:
        try:
            public = is_public(description)
        except ValueError as error:
            report.fault(path, f"{quote(description)} is no usable endpoint: {error}")
            continue
        if public:
            report.warning(
                path, f"{quote(description)} listens on all interfaces; interface= names one"
            )


def _has_password(draft: Draft, report: Report, missing: str) -> None:
    if draft.get("password") == "" and draft.get("password_hash") == "":
        report.fault(draft.path, missing)


def _one_password(draft: Draft, report: Report) -> None:
    if draft.get("password") and draft.get("password_hash"):
        report.fault((*draft.path, "password"), "give password_hash or password, not both")


def _password_hash(draft: Draft, report: Report) -> None:
    stored = draft.get("password_hash")
    if stored:
        try:
            check_hash(stored)
        except PasswordFormatError as error:
            report.fault((*draft.path, "password_hash"), f"{error}; `smppgw password` makes one")


def _clear_password(operator: Draft, document: Mapping[str, Any], report: Report) -> None:
    table, index = operator.path
    raw = document[str(table)][index].get("password")
    if operator.get("password") and not is_reference(raw):
        path = (*operator.path, "password")
        report.warning(path, "is in clear; `smppgw password` makes a password_hash")


def _operator_name(operator: Draft, report: Report) -> None:
    name = operator.get("name")
    if name and not _OPERATOR_NAME.fullmatch(name):
        reason = "must be at most 32 letters, digits, dots, dashes and underscores"
        report.fault((*operator.path, "name"), f"{quote(name)} is no login name: it {reason}")


def _limited(operator: Draft, report: Report) -> None:
    role = operator.get("role")
    if operator.get("accounts") and role not in (None, "view", "operate"):
        fault = f"{quote(role)} cannot be limited to accounts: it changes what is there for all"
        report.fault((*operator.path, "role"), fault)


def _ssh_keys(operator: Draft, report: Report) -> None:
    first: dict[bytes, int] = {}
    for index, line in enumerate(operator.get("ssh_keys") or ()):
        path = (*operator.path, "ssh_keys", index)
        if line is None:  # a fault already
            continue
        try:
            key = read_public_key(line)
        except PublicKeyError as error:
            report.fault(path, str(error))
            continue
        if key in first:
            report.fault(path, f"the same key is already on line {first[key]}")
        first.setdefault(key, report.line(path))


def _receipt_format(account: Draft, report: Report) -> None:
    receipt_format = account.get("receipt_format")
    if receipt_format is not None:
        reason = receipt_format_fault(receipt_format, account.get("receipt_text") or 0)
        if reason:
            report.fault((*account.path, "receipt_format"), reason)


def _password_length(carrier: Draft, report: Report) -> None:
    if len(carrier.get("password") or "") > _MAX_PASSWORD:
        path = (*carrier.path, "password")
        report.warning(path, f"is longer than the {_MAX_PASSWORD} characters that SMPP allows")


def _hosts(carrier: Draft, report: Report) -> None:
    host, hosts = carrier.get("host"), carrier.get("hosts")
    if host == "" and hosts == ():
        report.fault(carrier.path, "needs host or hosts")
    elif host and hosts:
        report.fault((*carrier.path, "hosts"), "give host or hosts, not both")
    if host and not _is_host(host):
        hint = "; its port goes in port" if _is_host_and_port(host) else ""
        report.fault((*carrier.path, "host"), f"{quote(host)} is no name or address{hint}")
    for path, place in _names((*carrier.path, "hosts"), hosts):
        if not _is_host(place) and not _is_host_and_port(place):
            report.fault(path, f"{quote(place)} is no host or host:port")


def _is_host(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        # A name of digits and dots only is an address with a slip of the pen.
        is_address = not any(character.isalpha() for character in text)
        return _HOST_NAME.fullmatch(text) is not None and not is_address
    return True


def _is_host_and_port(text: str) -> bool:
    host, _, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        return False
    return _is_host(host) and port.isascii() and port.isdigit() and 1 <= int(port[:6]) <= 65535


def _statuses(carrier: Draft, report: Report) -> None:
    first: dict[int, str] = {}
    for name in carrier.get("statuses") or ():
        path = (*carrier.path, "statuses", name)
        try:
            status = parse_status(name)
        except ValueError as error:
            report.fault(path, str(error))
            continue
        if status == 0:
            report.fault(path, "is success, which takes no rule")
        elif status in first:
            report.fault(path, f"the same status is already {first[status]}")
        first.setdefault(status, report.place(path))


def _texts(carrier: Draft, report: Report) -> None:
    alphabets, data_codings = carrier.get("alphabets"), carrier.get("data_codings")
    faulty = data_coding_faults(data_codings or {})
    for key, reason in faulty.items():
        report.fault((*carrier.path, "data_codings", key), reason)
    if alphabets == ():
        report.fault((*carrier.path, "alphabets"), "must not be empty")
    elif alphabets and None not in alphabets and data_codings is not None and not faulty:
        for index, reason in alphabet_faults(alphabets, data_codings).items():
            path = (*carrier.path, "alphabets", index)
            if path not in report.lines:  # the default, which only data_codings can spoil
                path = (*carrier.path, "data_codings")
            report.fault(path, f"{quote(alphabets[index])}: {reason}")
    languages = carrier.get("shift_languages") or ()
    for index, language in enumerate(languages):
        if language is not None and language in languages[:index]:
            path = (*carrier.path, "shift_languages", index)
            report.fault(path, f"{quote(language)} is there already")
    if languages and alphabets and None not in alphabets and not shifts_septets(alphabets):
        report.fault((*carrier.path, "shift_languages"), "needs gsm7 in alphabets")


def _tlvs(carrier: Draft, report: Report) -> None:
    version = carrier.get("interface_version")
    if version is None or version >= _FIRST_WITH_TLVS:
        return
    for name, needing in _IN_TLVS.items():
        value = carrier.get(name)
        if value in needing:
            reason = f"{quote(value)} needs TLVs, which interface_version 0x{version:02X} has not"
            report.fault((*carrier.path, name), reason)
