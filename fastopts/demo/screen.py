"""The demo's screen: numbers of the collector, prices, and the lines to paste in a second terminal.

The same parts make the screen of a terminal, the lines of a pipe and the SVG of the documentation.
"""

import functools
import io
import re
import shlex
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from fastopts import number_format
from fastopts.cli.output import cells, printing
from fastopts.cli.output.printing import Column
from fastopts.metrics import quantile
from fastopts.reader import Option
from fastopts.reader.objects import expiry as expiries

__all__ = ("Frame", "near_the_money", "progress_line", "render", "svg", "usage_lines")

DAY_MS: Final = 86_400_000
TITLE: Final = " SIMULATED — not the market "
_STOP: Final = "  Ctrl-C stops it"
NO_DASHBOARD: Final = "none: install the extra `serve`"
_SVG_WIDTH: Final = 100
_LOG_LINES_MAX: Final = 3
# Name and rank: on a narrow terminal the columns of the highest rank are dropped first.
_QUOTES: Final = (
    *(("symbol", 0), ("bid_price", 0), ("ask_price", 0), ("mark_price", 1), ("mark_iv", 2)),
    *(("delta", 3), ("age_s", 4)),
)


@dataclass(frozen=True, slots=True)
class Frame:
    """The content of one screen.

    *status* is the collector's newest, {} while there is none; *log_line* the newest warning;
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

    @property
    def live(self) -> int:
        """The number of live options, as the reader finds them."""
        return sum(option.live for option in self.options)

    @property
    def down(self) -> str:
        """Why nothing is live; "" while the feed is alive."""
        error = self.options[0].moment.down if self.options else None
        return "" if error is None else str(error)

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


def render(frame: Frame, width: int = _SVG_WIDTH, height: int | None = None) -> Text:
    """Draw *frame*, whose title is always SIMULATED, on *width* columns and *height* lines.

    No text is cut. What does not fit is left out: empty lines first, then the loss equations,
    then the puts.
    """
    calls = [option for option in frame.shown if option.type == "C"]
    equations = _equations(frame, width)
    is_live = height is not None
    for shown, footer in ((frame.shown, equations), (frame.shown, []), (calls, equations)):
        blocks = _blocks(frame, shown, footer, width, is_live)
        if height is None or sum(map(len, blocks)) <= height:
            break
    else:
        blocks = _blocks(frame, calls, [], width, is_live)
    text = Text("\n").join(_spaced(blocks, height))
    text.no_wrap, text.overflow = True, "ignore"
    return text


def svg(frame: Frame) -> str:
    """Draw *frame* as an SVG without external resources: rich names web fonts in its own."""
    console = Console(record=True, width=_SVG_WIDTH, file=io.StringIO())
    console.print(render(frame))
    picture = console.export_svg(title="fastopts demo")
    return re.sub(r"@font-face {.*?\n    }\n", "", picture, flags=re.DOTALL)


def usage_lines(page_url: str, redis_url: str, width: int | None = None) -> list[Text]:
    """Where the dashboard is, and a line of shell and of Python that read this demo.

    On a narrow terminal the labels are left out and the shell's line is continued, so that each
    line can still be copied and pasted.
    """
    options = f"--redis-url {redis_url} --venue sim"
    rows = [
        ("dashboard", page_url or NO_DASHBOARD),
        ("shell", f"{program()} chain BTC {options}"),
        ("Python", f'OptionReader("{redis_url}", venue="sim")'),
    ]
    column = max(len(label) for label, _ in rows) + 2
    if width is None or all(column + len(text) <= width for _, text in rows):
        return [Text.assemble((label.ljust(column), "dim"), text) for label, text in rows]
    return [
        Text(page_url or NO_DASHBOARD),
        Text(f"{program()} chain BTC \\"),
        Text(f"  {options}"),
        Text(rows[-1][1]),
    ]


@functools.cache
def program() -> str:
    """How a new terminal in this directory starts this `fastopts`: its environment may be inactive.

    `fastopts` if that is the one on the PATH, else its path, else `python -m fastopts.cli`.
    """
    script = Path(sys.executable).with_name("fastopts")
    if (on_path := shutil.which("fastopts")) and Path(on_path).parent == script.parent:
        return "fastopts"
    arguments = (
        [str(_relative(script))] if script.exists() else [sys.executable, "-m", "fastopts.cli"]
    )
    return shlex.join(arguments)


def _relative(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def progress_line(frame: Frame) -> str:
    """The numbers of *frame* in one line, for a pipe or a log."""
    median_s, p99_s = frame.ages_s()
    coverage = f"{frame.live:,} of {len(frame.options):,} symbols live"
    if frame.down:
        return f"{coverage}: {frame.down}"
    return (
        f"{coverage}, {_value(frame, 'rate', ',.0f')} messages/s,"
        f" age p50 {_seconds(median_s)} p99 {_seconds(p99_s)}"
    )


def _blocks(
    frame: Frame, shown: Sequence[Option], footer: Sequence[Text], width: int, is_live: bool
) -> list[list[Text]]:
    title = Text.assemble((TITLE, "bold black on yellow"), (_STOP if is_live else "", "dim"))
    usage = usage_lines(frame.page_url, frame.redis_url, width) if frame.redis_url else []
    log = [Text(line, style="yellow") for line in _wrapped(frame.log_line, width)]
    if not (frame.status or frame.options or log):
        log = [Text("starting …", style="dim")]
    down = [Text(line, style="red") for line in _wrapped(f"NOT LIVE: {frame.down}", width)]
    title_lines = [title, *(down if frame.down else [])]
    blocks = [
        *(title_lines, _numbers(frame), _underlyings(shown, width), _quotes(frame, shown, width)),
        *(usage, [*footer, *log]),
    ]
    return [block for block in blocks if block]


def _spaced(blocks: Sequence[Sequence[Text]], height: int | None) -> Iterator[Text]:
    """The lines of *blocks*, with an empty line between two where *height* allows it."""
    spare = len(blocks) if height is None else height - sum(map(len, blocks))
    for index, block in enumerate(blocks):
        if 0 < index <= spare:
            yield Text()
        yield from block


def _numbers(frame: Frame) -> list[Text]:
    median_s, p99_s = frame.ages_s()
    return _grid(
        [
            *("symbols live", f"{frame.live:,} of {len(frame.options):,}"),
            *("messages/s", _value(frame, "rate", ",.0f")),
            *("age p50", _seconds(median_s), "age p99", _seconds(p99_s)),
            *("collector CPU", _value(frame, "cpu_percent", ".1f", " % of a core")),
            *("memory", _value(frame, "rss_mb", ".0f", " MB")),
            *("Redis responds in", _value(frame, "lag_ms", ".1f", " ms")),
            *("connections", _value(frame, "connections", ",")),
        ]
    )


def _value(frame: Frame, name: str, form: str, unit: str = "") -> str:
    """A number of the collector's status with its unit; `-` while it is unknown."""
    value = frame.status.get(name)
    return "-" if value is None else f"{value:{form}}{unit}"


def _grid(texts: Sequence[str]) -> list[Text]:
    """Rows of two labels with their values, aligned."""
    rows = [texts[start : start + 4] for start in range(0, len(texts), 4)]
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    return [
        Text("  ").join(
            Text(text.ljust(width), "dim") if index % 2 == 0 else Text(text.rjust(width))
            for index, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def _underlyings(shown: Sequence[Option], width: int) -> list[Text]:
    """Spot and forward of each asset; the forward is that of the options in the table.

    Its expiry is in the heading, since assets may differ in it.
    """
    by_asset = {option.asset: option for option in shown}
    if not by_asset:
        return []
    columns = [Column("", ["spot", "forward"], is_text=True)]
    for asset, option in by_asset.items():
        levels = [cells.cell(option, name) for name in ("index_price", "forward")]
        columns.append(Column(f"{asset} {expiries.label_of(option.expiry)}", levels))
    return _lines(columns, width)


def _quotes(frame: Frame, shown: Sequence[Option], width: int) -> list[Text]:
    if not shown:
        return []
    columns = [
        Column(
            "at the money" if name == "symbol" else cells.heading(name),
            [_cell(option, name, frame.previous_prices.get(option.symbol)) for option in shown],
            rank,
            is_text=name == "symbol",
        )
        for name, rank in _QUOTES
    ]
    return _lines(columns, width)


def _lines(columns: Sequence[Column], width: int) -> list[Text]:
    return list(printing.fitted_table(columns, width).split("\n"))


def _cell(option: Option, name: str, previous_price: float | None) -> Text:
    if name == "age_s" and not option.live:
        return Text("stale", style="red")
    if name == "mark_price":
        return Text(cells.cell(option, name), _change_style(option.mark_price, previous_price))
    return Text(cells.cell(option, name), style="bold" if name == "symbol" else "")


def _equations(frame: Frame, width: int) -> list[Text]:
    """The two loss equations; none before the first status, or where they do not fit."""
    status = frame.status
    if not status:
        return []
    received = (
        f"received {status['received']:,} = applied {status['applied']:,} + older"
        f" {status['older']:,} + rejected {status['rejected']:,}"
    )
    applied = (
        f"applied {status['applied']:,} = written {status['written']:,} + conflated"
        f" {status['conflated']:,} + pending {status['pending']:,}"
    )
    lines = (received, applied)
    return [Text(line, style="dim") for line in lines] if max(map(len, lines)) <= width else []


def _wrapped(line: str, width: int) -> list[str]:
    return textwrap.wrap(line, width, max_lines=_LOG_LINES_MAX, placeholder=" …")


def _seconds(value: float | None) -> str:
    return "-" if value is None else number_format.duration(value)


def _change_style(value: float | None, previous: float | None) -> str:
    if value is None or previous is None or value == previous:
        return ""
    return "green" if value > previous else "red"
