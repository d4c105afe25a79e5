"""What phones say about getting texts at all, for the microblog.

Owns: which scopes a word of a phone is about, and the evidence of it.
Refuses to know: states of accounts (`signup`), and enforcing (the core does).
"""

from __future__ import annotations

from smppgw.core.consent import ConsentState
from smppgw.core.plugin import Host
from smppgw.core.proof import Evidence
from smppgw.features.microblog.talk import Talk


class Consents:
    """START and STOP of phones; in a piece of work."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def stopped(self, phone: str, address: str) -> bool:
        """Whether a phone said STOP to a number."""
        standing = self._host.consent.standing(phone, address)
        return standing is not None and standing.state is ConsentState.STOPPED

    def start(self, talk: Talk) -> None:
        """A phone wants texts."""
        for scope in _scopes(talk):
            self._host.consent.start(_evidence(talk, scope, "start", 0))

    def stop(self, talk: Talk, reply: int) -> None:
        """A phone wants no more of the number it wrote to, nor of the one that wrote to it."""
        for scope in _scopes(talk):
            self._host.consent.stop(_evidence(talk, scope, "stop", reply))


def _scopes(talk: Talk) -> list[str]:
    own = "" if talk.user is None else talk.user.address
    return list(dict.fromkeys(filter(None, (talk.number.address, own))))


def _evidence(talk: Talk, scope: str, event: str, reply: int) -> Evidence:
    mo = talk.mo
    return Evidence(
        phone=mo.source,
        scope=scope,
        event=event,
        at=mo.at,
        octets=mo.octets.hex(),
        text=mo.text,
        word=talk.word,
        language=talk.language,
        origin=mo.origin,
        reply=reply,
    )
