from tests.collector.conftest import client, valkey
from tests.test_track import sim

__all__ = ("client", "sim", "valkey")
