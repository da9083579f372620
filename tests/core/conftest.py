import importlib
from types import SimpleNamespace
from typing import Any

import pytest

from fastopts.core import pure
from tests.core.batch_harness import BatchHarness


def load(implementation: str) -> Any:
    """The names of one implementation, by itself."""
    if implementation == "pure":
        return SimpleNamespace(
            name="pure",
            Batch=pure.Batch,
            CaptureBuffer=pure.CaptureBuffer,
            CaptureChannel=pure.CaptureChannel,
            Grammar=pure.Grammar,
            Player=pure.Player,
            Table=pure.Table,
            parse=pure.parse,
        )
    modules = {name: importlib.import_module(f"fastopts.core.{name}") for name in _COMPILED}
    return SimpleNamespace(
        name="compiled",
        Batch=modules["batch"].Batch,
        CaptureBuffer=modules["capture"].CaptureBuffer,
        CaptureChannel=modules["capture"].CaptureChannel,
        Grammar=modules["ticker"].Grammar,
        Player=modules["replay"].Player,
        Table=modules["table"].Table,
        parse=modules["ticker"].parse,
    )


_COMPILED = ("batch", "capture", "replay", "table", "ticker")


@pytest.fixture(params=("pure", "compiled"), scope="session")
def core(request: pytest.FixtureRequest) -> Any:
    """The core, once as its pure twin and once compiled."""
    return load(request.param)


@pytest.fixture
def harness(core: Any) -> BatchHarness:
    return BatchHarness(core)
