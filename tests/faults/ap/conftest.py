from tests.serve.fixtures import guarded, http_server, live_market

__all__ = ("guarded", "http_server", "live_market")
