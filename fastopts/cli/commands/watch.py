"""`fastopts watch`: print changes as they arrive, one per line."""

import sys
import time
from collections.abc import Iterator
from typing import Annotated, Any, Final, get_args

from rich.text import Text

from fastopts import number_format
from fastopts.cli.bounds import bounded
from fastopts.cli.options import JsonOption, StoreLocation, duration, fraction, reads_store
from fastopts.cli.output import cells, printing
from fastopts.command_line import argument, option
from fastopts.errors import BadInput
from fastopts.field_registry import FIELDS
from fastopts.number_format import Precision
from fastopts.reader import Option
from fastopts.reader.export import as_dict
from fastopts.reader.export.steps import steps_of_option
from fastopts.reader.mirrors.backlog import Gap
from fastopts.reader.mirrors.price_moves import Move
from fastopts.reader.mirrors.watch import Watch
from fastopts.reader.selection.bounds import supplied

__all__ = ("watch",)

# As many of them as fit the line; the first ones matter most.
_SHOWN: Final = (
    *("bid_price", "ask_price", "mark_price", "mark_iv", "delta"),
    *("bid_iv", "ask_iv", "bid_size", "ask_size", "forward", "open_interest"),
)
_VALUE_WIDTH: Final = 8  # of the usual value; rows stay aligned as long as none is wider
_NARROW: Final = 80  # a line of fewer characters has less space between its parts
Event = Option | Move | Gap


@reads_store
@bounded
def watch(
    location: StoreLocation,
    names: Annotated[
        list[str], argument("ASSET|SYMBOL", help="an asset, such as BTC, or symbols of options")
    ],
    moves: Annotated[
        float | None,
        option(
            parse=fraction,
            metavar="5%",
            help="print only moves of at least this size since the last one printed",
        ),
    ] = None,
    field: Annotated[
        str, option(metavar="NAME", help="field that --moves compares")
    ] = "mark_price",
    initial: Annotated[bool, option(help="begin with the current values")] = False,
    limit: Annotated[int | None, option(metavar="N", minimum=1, help="stop after N lines")] = None,
    duration: Annotated[
        float | None, option(metavar="TIME", parse=duration, help="stop after 90s, 10m or 2h")
    ] = None,
    json: JsonOption = False,
    **bounds: Any,
) -> int:
    """Print each change of an asset or of symbols that meets all bounds, as it arrives.

    A consumer that is slower than the changes gets the newest values of each symbol; a line counts
    the changes that were skipped, another reports an interrupted feed. Stop with Ctrl-C, --limit or
    --duration. The exit code is 1 when the feed was down all the time.
    """
    limits = supplied(bounds)
    if moves is not None and limits:
        raise BadInput("--moves takes no bounds")
    # symbols have dashes, assets do not
    is_asset = len(names) == 1 and "-" not in names[0]
    scope = names[0] if is_asset else names
    with location.reader() as reader:
        if not json:
            printing.show_venue(reader.feed().venue)
        stream = (
            reader.watch(scope, initial=initial, **limits)
            if moves is None
            else reader.watch_moves(scope, moves, field)
        )
        with stream:
            # a watch that saw nothing but a dead feed has failed, whatever ended it
            was_live = stream.problem is None
            for event in _events(stream, limit, duration):
                was_live |= not isinstance(event, Gap) or event.kind == "resumed"
                _print(event, json)
                # a pipe is block-buffered: without this its reader gets changes minutes late
                sys.stdout.flush()
    return 0 if was_live else 1


def _events(stream: Watch[Any], limit: int | None, seconds: float | None) -> Iterator[Event]:
    deadline = None if seconds is None else time.monotonic() + seconds
    count = 0
    while limit is None or count < limit:
        wait_s = None if deadline is None else deadline - time.monotonic()
        event = stream.wait(wait_s) if wait_s is None or wait_s > 0 else None
        if event is None:
            return
        yield event
        count += 1


def _print(event: Event, json: bool) -> None:
    if json:
        printing.json_line(_values(event))
    else:
        printing.show(_line(event))


def _values(event: Event) -> dict[str, Any]:
    match event:
        case Gap():
            return {"gap": event.kind, "count": event.count, "reason": event.reason}
        case Move():
            numbers = {"before": event.before, "after": event.after, "change": event.change}
            head = {"symbol": event.symbol, "field": event.field, "ts": event.option.ts}
            return as_dict.with_ms({**head, **numbers})
    return as_dict.option_json(event)


def _line(event: Event) -> Text:
    match event:
        case Gap(kind="skipped"):
            return Text(f"({event.count:,} changes skipped)", style="dim")
        case Gap():
            return Text(f"{event.kind}: {event.reason}".rstrip(": "), style="bold red")
        case Move():
            return _move(event)
    line = _head(event)
    for name in _SHOWN:
        heading = cells.column_heading(name, event.asset, event.quote or "")
        cell = f"{_gap()}{heading} {cells.cell(event, name):>{_VALUE_WIDTH}}"
        if len(line) + len(cell) > printing.width():
            break  # one line per change: a value that does not fit is left out, not wrapped
        line.append(cell)
    return line


def _move(move: Move) -> Text:
    """The value of the field that moved, and, if there is space, the one before."""
    line = _head(move.option).append(f"{_gap()}{cells.heading(move.field)} ")
    level_before, level_after = _levels(move)
    after = f"{level_after} {move.change:+.1%}"
    before = f"{level_before} -> "
    fits = len(line) + len(before) + len(after) <= printing.width()
    return line.append(before + after if fits else after)


def _levels(move: Move) -> tuple[str, str]:
    """The values of the field before and after, with as many digits as show that they differ."""
    display, steps = FIELDS[move.field].display, steps_of_option(move.option)
    texts = ("", "")
    for precision in get_args(Precision):
        before, after = (
            number_format.formatted(value, display, steps, precision)
            for value in (move.before, move.after)
        )
        texts = (before, after)
        if before != after:
            break
    return texts


def _gap() -> str:
    return " " if printing.width() < _NARROW else "  "


def _head(option: Option) -> Text:
    if printing.width() < _NARROW:
        return Text(f"{option.ts:%H:%M:%S}Z {option.symbol:24}")
    return Text(f"{option.ts:%H:%M:%S}.{option.ts_ms % 1000:03d}Z  {option.symbol:28}")
