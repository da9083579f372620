from tests.collector.conftest import client, valkey

__all__ = ("client", "valkey")
