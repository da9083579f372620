"""The hash `option:{symbol}` under the usual names, when it is whole."""

from typing import Final

from fastopts.errors import StoreError
from fastopts.field_registry import FIELDS
from fastopts.model import NUMBERS, RECORD
from fastopts.reader.objects.absent import Absent
from fastopts.reader.objects.option import Option

__all__ = ("raw_fields",)

_NAMES: Final = {
    **{word.short.encode(): word.name for word in FIELDS.values() if word.short},
    b"tm": "ts_ms",
    b"rt": "rt_ms",
}
_ALWAYS: Final = ("ts_ms", "rt_ms")
_FIRST_NUMBER: Final = 11  # of the record


def raw_fields(
    option: Option, record: bytes | None, flat: list[bytes] | StoreError
) -> dict[str, str] | Absent:
    """The texts of *option*, whose *record* was read before the hash's *flat* fields and values.

    Absent with a StoreError where there are none, or fields are missing: nobody may take what
    another program has deleted for what the tick did not have.
    """
    symbol = option.symbol
    if isinstance(flat, StoreError):
        return Absent(symbol, StoreError(f"{symbol}: {flat}", flat.reply))
    if not flat:
        return Absent(symbol, StoreError(f"{symbol}: its texts are not in the store"))
    try:
        texts = {
            _NAMES[short]: text.decode()
            for short, text in zip(flat[::2], flat[1::2], strict=True)
            if short in _NAMES
        }
    except UnicodeDecodeError:
        return Absent(symbol, StoreError(f"{symbol}: its texts are no UTF-8"))
    lacking = [name for name in _ALWAYS if name not in texts] or _lacking(option, record, texts)
    if lacking:
        names = ", ".join(lacking)
        return Absent(symbol, StoreError(f"{symbol}: its texts are incomplete, without {names}"))
    return texts


def _lacking(option: Option, record: bytes | None, texts: dict[str, str]) -> list[str]:
    """What the record has and the texts of the same tick have not."""
    assert record is not None  # the option was read from it
    numbers = RECORD.unpack(record)[_FIRST_NUMBER:]
    pairs = zip(NUMBERS, numbers, strict=True)
    held = [name for (_, name), number in pairs if number == number]
    if option.seq is not None:
        held.append("seq")
    seq = None if option.seq is None else str(option.seq)
    if (texts["ts_ms"], texts.get("seq", seq)) != (str(option.ts_ms), seq):
        return []  # the texts are of a newer tick: there is nothing to compare them with
    return [name for name in held if name not in texts]
