"""Bybit's whole options market in Redis, a few per cent of a core, never a stale number.

    from fastopts import OptionReader

The names of `fastopts.reader`, and `History`, can be imported from here as well. The modules:

reader          read options from Redis, live or refused (`OptionReader`, `AsyncOptionReader`)
capture         recorded messages in MCAP files: writing, limits, recovery
replay          recorded messages through the collector's parser again
history         Parquet files made from recordings, and the market as it was (`History`)
collector       the venue's ticks into Redis; started by `track`
serve           HTTP API, streams and the dashboard
cli             the `fastopts` command
demo            simulated venue, collector, Valkey and server together
compat          the names of older scripts, over the reader
sim             the simulated venue
core            compiled parsing, encoding and decoding, each module with a pure twin
session         rules without I/O: backoff, sharding, clocks, lateness
venues          rules and formats of each venue
net             sockets, TLS, WebSocket, HTTP and Redis connections
track           `python -m fastopts.track`: arguments in, collector started
command_line    options and help texts of every command
config          settings from options, environment and `fastopts.toml`
contract        field names of the hashes `fastopts:feed` and `stats`
keys            names and lifetimes of the keys in Redis
model           contract terms, and the layouts of records and announcements
mcap_format     the layouts of MCAP records
field_registry  every field and derived value: unit, heading, formula
display_rules   decimals, signs and units of each kind of field
number_format   numbers as text, by the display rules
errors          the tree of errors
numerals        numbers as people write them: 90k, 90,000
embedded        a private Valkey on loopback
logs            log formats and the handler that never blocks
metrics         histograms and durations
clock           the clock that includes time asleep
hosts           host names and addresses: which are loopback
loops           the event loop of the programs
files           atomic replacement of files
stdio           standard streams that accept any text
ending          exit codes and the last line of a failed program
"""

# Type checkers know the name. To import that of `typing` takes 7 ms, which every command pays.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from fastopts.history import History
    from fastopts.reader import (
        Absent,
        AsyncMirror,
        AsyncOptionReader,
        AsyncWatch,
        BadInput,
        Bounds,
        Chain,
        ConfigError,
        ConnectionLate,
        ConnectionMuted,
        Expired,
        FastoptsError,
        FeedDown,
        FeedState,
        Gap,
        Instrument,
        Mirror,
        Move,
        NoSuchOption,
        NotYetLive,
        Option,
        OptionReader,
        Scan,
        Series,
        SmilePoint,
        StaleData,
        StoreError,
        StoreUnavailable,
        Strike,
        Table,
        TooOld,
        Unknown,
        Watch,
        WrongVenue,
    )

__version__ = "0.1.0"

__all__ = (
    "Absent",
    "AsyncMirror",
    "AsyncOptionReader",
    "AsyncWatch",
    "BadInput",
    "Bounds",
    "Chain",
    "ConfigError",
    "ConnectionLate",
    "ConnectionMuted",
    "Expired",
    "FastoptsError",
    "FeedDown",
    "FeedState",
    "Gap",
    "History",
    "Instrument",
    "Mirror",
    "Move",
    "NoSuchOption",
    "NotYetLive",
    "Option",
    "OptionReader",
    "Scan",
    "Series",
    "SmilePoint",
    "StaleData",
    "StoreError",
    "StoreUnavailable",
    "Strike",
    "Table",
    "TooOld",
    "Unknown",
    "Watch",
    "WrongVenue",
)


# Hidden from type checkers, which would accept any name with it.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        # The reader is loaded with the first of its names: programs of the collector and `fastopts
        # --version` import this package, too, and need none of it. A test compares the two lists.
        if name not in __all__:
            raise AttributeError(_unknown(name))
        if name == "History":
            from fastopts import history as package
        else:
            from fastopts import reader as package

        value: object = getattr(package, name)
        globals()[name] = value
        return value


def _unknown(name: str) -> str:
    import difflib  # slow to import, and a wrong name is rare

    fault = f"module {__name__!r} has no attribute {name!r}"
    # a private name is a probe of an import system or a debugger, not a slip
    matches = [] if name.startswith("_") else difflib.get_close_matches(name, __all__, 1, 0.75)
    return f"{fault}: did you mean {matches[0]}?" if matches else fault


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
