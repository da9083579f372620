"""Tables and scans: sequences of options, and what other libraries read of them."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet

from fastopts.errors import MissingPackage
from fastopts.field_registry import BASE_COLUMNS, COLUMNS
from fastopts.reader import Option, OptionReader, Table
from tests.support.extras import without
from tests.support.store import Store

SYMBOLS = [f"BTC-27NOV99-{strike}-{kind}-USDT" for strike in (8000, 90000, 100000) for kind in "CP"]
MUTED = SYMBOLS[5]


@pytest.fixture
def options(store: Store) -> Store:
    for symbol in SYMBOLS:
        store.option(symbol, conn=9 if symbol == MUTED else 1)
    return store


@pytest.fixture(params=["table", "scan"])
def table(options: Store, reader: OptionReader, request: pytest.FixtureRequest) -> Table:
    return reader.table() if request.param == "table" else reader.scan(gate=False)


def test_it_is_a_sequence_of_options(table: Table) -> None:
    assert len(table) == 6
    assert [option.symbol for option in table] == SYMBOLS
    assert isinstance(table[0], Option)
    assert (table[0].symbol, table[-1].symbol) == (SYMBOLS[0], SYMBOLS[-1])
    assert [option.symbol for option in table[1:3]] == SYMBOLS[1:3]
    assert [option.symbol for option in reversed(table)] == SYMBOLS[::-1]
    assert table[2] in table
    with pytest.raises(IndexError):
        table[6]


def test_an_empty_one_is_false(options: Store, reader: OptionReader) -> None:
    nothing = reader.scan(min_iv=9.0)
    assert not nothing
    assert list(nothing) == []
    assert pa.table(nothing).num_rows == 0


def test_its_repr_counts_the_live_options(options: Store, reader: OptionReader) -> None:
    assert repr(reader.table()) == "<Table bybit: 6 options, 5 live>"
    assert (
        repr(reader.scan(type="C"))
        == "<Scan: 3 of 3 options match, 0 out of bounds, excluded: none>"
    )


READ: dict[str, Callable[[Table], list[str]]] = {
    "pyarrow": lambda table: pa.table(table).column("symbol").to_pylist(),
    "polars": lambda table: pl.DataFrame(table)["symbol"].to_list(),
    "pandas": lambda table: list(pa.table(table).to_pandas()["symbol"]),
}
FRAME: Any = pd.DataFrame
if hasattr(FRAME, "from_arrow"):  # since pandas 3
    READ["pandas 3"] = lambda table: list(FRAME.from_arrow(table)["symbol"])


@pytest.mark.parametrize("read", READ.values(), ids=READ)
def test_libraries_read_its_arrow_stream(table: Table, read: Callable[[Table], list[str]]) -> None:
    assert read(table) == SYMBOLS


def test_without_pyarrow_its_stream_says_so(table: Table) -> None:
    with without("pyarrow"), pytest.raises(MissingPackage, match="pyarrow is not installed"):
        pl.DataFrame(table)


@pytest.mark.parametrize("take", [np.asarray, np.array, pd.DataFrame])
def test_it_is_not_taken_for_an_array(table: Table, take: Callable[[Any], object]) -> None:
    with pytest.raises(TypeError, match=r"call to_numpy\(\) for a structured array, to_pandas"):
        take(table)


def test_frames_have_the_time_of_the_read_and_all_derived_columns(table: Table) -> None:
    frame = table.to_pandas()
    assert tuple(frame) == COLUMNS
    as_of = pd.Timestamp(table.market.moment.venue_ms, unit="ms", tz="UTC")
    assert frame["as_of"].unique().tolist() == [as_of]
    for option, (_, row) in zip(table, frame.iterrows(), strict=True):
        assert row["expiry_ms"] == option.expiry_ms
        assert row["t_years"] == option.t_years == option.dte / 365
        assert (row["rel_spread"], row["intrinsic"]) == (option.rel_spread, option.intrinsic)
        assert (row["greeks_ok"], row["suspect"]) == (option.greeks_ok, option.suspect)
    joined = pd.concat([frame, frame])
    assert list(joined["as_of"]) == [as_of] * 12


@pytest.mark.parametrize("derived", [True, False])
def test_derived_columns_may_be_left_out(table: Table, tmp_path: Any, derived: bool) -> None:
    names = COLUMNS if derived else BASE_COLUMNS
    table.export(tmp_path / "table.parquet", derived=derived)
    assert table.to_numpy(derived=derived).dtype.names == names
    assert tuple(table.to_pandas(derived=derived)) == names
    assert tuple(table.to_polars(derived=derived).columns) == names
    assert tuple(table.to_arrow(derived=derived).column_names) == names
    assert tuple(parquet.read_table(tmp_path / "table.parquet").column_names) == names
    # a reader of the file chooses by the version which columns to expect
    version = 2 if derived else 1
    table.export(tmp_path / "table.json", derived=derived)
    assert orjson.loads((tmp_path / "table.json").read_bytes())["schema"] == version
    assert table.to_pandas(derived=derived).attrs["schema"] == version
    for schema in (
        table.to_arrow(derived=derived).schema,
        parquet.read_schema(tmp_path / "table.parquet"),
    ):
        assert schema.metadata[b"fastopts.schema"] == str(version).encode()


def test_parquet_has_the_provenance_and_the_units(table: Table, tmp_path: Any) -> None:
    table.export(tmp_path / "table.parquet")
    schema = parquet.read_schema(tmp_path / "table.parquet")
    metadata = schema.metadata
    assert (metadata[b"fastopts.venue"], metadata[b"fastopts.schema"]) == (b"bybit", b"2")
    assert metadata[b"fastopts.as_of"].decode() == table.provenance.as_of
    assert b'"bid_iv":"fraction"' in metadata[b"fastopts.units"]
    assert schema.field("dte").metadata[b"unit"] == b"days"


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))]
)
def test_a_copy_is_equal_row_by_row(table: Table, copied: Callable[[Table], Table]) -> None:
    again = copied(table)
    assert type(again) is type(table)
    assert list(again) == list(table)
    assert again.to_polars().equals(table.to_polars())
