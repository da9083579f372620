"""The server's metrics, as Prometheus parses them."""

from prometheus_client.parser import text_string_to_metric_families

from tests.deploy.files import SERVE_METRICS, SERVE_REPEATS
from tests.serve.http_server import HttpServerThread, until
from tests.serve.live_market import LiveMarket


def samples(server: HttpServerThread) -> list[tuple[str, dict[str, str], float]]:
    text = server.get("/metrics").body.decode()
    families = text_string_to_metric_families(text)
    return [
        (sample.name, dict(sample.labels), float(sample.value))
        for family in families
        for sample in family.samples
    ]


def test_alerts_and_dashboard_use_existing_metrics(
    live_market: LiveMarket, http_server: HttpServerThread
) -> None:
    live_market.store.client.hset("stats", "received", 5)
    assert http_server.get("/ready", {"Host": "evil.example"}).status == 421
    with http_server.raw() as broken:
        broken.send(b"nonsense\r\n\r\n")
        assert broken.answer().status == 400
    with http_server.websocket() as socket:
        socket.recv()
        until(lambda: http_server.server.application.source.counters)
        until(lambda: http_server.server.application.source.redis_s)
        scraped = samples(http_server)
    ours = {name: set(labels) for name, labels, _ in scraped if name.startswith("fastopts_serve")}
    assert ours == SERVE_METRICS | SERVE_REPEATS
    assert {name for name, *_ in scraped} - ours.keys() == {
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
    }


def test_metrics_count_requests_and_streams(http_server: HttpServerThread) -> None:
    def value(name: str, **labels: str) -> float:
        values = [
            sample for kind, has, sample in samples(http_server) if (kind, has) == (name, labels)
        ]
        return values[0] if values else 0.0

    labels_of_feed = {"route": "/v1/feed", "status": "200"}
    before = value("fastopts_serve_requests_total", **labels_of_feed)
    http_server.get("/v1/feed")
    assert value("fastopts_serve_requests_total", **labels_of_feed) == before + 1
    counted = sum(
        sample for name, _, sample in samples(http_server) if name.endswith("requests_total")
    )
    assert value("fastopts_serve_request_seconds_count") >= counted
    assert value("fastopts_serve_ready") == 1
    assert value("fastopts_serve_live_options") == http_server.get("/v1/feed").json["live"]
    with http_server.websocket() as socket:
        socket.recv()
        assert value("fastopts_serve_streams", kind="websocket") == 1
    until(lambda: value("fastopts_serve_streams", kind="websocket") == 0)
