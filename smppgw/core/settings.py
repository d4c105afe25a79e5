"""What can be set, with type, default, unit and meaning in one place.

Owns: the typed settings of the gateway, its carriers, routes and numbers, and what a whole
configuration is made of; those of accounts and operators are in `account_settings` and
`operator_settings`. `ops.config` reads files into these classes and writes the annotated
`conf/smppgw.toml` from them.
Refuses to know: where a value came from and what is done with it.
"""

from __future__ import annotations

from attrs import field, frozen

from smppgw.core.account_settings import AccountSettings
from smppgw.core.operator_settings import OperatorSettings
from smppgw.core.setting import setting
from smppgw.sms.alphabet import Alphabet
from smppgw.sms.choose import Style
from smppgw.sms.cut import MEASURES
from smppgw.sms.message_class import ClassStyle
from smppgw.sms.national import NAMES


@frozen(kw_only=True)
class GatewaySettings:
    """`[gateway]`: the process as a whole."""

    data_dir: str = setting("var", help="everything durable lives here; created with mode 0700")
    default_language: str = setting(
        "en",
        choices=("en", "fr"),
        help="language of replies to phones when nothing else decides",
    )
    node: int = setting(
        0, minimum=0, maximum=63, help="number of this gateway among those that share message ids"
    )
    retention: float = setting(
        7 * 86400.0,
        minimum=0,
        unit="s",
        help="how long finished messages, orphan receipts and delivered MOs stay readable",
    )
    receipt_wait: float = setting(
        3 * 86400.0,
        minimum=60,
        unit="s",
        help="how long a receipt is awaited before the message ends as UNKNOWN",
    )
    validity: float = setting(
        2 * 86400.0, minimum=60, unit="s", help="validity_period of a message that names none"
    )
    max_validity: float = setting(
        7 * 86400.0,
        minimum=60,
        unit="s",
        help="longest validity_period honoured; longer ones are cut to it",
    )
    max_queue: int = setting(
        10_000_000,
        minimum=1,
        unit="messages",
        help="queued messages above which submits get ESME_RMSGQFUL",
    )
    mo_wait: float = setting(
        300.0,
        minimum=1,
        unit="s",
        help="how long the missing parts of a message from a phone are awaited before what came is "
        "passed on",
    )
    drain_timeout: float = setting(
        20.0, minimum=0, unit="s", help="how long a stop waits for answers from carriers"
    )


@frozen(kw_only=True)
class SmppSettings:
    """`[smpp]`: the listeners that accounts bind to."""

    listen: tuple[str, ...] = setting(
        ("tcp:2775:interface=127.0.0.1",),
        help="Twisted endpoint strings; ssl: for TLS, with caCertsDir= to ask for client "
        "certificates",
    )
    system_id: str = setting(
        "smppgw", help="system_id in our bind responses, at most 15 characters"
    )
    max_pdu_length: int = setting(
        70_000,
        minimum=1024,
        maximum=16_777_216,
        unit="octets",
        help="longest command_length accepted",
    )
    max_connections: int = setting(
        10_000, minimum=1, help="connections held at once; more are closed on arrival"
    )
    session_init_timeout: float = setting(
        10.0, minimum=1, unit="s", help="time from connect to bind"
    )
    pdu_timeout: float = setting(
        10.0, minimum=1, unit="s", help="time within which a begun PDU must be complete"
    )
    enquire_link: float = setting(
        30.0, minimum=1, unit="s", help="silence after which we send enquire_link"
    )
    inactivity_timeout: float = setting(
        300.0, minimum=2, unit="s", help="silence after which a session is closed"
    )
    response_timeout: float = setting(
        30.0, minimum=1, unit="s", help="time a peer has to answer our requests"
    )
    hide_bind_reason: bool = setting(
        False, help="answer every refused bind with ESME_RBINDFAIL, not the exact reason"
    )


@frozen(kw_only=True)
class ShellSettings:
    """`[shell]`: the operators' shell by telnet and SSH; `smppgw shell` needs no listener."""

    listen: tuple[str, ...] = setting(
        ("tcp:8990:interface=127.0.0.1",),
        help="Twisted endpoint strings for telnet; an empty list = off",
    )
    ssh_listen: tuple[str, ...] = setting(
        tuple, help="the same for SSH, such as tcp:8922:interface=127.0.0.1; an empty list = off"
    )
    audit_size: int = setting(
        64,
        minimum=0,
        maximum=10_000,
        unit="MiB",
        help="size at which audit.log of data_dir is renamed and a new one begins; 0 = never",
    )
    audit_files: int = setting(
        16,
        minimum=1,
        maximum=1_000,
        unit="files",
        help="how many of them are kept beside the new one; the oldest is removed",
    )


@frozen(kw_only=True)
class WebSettings:
    """`[web]`: /metrics for Prometheus, /health and /ready; nobody is asked who he is."""

    listen: tuple[str, ...] = setting(
        ("tcp:8080:interface=127.0.0.1",), help="Twisted endpoint strings; an empty list = off"
    )


@frozen(kw_only=True)
class LogSettings:
    """`[log]`: what the gateway tells of itself: lifecycle and decisions, nothing per message."""

    format: str = setting(
        "text",
        choices=("text", "json"),
        help="text: one line for people; json: one object on each line, its fields by name",
    )
    level: str = setting(
        "info",
        choices=("debug", "info", "warn", "error", "critical"),
        help="least level that is logged; --log-level goes before it",
    )
    file: str = setting(
        "",
        help="where lines are appended; it is opened again when it was renamed or removed, and at "
        "SIGUSR1; empty = standard error",
    )


@frozen(kw_only=True)
class StatusRule:
    """What to do when a carrier answers a submit with a status."""

    action: str = setting(
        choices=("pause", "retry", "reroute", "fail"),
        help="pause the whole carrier in order; retry this message later; reroute it to the next "
        "carrier; fail it",
    )
    delay: float = setting(
        1.0, minimum=0, unit="s", help="first pause or retry delay; it doubles up to max_delay"
    )
    max_delay: float = setting(60.0, minimum=0, unit="s", help="longest delay")
    tries: int = setting(
        0, minimum=0, help="attempts in all before the message fails; 0 = until its validity ends"
    )


@frozen(kw_only=True)
class CarrierSettings:
    """`[[carriers]]`: whom we bind to, and everything in which carriers differ."""

    name: str = setting(help="how routes, numbers and operators call it")
    host: str = setting("", help="name or address; resolved anew at each connection")
    hosts: tuple[str, ...] = setting(
        tuple, help="several `host` or `host:port`, tried in turn; instead of host"
    )
    port: int = setting(2775, minimum=1, maximum=65535, help="TCP port")
    tls: bool = setting(False, help="speak SMPP over TLS")
    tls_ca: str = setting("", help="PEM file of the authorities to trust; empty = the system's")
    tls_cert: str = setting(
        "", help="PEM file of our certificate and key, when the carrier asks for one"
    )
    system_id: str = setting(help="our name there, at most 15 characters")
    password: str = setting("", secret=True, help="our password there, at most 8 characters")
    system_type: str = setting("", help="as the carrier wants it, at most 12 characters")
    address_range: str = setting("", help="as the carrier wants it, at most 40 characters")
    addr_ton: int = setting(0, minimum=0, maximum=255, help="TON of address_range")
    addr_npi: int = setting(0, minimum=0, maximum=255, help="NPI of address_range")
    interface_version: int = setting(
        0x34, minimum=0, maximum=255, help="0x33, 0x34 or 0x50; below 0x34 no TLV is sent"
    )
    bind: str = setting(
        "transceiver",
        choices=("transceiver", "transmitter+receiver", "transmitter", "receiver"),
        help="kind of bind; transmitter+receiver makes a pair of each",
    )
    binds: int = setting(1, minimum=1, maximum=64, help="binds (or pairs) at once")
    enabled: bool = setting(True, help="false keeps it unbound; its queue is held")
    window: int = setting(10, minimum=1, maximum=1000, help="unanswered submits per bind")
    throughput: float = setting(
        0.0,
        minimum=0,
        unit="messages/s",
        help="0 = no limit but the window and what the carrier shows by throttling",
    )
    adaptive: bool = setting(
        True,
        help="lower the rate when the carrier throttles, and the window when its queue for us is "
        "full; raise them slowly afterwards",
    )
    in_order: bool = setting(
        True, help="one unanswered submit per destination, so that retries cannot overtake"
    )
    enquire_link: float = setting(
        30.0, minimum=1, unit="s", help="silence after which we send enquire_link"
    )
    response_timeout: float = setting(
        60.0,
        minimum=1,
        unit="s",
        help="time the carrier has to answer; then the outcome is unknown. Where answers are late, "
        "or none comes, the message waits as long again before it is sent again; and while none "
        "comes, one message at a time is sent",
    )
    bind_timeout: float = setting(
        15.0, minimum=1, unit="s", help="time for connect and bind together"
    )
    reconnect: float = setting(
        1.0,
        minimum=0.1,
        unit="s",
        help="first delay before a new connection, and between probes of a carrier that does not "
        "answer submit_sm; doubles, connections with jitter",
    )
    max_reconnect: float = setting(
        60.0, minimum=0.1, unit="s", help="longest delay before a new connection or a probe"
    )
    refused_reconnect: float = setting(
        300.0, minimum=1, unit="s", help="delay after the carrier refused our credentials"
    )
    receipts: str = setting(
        "asked",
        choices=("asked", "always"),
        help="ask the carrier for receipts when the sender did, or for every message",
    )
    receipt_id: str = setting(
        "auto",
        choices=("auto", "exact", "hex-to-decimal", "decimal-to-hex"),
        help="how the id in a receipt relates to the one in submit_sm_resp; auto learns it",
    )
    receipt_by_text: bool = setting(
        False,
        help="take a deliver_sm without receipt bit or TLV as receipt when its text reads like one",
    )
    unknown_outcome: str = setting(
        "retry",
        choices=("retry", "fail"),
        help="a submit without answer: send again once, marked as possible duplicate, or end it "
        "as UNKNOWN",
    )
    source_ton: int = setting(
        -1, minimum=-1, maximum=255, help="source_addr_ton to send; -1 keeps the sender's"
    )
    source_npi: int = setting(
        -1, minimum=-1, maximum=255, help="source_addr_npi to send; -1 keeps the sender's"
    )
    dest_ton: int = setting(
        -1, minimum=-1, maximum=255, help="dest_addr_ton to send; -1 keeps the sender's"
    )
    dest_npi: int = setting(
        -1, minimum=-1, maximum=255, help="dest_addr_npi to send; -1 keeps the sender's"
    )
    service_type: str = setting(
        "", help="service_type to send, at most 5 characters; empty keeps the sender's"
    )
    alphabets: tuple[str, ...] = setting(
        ("gsm7", "ucs2"),
        choices=tuple(map(str, MEASURES)),
        help="what texts are written in: the first that holds all of a text",
    )
    shift_languages: tuple[str, ...] = setting(
        tuple,
        choices=tuple(NAMES.values())[1:],
        help="national shift tables of GSM 7-bit that it is known to relay to phones",
    )
    data_codings: dict[str, str] = setting(  # noqa: RUF009
        dict,
        choices=tuple(map(str, Alphabet)),
        help="what data_coding values mean there, where that is not what SMPP says (0x00: gsm7)",
    )
    class_style: str = setting(
        "0xF0",
        choices=tuple(map(str, ClassStyle)),
        help="how flash and other classes are told: data_coding 0xF0 to 0xF7 or 0x10 to 0x1B "
        "(UCS-2: 0x18 to 0x1B in both), or dest_addr_subunit",
    )
    class_fallback: bool = setting(
        False, help="send a message again without its class when the carrier refuses that"
    )
    concatenation: str = setting(
        "udh8",
        choices=tuple(map(str, Style)),
        help="how a long text goes: in parts with a header, its reference of 8 or 16 bits; in "
        "parts with sar_* TLVs; or whole in message_payload",
    )
    maximum_parts: int = setting(
        255, minimum=1, maximum=255, unit="parts", help="a text that needs more is refused"
    )
    statuses: dict[str, StatusRule] = setting(  # noqa: RUF009
        dict,
        help='rules by status, as "0x58" or "ESME_RTHROTTLED"; what is not listed follows the '
        "built-in policy",
    )

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """(host, port) of every place to connect to, in the order tried."""
        return tuple(_host_port(place, self.port) for place in self.hosts or (self.host,))


def _host_port(place: str, port: int) -> tuple[str, int]:
    """Read `host`, `host:port`, `[v6]:port` or an IPv6 address."""
    host, colon, digits = place.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")):
        return place, port
    return host.strip("[]"), int(digits)


@frozen(kw_only=True)
class RouteSettings:
    """`[[routes]]`: which carriers serve which destinations."""

    prefix: str = setting(
        "", help="digits the destination starts with; the longest match wins; empty matches all"
    )
    carriers: tuple[tuple[str, ...], ...] = setting(
        help="carrier names, first usable first; a nested list shares the load"
    )


@frozen(kw_only=True)
class NumberSettings:
    """`[[numbers]]`: addresses that are ours."""

    address: str = setting(help="short code or long number, digits only")
    carrier: str = setting("", help="the carrier it lives at; empty = any")
    profile: str = setting(
        "none",
        choices=("none", "campaign", "microblog", "forward"),
        help="which feature looks at messages to it before its owner: campaign (keywords and "
        "consent) or microblog; with none and forward they go to the owner",
    )
    account: str = setting("", help="system_id of the owner: gets what nothing else consumed")


@frozen(kw_only=True)
class Settings:
    """Everything one configuration file says."""

    gateway: GatewaySettings = field(factory=GatewaySettings)
    smpp: SmppSettings = field(factory=SmppSettings)
    shell: ShellSettings = field(factory=ShellSettings)
    web: WebSettings = field(factory=WebSettings)
    log: LogSettings = field(factory=LogSettings)
    operators: tuple[OperatorSettings, ...] = ()
    accounts: tuple[AccountSettings, ...] = ()
    carriers: tuple[CarrierSettings, ...] = ()
    routes: tuple[RouteSettings, ...] = ()
    numbers: tuple[NumberSettings, ...] = ()
