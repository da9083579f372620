"""`fastopts watch`: changes as they come, a line each."""

import sys
import time
from collections.abc import Iterator
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from fastopts.cli import options
from fastopts.cli.bounds import bounded
from fastopts.cli.options import Json, RedisUrl, Venue, fraction
from fastopts.cli.output import cells, printing
from fastopts.config import SETTINGS
from fastopts.errors import BadInput
from fastopts.reader import Option
from fastopts.reader.export import as_dict
from fastopts.reader.mirrors.backlog import Gap
from fastopts.reader.mirrors.price_moves import Move
from fastopts.reader.mirrors.watch import Watch
from fastopts.reader.selection import bounds as bounds_

__all__ = ("watch",)

_SHOWN: Final = ("bid_price", "ask_price", "mark_price", "mark_iv", "delta")
Event = Option | Move | Gap


@bounded
def watch(
    what: Annotated[list[str], typer.Argument(metavar="ASSET|SYMBOL...", help="what to watch")],
    moves: Annotated[
        float | None,
        typer.Option(
            "--moves",
            parser=fraction,
            metavar="5%",
            help="only moves of at least so much, from the last",
        ),
    ] = None,
    field: Annotated[
        str, typer.Option(metavar="NAME", help="what --moves looks at")
    ] = "mark_price",
    initial: Annotated[bool, typer.Option("--initial", help="begin with what there is")] = False,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="end after N lines")] = None,
    duration: Annotated[
        str | None, typer.Option(metavar="TIME", help="end after 90s, 10m or 2h")
    ] = None,
    json: Json = False,
    redis_url: RedisUrl = None,
    venue: Venue = None,
    **bounds: Any,
) -> None:
    """Print each change of ASSET or of the SYMBOLs as it comes, where it meets all bounds.

    Who reads slower than they come gets the newest of each symbol; a line tells how many changes
    were skipped, and when the feed breaks. It ends with Ctrl-C, --limit or --duration; with 1 when
    the feed was down all the time.
    """
    given = bounds_.given(bounds)
    if moves is not None and given:
        raise BadInput("--moves takes no bounds")
    scope = what[0] if len(what) == 1 and "-" not in what[0] else [name.upper() for name in what]
    seconds = None if duration is None else _seconds(duration)
    with options.reader(redis_url, venue) as reader:
        if not json:
            printing.show_venue(reader.feed().venue)
        stream = (
            reader.watch(scope, initial=initial, **given)
            if moves is None
            else reader.watch_moves(scope, moves, field)
        )
        with stream:
            was_live = stream.problem is None
            for event in _events(stream, limit, seconds):
                was_live |= not isinstance(event, Gap) or event.kind == "resumed"
                _print(event, json)
                sys.stdout.flush()
    if not was_live:
        raise typer.Exit(1)


def _seconds(duration: str) -> float:
    try:
        return float(SETTINGS["duration"].parse(duration))
    except ValueError as error:
        raise BadInput(f"--duration {duration}: {error}") from None


def _events(stream: Watch[Any], limit: int | None, seconds: float | None) -> Iterator[Event]:
    deadline = None if seconds is None else time.monotonic() + seconds
    count = 0
    while limit is None or count < limit:
        left_s = None if deadline is None else deadline - time.monotonic()
        event = stream.wait(left_s) if left_s is None or left_s > 0 else None
        if event is None:
            return
        yield event
        count += 1


def _print(event: Event, json: bool) -> None:
    if json:
        printing.json_line(_json(event))
    else:
        printing.show(_line(event))


def _json(event: Event) -> dict[str, Any]:
    match event:
        case Gap():
            return {"gap": event.kind, "count": event.count, "reason": event.reason}
        case Move():
            numbers = {"before": event.before, "after": event.after, "change": event.change}
            return {"symbol": event.symbol, "field": event.field, "ts": event.option.ts, **numbers}
    return as_dict.option_values(event)


def _line(event: Event) -> Text:
    match event:
        case Gap(kind="skipped"):
            return Text(f"({event.count:,} changes skipped)", style="dim")
        case Gap():
            return Text(f"{event.kind}: {event.reason}".rstrip(": "), style="bold red")
        case Move():
            line = _head(event.option)
            values = (event.before, event.after)
            return line.append(
                f"  {event.field} {values[0]:g} -> {values[1]:g} {event.change:+.1%}"
            )
    line = _head(event)
    for name in _SHOWN:
        words = f"  {name} {cells.cell(event, name)}"
        if len(line) + len(words) > printing.width():
            break  # a line each: what has no room is left out, not cut
        line.append(words)
    return line


def _head(option: Option) -> Text:
    return Text(f"{option.ts:%H:%M:%S}.{option.ts_ms % 1000:03d}Z  {option.symbol:28}")
