"""The shell over SSH: listeners, connections, and their limits.

Owns: one connection from the key exchange to its end: algorithms, login time, size of packets, key
exchanges, what may be open on it.
Refuses to know: who may log in (`ssh_login`), what a session says (`ssh_channel`).
Source: RFC 4253 (transport), RFC 4254 (connection). Nothing is forwarded: no ports, agents or X11.

Conch does the protocol. What it leaves open to a hostile peer is closed here: a fault in a packet
ends its connection and nothing else; exchanging keys for ever costs nobody time; what is sent and
not read is bounded.
"""

from __future__ import annotations

from struct import pack, unpack
from traceback import extract_tb
from typing import Any

from twisted.conch.ssh.common import NS, getNS
from twisted.conch.ssh.connection import (
    MSG_CHANNEL_OPEN_FAILURE,
    OPEN_ADMINISTRATIVELY_PROHIBITED,
    OPEN_RESOURCE_SHORTAGE,
    SSHConnection,
)
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.transport import (
    DISCONNECT_BY_APPLICATION,
    DISCONNECT_PROTOCOL_ERROR,
    DISCONNECT_SERVICE_NOT_AVAILABLE,
    MSG_KEXDH_INIT,
    MSG_SERVICE_ACCEPT,
    SSHServerTransport,
)
from twisted.internet.interfaces import IAddress, IDelayedCall, IPushProducer
from twisted.internet.protocol import Factory, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from smppgw.core.command import Operator
from smppgw.ops.audit import Audit
from smppgw.ops.operators import Operators, Refused
from smppgw.ops.shell.crowd import MOST_SSH, turned_away
from smppgw.ops.shell.host_key import KIND
from smppgw.ops.shell.sessions import Shell
from smppgw.ops.shell.ssh_channel import DOOR, LONGEST_PACKET, SessionChannel
from smppgw.ops.shell.ssh_login import SIGNATURES, Login

GOODBYE = 5.0
"""Seconds that a client has to read the last words."""
LOGIN_TIME = 30.0
"""Seconds from connecting to being logged in."""
EMPTY_TIME = 30.0
"""Seconds that a connection may stay without a session."""
EXCHANGE_TIME = 30.0
"""Seconds for an exchange of keys, and at least between two of them."""
MOST_CHANNELS = 8
"""Sessions on one connection."""
MOST_UNPARSED = 40_000
"""Octets of a packet; RFC 4253 section 6.1 has everybody take 35,000."""

log = Logger()


class SshFactory(Factory):
    """Makes the connections of one listener or several; `close` ends them all."""

    noisy = False
    primes = None

    def __init__(self, shell: Shell, operators: Operators, audit: Audit, key: Key) -> None:
        self.shell = shell
        self.operators = operators
        self.audit = audit
        self.publicKeys = {KIND: key.public()}  # type: ignore[no-untyped-call]
        self.privateKeys = {KIND: key}
        self.connections: set[Connection] = set()

    def buildProtocol(self, addr: IAddress | None) -> Connection | None:  # type: ignore[override]
        """A connection, or None when there are too many, of all or from one other machine."""
        source = getattr(addr, "host", "")
        present = [one.source for one in self.connections]
        if turned_away(DOOR, source, present, MOST_SSH):
            return None
        connection = Connection()
        connection.factory = self
        return connection

    def close(self) -> None:
        """Cut off every connection; sessions have said goodbye by then."""
        for connection in list(self.connections):
            connection.abort()


@implementer(IPushProducer)
class Connection(SSHServerTransport):
    """One connection."""

    factory: SshFactory  # type: ignore[assignment]  # that of Conch would load the reactor
    ourVersionString = b"SSH-2.0-smppgw"
    supportedVersions = (b"2.0", b"1.99")
    supportedPublicKeys = [KIND]  # noqa: RUF012
    supportedKeyExchanges = [  # noqa: RUF012
        one for one in SSHServerTransport.supportedKeyExchanges if b"group" not in one
    ]
    supportedCiphers = [  # noqa: RUF012
        one
        for one in SSHServerTransport.supportedCiphers
        if one.startswith(b"aes") and b"ctr" in one
    ]
    supportedMACs = [b"hmac-sha2-512", b"hmac-sha2-256"]  # noqa: RUF012
    supportedCompressions = [b"none"]  # noqa: RUF012
    """Compression would let a few octets become many."""

    def __init__(self) -> None:
        self.full = False
        """Nothing more should be written for now."""
        self._unread = False
        self._exchanging = True
        self._exchanged_at: float | None = None
        self._secrets = 0
        self._over = False
        self._operator: Operator | None = None
        self._timer: IDelayedCall | None = None
        self._exchange_timer: IDelayedCall | None = None

    @property
    def _wire(self) -> Any:
        return self.transport

    # ------------------------------------------------------------ its life

    def connectionMade(self) -> None:
        """Say who we are, and give the client its time."""
        self.factory.connections.add(self)
        self._wire.registerProducer(self, True)
        self._allow(LOGIN_TIME)
        super().connectionMade()  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: Failure | None = connectionDone) -> None:
        """Everything that was open on it ends."""
        self._over = True
        self.factory.connections.discard(self)
        self._settle()
        if self._exchange_timer is not None and self._exchange_timer.active():
            self._exchange_timer.cancel()
        service, self.service = self.service, None
        if service is not None:
            service.serviceStopped()  # type: ignore[no-untyped-call]

    def abort(self) -> None:
        """Cut the connection off."""
        self._over = True
        if self.transport is not None:
            self._wire.abortConnection()

    def _allow(self, seconds: float) -> None:
        """Let the connection be without a session for a while."""
        self._settle()
        self._timer = self.factory.shell.clock.callLater(seconds, self._too_long)

    def _settle(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _too_long(self) -> None:
        self.sendDisconnect(DISCONNECT_BY_APPLICATION, b"nothing was asked for in time")

    def sendDisconnect(self, reason: int, desc: bytes) -> None:
        """Say why, and close; what the client has sent meanwhile counts no more."""
        if self._over:
            return
        super().sendDisconnect(reason, desc)  # type: ignore[no-untyped-call]
        self._over = True
        self._wire.unregisterProducer()
        self._settle()
        self._timer = self.factory.shell.clock.callLater(GOODBYE, self.abort)

    # ------------------------------------------------------------ octets

    def dataReceived(self, data: bytes) -> None:
        """Octets of the client; whatever they do to Conch, only this connection ends."""
        if self._over:
            return
        try:
            super().dataReceived(data)  # type: ignore[no-untyped-call]
        except Exception as error:
            if not self._over:
                place = extract_tb(error.__traceback__)[-1]
                log.warn(
                    "ssh: connection from {peer} closed: no valid packet ({kind} in {name}:{line})",
                    peer=self.source,
                    kind=type(error).__name__,
                    name=place.name,
                    line=place.lineno,
                )
            self.abort()
        if len(self.buf) > MOST_UNPARSED:
            self.abort()

    def dispatchMessage(self, messageNum: int, payload: bytes) -> None:
        """One packet; none counts after the last word."""
        if self._over:
            return
        if messageNum == MSG_KEXDH_INIT:
            self._secrets -= 1
            if self._secrets < 0:  # each one costs a millisecond
                self.sendDisconnect(DISCONNECT_PROTOCOL_ERROR, b"one exchange needs one secret")
                return
        super().dispatchMessage(messageNum, payload)  # type: ignore[no-untyped-call]

    @property
    def source(self) -> str:
        """The address of the peer."""
        return str(getattr(self._wire.getPeer(), "host", "unknown"))

    def pauseProducing(self) -> None:
        """The client does not read: nothing more is read from it, nor written to it."""
        self._unread = True
        self._wire.pauseProducing()
        self._gauge()

    def resumeProducing(self) -> None:
        """It reads again."""
        self._unread = False
        self._wire.resumeProducing()
        self._gauge()

    def stopProducing(self) -> None:
        """The connection has gone."""

    def _gauge(self) -> None:
        full = self._unread or self._exchanging
        if full is self.full:
            return
        self.full = full
        if isinstance(self.service, Channels):
            self.service.gauge()

    # ------------------------------------------------------------ keys

    def ssh_KEXINIT(self, packet: bytes) -> None:
        """The client begins to exchange keys: once before the login, then at times."""
        now = self.factory.shell.clock.seconds()
        last = self._exchanged_at
        if last is not None and (self._operator is None or 0 <= now - last < EXCHANGE_TIME):
            self.sendDisconnect(DISCONNECT_PROTOCOL_ERROR, b"keys were exchanged just now")
            return
        self._exchanged_at = now
        self._secrets = 2  # the first may be a guess of the client, which is thrown away
        self._exchanging = True
        self._gauge()  # what is written meanwhile would be kept without a limit
        if last is not None:
            self._exchange_timer = self.factory.shell.clock.callLater(EXCHANGE_TIME, self.abort)
        super().ssh_KEXINIT(packet)

    def ssh_NEWKEYS(self, packet: bytes) -> None:
        """The exchange is complete."""
        super().ssh_NEWKEYS(packet)
        if self._exchange_timer is not None and self._exchange_timer.active():
            self._exchange_timer.cancel()
        self._exchanging = False
        self._gauge()

    def sendExtInfo(self, extensions: Any) -> None:
        """Tell which signatures are taken of clients; Conch would tell those of our own key."""
        signatures = b",".join(one for kinds in SIGNATURES.values() for one in kinds)
        super().sendExtInfo([(b"server-sig-algs", signatures)])  # type: ignore[no-untyped-call]

    # ------------------------------------------------------------ services

    def ssh_SERVICE_REQUEST(self, packet: bytes) -> None:
        """The login, once, when nobody else can read it."""
        wanted = getNS(packet)[0]
        if wanted != Login.name or self.service is not None or not self.isEncrypted("both"):  # type: ignore[no-untyped-call]
            self.sendDisconnect(DISCONNECT_SERVICE_NOT_AVAILABLE, b"not now, or not that")
            return
        shell = self.factory.shell
        self.sendPacket(MSG_SERVICE_ACCEPT, NS(Login.name))  # type: ignore[no-untyped-call]
        login = Login(
            self.factory.operators, shell.clock, self.source, self._admitted, self._refused
        )
        self.setService(login)  # type: ignore[no-untyped-call]

    def _admitted(self, operator: Operator) -> None:
        self._operator = operator
        self._allow(EMPTY_TIME)
        self.setService(Channels(self, operator))  # type: ignore[no-untyped-call]

    def _refused(self, refused: Refused) -> None:
        log.info("shell: {reason} (ssh)", reason=refused.reason)
        self.factory.audit.refused(refused, self.source, DOOR)

    def opened(self) -> None:
        """There is a session."""
        self._settle()

    def emptied(self) -> None:
        """There is none any more."""
        if not self._over:
            self._allow(EMPTY_TIME)

    # ------------------------------------------------------------ what Conch would log for each

    def receiveError(self, reasonCode: int, description: bytes) -> None:
        """The client says goodbye."""

    def receiveUnimplemented(self, seqnum: int) -> None:
        """The client does not know what we said; we say nothing that is not in RFC 4253."""


class Channels(SSHConnection):
    """The channels of a connection on which an operator has logged in."""

    def __init__(self, connection: Connection, operator: Operator) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operator = operator
        self._connection = connection

    @property
    def full(self) -> bool:
        """Nothing more should be written for now."""
        return self._connection.full

    @property
    def factory(self) -> SshFactory:
        """What all connections share."""
        return self._connection.factory

    def gauge(self) -> None:
        """The connection takes more, or no more."""
        for channel in list(self.channels.values()):
            channel.gauge()

    def abort(self) -> None:
        """Cut the connection off."""
        self._connection.abort()

    def ssh_CHANNEL_OPEN(self, packet: bytes) -> None:
        """A session, when there is room; anything else is prohibited."""
        kind, rest = getNS(packet)
        number, _, longest = unpack(">3L", rest[:12])
        if kind != SessionChannel.name or longest < 1:
            self._refuse(number, OPEN_ADMINISTRATIVELY_PROHIBITED, b"there are only sessions here")
        elif len(self.channels) >= MOST_CHANNELS:
            self._refuse(number, OPEN_RESOURCE_SHORTAGE, b"there are too many sessions")
        else:
            self._connection.opened()
            super().ssh_CHANNEL_OPEN(packet)  # type: ignore[no-untyped-call]

    def ssh_CHANNEL_OPEN_FAILURE(self, packet: bytes) -> None:
        """An answer to what we never ask: it would make Conch forget one of the client's own."""
        self._connection.sendDisconnect(DISCONNECT_PROTOCOL_ERROR, b"nothing was to be opened")

    ssh_CHANNEL_OPEN_CONFIRMATION = ssh_CHANNEL_OPEN_FAILURE

    def ssh_CHANNEL_REQUEST(self, packet: bytes) -> None:
        """A request on a channel; what it begins comes after its answer."""
        super().ssh_CHANNEL_REQUEST(packet)  # type: ignore[no-untyped-call]
        channel = self.channels.get(unpack(">L", packet[:4])[0])
        if channel is not None:
            channel.answered()

    def _refuse(self, number: int, code: int, why: bytes) -> None:
        said = pack(">2L", number, code) + NS(why) + NS(b"")
        self._connection.sendPacket(MSG_CHANNEL_OPEN_FAILURE, said)  # type: ignore[no-untyped-call]

    def getChannel(
        self, channelType: bytes, windowSize: int, maxPacket: int, data: bytes
    ) -> SessionChannel:
        """A channel for one session."""
        return SessionChannel(self, windowSize, min(maxPacket, LONGEST_PACKET))

    def gotGlobalRequest(self, requestType: bytes, data: bytes) -> int:
        """No: nothing is forwarded. Clients ask such things to see whether we are there."""
        return 0

    def adjustWindow(self, channel: SessionChannel, bytesToAdd: int) -> None:
        """Let the client send more, unless the session has more than it can take."""
        if channel.wanted:
            super().adjustWindow(channel, bytesToAdd)  # type: ignore[no-untyped-call]

    def channelClosed(self, channel: SessionChannel) -> None:
        """One session less."""
        super().channelClosed(channel)  # type: ignore[no-untyped-call]
        if not self.channels:
            self._connection.emptied()
