"""The hash `option:{symbol}` as the venue's decimal strings, checked to be complete."""

from typing import Final

from fastopts.errors import StoreError
from fastopts.field_registry import FIELDS
from fastopts.model import NUMBERS, RECORD
from fastopts.reader.objects.absent import Absent
from fastopts.reader.objects.option import Option

__all__ = ("raw_fields",)

_NAMES: Final = {
    **{field.short.encode(): field.name for field in FIELDS.values() if field.short},
    b"tm": "ts_ms",
    b"rt": "rt_ms",
}
_REQUIRED: Final = ("ts_ms", "rt_ms")


def raw_fields(
    option: Option, record: bytes | None, flat: list[bytes] | StoreError
) -> dict[str, str] | Absent:
    """Return the decimal strings of *option* by field name.

    *record* was read before the hash, whose names and values alternate in *flat*. An Absent with a
    StoreError if the hash is missing or incomplete: a field that another program deleted must not
    look like one that the venue did not send.
    """
    symbol = option.symbol
    if isinstance(flat, StoreError):
        return Absent(symbol, StoreError(f"{symbol}: {flat}", flat.reply))
    if not flat:
        return Absent(symbol, StoreError(f"{symbol}: its hash is not in Redis"))
    try:
        texts = {
            _NAMES[short]: text.decode()
            for short, text in zip(flat[::2], flat[1::2], strict=True)
            if short in _NAMES
        }
    except UnicodeDecodeError:
        return Absent(symbol, StoreError(f"{symbol}: its hash is not UTF-8"))
    missing = [name for name in _REQUIRED if name not in texts] or _missing(option, record, texts)
    if missing:
        names = ", ".join(missing)
        return Absent(symbol, StoreError(f"{symbol}: its hash is incomplete, without {names}"))
    return texts


def _missing(option: Option, record: bytes | None, texts: dict[str, str]) -> list[str]:
    """Return the fields that the record of the same tick has and the hash lacks."""
    assert record is not None  # the option was decoded from it
    seq = None if option.seq is None else str(option.seq)
    if (texts["ts_ms"], texts.get("seq", seq)) != (str(option.ts_ms), seq):
        return []  # the hash is of a newer tick: there is no record to compare it with
    numbers = RECORD.unpack(record)[-len(NUMBERS) :]
    pairs = zip(NUMBERS, numbers, strict=True)
    names = [name for (_, name), number in pairs if number == number]  # NaN: not sent
    if option.seq is not None:
        names.append("seq")
    return [name for name in names if name not in texts]
