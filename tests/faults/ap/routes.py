"""Everything that a server answers, by path."""

from typing import Any, Final

from tests.serve.live_market import BTC, FRONT

__all__ = ("API", "PATHS", "SUBSCRIPTIONS")

API: Final = (
    f"/v1/options/{BTC[0]}",
    f"/v1/options?symbols={BTC[0]},{BTC[1]},BTC-1JAN30-1-C",
    "/v1/expiries/BTC",
    "/v1/chains/BTC",
    f"/v1/chains/ETH/{FRONT}",
    f"/v1/smile/BTC/{FRONT}",
    "/v1/surface/BTC",
    "/v1/instruments",
    "/v1/scan?asset=BTC&gate=false",
    "/v1/fields",
    "/v1/feed",
)
PATHS: Final = (
    *API,
    *(f"{path.partition('?')[0]}.csv?{path.partition('?')[2]}" for path in API),
    "/v1/events",
    "/v1",
    "/v1/openapi.json",
    "/docs",
    "/",
    "/page/main.js",
    "/page/style.css",
    "/metrics",
    "/live",
    "/ready",
    "/nothing",
)
SUBSCRIPTIONS: Final[tuple[dict[str, Any], ...]] = (
    {"asset": "BTC"},
    {"asset": "ETH", "expiry": FRONT, "settle": "USDT"},
    {"symbols": list(BTC[:3])},
    {"scan": {"asset": "BTC", "gate": False, "sort": "-mark_iv"}},
    {"expiries": "BTC"},
    {"smile": "BTC", "expiry": FRONT},
    {"surface": "BTC"},
)
