"""Why a connection to a server could not be made, in a word."""

from __future__ import annotations

import pytest
from twisted.internet.error import (
    ConnectionRefusedError,
    DNSLookupError,
    NoRouteError,
    TimeoutError,
)
from twisted.python.failure import Failure

from smppgw.smpp.net import connect_error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError("111: Connection refused"), "refused"),
        (TimeoutError(), "no answer"),
        (DNSLookupError("no results"), "unknown host"),
        (NoRouteError("113"), "No route to host: 113"),
        (ValueError("odd."), "odd"),
    ],
)
def test_why_a_connection_failed_in_a_word(error: Exception, words: str) -> None:
    assert connect_error(Failure(error)) == words  # type: ignore[no-untyped-call]
