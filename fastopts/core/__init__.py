"""Bytes in, values out: the compiled core, or its pure twin with FASTOPTS_PURE=1.

Every other package imports the core from here and nowhere else, so that one place decides between
the two. A missing binary is an error that says how to build it, never a silent fallback to much
slower code.

    layout.pxd   constants that C code shares with Python (generated)
    frames.pxd   whole plain text frames in a buffer
    ticker       message -> numbers by index
    table        symbol -> slot: order rules, counters, dirty slots; inlet.pxi: a connection's entry
    batch        dirty slots -> Redis commands in one buffer; their replies
    reply        RESP2 replies
    record.pxd   the packed record as a C struct
    records      packed records -> the values that a reader returns
    capture      frames -> MCAP message records in a buffer
    mcap.pxd     the head of an MCAP message record as a C struct
    replay       MCAP message records -> the table, and a row for each tick
    buffers.pxd  a checked part of a Python buffer
    pure         the same in plain Python
"""

import os
from typing import TYPE_CHECKING

_CHOICES = {"": False, "0": False, "1": True}
_CHOICE = os.environ.get("FASTOPTS_PURE", "")
if _CHOICE not in _CHOICES:
    raise ImportError(
        f"FASTOPTS_PURE={_CHOICE!r}: set it to 1 for the pure twin, or leave it unset"
    )
_PURE = _CHOICES[_CHOICE]
IMPLEMENTATION = "pure" if _PURE else "compiled"

if TYPE_CHECKING or _PURE:
    from fastopts.core.pure import (
        Batch,
        CaptureBuffer,
        CaptureChannel,
        Grammar,
        Inlet,
        Number,
        Player,
        Records,
        Table,
        Tick,
        decode,
        mget,
        value,
    )
else:
    try:
        from fastopts.core.batch import Batch
        from fastopts.core.capture import CaptureBuffer, CaptureChannel
        from fastopts.core.records import Number, Records, Tick, decode, mget
        from fastopts.core.replay import Player
        from fastopts.core.reply import value
        from fastopts.core.table import Inlet, Table
        from fastopts.core.ticker import Grammar
    except ModuleNotFoundError as error:
        if not str(error.name).startswith(__name__):
            raise
        raise ImportError(
            f"{error.name} is not built. Build it with `pip install -e .` in the project's"
            " directory; it needs a C compiler and Python's headers. FASTOPTS_PURE=1 selects the"
            " slow twin."
        ) from error

__all__ = (
    "IMPLEMENTATION",
    "Batch",
    "CaptureBuffer",
    "CaptureChannel",
    "Grammar",
    "Inlet",
    "Number",
    "Player",
    "Records",
    "Table",
    "Tick",
    "decode",
    "mget",
    "value",
)
