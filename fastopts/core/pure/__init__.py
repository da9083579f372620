"""The core in plain Python: specification, oracle of the tests, baseline of the benches.

One module for each compiled one, with the same functions in the same order:

    frames   whole plain text frames in a buffer
    ticker   message -> TickerMessage, None (not a ticker) or Rejected
    table    TickerMessage -> the slot of its symbol: order rules, counters, dirty slots
    batch    dirty slots -> Redis commands in one buffer; replies -> written or refused
    reply    RESP2 replies
    records  packed records -> the values that a reader returns
    capture  frames -> MCAP message records in a buffer
    replay   MCAP message records -> the table, and a row for each tick

The compiled modules parse the usual form of a ticker themselves and pass every other message to
`parse` here, so that one piece of code decides about unusual messages. Independent parsers check
both in the tests: `websockets` for frames, `hiredis` for replies.
"""

from fastopts.core.pure.batch import Batch
from fastopts.core.pure.capture import CaptureBuffer, CaptureChannel
from fastopts.core.pure.records import Number, Records, Tick, decode, mget
from fastopts.core.pure.replay import Player
from fastopts.core.pure.reply import value
from fastopts.core.pure.table import Inlet, Table
from fastopts.core.pure.ticker import REASONS, Grammar, Rejected, TickerMessage, parse

__all__ = (
    "REASONS",
    "Batch",
    "CaptureBuffer",
    "CaptureChannel",
    "Grammar",
    "Inlet",
    "Number",
    "Player",
    "Records",
    "Rejected",
    "Table",
    "Tick",
    "TickerMessage",
    "decode",
    "mget",
    "parse",
    "value",
)
