"""Every module has tests under its own name, or is listed here with the tests that cover it.

`fastopts/reader/mirrors/replica.py` is tested by `test_replica.py` or `test_replica_*.py` somewhere
under `tests/reader/`.
"""

from pathlib import Path
from typing import Final

import fastopts

PACKAGE: Final = Path(fastopts.__file__).parent
TESTS: Final = Path(__file__).parent

# Modules that are observable only through their users, or hold nothing but data.
COVERED_BY: Final = {
    "capture/inspect.py": "capture/test_recovery.py",
    "capture/summary.py": "capture/test_file.py",
    "collector/limits.py": "collector/test_run.py",
    "collector/operation/monitor.py": "collector/test_run.py",
    "collector/operation/progress.py": "test_track.py",
    "collector/operation/status.py": "collector/test_run.py",
    "collector/store/heartbeat.py": "collector/test_writer.py",
    "collector/store/listing.py": "collector/test_writer.py",
    "collector/store/write_loop.py": "collector/test_writer.py",
    "collector/venue/pool.py": "collector/test_run.py",
    "collector/venue/resubscriber.py": "faults/ws/test_subscriptions.py",
    "collector/venue/suspects.py": "collector/test_rest_check.py",
    "collector/venue/venue_time.py": "faults/lc/test_clocks.py",
    "collector/wiring.py": "collector/test_run.py",
    "venues/bybit/ticker_table.py": "collector/test_connection.py",
    "compat/quote.py": "compat/test_executor.py",
    "compat/rows.py": "compat/test_data.py",
    "display_rules.py": "test_field_registry.py",
    "demo/processes.py": "demo/test_demo.py",
    "demo/view.py": "demo/test_demo.py",
    "ending.py": "cli/test_main.py",
    "history/liveness.py": "history/test_builder.py",
    "history/rows.py": "history/test_builder.py",
    "history/archive.py": "history/test_past.py",
    "history/reads.py": "history/test_past.py",
    "history/recorded.py": "history/test_past.py",
    "history/records.py": "history/test_past.py",
    "history/series.py": "history/test_history.py",
    "logs.py": "faults/pr/test_log.py",
    "loops.py": "test_track.py",
    "net/redis/blocking.py": "reader/test_wires.py",
    "net/redis/push_asyncio.py": "net/redis/test_push.py",
    "net/redis/push_blocking.py": "net/redis/test_push.py",
    "net/redis/reconnecting.py": "reader/test_wires.py",
    "net/redis/resp.py": "net/redis/test_pipeline.py",
    "numerals.py": "reader/test_notation.py",
    "net/tls.py": "faults/cf/test_cf_tls.py",
    "reader/freshness/feed_state.py": "reader/test_reader.py",
    "reader/local_source.py": "reader/test_mirror.py",
    "reader/mirrors/async_mirror.py": "reader/test_mirror.py",
    "reader/mirrors/async_watch.py": "reader/test_watch.py",
    "reader/mirrors/reads.py": "reader/test_mirror.py",
    "reader/objects/absent.py": "reader/test_reader.py",
    "reader/objects/market.py": "reader/test_scan.py",
    "reader/redis/source.py": "reader/test_wires.py",
    "reader/selection/matching.py": "faults/rr/test_selection.py",
    "reader/selection/signatures.py": "reader/test_bounds.py",
    "serve/http/connection.py": "faults/ap/test_wire.py",
    "serve/http/parameters.py": "serve/test_routes.py",
    "serve/http/problems.py": "serve/test_protocol.py",
    "serve/http/websocket.py": "faults/ap/test_wire.py",
    "serve/payloads/fields.py": "serve/test_routes.py",
    "serve/payloads/rows.py": "serve/test_routes.py",
    "serve/payloads/schema.py": "serve/test_routes.py",
    "serve/source.py": "serve/test_prometheus.py",
    "sim/faults.py": "sim/test_session.py",
    "sim/prices/chance.py": "sim/test_market.py",
    "sim/prices/coins.py": "sim/test_market.py",
    "stdio.py": "faults/cf/test_cf_streams.py",
    "venues/bybit/fields.py": "venues/bybit/test_session.py",
}


def modules() -> list[Path]:
    """The modules of the package, relative to it."""
    paths = (path for suffix in ("py", "pyx") for path in PACKAGE.rglob(f"*.{suffix}"))
    return sorted(path.relative_to(PACKAGE) for path in paths if not path.name.startswith("_"))


def has_tests(module: Path) -> bool:
    """Whether a test file has the module's name, in the folder of its package or below."""
    package = module.parts[0] if len(module.parts) > 1 else ""
    files = (TESTS / package).rglob("test_*.py") if package else TESTS.glob("test_*.py")
    name = f"test_{module.stem}"
    return any(path.stem == name or path.stem.startswith(f"{name}_") for path in files)


def test_every_module_has_tests_or_is_listed() -> None:
    without = {module.as_posix() for module in modules() if not has_tests(module)}
    assert without == COVERED_BY.keys()


def test_listed_tests_exist() -> None:
    assert [path for path in COVERED_BY.values() if not (TESTS / path).exists()] == []
