"""Field names of the hashes `fastopts:feed` and `stats`: spelled here and nowhere else.

The collector writes these fields; readers, `fastopts status` and programs in other languages read
them. docs/contract.md explains each one, and a test compares that page with this module. Key names
are in `keys`, the hash and the packed record of an option in `model`. `cli.verify` spells the names
itself: it checks the data independently of the code that wrote it.
"""

from typing import Final

__all__ = ("FeedField", "StatsField")


class FeedField:
    """Field names of the hash `fastopts:feed`. Times are ms of the Redis server's clock."""

    SCHEMA: Final = "schema"
    VENUE: Final = "venue"
    STORE: Final = "store"
    DB: Final = "db"
    EPOCH: Final = "epoch"
    WRITER: Final = "writer"
    HEARTBEAT_MS: Final = "heartbeat_ms"
    HEARTBEAT_LIMIT_MS: Final = "heartbeat_limit_ms"
    WATCHDOG_LIMIT_MS: Final = "watchdog_limit_ms"
    UPDATES_REFUSED: Final = "updates_refused"
    UNIVERSE: Final = "universe"
    ASSETS: Final = "assets"
    SKEW_MS: Final = "skew_ms"
    SKEW_ERROR_MS: Final = "skew_error_ms"
    LATE_LIMIT_MS: Final = "late_limit_ms"
    COVERAGE: Final = "coverage"
    NEVER: Final = "never"

    # prefixes: the number of a venue connection follows
    CONN: Final = "conn:"
    LAG: Final = "lag:"


class StatsField:
    """Field names of the hash `stats`. Times are seconds since 1970 UTC (collector's clock)."""

    VENUE: Final = "venue"

    # Names that trackers before fastopts used. A `stats` hash with other fields and without a venue
    # belongs to another program, and is not overwritten.
    MESSAGES: Final = "messages"
    BATCHES: Final = "batches"
    LAST_UPDATE: Final = "last_update"
    SHUTDOWN_TIME: Final = "shutdown_time"
    TOTAL_MESSAGES: Final = "total_messages"
    AVG_MSG_RATE: Final = "avg_msg_rate"

    STARTED_AT: Final = "started_at"

    # terms of the loss equations
    RECEIVED: Final = "received"
    APPLIED: Final = "applied"
    OLDER: Final = "older"
    REJECTED: Final = "rejected"
    WRITTEN: Final = "written"
    CONFLATED: Final = "conflated"
    PENDING: Final = "pending"

    # the content of messages, and the keys of options
    BAD_FIELDS: Final = "bad_fields"
    MISSING_FIELDS: Final = "missing_fields"
    UNKNOWN_FIELDS: Final = "unknown_fields"
    ABSENT_FIELDS: Final = "absent_fields"
    DELTAS: Final = "deltas"
    UNUSUAL: Final = "unusual"
    VANISHED: Final = "vanished"

    # connections to the venue, and the comparison with REST
    RECONNECTS: Final = "reconnects"
    FALSE_ACKS: Final = "false_acks"
    REFUSALS: Final = "refusals"
    MOVED: Final = "moved"
    SUSPECTS: Final = "suspects"
    SUSPECTS_NOW: Final = "suspects_now"
    MISSING: Final = "missing"

    # the universe, and periodic duties
    COINS: Final = "coins"
    COINS_WANTED: Final = "coins_wanted"
    SKIPPED: Final = "skipped"
    SKIPPED_EXAMPLE: Final = "skipped_example"
    OVERDUE: Final = "overdue"

    # the recording; the other fields are present while RECORDING is not `off`
    RECORDING: Final = "recording"
    RECORDING_REASON: Final = "recording_reason"
    FRAMES_RECEIVED: Final = "frames_received"
    FRAMES_RECORDED: Final = "frames_recorded"
    FRAMES_NOT_RECORDED: Final = "frames_not_recorded"
    FRAMES_UNWRITTEN: Final = "frames_unwritten"
    RECORDED_BYTES: Final = "recorded_bytes"

    # prefixes: a reason, or the name of a duty, follows
    REJECTED_BY: Final = "rejected:"
    SKIPPED_BY: Final = "skipped:"
    DUTY: Final = "duty:"

    # fields that older trackers wrote, too
    OLD: Final = frozenset(
        {MESSAGES, BATCHES, LAST_UPDATE, SHUTDOWN_TIME, TOTAL_MESSAGES, AVG_MSG_RATE}
    )
    # sum -> its terms, when no message was lost
    LOSS_EQUATIONS: Final = (
        (RECEIVED, (APPLIED, OLDER, REJECTED)),
        (APPLIED, (WRITTEN, CONFLATED, PENDING)),
    )
    # the same for a recording
    RECORDING_EQUATION: Final = (
        FRAMES_RECEIVED,
        (FRAMES_RECORDED, FRAMES_NOT_RECORDED, FRAMES_UNWRITTEN),
    )
