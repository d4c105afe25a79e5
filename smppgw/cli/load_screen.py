"""What is seen of a load test while it runs: a panel on a terminal, else a line each second.

Owns: the words and the layout. Refuses to know: how the run goes (`simulator.load_run`).
"""

from __future__ import annotations

from collections import deque
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from smppgw.cli.load_report import rounded
from smppgw.cli.output import say
from smppgw.simulator.load_run import LoadRun
from smppgw.simulator.series import Row

BARS: Final = "▁▂▃▄▅▆▇█"
HISTORY: Final = 60
"""Seconds of rate that are drawn."""


def line(run: LoadRun, row: Row) -> str:
    """One second on one line."""
    counts, latency = row.counts, row.latencies.report()
    words = [
        f"{row.seconds:6.0f} s  {run.phase}",
        f"sent {counts['sent'] / row.span:.0f}/s",
        f"accepted {counts['accepted'] / row.span:.0f}/s",
        f"in flight {run.esme.in_flight}",
    ]
    words += [f"{name} {counts[name]}" for name in ("rejected", "unanswered") if counts[name]]
    words += [
        f"{name} {counts[name] / row.span:.0f}/s" for name in ("receipts", "mos") if counts[name]
    ]
    if row.latencies.count:
        words.append(f"p50 {rounded(latency['p50'])} p99 {rounded(latency['p99'])} ms")
    queue = row.gauges.get("queue")
    if queue is not None:
        words.append(f"queue {queue:.0f}")
    return "  ".join(words)


class Lines:
    """A line each second, for a pipe or a log."""

    def start(self) -> None:
        """Nothing to prepare."""

    def told(self, run: LoadRun, row: Row) -> None:
        """A second is over."""
        say(line(run, row))

    def stop(self) -> None:
        """Nothing to clear."""


class Screen:
    """A panel that is drawn again each second, on a terminal."""

    def __init__(self, title: str, goal: float | None, console: Console | None = None) -> None:
        self._title = title
        self._goal = goal
        """Seconds of sending, if that is known."""
        self._rates: deque[float] = deque(maxlen=HISTORY)
        self._live = Live(
            Panel(Text("binding"), title=title, title_align="left"),
            console=console or Console(),
            auto_refresh=False,
            transient=True,
        )

    def start(self) -> None:
        """Draw."""
        self._live.start()

    def told(self, run: LoadRun, row: Row) -> None:
        """A second is over: draw again."""
        self._rates.append(row.counts["accepted"] / row.span)
        self._live.update(self._panel(run, row), refresh=True)

    def stop(self) -> None:
        """Leave the terminal as it was."""
        self._live.stop()

    def _panel(self, run: LoadRun, row: Row) -> Panel:
        table = Table.grid(padding=(0, 3))
        for _ in range(3):
            table.add_column(justify="right")
        esme, latency = run.esme, row.latencies.report()
        whole = run.timed.report()
        table.add_row("", "this second", "in all", style="bold")
        for name, count in row.counts.items():
            total = {
                "sent": esme.sent,
                "accepted": esme.counters["acknowledged"],
                "rejected": esme.refused.total(),
                "receipts": esme.receipt_latencies.count,
            }.get(name, esme.counters[name])
            if total or name in ("sent", "accepted"):
                style = "red" if name in ("rejected", "unanswered") else ""
                table.add_row(name, f"{count / row.span:,.0f}/s", f"{total:,}", style=style)
        for name in ("p50", "p99", "max"):
            now = f"{rounded(latency[name])} ms" if row.latencies.count else "-"
            table.add_row(name, now, f"{rounded(whole[name])} ms")
        table.add_row("in flight", f"{esme.in_flight:,}", "")
        queue = row.gauges.get("queue")
        if queue is not None:
            table.add_row("queue", f"{queue:,.0f}", "")
        parts: list[Text | Table] = [
            Text(f"{run.phase}, {row.seconds:.0f} s" + self._of()),
        ]
        if self._goal:
            # On its own it does not end its line.
            bar = Table.grid(expand=True)
            bar.add_row(ProgressBar(total=self._goal, completed=min(row.seconds, self._goal)))
            parts.append(bar)
        parts += [table, Text(f"accepted/s  {bars(self._rates)}", style="green")]
        return Panel(Group(*parts), title=self._title, title_align="left")

    def _of(self) -> str:
        return f" of {self._goal:.0f}" if self._goal else ""


def bars(values: deque[float]) -> str:
    """Values as a row of bars, the highest of them full."""
    most = max(values, default=0.0) or 1.0
    return "".join(BARS[min(len(BARS) - 1, int(len(BARS) * one / most))] for one in values)
