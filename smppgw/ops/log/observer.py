"""The observer of all events: which are written, how, where, and what became of the others.

Owns: level, format and output as the settings have them, and the counts of what was left out.
Refuses to know: how lines look (`lines`), what a storm is (`storm`), files (`output`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from threading import RLock
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import (
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    PredicateResult,
    globalLogBeginner,
)
from zope.interface import implementer

from smppgw.core.settings import LogSettings
from smppgw.ops.log.lines import Line, json_line, text_line
from smppgw.ops.log.output import Descriptor, File, Output
from smppgw.ops.log.storm import Storms

LINES: dict[str, Line] = {"text": text_line, "json": json_line}
NAMESPACE = "smppgw.ops.log"
STDERR = 2
TICK = 1.0


@implementer(ILogObserver)
class Log:
    """Writes events as `settings` say; events may come from any thread.

    `level` goes before that of the settings, unless it is "". Raises OSError when the file cannot
    be opened. `stderr` is the descriptor of standard error, `clock` gives Unix seconds.
    """

    def __init__(
        self,
        settings: LogSettings,
        level: str = "",
        stderr: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._level = level
        self._stderr = STDERR if stderr is None else stderr
        self._clock = clock
        self._lock = RLock()
        self._storms = Storms()
        self._unwritten = 0
        self._ticks: LoopingCall | None = None
        self._output = self._opened(settings)
        self._take(settings)

    def _opened(self, settings: LogSettings) -> Output:
        return File(Path(settings.file)) if settings.file else Descriptor(self._stderr)

    def _take(self, settings: LogSettings) -> None:
        self._settings = settings
        self._line = LINES[settings.format]
        self._level_now = self._level or settings.level
        self._wanted = LogLevelFilterPredicate(LogLevel.levelWithName(self._level_now))
        if self._level_now == "info":  # what Twisted does is not what the gateway does
            for namespace in ("log_legacy", "twisted"):
                self._wanted.setLogLevelForNamespace(namespace, LogLevel.warn)

    # ------------------------------------------------------------------ life

    def begin(self) -> None:
        """Take all events of the process from here on, and those it has kept so far."""
        globalLogBeginner.beginLoggingTo([self], discardBuffer=True, redirectStandardIO=False)

    def attend(self, clock: IReactorTime) -> None:
        """Once a second, say what is due though nothing new happens."""
        ticks = self._ticks = LoopingCall(self.tick)
        ticks.clock = clock
        ticks.start(TICK, now=False)

    def change(self, settings: LogSettings) -> list[str]:
        """Take new settings now; says in words what changed, or why it did not."""
        if settings == self._settings:
            return []
        with self._lock:
            if settings.file != self._settings.file:
                try:
                    output = self._opened(settings)
                except OSError as error:
                    return [f"log: {settings.file}: {error.strerror}; it goes on as before"]
                self._say_left_out()
                self._output.close()
                self._output = output
            self._take(settings)
            where = self._output.where
        return [f"log: {settings.format} to {where}, from level {self._level_now} on"]

    def reopen(self) -> None:
        """The file was renamed: go on in a new one."""
        with self._lock:
            try:
                self._output.reopen()
            except OSError as error:
                self._output.trouble = error.strerror or str(error)

    def close(self) -> None:
        """Say what was left out, and close the file; what comes later goes to standard error."""
        ticks, self._ticks = self._ticks, None
        if ticks is not None and ticks.running:
            ticks.stop()
        with self._lock:
            self._say_left_out()
            self._output.close()
            self._output = Descriptor(self._stderr)

    # ------------------------------------------------------------------ events

    def __call__(self, event: LogEvent) -> None:
        """Write an event, or count it; never raises."""
        if self._wanted(event) == PredicateResult.no:
            return
        with self._lock:
            self._tell_over(self._clock())
            if self._storms.passes(event):
                self._put(event)

    def tick(self) -> None:
        """Say what is due."""
        with self._lock:
            self._tell_over(self._clock())
            if self._unwritten:
                self._tell_unwritten()

    def _say_left_out(self) -> None:
        self._tell_over(self._clock() + TICK)
        if self._unwritten:
            self._tell_unwritten()

    def _tell_over(self, now: float) -> None:
        for event in self._storms.over(now):
            self._put(event)

    def _put(self, event: Any) -> None:
        if (self._unwritten and not self._tell_unwritten()) or not self._write(event):
            self._unwritten += 1

    def _tell_unwritten(self) -> bool:
        """Say what is missing, now that there may be room again."""
        missing, trouble = self._unwritten, self._output.trouble
        told = self._write(
            {
                "log_time": self._clock(),
                "log_level": LogLevel.error,
                "log_namespace": NAMESPACE,
                "log_format": "{missing} lines could not be written here: {trouble}",
                "missing": missing,
                "trouble": trouble,
            }
        )
        if told:
            self._unwritten = 0
        return told

    def _write(self, event: Any) -> bool:
        try:
            line = self._line(event)
        except Exception as error:  # nobody who logs something is to suffer from how it is shown
            line = f"an event that cannot be shown ({type(error).__name__})".encode()
        return self._output.write(line + b"\n")
