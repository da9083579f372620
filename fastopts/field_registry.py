"""The field registry: every field and derived value, with its unit, meaning, heading and formula.

One table serves all surfaces: attributes of `Option`, columns of frames and exports, JSON, OpenAPI,
the command line and the dashboard. To add a derived value, add its `Field` here and an attribute to
`Option`; columns, documents and commands follow from the table.
"""

from dataclasses import dataclass
from typing import Final, Literal

from fastopts.display_rules import (
    DISPLAY_OF_UNIT,
    DISPLAY_RULES,
    UNIT_OF_FIELD,
    Display,
    DisplayRule,
)

__all__ = (
    "BASE_COLUMNS",
    "BOUNDED",
    "COLUMNS",
    "DAY_MS",
    "DERIVED",
    "DISPLAY_RULES",
    "FIELDS",
    "FLAGS",
    "IV_CAP",
    "JSON_FIELDS",
    "SCHEMA_VERSION",
    "SERIES_FIELDS",
    "SETTLING_MS",
    "YEAR_DAYS",
    "Bound",
    "Display",
    "DisplayRule",
    "Field",
)

# Of exports. Version 1 had `BASE_COLUMNS`; version 2 appends the other fields.
SCHEMA_VERSION: Final = 2

# Constants that formulas use by name.
DAY_MS: Final = 86_400_000
YEAR_DAYS: Final = 365  # the usual convention for assets that trade every day
SETTLING_MS: Final = 30 * 60_000  # the venue averages the delivery price in the last 30 minutes
IV_CAP: Final = 5.0  # the venue reports no implied volatility above 500 %

Form = Literal["text", "time", "flag", "count", "number"]
_INF: Final = float("inf")
_IV_MAX: Final = 10.0  # 1,000 %: above it a percentage was meant
_DTE_MAX: Final = 36_525.0  # a symbol's year has two digits


@dataclass(frozen=True, slots=True)
class Bound:
    """The bounds of a scan on a field: `min_{name}` and `max_{name}`, of those in *ends*.

    No value of the field is below *low* or above *high*, so a bound outside of them is a mistake,
    most often a percentage written for a fraction. *hint* is the unit as help texts name it.
    """

    name: str
    low: float
    high: float
    hint: str = ""
    ends: tuple[Literal["min", "max"], ...] = ("min", "max")

    @property
    def names(self) -> tuple[str, ...]:
        """The bounds by name: ("min_iv", "max_iv")."""
        return tuple(f"{end}_{self.name}" for end in self.ends)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an option or of a series.

    *short* is its name in the hash ``option:{symbol}``; None when it is not stored there.
    *formula* is the Python expression that derives it from other fields, *only_if* the condition
    that must hold. The rule for missing values is the same for all: a number is none where an
    input is none, where *only_if* is false, and where the result is not a number; a flag is false
    where one of its comparisons lacks a value. *heading* and *brief* are its name above a column,
    in full and where space is short.
    """

    name: str
    form: Form
    unit: str
    meaning: str
    short: str | None = None
    heading: str = ""
    formula: str | None = None
    only_if: str | None = None
    bound: Bound | None = None
    shown: Display | None = None
    brief: str = ""

    def __str__(self) -> str:
        return f"{self.meaning} ({self.unit})" if self.unit else self.meaning

    @property
    def label(self) -> str:
        """The heading of its column."""
        return self.heading or self.name.replace("_", " ").capitalize()

    @property
    def brief_label(self) -> str:
        """The heading of its column where space is short: "OI" for "Open interest"."""
        return self.brief or self.label

    @property
    def json_name(self) -> str:
        """Its name in JSON, which has no type for times: they are integers of ms since 1970 UTC."""
        return f"{self.name}_ms" if self.form == "time" else self.name

    @property
    def display(self) -> Display:
        """How it is written for people: by its unit, unless the table says otherwise."""
        if self.shown is not None:
            return self.shown
        if self.form == "number":
            return DISPLAY_OF_UNIT.get(self.unit, "number")
        return self.form

    @property
    def column_unit(self) -> str:
        """The unit that the heading of its column names: "vol" in "Spread vol".

        "base coin" and "quote coin" are replaced by that of the option: "OI BTC". Empty where the
        values have it (53.1%), or where none is needed: prices, which are in the quote coin of the
        series.
        """
        rule = DISPLAY_RULES.get(self.display)
        if rule is not None:
            return rule.unit
        return self.unit if self.display in UNIT_OF_FIELD else ""

    def column_heading(self, base: str = "", quote: str = "") -> str:
        """The heading of its column with the unit: "OI BTC"; "OI base" where coins are mixed."""
        units = {"base coin": base or "base", "quote coin": quote or "quote"}
        return f"{self.brief_label} {units.get(self.column_unit, self.column_unit)}".rstrip()


def _text(name: str, meaning: str, heading: str = "") -> Field:
    return Field(name, "text", "", meaning, heading=heading)


def _time(name: str, meaning: str, short: str | None = None, heading: str = "") -> Field:
    return Field(name, "time", "UTC", meaning, short, heading)


def _flag(name: str, meaning: str, formula: str | None = None, heading: str = "") -> Field:
    return Field(name, "flag", "", meaning, heading=heading, formula=formula)


def _number(
    name: str,
    unit: str,
    meaning: str,
    short: str | None = None,
    heading: str = "",
    bound: Bound | None = None,
    shown: Display | None = None,
    brief: str = "",
) -> Field:
    return Field(
        name, "number", unit, meaning, short, heading, bound=bound, shown=shown, brief=brief
    )


# The first columns of exports: names and order are a promise to readers of exported files, so a new
# field goes to the end of one of the tables behind this one.
_BASE: Final = (
    _text("symbol", "the venue's name of the option", "Option"),
    _text("venue", "bybit, bybit-testnet, sim or custom:<host>"),
    _text("asset", "base coin"),
    _text("settle", "settle coin: USDT or USDC", "Settle coin"),
    _text("quote", "coin of its prices", "Quote coin"),
    _time("expiry", "time of delivery"),
    Field(
        name="strike",
        form="number",
        unit="quote coin",
        meaning="strike price",
        bound=Bound("strike", 0, _INF, "quote coin"),
        shown="strike",
    ),
    _text("type", "C for a call, P for a put"),
    Field(
        name="dte",
        form="number",
        unit="days",
        meaning="time to expiry, never below 0; a year has 365 days",
        heading="DTE",
        formula="max(expiry_ms - venue_ms, 0) / DAY_MS",
        bound=Bound("dte", 0, _DTE_MAX, "days"),
    ),
    _time("ts", "the venue's time of the tick", "tm", "Venue time"),
    _time("rt", "when the collector received the tick, by its own clock", "rt", "Received"),
    _flag("live", "whether the connection that delivered it still delivers"),
    _text("source", "ws for a tick, rest for a row of the REST answer: never live"),
    _text("phase", "trading, settling (the last 30 minutes) or expired"),
    _number(
        name="bid_price",
        unit="quote coin",
        meaning="best bid; none without a price and a size",
        short="bp",
        heading="Bid",
        shown="price",
    ),
    _number("bid_size", "base coin", "size of the best bid", "bq"),
    _number(
        name="bid_iv",
        unit="fraction",
        meaning="implied volatility of the best bid: 0.53 is 53 %",
        short="biv",
        heading="Bid IV",
        bound=Bound("bid_iv", 0, _IV_MAX),
    ),
    _number(
        name="ask_price",
        unit="quote coin",
        meaning="best ask; none without a price and a size",
        short="ap",
        heading="Ask",
        shown="price",
    ),
    _number("ask_size", "base coin", "size of the best ask", "aq"),
    _number(
        name="ask_iv",
        unit="fraction",
        meaning="implied volatility of the best ask: 0.53 is 53 %",
        short="aiv",
        heading="Ask IV",
        bound=Bound("ask_iv", 0, _IV_MAX),
    ),
    Field(
        name="mid",
        form="number",
        unit="quote coin",
        meaning="mean of bid and ask; none when they are crossed",
        # rounded, as are other sums of decimals: (0.1 + 0.2) / 2 is 0.15000000000000002
        formula="round((bid_price + ask_price) / 2, 9)",
        only_if="bid_price <= ask_price",  # a crossed book has no fair middle
    ),
    _number("mark_price", "quote coin", "the venue's fair price", "mp", heading="Mark"),
    _number(
        name="mark_iv",
        unit="fraction",
        meaning="implied volatility of the mark price",
        short="miv",
        heading="Mark IV",
        bound=Bound("iv", 0, _IV_MAX),
    ),
    _number(
        name="last_price",
        unit="quote coin",
        meaning="last trade, which has no time of its own",
        short="lp",
        heading="Last",
        shown="price",
    ),
    _number("index_price", "quote coin", "spot index", "ip", heading="Index", shown="level"),
    _number(
        name="underlying_price",
        unit="quote coin",
        meaning="the forward of this expiry",
        short="up",
        heading="Underlying",
        shown="level",
    ),
    _number(
        name="delta",
        unit="per 1 base coin",
        meaning="the venue's delta; negative for a put",
        short="d",
        bound=Bound("delta", -1, 1, "negative for puts"),
        shown="delta",
    ),
    _number("gamma", "per 1 quote unit", "change of delta", "g", shown="gamma"),
    # units as the venue documents them, checked against Black-76 in `fastopts verify`
    _number("vega", "quote coin per vol point (0.01)", "the venue's vega", "v", shown="computed"),
    _number("theta", "quote coin per calendar day", "the venue's theta", "t", shown="computed"),
    _number(
        name="open_interest",
        unit="base coin",
        meaning="open contracts",
        short="oi",
        heading="Open interest",
        brief="OI",
        bound=Bound("open_interest", 0, _INF, "base coin", ends=("min",)),
    ),
    _number(
        name="volume_24h",
        unit="base coin",
        meaning="traded in 24 hours",
        short="v24",
        heading="Volume 24 h",
        brief="Volume",
        bound=Bound("volume", 0, _INF, "base coin, 24 hours", ends=("min",)),
    ),
    _number(
        name="turnover_24h",
        unit="quote coin",
        meaning="traded in 24 hours: notional of the underlying, not premium",
        short="t24",
        heading="Turnover 24 h",
        brief="Turnover",
        shown="money",
        bound=Bound("turnover", 0, _INF, "quote coin, 24 hours", ends=("min",)),
    ),
    _number(
        "high_24h", "quote coin", "highest trade in 24 hours", "h24", "High 24 h", None, "price"
    ),
    _number("low_24h", "quote coin", "lowest trade in 24 hours", "l24", "Low 24 h", None, "price"),
    _number(
        name="change_24h",
        unit="fraction",
        meaning="change in 24 hours: -0.12 is -12 %",
        short="c24",
        heading="Change 24 h",
        shown="signed_percent",
    ),
    _number("total_volume", "base coin", "traded since listing", "tv"),
    _number("total_turnover", "quote coin", "notional traded since listing", "tt", shown="money"),
    _number(
        name="predicted_delivery_price",
        unit="quote coin",
        meaning="known in the last 30 minutes",
        short="pdp",
        heading="Predicted delivery",
        shown="level",
    ),
    Field("seq", "count", "", "the venue's sequence number", "sq", "Sequence"),
)

_DERIVED: Final = (
    # A frame that was saved, or concatenated with others, keeps the time of its read in a column:
    # attributes of frames are lost then.
    _time("as_of", "time of the read, by the venue's clock", heading="As of"),
    Field("expiry_ms", "count", "ms since 1970, UTC", "time of delivery", heading="Expiry (ms)"),
    Field(
        name="t_years",
        form="number",
        unit="years",
        meaning="time to expiry, never below 0, as pricing models take it; a year has 365 days",
        heading="T (years)",
        formula="dte / YEAR_DAYS",
    ),
    Field(
        name="age_s",
        form="number",
        unit="seconds",
        meaning="time since `ts`, by the server's clock corrected for the venue's",
        heading="Age",
        # negative for a tick from ahead of the venue's clock: clipping would hide the error
        formula="(venue_ms - ts_ms) / 1000",
    ),
    Field(
        name="forward",
        form="number",
        unit="quote coin",
        meaning="the forward of this expiry: `underlying_price` under the usual name",
        formula="underlying_price",
        shown="level",
    ),
    Field(
        name="moneyness",
        form="number",
        unit="strike over forward",
        meaning="strike divided by the forward: above 1 for calls out of the money",
        heading="K/F",
        formula="strike / forward",
        shown="moneyness",
        only_if="forward != 0",
        # no option is listed at ten times the forward
        bound=Bound("moneyness", 0, 10, "strike over forward"),
    ),
    Field(
        name="log_moneyness",
        form="number",
        unit="",
        meaning="natural logarithm of `moneyness`",
        heading="ln(K/F)",
        formula="log(moneyness)",
        shown="moneyness",
        only_if="moneyness > 0",
    ),
    Field(
        name="intrinsic",
        form="number",
        unit="quote coin",
        meaning="payoff if it were delivered at the forward",
        # *call_sign* is 1 for a call, -1 for a put
        formula="round(max(call_sign * (forward - strike), 0.0), 9)",
    ),
    Field(
        name="time_value",
        form="number",
        unit="quote coin",
        meaning="mark price minus `intrinsic`; it may be negative",
        # not clipped at 0: a negative one says that mark and forward are of different times
        formula="round(mark_price - intrinsic, 9)",
    ),
    Field(
        name="spread",
        form="number",
        unit="quote coin",
        meaning="ask minus bid; negative when they are crossed",
        formula="round(ask_price - bid_price, 9)",
        shown="price",
    ),
    Field(
        name="rel_spread",
        form="number",
        unit="fraction",
        meaning="spread divided by `mid`",
        heading="Spread / mid",
        formula="spread / mid",
        shown="percent",
        only_if="mid != 0",
        # both quotes are positive, so the spread is below twice the mid
        bound=Bound("rel_spread", 0, 2, ends=("max",)),
    ),
    Field(
        name="spread_iv",
        form="number",
        unit="fraction",
        meaning="ask IV minus bid IV: 0.01 is a vol point",
        heading="IV spread",
        brief="Spread",
        formula="round(ask_iv - bid_iv, 9)",
        shown="points",
        bound=Bound("spread_iv", -2, 2, ends=("max",)),
    ),
    Field(
        name="spread_ticks",
        form="number",
        unit="ticks",
        meaning="spread in steps of the price grid",
        heading="Spread (ticks)",
        # rounded: 0.3 / 0.1 is 2.9999999999999996
        formula="round(spread / tick_size, 6)",
        bound=Bound("spread_ticks", -_INF, _INF, "ticks", ends=("max",)),
    ),
)

_FLAGS: Final = (
    _flag("crossed", "the bid is above the ask", "bid_price > ask_price"),
    _flag("locked", "bid and ask are equal", "bid_price == ask_price"),
    _flag(
        "otm",
        "out of the money: a call at or above the forward, a put below it",
        # as a smile chooses between the call and the put of a strike
        "((strike >= forward) == (call_sign > 0)) & known(forward)",
        "Out of the money",
    ),
    _flag(
        "iv_capped",
        "an implied volatility is at 5 (500 %) or above, where the venue caps it",
        "(bid_iv >= IV_CAP) | (ask_iv >= IV_CAP) | (mark_iv >= IV_CAP)",
        "At IV cap",
    ),
    _flag(
        "greeks_ok",
        "all greeks are known and it is trading: while it settles they are degenerate",
        # while the delivery price is averaged, the venue's greeks go to 0 or to extremes
        "(expiry_ms - venue_ms > SETTLING_MS)"
        " & known(delta) & known(gamma) & known(vega) & known(theta)",
        "Greeks valid",
    ),
    _flag(
        "suspect",
        "two REST rows differ from it while it does not tick: not live",
        heading="Suspect values",
    ),
    _flag(
        "time_suspect",
        "the tick's time is impossible: its age means nothing",
        heading="Suspect time",
    ),
)

FIELDS: Final = {field.name: field for field in (*_BASE, *_DERIVED, *_FLAGS)}
BASE_COLUMNS: Final = tuple(field.name for field in _BASE)  # of version 1 of the export schema
DERIVED: Final = tuple(field.name for field in _DERIVED)
FLAGS: Final = tuple(field.name for field in _FLAGS)
COLUMNS: Final = tuple(FIELDS)  # of the export schema, in this order
# The fields by their names in JSON, where `expiry` has the name of `expiry_ms`.
JSON_FIELDS: Final = {
    field.json_name: field for field in FIELDS.values() if field.name != "expiry_ms"
}
# The field that a bound such as "min_iv" is on.
BOUNDED: Final = {
    name: field for field in FIELDS.values() if field.bound for name in field.bound.names
}

_SERIES: Final = (
    _text("venue", "bybit, bybit-testnet, sim or custom:<host>"),
    _text("asset", "base coin"),
    _time("expiry", "time of delivery"),
    _text("label", "the expiry as symbols spell it: 27MAR26"),
    _text("settle", "settle coin"),
    _text("quote", "coin of prices and turnover; empty: unknown"),
    _text("tick_size", "step of prices, the finest of its options; empty: unknown", "Tick size"),
    _text("lot_size", "step of sizes, the finest of its options; empty: unknown", "Lot size"),
    FIELDS["dte"],  # the same for all options of a series
    FIELDS["phase"],
    _number(
        "forward", "quote coin", "the forward of the expiry, of the newest tick", shown="level"
    ),
    _number(
        "index_price", "quote coin", "spot index, of the newest tick", None, "Index", shown="level"
    ),
    _number("basis", "fraction", "forward over index minus 1, annualised", shown="rate"),
    _number("atm_iv", "fraction", "mark volatility at the forward", heading="ATM IV"),
    Field(
        name="atm_strike",
        form="number",
        unit="quote coin",
        meaning="the strike nearest the forward",
        heading="ATM strike",
        shown="strike",
    ),
    _number("straddle", "quote coin", "mark prices of call and put at the money together"),
    _number(
        name="risk_reversal",
        unit="fraction",
        meaning="25 delta: IV of the call minus IV of the put",
        heading="25Δ RR",
        shown="signed_points",
        brief="RR",
    ),
    _number(
        name="butterfly",
        unit="fraction",
        meaning="25 delta: mean IV of call and put minus `atm_iv`",
        heading="25Δ BF",
        shown="signed_points",
        brief="BF",
    ),
    Field(
        name="open_interest",
        form="number",
        unit="base coin",
        meaning="open contracts",
        heading="Open interest",
        brief="OI",
        shown="compact",
    ),
    Field(
        name="volume_24h",
        form="number",
        unit="base coin",
        meaning="traded in 24 hours",
        heading="Volume 24 h",
        brief="Volume",
        shown="compact",
    ),
    Field(
        name="turnover_24h",
        form="number",
        unit="quote coin",
        meaning="traded in 24 hours: notional of the underlying, not premium",
        heading="Turnover 24 h",
        brief="Turnover",
        shown="compact",
    ),
    Field(
        name="max_pain",
        form="number",
        unit="quote coin",
        meaning="the strike at which the open interest pays out least; the lower of equal ones",
        heading="Max pain",
        shown="strike",
    ),
    Field(
        name="put_call_open_interest",
        form="number",
        unit="ratio",
        meaning="open interest of puts divided by that of calls",
        heading="Put/call",
        shown="ratio",
    ),
    Field(
        name="put_call_volume_24h",
        form="number",
        unit="ratio",
        meaning="24-hour volume of puts divided by that of calls",
        heading="Put/call volume",
        shown="ratio",
    ),
    Field("live", "count", "", "options that are live"),
    Field("total", "count", "", "options that are listed"),
    _number("oldest_age_s", "seconds", "age of the oldest tick", heading="Oldest tick"),
)
SERIES_FIELDS: Final = {field.name: field for field in _SERIES}
