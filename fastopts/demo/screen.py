"""The demo's screen: numbers of the collector, a few quotes, and where to find more."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from fastopts.cli.output import cells, printing
from fastopts.metrics import quantile
from fastopts.reader import Option

__all__ = ("Frame", "near_the_money", "render", "svg")

DAY_MS: Final = 86_400_000
_QUOTE_FIELDS: Final = ("bid_price", "ask_price", "mark_price", "mark_iv", "delta", "age_s")


@dataclass(frozen=True, slots=True)
class Frame:
    """The content of one screen.

    *status* is the collector's newest, {} before the first; *log_line* the newest warning;
    *options* are all, *shown* those in the table, with the mark prices of the frame before in
    *previous_prices*.
    """

    status: dict[str, Any]
    log_line: str
    options: Sequence[Option]
    shown: Sequence[Option]
    previous_prices: dict[str, float | None]
    page_url: str = ""
    redis_url: str = ""

    def ages_s(self) -> tuple[float | None, float | None]:
        """Return median and 99th percentile of the age of live values, in seconds."""
        ages = sorted(option.age_s for option in self.options if option.live)
        return quantile(ages, 0.5), quantile(ages, 0.99)


def near_the_money(options: Sequence[Option], now_ms: int) -> list[Option]:
    """Return the call and the put nearest the forward of each asset's front expiry.

    An expiry within a day is passed over: its prices decay to nothing while the demo runs.
    """
    selected: list[Option] = []
    for asset in sorted({option.asset for option in options}):
        listed = [o for o in options if o.asset == asset and o.settle == "USDT" and o.forward]
        later = [o for o in listed if o.expiry_ms - now_ms > DAY_MS] or listed
        if not later:
            continue
        expiry_ms = min(o.expiry_ms for o in later)
        series = [o for o in later if o.expiry_ms == expiry_ms]
        strike = min(series, key=lambda o: (abs(o.strike - (o.forward or 0.0)), o.strike)).strike
        selected += sorted((o for o in series if o.strike == strike), key=lambda o: o.type)
    return selected


def render(frame: Frame) -> RenderableType:
    """Draw *frame*, whose title is always SIMULATED."""
    title = Text(" SIMULATED — not the market ", style="bold black on yellow")
    addresses = [_addresses(frame), Text()] if frame.page_url else []
    body = Group(_numbers(frame), Text(), _quotes(frame), Text(), *addresses, _footer(frame))
    return Panel(body, title=title, subtitle="press Ctrl-C to stop", padding=(1, 2), width=100)


def svg(frame: Frame) -> str:
    """Draw *frame* as an SVG without external resources: rich names web fonts in its own."""
    console = Console(record=True, width=100, file=io.StringIO())
    console.print(render(frame))
    picture = console.export_svg(title="make demo")
    return re.sub(r"@font-face {.*?\n    }\n", "", picture, flags=re.DOTALL)


def _numbers(frame: Frame) -> Table:
    status = frame.status
    median_s, p99_s = frame.ages_s()
    lag_ms = status.get("lag_ms")
    cells = {
        "symbols live": f"{status.get('covered', 0):,} of {status.get('wanted', 0):,}",
        "messages/s": f"{status.get('rate', 0):,.0f}",
        "age p50": _seconds(median_s),
        "age p99": _seconds(p99_s),
        "collector CPU": f"{status.get('cpu_percent', 0):.1f} % of a core",
        "collector memory": f"{status.get('rss_mb', 0):.0f} MB",
        "Redis response time": "-" if lag_ms is None else f"{lag_ms:.1f} ms",
        "connections": str(status.get("connections", 0)),
    }
    table = Table.grid(padding=(0, 3))
    for _ in range(2):
        table.add_column(style="dim")
        table.add_column(justify="right")
    flat = [text for name_and_value in cells.items() for text in name_and_value]
    for start in range(0, len(flat), 4):
        table.add_row(*flat[start : start + 4])
    return table


def _quotes(frame: Frame) -> Table:
    # Narrow enough for 80 columns: a price or a symbol cut short is worse than none.
    table = Table(box=None, pad_edge=False, collapse_padding=True, header_style="dim")
    table.add_column("at the money", style="bold", no_wrap=True, min_width=24)
    for name in _QUOTE_FIELDS:
        table.add_column(cells.heading(name), justify="right", no_wrap=True, min_width=6)
    for option in frame.shown:
        previous = frame.previous_prices.get(option.symbol)
        table.add_row(
            option.symbol, *(_quote_cell(option, name, previous) for name in _QUOTE_FIELDS)
        )
    return table


def _quote_cell(option: Option, name: str, previous_price: float | None) -> Text:
    if name == "age_s" and not option.live:
        return Text("stale", style="red")
    style = _change_style(option.mark_price, previous_price) if name == "mark_price" else ""
    return Text(cells.cell(option, name), style=style)


def _addresses(frame: Frame) -> RenderableType:
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="dim")
    rows.add_column(no_wrap=True)
    rows.add_row("dashboard and API", Text(frame.page_url, style="bold cyan"))
    rows.add_row("Redis", frame.redis_url)
    return rows


def _footer(frame: Frame) -> RenderableType:
    status = frame.status
    if not status:
        return Text(frame.log_line or "starting …", style="dim")
    equations = (
        f"received {status['received']:,} = applied {status['applied']:,} + older"
        f" {status['older']:,} + rejected {status['rejected']:,}\n"
        f"applied {status['applied']:,} = written {status['written']:,} + conflated"
        f" {status['conflated']:,} + pending {status['pending']:,}"
    )
    return Text(equations + (f"\n{frame.log_line}" if frame.log_line else ""), style="dim")


def _seconds(value: float | None) -> str:
    return "-" if value is None else printing.duration(value)


def _change_style(value: float | None, previous: float | None) -> str:
    if value is None or previous is None or value == previous:
        return ""
    return "green" if value > previous else "red"
