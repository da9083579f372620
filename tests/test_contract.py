"""Field names of the hashes: complete, documented, and spelled in one module only."""

import ast
import re
from pathlib import Path

import fastopts
from fastopts.collector.store.feed_status import FeedStatus
from fastopts.collector.store.lease import Lease
from fastopts.collector.store.statistics import Statistics
from fastopts.contract import FeedField, StatsField
from fastopts.core.pure import Grammar, Table

ROOT = Path(fastopts.__file__).parent
PAGE = ROOT.parent / "docs" / "contract.md"


def names_of(cls: type) -> set[str]:
    """The names that *cls* defines; prefixes end with a colon."""
    return {value for value in vars(cls).values() if isinstance(value, str)} - {
        cls.__doc__,
        cls.__module__,
        cls.__qualname__,
    }


def documented(heading: str) -> set[str]:
    """The names in the first column of the table under *heading*."""
    section = PAGE.read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {name.partition("{")[0] for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def test_every_field_of_the_feed_is_documented() -> None:
    assert names_of(FeedField) == documented("The feed")


def test_every_field_of_stats_is_documented() -> None:
    assert names_of(StatsField) == documented("The statistics")


def test_the_feed_has_no_other_fields() -> None:
    feed = FeedStatus("sim", 5000, conns={7: 1.0}, lags_ms={7: 3})
    feed.server.add(5_000_000.0, 0.0, 0.0)
    feed.exchange.add(5_031_100, 30_900, 31_000)
    names = {*feed.fields(1, "run:1", 31.0), *Lease().fields(), FeedField.UPDATES_REFUSED}
    assert {name.replace(":7", ":") for name in names} == names_of(FeedField)


def test_stats_has_no_other_fields() -> None:
    table = Table(Grammar("tickers.", {}))
    statistics = Statistics(table, "sim")
    fields = {**statistics.fields(), **statistics.totals()}
    names = {re.sub(r"(?<=:).*", "", name) for name in fields}
    assert names < names_of(StatsField)


def test_prefixes_are_spelled_nowhere_else() -> None:
    prefixes = {
        name for fields in (FeedField, StatsField) for name in names_of(fields) if name[-1] == ":"
    }
    for path in sorted(ROOT.rglob("*.py")):
        if path.name == "contract.py" or path.is_relative_to(ROOT / "cli" / "verify"):
            continue
        texts = {
            node.value.decode("latin-1") if isinstance(node.value, bytes) else node.value
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
        }
        assert not texts & prefixes, path
