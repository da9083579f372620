"""What notebooks show of options, chains, tables and the feed: HTML with their liveness first.

Notebooks keep an output for days, so each begins with the time of the read and with whether the
values were live at that time. The palette is the notebook's, dark or light; only badges
bring their own, with their own background. Every text is escaped: symbols and reasons come from
Redis and the venue.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Any, Final

from fastopts.field_registry import FIELDS, SERIES_FIELDS, Field
from fastopts.model import TIME_MAX_MS
from fastopts.number_format import Precision, Steps, duration, formatted
from fastopts.reader.export.steps import steps_of_chain, steps_of_option
from fastopts.reader.freshness.moment import Moment, stale_error
from fastopts.reader.selection.scan import Scan

if TYPE_CHECKING:
    from fastopts.reader.export.table import Table
    from fastopts.reader.freshness.feed_state import FeedState
    from fastopts.reader.objects.chain import Chain, Strike
    from fastopts.reader.objects.option import Option

__all__ = ("chain_html", "feed_html", "option_html", "table_html")

ROWS_MAX: Final = 20  # of a table; frames show the rest
STRIKES_MAX: Final = 41  # of a chain, around the money
ABSENT: Final = "–"

# White on these has a contrast above 5:1, black on amber above 10:1, whatever the theme is.
_LIVE: Final = "background:#1a7f37;color:#fff"
_STALE: Final = "background:#b3261e;color:#fff"
_SIMULATED: Final = "background:#ffb300;color:#000"
_BADGE: Final = "padding:1px 6px;border-radius:4px;font-weight:600"
_TABLE: Final = "border-collapse:collapse;color:inherit;background:transparent;margin:.4em 0"
_CELL: Final = "text-align:right;padding:1px 8px;color:inherit;white-space:nowrap"
_NAME: Final = f"{_CELL};font-weight:600"
_HEAD: Final = f"{_NAME};border-bottom:1px solid currentColor"
_AT_THE_MONEY: Final = ";border-top:1px solid currentColor;border-bottom:1px solid currentColor"

_OPTION_NAMES: Final = (
    *("bid_price", "bid_size", "bid_iv", "mark_price"),
    *("ask_price", "ask_size", "ask_iv", "mark_iv"),
    *("delta", "gamma", "vega", "theta"),
    *("forward", "index_price", "log_moneyness", "dte"),
    *("open_interest", "volume_24h", "age_s", "phase"),
)
_PAIRS_PER_ROW: Final = 4
_TABLE_NAMES: Final = (
    *("symbol", "bid_price", "ask_price", "mark_price", "mark_iv", "delta"),
    *("open_interest", "volume_24h", "age_s", "live"),
)
_SIDE_NAMES: Final = ("bid_price", "ask_price", "mark_price", "mark_iv", "delta")


def option_html(option: "Option") -> str:
    """One option: why it is not live, if so, and its most used values."""
    error = None if option.live else stale_error(option)
    status = _badge("live", _LIVE) if error is None else _stale(type(error).__name__, error)
    steps = steps_of_option(option)
    quote = option.instrument.quote if option.instrument else ""
    pairs = [
        _cell(FIELDS[name].column_heading(option.asset, quote), _NAME)
        + _cell(_text(option, name, steps, "detail"))
        for name in _OPTION_NAMES
    ]
    rows = ["".join(pairs[i : i + _PAIRS_PER_ROW]) for i in range(0, len(pairs), _PAIRS_PER_ROW)]
    return _page(option.symbol, option.moment, status, _table(rows))


def chain_html(chain: "Chain") -> str:
    """A series strike by strike, calls left and puts right, at most `STRIKES_MAX` at the money."""
    live = sum(option.live for option in chain.options)
    # in the same order on both sides, as in the terminal and on the dashboard
    headings = [FIELDS[name].column_heading() for name in _SIDE_NAMES]
    head = "".join(_cell(text, _HEAD, "th") for text in (*headings, "Strike", *headings))
    sides = f'<th colspan="{len(headings)}" style="{_CELL};text-align:center">'
    atm = chain.atm()
    rows = list(chain)
    first = 0 if atm is None else max(rows.index(atm) - STRIKES_MAX // 2, 0)
    shown = rows[first : first + STRIKES_MAX]
    body = [f"{sides}Calls</th><th></th>{sides}Puts</th>", head]
    steps = steps_of_chain(chain)
    body += [_strike_row(row, steps, row is atm) for row in shown]
    forward, atm_iv = (
        _formatted(value, SERIES_FIELDS[name], steps)
        for name, value in (("forward", chain.forward), ("atm_iv", chain.atm_iv))
    )
    facts = [f"forward {forward}", f"ATM IV {atm_iv}"]
    facts += [f"{chain.dte:.2f} days"]
    if len(shown) < len(rows):
        facts.append(f"{len(shown)} of {len(rows)} strikes are shown")
    title = f"{chain.asset} {chain.series.label} {chain.settle}"
    status = _counts(chain.moment, live, chain.series.count)
    return _page(title, chain.moment, status, _line(facts), _table(body))


def table_html(table: "Table") -> str:
    """The first `ROWS_MAX` rows of a table or scan; of a scan also what its gate excluded."""
    market = table.market
    live = int(market.column("live")[table.rows].sum())
    body = ["".join(_cell(FIELDS[name].column_heading(), _HEAD, "th") for name in _TABLE_NAMES)]
    for option in table[:ROWS_MAX]:
        style = _CELL if option.live else f"{_CELL};opacity:.6"
        steps = steps_of_option(option)
        body.append("".join(_cell(_text(option, name, steps), style) for name in _TABLE_NAMES))
    facts = []
    if isinstance(table, Scan):
        facts += table.counts()
    if len(table) > ROWS_MAX:
        facts.append(f"the first {ROWS_MAX} rows are shown")
    title = f"{type(table).__name__}: {len(table)} options"
    status = _counts(market.moment, live, len(table))
    return _page(title, market.moment, status, _line(facts), _table(body) if len(table) else "")


def feed_html(state: "FeedState", moment: Moment) -> str:
    """The feed: whether it is alive, and if not why; coverage, connections, clocks."""
    down = state.down
    status = _badge("alive", _LIVE) if down is None else _stale(type(down).__name__, down)
    heartbeat_s = state.heartbeat_age_s
    values = {
        "Heartbeat": ABSENT if heartbeat_s is None else f"{duration(heartbeat_s)} ago",
        "Ticked": f"{state.covered:,} of {state.wanted:,} symbols",
        "Never ticked": f"{state.never:,}",
        "Connections": _numbers(state.conns),
        "Not live": _numbers(state.muted),
        "Late": _numbers(state.late),
        "Venue's clock": f"{state.skew_ms:+} ms from that of Redis",
        "Assets": ", ".join(state.assets) or ABSENT,
        "Writer": f"{state.writer}, epoch {state.epoch}",
    }
    rows = [f"{_cell(name, _NAME)}{_cell(value)}" for name, value in values.items()]
    return _page("Feed", moment, status, _table(rows))


def _page(title: str, moment: Moment, status: str, *parts: str) -> str:
    """A title, the venue and the time of the read, *status*, and below them *parts*."""
    venue = moment.feed.venue
    simulated = [_badge("SIMULATED DATA", _SIMULATED)] if venue == "sim" else []
    # clipped: the clock of a foreign server may be beyond all calendars
    as_of = datetime.fromtimestamp(min(max(moment.venue_ms, 0), TIME_MAX_MS) / 1000, UTC)
    read = f"{escape(venue or 'no venue')}, as of {as_of:%Y-%m-%d %H:%M:%S}.{as_of:%f}"[:-3]
    head = " ".join([f"<b>{escape(title)}</b>", *simulated, status, f"{read} UTC"])
    return f'<div style="color:inherit"><div>{head}</div>{"".join(parts)}</div>'


def _counts(moment: Moment, live: int, total: int) -> str:
    """The badge of *total* options: why nothing is live, or how many are; none without options."""
    if moment.down is not None:
        return _stale(type(moment.down).__name__, moment.down)
    if not total:
        return ""
    return _badge(f"{live} of {total} live", _LIVE if live == total else _STALE)


def _stale(name: str, error: Exception) -> str:
    return f"{_badge('NOT LIVE', _STALE)} {escape(f'{name}: {error}')}"


def _badge(text: str, style: str) -> str:
    return f'<span style="{style};{_BADGE}">{escape(text)}</span>'


def _line(facts: Sequence[str]) -> str:
    return f"<div>{escape(', '.join(facts))}</div>" if facts else ""


def _table(rows: Iterable[str]) -> str:
    lines = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<div style="overflow-x:auto"><table style="{_TABLE}">{lines}</table></div>'


def _cell(text: str, style: str = _CELL, tag: str = "td", title: str = "") -> str:
    hint = f' title="{escape(title)}"' if title else ""
    return f'<{tag} style="{style}"{hint}>{escape(text)}</{tag}>'


def _strike_row(row: "Strike", steps: Steps, is_atm: bool) -> str:
    style = _CELL + (_AT_THE_MONEY if is_atm else "")
    strike = _cell(_formatted(row.strike, FIELDS["strike"], steps), f"{style};font-weight:600")
    return "".join([*_side(row.call, steps, style), strike, *_side(row.put, steps, style)])


def _side(option: "Option | None", steps: Steps, style: str) -> Iterator[str]:
    """The cells of one side of a strike; struck through if it is not live."""
    for name in _SIDE_NAMES:
        if option is None:
            yield _cell(ABSENT, style, title="not listed, or refused: see absent")
        elif option.live:
            yield _cell(_text(option, name, steps), style)
        else:
            is_stale = f"{style};text-decoration:line-through;opacity:.6"
            yield _cell(
                _text(option, name, steps), is_stale, title=f"not live: {stale_error(option)}"
            )


def _text(option: "Option", name: str, steps: Steps, precision: Precision = "table") -> str:
    value: Any = getattr(option, name)
    match value:
        case bool():
            return "yes" if value else "NO"
        case float() | None:
            return _formatted(value, FIELDS[name], steps, precision)
    return str(value)


def _formatted(
    value: float | None, field: Field, steps: Steps, precision: Precision = "table"
) -> str:
    return ABSENT if value is None else formatted(value, field.display, steps, precision)


def _numbers(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers)) or "none"
