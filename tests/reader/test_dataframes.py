"""The columns of a market as tables: names, types and each cell."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from fastopts.errors import MissingPackage
from fastopts.field_registry import BASE_COLUMNS, FIELDS
from fastopts.reader.export.dataframes import Columns, to_arrow, to_pandas, to_polars
from tests.reader.market import MARKET, PROVENANCE, Row, columns, row, shuffled
from tests.support.extras import without

ROOT = Path(__file__).parents[2]
TEXT = "dictionary<values=string, indices=int32, ordered=0>"
TIME = "timestamp[ms, tz=UTC]"
SCHEMA_V1 = [
    *[("symbol", "string"), ("venue", TEXT), ("asset", TEXT), ("settle", TEXT), ("quote", TEXT)],
    *[("expiry", TIME), ("strike", "double"), ("type", TEXT), ("dte", "double")],
    *[("ts", TIME), ("rt", TIME), ("live", "bool"), ("source", TEXT), ("phase", TEXT)],
    *[("bid_price", "double"), ("bid_size", "double"), ("bid_iv", "double")],
    *[("ask_price", "double"), ("ask_size", "double"), ("ask_iv", "double"), ("mid", "double")],
    *[("mark_price", "double"), ("mark_iv", "double"), ("last_price", "double")],
    *[("index_price", "double"), ("underlying_price", "double")],
    *[("delta", "double"), ("gamma", "double"), ("vega", "double"), ("theta", "double")],
    *[("open_interest", "double"), ("volume_24h", "double"), ("turnover_24h", "double")],
    *[("high_24h", "double"), ("low_24h", "double"), ("change_24h", "double")],
    *[("total_volume", "double"), ("total_turnover", "double")],
    *[("predicted_delivery_price", "double"), ("seq", "int64")],
]
SCHEMA_V2 = [
    *[*SCHEMA_V1, ("as_of", TIME), ("expiry_ms", "int64"), ("t_years", "double")],
    *[("age_s", "double"), ("forward", "double"), ("moneyness", "double")],
    *[("log_moneyness", "double"), ("intrinsic", "double"), ("time_value", "double")],
    *[("spread", "double"), ("rel_spread", "double"), ("spread_iv", "double")],
    *[("spread_ticks", "double"), ("crossed", "bool"), ("locked", "bool")],
    *[("otm", "bool"), ("iv_capped", "bool"), ("greeks_ok", "bool"), ("suspect", "bool")],
    ("time_suspect", "bool"),
]
STRING = str(pd.Series(["a"]).dtype)  # str since pandas 3, object before
PANDAS = {
    "string": STRING,
    TEXT: "category",
    TIME: "datetime64[ms, UTC]",
    "bool": "bool",
    "double": "float64",
    "int64": "Int64",
}
POLARS = {
    "string": pl.String(),
    TEXT: pl.Categorical(),
    TIME: pl.Datetime("ms", "UTC"),
    "bool": pl.Boolean(),
    "double": pl.Float64(),
    "int64": pl.Int64(),
}


def cells(frame: pd.DataFrame) -> list[Row]:
    """The rows of *frame*, with None where pandas has NaN or NA."""
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{str(name): value for name, value in cells.items()} for cells in rows]


def test_the_schema_is_version_2_which_begins_with_version_1() -> None:
    schema = to_arrow(shuffled(), PROVENANCE).schema
    assert [(field.name, str(field.type)) for field in schema] == SCHEMA_V2
    assert all(field.nullable for field in schema)
    assert schema.metadata == {
        b"fastopts.units": orjson.dumps({name: FIELDS[name].unit for name, _ in SCHEMA_V2}),
        b"fastopts.schema": b"2",
        b"fastopts.venue": b"bybit",
        b"fastopts.epoch": b"1795000000",
        b"fastopts.as_of": b"2026-11-22T12:00:00.250Z",
    }


def test_each_field_of_the_schema_has_its_unit_and_meaning() -> None:
    field = to_arrow(shuffled(), PROVENANCE).schema.field("bid_iv")
    assert field.metadata == {
        b"unit": b"fraction",
        b"meaning": FIELDS["bid_iv"].meaning.encode(),
    }


def test_derived_columns_can_be_left_out() -> None:
    made = {name: column for name, column in shuffled().items() if name in BASE_COLUMNS}
    names = [name for name, _ in SCHEMA_V1]
    assert to_arrow(made, PROVENANCE).column_names == names
    assert list(to_pandas(made, PROVENANCE)) == names
    assert to_polars(made).columns == names


def test_an_arrow_table_holds_each_cell_in_order() -> None:
    table = to_arrow(shuffled(), PROVENANCE)
    table.validate(full=True)
    assert table.to_pylist() == MARKET


def test_a_pandas_frame_holds_each_cell_in_order() -> None:
    frame = to_pandas(shuffled(), PROVENANCE)
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        name: PANDAS[kind] for name, kind in SCHEMA_V2
    }
    assert list(frame) == [name for name, _ in SCHEMA_V2]
    assert cells(frame) == MARKET
    assert np.isnan(frame["bid_price"][1])
    assert frame["seq"][3] is pd.NA
    assert frame.attrs == {
        "schema": 2,
        "venue": "bybit",
        "epoch": 1_795_000_000,
        "as_of": "2026-11-22T12:00:00.250Z",
    }


def test_a_polars_frame_holds_each_cell_in_order() -> None:
    frame = to_polars(shuffled())
    assert dict(frame.schema) == {name: POLARS[kind] for name, kind in SCHEMA_V2}
    assert frame.columns == [name for name, _ in SCHEMA_V2]
    assert frame.rows(named=True) == MARKET


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_no_number_is_absent(value: float) -> None:
    made = columns([row("BTC-27NOV26-90000-C", gamma=value, theta=-0.0)])
    assert to_arrow(made, PROVENANCE)["gamma"].to_pylist() == [None]
    assert np.isnan(to_pandas(made, PROVENANCE)["gamma"][0])
    assert to_polars(made)["gamma"].to_list() == [None]
    assert to_polars(made)["theta"].to_list() == [0.0]


def test_a_time_that_is_not_known_is_null() -> None:
    made = dict(columns(MARKET[:2])) | {"rt": np.array(["NaT", "2026-11-22T12:00"], "M8[ms]")}
    assert to_arrow(made, PROVENANCE)["rt"].is_null().to_pylist() == [True, False]
    assert list(to_pandas(made, PROVENANCE)["rt"].isna()) == [True, False]
    assert list(to_polars(made)["rt"].is_null()) == [True, False]


def test_a_market_of_nothing_has_the_same_types() -> None:
    nothing = columns([])
    table = to_arrow(nothing, PROVENANCE)
    assert (table.num_rows, table.schema) == (0, to_arrow(shuffled(), PROVENANCE).schema)
    frame = to_pandas(nothing, PROVENANCE)
    assert [str(kind) for kind in frame.dtypes] == [PANDAS[kind] for _, kind in SCHEMA_V2]
    assert to_polars(nothing).schema == to_polars(shuffled()).schema


def test_a_frame_does_not_share_the_columns_memory() -> None:
    made = columns(MARKET)
    frame, table, polars = to_pandas(made, PROVENANCE), to_arrow(made, PROVENANCE), to_polars(made)
    for column in made.values():
        column[:] = column[0]
    assert cells(frame) == MARKET
    assert table.to_pylist() == polars.rows(named=True) == MARKET


@pytest.mark.parametrize(
    ("library", "extra", "convert"),
    [
        ("pyarrow", "arrow", lambda made: to_arrow(made, PROVENANCE)),
        ("pandas", "pandas", lambda made: to_pandas(made, PROVENANCE)),
        ("polars", "polars", to_polars),
    ],
)
def test_a_missing_library_is_an_error_that_names_its_extra(
    library: str, extra: str, convert: Callable[[Columns], object]
) -> None:
    with without(library), pytest.raises(MissingPackage) as caught:
        convert(columns(MARKET))
    told = str(caught.value)
    assert told.startswith(f"{library} is not installed: pip install '{library}>=")
    assert told.endswith(f" (in the project's folder: pip install '.[{extra}]')")


@pytest.mark.parametrize(
    ("call", "missing"),
    [
        ("to_arrow(shuffled(), PROVENANCE)", ["pandas", "polars"]),
        ("to_pandas(shuffled(), PROVENANCE)", ["pyarrow", "polars"]),
        ("to_polars(shuffled())", ["pyarrow", "pandas"]),
    ],
)
def test_a_table_needs_no_other_library_than_its_own(call: str, missing: list[str]) -> None:
    script = f"""if True:
        from tests.support.extras import without
        with without(*{missing}):
            from fastopts.reader.export.dataframes import to_arrow, to_pandas, to_polars
            from tests.reader.market import PROVENANCE, shuffled
            table = {call}
            print([str(symbol) for symbol in table["symbol"]])
    """
    command = [sys.executable, "-W", "error", "-c", script]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.stderr) == (f"{[row['symbol'] for row in MARKET]}\n", "")


def test_pyarrow_reads_the_texts_as_categories_of_pandas() -> None:
    frame = to_arrow(shuffled(), PROVENANCE).to_pandas()
    assert isinstance(frame["settle"].dtype, pd.CategoricalDtype)
    assert list(frame["settle"]) == [row["settle"] for row in MARKET]
    assert pa.types.is_dictionary(pa.Table.from_pandas(frame).schema.field("settle").type)
