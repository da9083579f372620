"""Bybit's whole options market in Redis, a few per cent of a core, never a stale number.

reader          read options from Redis, live or refused (`OptionReader`, `AsyncOptionReader`)
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
field_registry  every field and derived value: unit, heading, formula
errors          the tree of errors
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

__version__ = "0.1.0"
