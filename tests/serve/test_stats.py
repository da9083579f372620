"""The server's counters."""

from fastopts.serve.stats import DropReason, ServerStats


def test_requests_count_by_route_and_status_and_streams_have_no_duration() -> None:
    stats = ServerStats()
    stats.count_request("/v1/feed", 200, 0.004)
    stats.count_request("/v1/feed", 200, 0.006)
    stats.count_request("/v1/feed", 503, 0.001)
    stats.count_request("/v1/events", 200, 3600.0)
    assert stats.requests == {
        ("/v1/feed", 200): 2,
        ("/v1/feed", 503): 1,
        ("/v1/events", 200): 1,
    }
    assert stats.durations.buckets()[-1] == ("+Inf", 3)
    assert round(stats.durations.sum_ms) == 11


def test_refusals_and_drops_count_by_reason() -> None:
    stats = ServerStats()
    stats.count_refusal("NoToken")
    stats.count_drop(DropReason.IDLE)
    stats.count_drop(DropReason.IDLE)
    assert (stats.refusals, stats.drops) == ({"NoToken": 1}, {"idle": 2})
