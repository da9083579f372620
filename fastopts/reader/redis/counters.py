"""The collector's counters, as it leaves them in `stats`."""

from collections.abc import Sequence
from typing import Any

__all__ = ("counters_of",)


def counters_of(told: Any) -> dict[str, int]:
    """The counts out of the answer to HGETALL `stats`; what is none of a collector's is left out,
    and all of it when the key is another program's."""
    if not isinstance(told, Sequence) or isinstance(told, str | bytes):
        return {}
    pairs = zip(told[::2], told[1::2], strict=False)
    return {name: int(text) for name, text in pairs if text.isdecimal()}
