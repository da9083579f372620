"""Columns of a market as files: JSON, CSV, Parquet and Arrow in the export schema."""

import contextlib
import csv
import io
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import orjson

from fastopts import files
from fastopts.errors import BadInput, ConfigError
from fastopts.reader.export import dataframes
from fastopts.reader.export.dataframes import Column, Columns, Provenance
from fastopts.reader.export.times import iso_column
from fastopts.reader.selection.arguments import shown

__all__ = ("FORMS", "guarded", "write", "write_to")

# A spreadsheet evaluates text that begins with one of these as a formula (CSV injection).
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def write(path: str | os.PathLike[str], columns: Columns, provenance: Provenance) -> None:
    """Write the file *path*, whole or not at all; its suffix names one of FORMS.

    Raises ConfigError for another suffix, MissingPackage for a missing library, and FileError for a
    file that can't be written; an existing file stays as it was then.
    """
    path = _path(path)
    form = path.suffix.lower().removeprefix(".")
    _check(form, f"the suffix of {shown(str(path))}")
    with files.replacing(path) as file:
        write_to(file, form, columns, provenance)
        file.flush()
        os.fsync(file.fileno())  # before the rename: after a crash the old file or the new, whole


def guarded(text: str) -> str:
    """*text* for a CSV cell, with an apostrophe before it if it would be a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def write_to(stream: BinaryIO, form: str, columns: Columns, provenance: Provenance) -> None:
    """Write one of FORMS to *stream*, in one piece; nothing if the conversion fails.

    Raises ConfigError for another form, BadInput for a text stream, MissingPackage for a missing
    library.
    """
    _check(form, "the form")
    argument: Any = stream
    if not hasattr(argument, "write") or isinstance(argument, io.TextIOBase):
        raise BadInput("stream: not a binary file: write open(path, 'wb')", arguments=("stream",))
    # Made as a whole first, so that a missing library or an error leaves no half a file.
    stream.write(FORMS[form](columns, provenance))


def _path(path: str | os.PathLike[str]) -> Path:
    if isinstance(path, str | os.PathLike):
        with contextlib.suppress(TypeError, ValueError):
            # open() would raise ValueError for a NUL: it is an invalid argument like any other
            if b"\0" not in os.fsencode(path):
                return Path(path)
    raise BadInput(f"path: {shown(path)} is not a path: write 'options.csv'", arguments=("path",))


def _check(form: str, subject: str) -> None:
    if not isinstance(form, str) or form not in FORMS:
        raise ConfigError(f"{subject} is {shown(form)}, and must be one of {', '.join(FORMS)}")


def _json(columns: Columns, provenance: Provenance) -> bytes:
    ordered = dataframes.arranged(columns)
    values = map(_values, ordered.values())
    rows = [dict(zip(ordered, row, strict=True)) for row in zip(*values, strict=True)]
    content = provenance.metadata(columns) | {"rows": rows}
    return orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE)


def _csv(columns: Columns, _: Provenance) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)  # \r\n, as RFC 4180 has it
    ordered = dataframes.arranged(columns)
    writer.writerow(ordered)
    cells = (_values(_spelled(column)) for column in ordered.values())
    writer.writerows(zip(*cells, strict=True))
    return text.getvalue().encode()


def _parquet(columns: Columns, provenance: Provenance) -> bytes:
    table = dataframes.to_arrow(columns, provenance)
    from pyarrow import parquet

    sink = io.BytesIO()
    parquet.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def _arrow(columns: Columns, provenance: Provenance) -> bytes:
    table = dataframes.to_arrow(columns, provenance)
    from pyarrow import ipc

    sink = io.BytesIO()
    with ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _values(column: Column) -> list[Any]:
    """The values of *column* as Python objects, times as text; None for absent ones."""
    plain = iso_column(column) if column.dtype.kind == "M" else column
    values = plain.astype(object)
    values[dataframes.absent(column)] = None
    return list(values)


def _spelled(column: Column) -> Column:
    """*column* for CSV: flags in lower case, formulas with an apostrophe before them."""
    match column.dtype.kind:
        case "b":
            return np.where(column, "true", "false")
        case "U":
            is_formula = np.isin(column.astype("U1"), _FORMULA)
            return np.where(is_formula, np.strings.add("'", column), column)
    return column


FORMS: Final[Mapping[str, Callable[[Columns, Provenance], bytes]]] = {
    "json": _json,
    "csv": _csv,
    "parquet": _parquet,
    "arrow": _arrow,
}
