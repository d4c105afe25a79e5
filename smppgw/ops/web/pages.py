"""The pages: what is answered under which path, in which form and with which status.

Owns: paths, methods, statuses, content types; everything else is 404 or 405, in plain text.
Refuses to know: what figures and verdicts mean.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import Request as HttpRequest
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request, Site
from zope.interface import implementer

from smppgw.ops.web.health import Health, Verdict

LONGEST_BODY = 4_096
"""Octets of a request's body; nobody needs any here."""
TEXT, JSON = "text/plain; charset=utf-8", "application/json"
FORMAT = "text/plain; version=0.0.4; charset=utf-8"
"""What Prometheus calls its text format."""
METHODS = (b"GET", b"HEAD")

Answer = tuple[int, str, bytes]
"""Status, content type, body."""

log = Logger()


def pages(metrics: Callable[[], Deferred[bytes]], health: Health, clock: IReactorTime) -> Site:
    """The site: /metrics, /health and /ready."""
    root: Any = _Nothing()  # type: ignore[no-untyped-call]
    root.putChild(b"metrics", _Page(lambda _: metrics().addCallback(_measured)))
    root.putChild(b"health", _Page(lambda request: _told(request, health.health())))
    root.putChild(b"ready", _Page(lambda request: _answer(request, health.ready())))
    site: Any = _Site
    made: Site = site(root, requestFactory=_Request, timeout=None, reactor=clock)
    return made


class _Site(Site):
    """Without a log line per request: health is asked every few seconds."""

    noisy = False

    def log(self, request: HttpRequest) -> None:
        pass


class _Request(Request):
    """A request whose body has to be small, and the only one of its connection.

    Requests sent one behind the other would all be worked on at once, and messages would wait.
    """

    def gotLength(self, length: int | None) -> None:
        super().gotLength(0)  # type: ignore[no-untyped-call]  # never a file for it
        self._left = LONGEST_BODY
        channel: Any = self.channel
        channel.persistent = False
        self.setHeader(b"connection", b"close")  # type: ignore[no-untyped-call]

    def process(self) -> None:
        """Answer it; `OPTIONS *` asks for nothing that is here."""
        if self.path == b"*":
            self.write(_written(self, (404, TEXT, b"not found\n")))  # type: ignore[no-untyped-call]
            self.finish()  # type: ignore[no-untyped-call]
        else:
            super().process()  # type: ignore[no-untyped-call]

    def handleContentChunk(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            channel: Any = self.channel
            channel.forceAbortClient()
        else:
            super().handleContentChunk(data)  # type: ignore[no-untyped-call]


@implementer(IResource)
class _Nothing(Resource):
    """The root, and whatever is unknown."""

    def getChild(self, path: bytes, request: Any) -> Resource:
        return self

    def render(self, request: Any) -> bytes:
        return _written(request, (404, TEXT, b"not found\n"))


@implementer(IResource)
class _Page(Resource):
    """One path, and nothing below it."""

    def __init__(self, answer: Callable[[Any], Answer | Deferred[Answer]]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._answer = answer

    def getChild(self, path: bytes, request: Any) -> Resource:
        return _Nothing()  # type: ignore[no-untyped-call]

    def render(self, request: Any) -> bytes | int:
        if request.method not in METHODS:
            request.setHeader(b"allow", b", ".join(METHODS))
            return _written(request, (405, TEXT, b"method not allowed\n"))
        gone: list[Failure] = []
        request.notifyFinish().addErrback(gone.append)
        answering: Deferred[Any] = maybeDeferred(self._answer, request)
        answering.addErrback(_broken)
        answering.addCallback(lambda answer: None if gone else _finish(request, answer))
        return NOT_DONE_YET


def _finish(request: Any, answer: Answer) -> None:
    request.write(_written(request, answer))
    request.finish()


def _written(request: Any, answer: Answer) -> bytes:
    status, kind, body = answer
    request.setResponseCode(status)
    request.setHeader(b"content-type", kind.encode())
    request.setHeader(b"content-length", b"%d" % len(body))
    request.setHeader(b"cache-control", b"no-store")
    request.setHeader(b"server", b"smppgw")
    return b"" if request.method == b"HEAD" else body


def _measured(text: bytes) -> Answer:
    return 200, FORMAT, text


def _told(request: Any, verdict: Deferred[Verdict]) -> Deferred[Answer]:
    return verdict.addCallback(lambda found: _answer(request, found))


def _answer(request: Any, verdict: Verdict) -> Answer:
    status = 200 if verdict.good else 503
    accepted = request.getHeader(b"accept") or b""
    if JSON.encode() in accepted.lower():
        said: dict[str, Any] = {"ok": verdict.good, "reason": verdict.why_not}
        return status, JSON, json.dumps(said).encode() + b"\n"
    return status, TEXT, f"{verdict.why_not or 'ok'}\n".encode()


def _broken(failure: Failure) -> Answer:
    log.failure("web: answering a request", failure)
    return 500, TEXT, b"internal error; see the log\n"
