import logging
from collections.abc import Iterator
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from fastopts.embedded import EmbeddedValkey
from tests.support.loops import DEFAULT_LOOP, limit_time, strict_loop, unhandled
from tests.support.programs import skipped_lines
from tests.support.store import Store

# The machine's speed is no subject of these tests.
settings.register_profile(
    "fastopts", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("fastopts")

__all__ = ("strict_loop", "unhandled")

LOGS = ("fastopts", "websockets", "asyncio")

# Folders whose tests start processes, browsers or servers, or wait for real time to pass. Their
# tests get the marker `slow`, all others `fast`; `make check` runs the latter.
TESTS = Path(__file__).parent
SLOW = frozenset(
    (
        *(
            "bench",
            "capture",
            "chaos",
            "cli",
            "collector",
            "compat",
            "dates",
            "demo",
            "deploy",
            "docs",
        ),
        *("faults", "fuzz", "mutants", "native", "page", "reader", "serve", "simulation"),
        *("test_docs.py", "test_embedded.py", "test_secrets.py", "test_track.py"),
    )
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test as `fast` or `slow` by its folder; limit the time of coroutine tests."""
    for item in items:
        is_slow = item.path.relative_to(TESTS).parts[0] in SLOW
        item.add_marker(pytest.mark.slow if is_slow else pytest.mark.fast)
        if isinstance(item, pytest.Function):
            if iscoroutinefunction(item.function) and "anyio_backend" not in item.fixturenames:
                raise pytest.UsageError(
                    f"{item.nodeid} is a coroutine that no plugin awaits: "
                    'pyproject.toml must say `anyio_mode = "auto"`'
                )
            limit_time(item)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Say last of all what was skipped for lack of a program, and how to get it."""
    yield
    skipped = terminalreporter.stats.get("skipped", [])
    for line in skipped_lines(report.longrepr[2] for report in skipped):
        terminalreporter.write_line(line, yellow=True)


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """What a test sets up for the log ends with it: the next one reads its own lines."""
    logs = [logging.getLogger(name) for name in LOGS]
    before = [(log.handlers[:], log.level, log.propagate) for log in logs]
    yield
    for log, (handlers, level, propagates) in zip(logs, before, strict=True):
        log.handlers[:], log.propagate = handlers, propagates
        log.setLevel(level)  # not the attribute: loggers remember which levels are on


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """The loop of coroutine tests; parametrize it with `tests.support.loops.LOOPS` for both."""
    return DEFAULT_LOOP


@pytest.fixture(scope="session")
def shared_valkey() -> Iterator[EmbeddedValkey]:
    """One server for all tests that empty it first."""
    with EmbeddedValkey() as server:
        yield server


@pytest.fixture
def store(shared_valkey: EmbeddedValkey) -> Iterator[Store]:
    """A server that holds what a test lets a collector have written."""
    made = Store(shared_valkey)
    yield made
    made.client.close()
