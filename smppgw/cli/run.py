"""`smppgw run` and `smppgw check`: a configuration file read, judged, and put to work.

Owns: the life of the process: log, signals, reload, exit code.
Refuses to know: how a gateway starts and stops (`app`).
"""

from __future__ import annotations

import resource
import signal
import sqlite3
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.error import CannotListenError
from twisted.logger import Logger
from twisted.python.failure import Failure

from smppgw.app import Gateway
from smppgw.cli.output import FAULT, LATE, OK, CommandFault, complain, say
from smppgw.core.command import CommandError
from smppgw.core.settings import LogSettings
from smppgw.core.store.engine import FILE_NAME
from smppgw.core.store.journal import JournalDamaged
from smppgw.core.store.lock import StoreLocked
from smppgw.core.store.schema import SchemaError
from smppgw.ops.config import ConfigError, Loaded, load
from smppgw.ops.log import Log
from smppgw.ops.operators import first_operator_text

START_ERRORS = (
    StoreLocked,
    SchemaError,
    JournalDamaged,
    CannotListenError,
    OSError,
    sqlite3.Error,
    ValueError,
)
"""What keeps a gateway from starting for reasons outside of it: one line says why."""

log = Logger()


def check(arguments: Namespace) -> int:
    """Say everything that is wrong with a file, or what it holds."""
    loaded = read(arguments.config)
    complain(*(f"{warning} (warning)" for warning in loaded.warnings))
    settings = loaded.settings
    counts = ", ".join(
        f"{len(found)} {name if len(found) == 1 else name + 's'}"
        for name, found in (
            ("account", settings.accounts),
            ("carrier", settings.carriers),
            ("route", settings.routes),
            ("number", settings.numbers),
            ("operator", settings.operators),
        )
    )
    say(f"{arguments.config}: ok ({counts})")
    if (Path(settings.gateway.data_dir) / FILE_NAME).exists():
        say("the file alone was checked: `run` adds what operators committed in the shell")
    return OK


def read(path: Path) -> Loaded:
    """A configuration file; every fault is a line of the CommandFault."""
    try:
        return load(path)
    except ConfigError as error:
        raise CommandFault(str(error)) from None


def run(arguments: Namespace) -> int:
    """The gateway in the foreground until a signal; returns the exit code."""
    loaded = read(arguments.config)
    logging = begin_log(loaded.settings.log, arguments.log_level)
    from twisted.internet import reactor  # noqa: PLC0415

    steady_time(reactor)
    logging.attend(reactor)
    raise_file_limit()
    for warning in loaded.warnings:
        log.warn("{warning}", warning=warning)
    try:
        gateway = Gateway(reactor, loaded.settings, loaded)
    except START_ERRORS as error:
        raise CommandFault(start_error(error)) from None
    return Process(reactor, gateway, logging, arguments.config).run()


def steady_time(reactor: Any) -> None:
    """Let the reactor's time begin at the clock and go on evenly, whatever the clock does then.

    Twisted counts by the clock: when that is set back an hour, everything due waits an hour, and
    when it is set forward, what should have lasted for days expires at once.
    """
    began = time.time() - time.monotonic()
    reactor.seconds = lambda: began + time.monotonic()


def raise_file_limit() -> None:
    """Allow as many connections as the system lets us have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def begin_log(settings: LogSettings, level: str = "") -> Log:
    """Log as settings say, from `level` on if there is one; raises CommandFault."""
    try:
        begun = Log(settings, level)
    except OSError as error:
        raise CommandFault(f"cannot write the log to {settings.file}: {error.strerror}") from None
    begun.begin()
    return begun


def start_error(error: BaseException) -> str:
    """Why a gateway did not start, on one line."""
    if isinstance(error, CannotListenError):
        where = f"{error.interface}:{error.port}" if isinstance(error.port, int) else error.port
        return f"cannot listen on {where}: {error.socketError}"
    return " ".join(str(error).split())


def _listening(endpoint: str, address: Any) -> str:
    """Where a listener is, as an endpoint string; keys and certificates are left out."""
    if not hasattr(address, "port"):
        return endpoint
    return f"{endpoint.partition(':')[0]}:{address.port}:interface={address.host}"


def _told(failure: Failure) -> list[str]:
    """What failed is in the log already."""
    failure.trap(CommandError)  # type: ignore[no-untyped-call]
    return []


class Process:
    """A gateway as a process.

    SIGTERM and SIGINT: stop accepting, wait for the answers of the carriers (drain_timeout), exit
    with 0, or with 3 when some were still missing; a second one: exit with 3 at once. SIGHUP: read
    the file again. SIGUSR1: open the file of the log again. A disk that fails while running: exit
    with 3 at once, for nothing can be promised any more; what was acknowledged before is on it.
    """

    def __init__(self, reactor: Any, gateway: Gateway, log: Log, config: Path | None) -> None:
        self._reactor = reactor
        self._gateway = gateway
        self._log = log
        self._config = config
        self._started = False
        self._stopping = False
        self._called_off = ""
        """What came while the gateway started, and is to stop it."""
        self._code = OK
        self._trouble = ""
        self._acts: dict[signal.Signals, Callable[[str], None]] = {
            signal.SIGTERM: self.stop,
            signal.SIGINT: self.stop,
            signal.SIGHUP: self._hung_up,
            signal.SIGUSR1: self._reopen,
        }
        gateway.store.broken = self._broken
        gateway.shutdown.process = self
        gateway.log_changed = log.change
        gateway.tell_password = lambda password: say(*first_operator_text(password))

    def run(self) -> int:
        """Start, run the reactor until the end, return the exit code."""
        for number in self._acts:
            signal.signal(number, self._signalled)
        self._reactor.callWhenRunning(self._start)
        self._reactor.run(installSignalHandlers=False)
        self._log.close()
        if self._trouble:
            raise CommandFault(self._trouble)
        return self._code

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        """Leave the handler at once: it may have interrupted anything."""
        found = signal.Signals(number)
        self._reactor.callFromThread(self._acts[found], found.name)

    def _start(self) -> None:
        starting = Deferred.fromCoroutine(self._gateway.start())
        starting.addCallbacks(self._running, self._not_started)

    def _running(self, _: object) -> None:
        self._started = True
        gateway = self._gateway
        settings = gateway.settings
        for endpoint, port in zip(settings.smpp.listen, gateway.ports, strict=True):
            log.info("listening on {where}", where=_listening(endpoint, port.getHost()))
        log.info(
            "smppgw runs: {accounts} accounts, {carriers} carriers, data in {directory}",
            accounts=len(settings.accounts),
            carriers=len(settings.carriers),
            directory=settings.gateway.data_dir,
        )
        called_off, self._called_off = self._called_off, ""
        if called_off:
            self.stop(called_off)

    def _not_started(self, failure: Failure) -> None:
        if isinstance(failure.value, START_ERRORS):
            self._trouble = start_error(failure.value)
        else:
            log.failure("start", failure)
            self._trouble = f"cannot start: {failure.getErrorMessage()}"
        self._leave(FAULT)

    def _broken(self, reason: str) -> None:
        if not self._started:
            self._trouble = reason
        self._leave(LATE if self._started else FAULT)

    def _leave(self, code: int) -> None:
        self._code = code
        if self._reactor.running:
            self._reactor.stop()

    def stop(self, why: str) -> None:
        """Drain and exit, once the gateway has started; the second time, exit at once."""
        if self._stopping or self._called_off:
            self.leave(why)
            return
        if not self._started:
            self._called_off = why
            return
        self._stopping = True
        log.info("{why}: draining, then stopping", why=why)
        stopping = Deferred.fromCoroutine(self._gateway.stop())
        stopping.addCallbacks(self._stopped, self._stop_failed)

    @property
    def stopping(self) -> bool:
        """Its stop has begun."""
        return self._stopping

    def leave(self, why: str) -> None:
        """Exit at once."""
        log.warn("{why}: stopping at once", why=why)
        self._leave(LATE)

    def _stopped(self, drained: bool) -> None:
        if not drained:
            log.warn("the drain deadline was missed: some outcomes are unknown")
        log.info("smppgw stopped")
        self._leave(OK if drained else LATE)

    def _stop_failed(self, failure: Failure) -> None:
        log.failure("stop", failure)
        self._leave(LATE)

    def _reopen(self, why: str) -> None:
        self._log.reopen()
        log.info("{why}: the log is opened again", why=why)

    def _hung_up(self, why: str) -> None:
        if self._config is not None and self._started and not self._stopping:
            self.reload(why).addErrback(_told)

    def reload(self, why: str) -> Deferred[list[str]]:
        """Read the file again; fires with what changed, in words, which is logged, too.

        Fails with CommandError when nothing did because of a fault.
        """
        if self._config is None:
            return fail(CommandError("there is no configuration file to read again"))
        try:
            loaded = load(self._config)
        except ConfigError as error:
            for fault in error.faults:
                log.error("reload: {fault}", fault=fault)
            log.error("reload: nothing changed")
            return fail(CommandError(f"nothing changed: {'; '.join(map(str, error.faults))}"))
        log.info("{why}: reloading {file}", why=why, file=self._config)
        for warning in loaded.warnings:
            log.warn("{warning}", warning=warning)
        reloading = Deferred.fromCoroutine(self._gateway.configuration.reload(loaded))
        reloading.addCallbacks(self._reloaded, self._not_reloaded)
        return reloading

    def _reloaded(self, changes: list[str]) -> list[str]:
        for change in changes:
            log.info("reload: {change}", change=change)
        log.info("reload: done, {count} changes", count=len(changes))
        return changes

    def _not_reloaded(self, failure: Failure) -> list[str]:
        log.failure("reload", failure)
        raise CommandError("the reload failed; the log of the gateway says why", "failed")
