"""`smppgw simulate load`: a load test against any SMPP server, exactly accounted for.

Owns: the life of the process, its signals, and the exit code.
Refuses to know: what the options mean (`cli.load_plan`), how messages are sent (`simulator`), and
what a report looks like.
"""

from __future__ import annotations

import signal
import sys
import time
from argparse import Namespace
from datetime import UTC, datetime
from types import FrameType
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.python.failure import Failure

from smppgw.cli.load_page import page
from smppgw.cli.load_plan import Parts, Plan, PlanError, plan_of
from smppgw.cli.load_report import document, dump, lines, shown, write
from smppgw.cli.load_screen import Lines, Screen
from smppgw.cli.metrics_page import MetricsPage
from smppgw.cli.output import FAULT, OK, USAGE, CommandFault, complain, folded, say
from smppgw.cli.run import begin_log, raise_file_limit, steady_time
from smppgw.cli.target import target_of
from smppgw.core.settings import LogSettings
from smppgw.simulator.load_run import LoadRun
from smppgw.simulator.series import Row

UNMET: Final = 4
"""Exit code: the load ran, and a requirement is not met."""
INTERRUPTED: Final = 130


def load(arguments: Namespace) -> int:
    """Run a load test; returns the exit code."""
    try:
        plan = plan_of(arguments, target_of(arguments))
    except PlanError as error:
        complain(str(error))
        return USAGE
    return LoadProcess(real_reactor(), plan, arguments).run()


def real_reactor() -> Any:
    """The reactor of this process, for a load: an even time, many files, a log of faults only."""
    logging = begin_log(LogSettings(level="warn"))
    from twisted.internet import reactor  # noqa: PLC0415

    steady_time(reactor)
    raise_file_limit()
    logging.attend(reactor)
    return reactor


class Processor:
    """The share of a processor that this process took since it was last asked."""

    def __init__(self) -> None:
        self._cpu = time.process_time()
        self._at = time.monotonic()

    def share(self) -> float:
        """From 0 to 1, or a little above."""
        cpu, at = time.process_time(), time.monotonic()
        share = (cpu - self._cpu) / max(1e-6, at - self._at)
        self._cpu, self._at = cpu, at
        return round(share, 3)


class LoadProcess:
    """A load test as a process: SIGINT and SIGTERM end it in order, a second one at once.

    `before` and `after` are for those who add something to it.
    """

    def __init__(self, reactor: Any, plan: Plan, arguments: Namespace) -> None:
        self.plan = plan
        self.result: dict[str, Any] | None = None
        """The document, once there is one."""
        self.remarks: list[str] = []
        """Notes on the result that somebody adds."""
        self._reactor = reactor
        self._arguments = arguments
        self.parts = Parts(plan, reactor, told=self._told)
        self.parts.gauges["load_cpu"] = Processor().share
        self._metrics: MetricsPage | None = None
        if arguments.metrics:
            self._metrics = MetricsPage(reactor, arguments.metrics, arguments.metric)
            self.parts.gauges["queue"] = self._metrics.value
        self._screen: Lines | Screen | None = None
        self._began = ""
        self._trouble: BaseException | None = None

    def run(self) -> int:
        """Run the reactor to the end; returns the exit code, raises CommandFault."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._signalled)
        self._reactor.callWhenRunning(self._start)
        self._reactor.run(installSignalHandlers=False)
        if self._trouble is not None:
            raise self._trouble
        return self._report()

    async def before(self) -> None:
        """What has to be there before the first bind: our carrier listens."""
        carrier, port = self.parts.carrier, self._arguments.carrier_port
        if carrier is None:
            return
        try:
            self._reactor.listenTCP(port, carrier.factory, interface="127.0.0.1")
        except CannotListenError as error:
            raise CommandFault(f"cannot listen on 127.0.0.1:{port}: {error.socketError}") from None

    async def after(self) -> None:
        """What is still to be done when the last bind is gone."""

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        """Leave the handler at once: it may have interrupted anything."""
        self._reactor.callFromThread(self.parts.run.interrupt)

    def _start(self) -> None:
        whole = Deferred.fromCoroutine(self._whole())
        whole.addErrback(self._failed)
        whole.addCallback(lambda _: self._reactor.stop())

    async def _whole(self) -> None:
        arguments = self._arguments
        await self.before()
        if not arguments.json:
            self._introduce()
        if self._metrics is not None:
            self._metrics.start()
        self._began = datetime.now(UTC).isoformat(timespec="seconds")
        try:
            self.parts.run.start()
            await self.parts.run.done
        finally:
            if self._screen is not None:
                self._screen.stop()
            if self._metrics is not None:
                self._metrics.stop()
        await self.after()
        if self.parts.carrier is not None:
            self.parts.carrier.stop()

    def _introduce(self) -> None:
        about = self.plan.about
        words = (f"{name.replace('_', ' ')} {shown(value)}" for name, value in about.items())
        say(*folded("; ".join(words), "  "))
        goal = about.get("seconds")
        title = f"{about['loop']} loop to {about['target']}"
        self._screen = Screen(title, goal) if sys.stdout.isatty() else Lines()
        self._screen.start()

    def _told(self, run: LoadRun, row: Row) -> None:
        if self._screen is not None:
            self._screen.told(run, row)

    def _failed(self, failure: Failure) -> None:
        self._trouble = failure.value

    def _report(self) -> int:
        arguments, run = self._arguments, self.parts.run
        found = document(self.plan.about, self._began, run.result(), self.plan.requirements)
        found["notes"] = self.remarks + found["notes"]
        self.result = found
        if arguments.output is not None:
            write(arguments.output, dump(found))
        if arguments.html is not None:
            write(arguments.html, page(found))
        say(*([dump(found).rstrip()] if arguments.json else lines(found)))
        if self._metrics is not None and self._metrics.trouble:
            complain(f"--metrics: {self._metrics.trouble}")
        if run.faults:
            return FAULT
        if run.interrupted:
            return INTERRUPTED
        return OK if found["met"] else UNMET
