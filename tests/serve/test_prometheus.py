"""What the server tells Prometheus."""

from prometheus_client.parser import text_string_to_metric_families

from tests.deploy.files import SERVE_METRICS, SERVE_REPEATS
from tests.serve.living import Living
from tests.serve.serving import Serving, until


def samples(server: Serving) -> list[tuple[str, dict[str, str], float]]:
    text = server.get("/metrics").body.decode()
    families = text_string_to_metric_families(text)
    return [
        (one.name, dict(one.labels), float(one.value))
        for family in families
        for one in family.samples
    ]


def test_what_alerts_and_dashboard_ask_for_is_what_there_is(
    living: Living, serving: Serving
) -> None:
    living.store.client.hset("stats", "received", 5)
    assert serving.get("/ready", {"Host": "evil.example"}).status == 421
    with serving.raw() as broken:
        broken.send(b"nonsense\r\n\r\n")
        assert broken.answer().status == 400
    with serving.websocket() as socket:
        socket.recv()
        until(lambda: serving.server.application.source.counters)
        until(lambda: serving.server.application.source.redis_s)
        found = samples(serving)
    ours = {name: set(labels) for name, labels, _ in found if name.startswith("fastopts_serve")}
    assert ours == SERVE_METRICS | SERVE_REPEATS
    assert {name for name, *_ in found} - ours.keys() == {
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
    }


def test_the_figures_are_what_happened(serving: Serving) -> None:
    def value(name: str, **labels: str) -> float:
        told = [one for kind, has, one in samples(serving) if (kind, has) == (name, labels)]
        return told[0] if told else 0.0

    asked = {"route": "/v1/feed", "status": "200"}
    before = value("fastopts_serve_requests_total", **asked)
    serving.get("/v1/feed")
    assert value("fastopts_serve_requests_total", **asked) == before + 1
    counted = sum(one for name, _, one in samples(serving) if name.endswith("requests_total"))
    assert value("fastopts_serve_request_seconds_count") >= counted
    assert value("fastopts_serve_ready") == 1
    assert value("fastopts_serve_live_options") == serving.get("/v1/feed").json["live"]
    with serving.websocket() as socket:
        socket.recv()
        assert value("fastopts_serve_streams", kind="websocket") == 1
    until(lambda: value("fastopts_serve_streams", kind="websocket") == 0)
