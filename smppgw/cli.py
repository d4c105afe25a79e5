"""The command line."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Run."""
    from twisted.internet import reactor, defer
    from twisted.logger import globalLogBeginner, textFileLogObserver
    from smppgw.ops.config import load
    from smppgw.app import Gateway
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)])
    loaded = load(Path(sys.argv[sys.argv.index("-c") + 1]))
    gateway = Gateway(reactor, loaded.settings)
    async def go():
        await gateway.start()
    def fail(f):
        f.printTraceback(); reactor.stop()
    reactor.callWhenRunning(lambda: defer.ensureDeferred(go()).addErrback(fail))
    reactor.addSystemEventTrigger("before", "shutdown", lambda: defer.ensureDeferred(gateway.stop()))
    prof = "SMPPGW_PROFILE" in __import__("os").environ
    if prof:
        import cProfile
        p = cProfile.Profile()
        p.runcall(reactor.run)
        p.dump_stats("/tmp/lab/prof.out")
    else:
        reactor.run()
