"""The one door to the core: compiled, or its pure twin when FASTOPTS_PURE=1 says so."""

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
    from fastopts.core.pure import Batch, Grammar, Inlet, Table
    from fastopts.core.pure_records import Number, Records, Tick, decode, mget, value
else:
    try:
        from fastopts.core.batch import Batch
        from fastopts.core.records import Number, Records, Tick, decode, mget, value
        from fastopts.core.table import Inlet, Table
        from fastopts.core.ticker import Grammar
    except ModuleNotFoundError as error:
        if not str(error.name).startswith(__name__):
            raise
        raise ImportError(
            f"{error.name} is not built. Build it with `pip install -e .` in the project's folder; "
            "it needs a C compiler and Python's headers. FASTOPTS_PURE=1 asks for the slow twin."
        ) from error

__all__ = (
    "IMPLEMENTATION",
    "Batch",
    "Grammar",
    "Inlet",
    "Number",
    "Records",
    "Table",
    "Tick",
    "decode",
    "mget",
    "value",
)
