"""`fastopts chain`: one expiry, strike by strike, calls left and puts right."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from rich.text import Text

from fastopts import number_format
from fastopts.cli.options import (
    EXPIRY_FORMS,
    AllOption,
    AssetArgument,
    JsonOption,
    PrecisionOption,
    SettleOption,
    StaleOption,
    StoreLocation,
    parse_expiry,
    reads_store,
)
from fastopts.cli.output import cells, printing, staleness
from fastopts.cli.output.printing import Column
from fastopts.command_line import argument, option
from fastopts.errors import FastoptsError
from fastopts.field_registry import FIELDS, SERIES_FIELDS
from fastopts.number_format import Precision, Steps
from fastopts.reader import Chain, Option, Strike
from fastopts.reader.export import as_dict
from fastopts.reader.export.steps import steps_of_chain
from fastopts.reader.objects.expiry import FRONT

__all__ = ("chain",)

# Columns of the calls from the outside to the strike, with their ranks: on a narrow terminal those
# of the highest rank are left out first. Those of the puts are the same in reverse.
_COLUMNS: Final = {
    "volume_24h": 8,
    "open_interest": 6,
    "gamma": 10,
    "vega": 9,
    "theta": 7,
    "delta": 2,
    "mark_price": 5,
    "mark_iv": 1,
    "bid_iv": 3,
    "bid_size": 4,
    "bid_price": 0,
    "ask_price": 0,
    "ask_size": 4,
    "ask_iv": 3,
}
# The quote is read from bid to ask on both sides.
_QUOTE: Final = ("bid_iv", "bid_size", "bid_price", "ask_price", "ask_size", "ask_iv")
# The size is next to its price; the line above the table names its unit.
_SHORT_HEADINGS: Final = {"bid_size": "size", "ask_size": "size"}
_IN_THE_MONEY: Final = "cyan"
_AT_THE_MONEY: Final = "bold reverse"
# CALLS and PUTS, the headings, the number of strikes, and the prompt below
_HEAD_LINES: Final = 4


@reads_store
def chain(
    location: StoreLocation,
    asset: AssetArgument,
    expiry: Annotated[str, argument("EXPIRY", parse=parse_expiry, help=EXPIRY_FORMS)] = FRONT,
    strikes: Annotated[
        int | None,
        option(metavar="N", minimum=0, help="show at most N strikes on each side of the money"),
    ] = None,
    show_all: AllOption = False,
    columns: Annotated[
        str | None,
        option(metavar="NAMES", help="columns of the calls, separated by commas; puts mirror them"),
    ] = None,
    precision: PrecisionOption = "table",
    settle: SettleOption = None,
    stale: StaleOption = False,
    json: JsonOption = False,
) -> int:
    """Show one expiry of ASSET: a row per strike, calls on the left, puts on the right.

    A '>' marks the strike at the money; options in the money are coloured. On a terminal the
    strikes around the money are shown, as many as fit the screen, and the columns that fit; --all
    shows all strikes. The exit code is 1 when no option of the series is live.
    """
    ranks: Mapping[str, int] = _COLUMNS
    if columns is not None:
        ranks = _ranks(cells.field_names(columns))
    with location.reader() as reader:
        series = reader.chain(asset, expiry, settle, require_live=not stale)
    rows = _around_the_money(series, strikes)
    if json:
        for row in rows:
            printing.json_line(as_dict.with_ms(_values(series, row)))
        staleness.report_chains([series], is_note=True)
        return 0 if series.options else 1
    lines = printing.show_venue(series.moment.feed.venue)
    lines += staleness.report_chains([series], is_note=False)
    lines += printing.show(_heading(series))
    if strikes is None and not show_all:
        lines += columns is not None  # perhaps a note of those without space
        rows = _centred(series, printing.rows_left(lines + _HEAD_LINES))
    table = _columns(series, rows, ranks, precision)
    printing.show(printing.fitted_table(table, printing.width()))
    if len(rows) < len(series):
        printing.show(Text(f"{len(rows)} of {len(series)} strikes; --all shows all", "dim"))
    if columns is not None:
        printing.note_dropped(table, printing.width())
    return 0 if series.options else 1


def _ranks(names: Sequence[str]) -> dict[str, int]:
    """The ranks of chosen columns: the last is left out first, and an ask goes with its bid."""
    ranks = {name: rank for rank, name in enumerate(names)}
    for name in names:
        other = name.replace("ask_", "bid_") if name.startswith("ask_") else name
        ranks[name] = ranks[other] = min(ranks[name], ranks.get(other, ranks[name]))
    return {name: ranks[name] for name in names}


def _heading(chain: Chain) -> Text:
    """The lines above a chain: its series, its figures, and the number of absent options."""
    others = ", ".join(coin for coin in chain.settles if coin != chain.settle)
    also = f" (also: {others})" if others else ""
    delivery = printing.utc(chain.series.expiry_ms)
    until = printing.countdown(chain.series.expiry_ms, chain.moment.venue_ms)
    title = f"{chain.asset} {chain.series.label} {chain.settle}{also}"
    paragraphs = [
        [title, f"delivery {delivery}", until],
        [*_figures(chain)],
        [*_positions(chain)],
        [*_absent(chain)],
    ]
    width = printing.width()
    return Text("\n").join(printing.facts(parts, width) for parts in paragraphs if parts)


def _figures(chain: Chain) -> Iterator[str]:
    age, spread = chain.oldest_age, chain.forward_spread_bp
    yield f"forward {_figure(chain, 'forward', chain.forward)}"
    yield f"ATM IV {_figure(chain, 'atm_iv', chain.atm_iv)}"
    yield f"oldest tick {'-' if age is None else number_format.duration(age.total_seconds())}"
    yield f"forwards within {'-' if spread is None else f'{spread:.1f} bp'}"


def _positions(chain: Chain) -> Iterator[str]:
    put_call = "put_call_open_interest"
    yield f"open interest {_figure(chain, 'open_interest', chain.open_interest)} {chain.asset}"
    yield f"max pain {_figure(chain, 'max_pain', chain.max_pain)}"
    yield f"put/call {_figure(chain, put_call, chain.put_call_ratio())}"
    yield f"by volume {_figure(chain, put_call, chain.put_call_ratio('volume_24h'))}"
    yield f"prices in {chain.quote or chain.settle}"
    yield f"sizes in {chain.asset}"


def _figure(chain: Chain, name: str, value: float | None) -> str:
    return number_format.formatted(value, SERIES_FIELDS[name].display, steps_of_chain(chain))


def _absent(chain: Chain) -> Iterator[str]:
    """The number of absent options by reason; nothing when none is absent."""
    counts = Counter(_reason(absent.reason) for absent in chain.absent.values()).most_common()
    for index, (reason, count) in enumerate(counts):
        yield f"{'' if index else 'absent: '}{count} {reason}"


def _reason(error: FastoptsError) -> str:
    """`NotYetLive` as `not yet live`."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", type(error).__name__).lower()


def _around_the_money(chain: Chain, count: int | None) -> list[Strike]:
    """At most *count* strikes on each side of the money; all for None, or without a forward."""
    rows, atm = list(chain), chain.atm()
    if count is None or atm is None:
        return rows
    index = rows.index(atm)
    return rows[max(index - count, 0) : index + count + 1]


def _centred(chain: Chain, count: int | None) -> list[Strike]:
    """*count* strikes with the money in their middle, or the nearest to it; all for None."""
    rows, atm = list(chain), chain.atm()
    if count is None or len(rows) <= count:
        return rows
    middle = rows.index(atm) if atm is not None else 0
    start = min(max(middle - count // 2, 0), len(rows) - count)
    return rows[start : start + count]


def _columns(
    chain: Chain, rows: Sequence[Strike], ranks: Mapping[str, int], precision: Precision
) -> list[Column]:
    forward, atm, steps = chain.forward, chain.atm(), steps_of_chain(chain)
    calls, puts = [row.call for row in rows], [row.put for row in rows]
    calls_itm = [forward is not None and row.strike < forward for row in rows]
    puts_itm = [forward is not None and row.strike > forward for row in rows]
    style = _Style(chain.asset, chain.quote, steps, precision, ranks)
    left = [style.column(name, calls, calls_itm, "CALLS") for name in ranks]
    right = [style.column(name, puts, puts_itm, "PUTS") for name in _mirrored(list(ranks))]
    strikes = [_strike(row, row is atm, steps) for row in rows]
    return [
        *_stale_marks(calls, "CALLS"),
        *left,
        Column("strike", strikes),
        *right,
        *_stale_marks(puts, "PUTS"),
    ]


def _mirrored(names: Sequence[str]) -> list[str]:
    """The columns of the puts: those of the calls in reverse, but quotes from bid to ask."""
    quotes = iter([name for name in names if name in _QUOTE])
    return [next(quotes) if name in _QUOTE else name for name in reversed(names)]


@dataclass(frozen=True, slots=True)
class _Style:
    """What the columns of both sides share."""

    asset: str
    quote: str
    steps: Steps
    precision: Precision
    ranks: Mapping[str, int]

    def column(
        self, name: str, options: Sequence[Option | None], are_itm: Sequence[bool], side: str
    ) -> Column:
        """The column *name* of the calls or of the puts."""
        heading = _SHORT_HEADINGS.get(name) or cells.column_heading(name, self.asset, self.quote)
        pairs = zip(options, are_itm, strict=True)
        texts = [self._cell(option, name, is_itm) for option, is_itm in pairs]
        return Column(heading, texts, self.ranks[name], cells.is_text(name), side)

    def _cell(self, option: Option | None, name: str, is_itm: bool) -> Text:
        if option is None:
            return Text("")
        style = "red" if not option.live else _IN_THE_MONEY if is_itm else ""
        return Text(cells.cell(option, name, self.steps, self.precision), style=style)


def _stale_marks(options: Sequence[Option | None], side: str) -> list[Column]:
    """A column that marks stale options among live ones: without colour nothing else would."""
    listed = [option for option in options if option is not None]
    if len({option.live for option in listed}) < 2:
        return []  # all are live, or none is, which the notice above says
    marks = ["stale" if option is not None and not option.live else "" for option in options]
    return [Column("", marks, group=side)]


def _strike(row: Strike, is_atm: bool, steps: Steps) -> Text:
    text = number_format.formatted(row.strike, FIELDS["strike"].display, steps)
    return Text(f">{text}" if is_atm else text, style=_AT_THE_MONEY if is_atm else "bold")


def _values(chain: Chain, row: Strike) -> dict[str, Any]:
    return {
        "venue": chain.moment.feed.venue,
        "asset": chain.asset,
        "expiry": chain.expiry,
        "settle": chain.settle,
        "strike": row.strike,
        "forward": chain.forward,
        "atm": row is chain.atm(),
        "max_pain": chain.max_pain,
        "put_call_open_interest": chain.put_call_ratio("open_interest"),
        "put_call_volume_24h": chain.put_call_ratio("volume_24h"),
        "call": None if row.call is None else as_dict.option_json(row.call),
        "put": None if row.put is None else as_dict.option_json(row.put),
    }
