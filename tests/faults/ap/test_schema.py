"""The API's document, tried out: each parameter meant and not, and each answer as it says."""

from collections.abc import Mapping
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.serve.http_server import HttpServerThread, until
from tests.serve.live_market import BTC, ETH, FRONT

EXAMPLES: Final = 12
OPERATIONS: Final = 15
# A pattern can't express which days the calendar has.
CALENDAR: Final = ("/v1/chains/{asset}/{expiry}", "/v1/smile/{asset}/{expiry}", "/v1/scan")
ENDLESS: Final = "/v1/events"

MEANT: Final[Mapping[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    "/v1/options/{symbol}": ({"symbol": BTC[0]}, {"stale": True}),
    "/v1/options": ({}, {"symbols": f"{BTC[0]},{ETH[2]},BTC-1JAN30-1-C"}),
    "/v1/expiries/{asset}": ({"asset": "btc"}, {}),
    "/v1/chains/{asset}": ({"asset": "ETH"}, {}),
    "/v1/chains/{asset}/{expiry}": ({"asset": "ETH", "expiry": FRONT}, {"settle": "USDC"}),
    "/v1/smile/{asset}/{expiry}": ({"asset": "BTC", "expiry": "front"}, {}),
    "/v1/surface/{asset}": ({"asset": "BTC"}, {"deltas": "-0.25,atm,.25"}),
    "/v1/instruments": ({}, {"asset": "BTC"}),
    "/v1/scan": ({}, {"gate": False, "sort": "-mark_iv", "limit": 3}),
    "/v1": ({}, {}),
    "/v1/feed": ({}, {}),
    "/ready": ({}, {}),
}


@pytest.fixture
def schema(http_server: HttpServerThread) -> Any:
    return schemathesis.openapi.from_url(f"{http_server.base}/v1/openapi.json")


def operations(schema: Any) -> list[Any]:
    found = [one.ok() for one in schema.get_all_operations() if isinstance(one, Ok)]
    assert len(found) == OPERATIONS
    return found


def test_AP_13_requests_are_answered_as_the_openapi_document_says(
    schema: Any,
) -> None:
    for operation in operations(schema):
        if operation.path != ENDLESS:
            try_out(operation)


def try_out(operation: Any) -> None:
    excluded = [not_a_server_error]  # 503: it holds up this process, and so the server's mirror
    if operation.path in CALENDAR:
        excluded.append(positive_data_acceptance)

    @seed(1)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def examples(case: Any) -> None:
        response = case.call()
        assert response.status_code < 500 or response.status_code == 503
        case.validate_response(response, excluded_checks=excluded)

    examples()


def test_AP_13_real_answers_are_as_the_document_says_and_tell_no_more(
    schema: Any, http_server: HttpServerThread
) -> None:
    document = http_server.get("/v1/openapi.json").json
    for operation in operations(schema):
        if operation.path not in MEANT:
            continue
        places, query = MEANT[operation.path]
        response = answered(operation.Case(path_parameters=places, query=query))
        assert response.status_code == 200, operation.path
        told = document["paths"][operation.path]["get"]["responses"]["200"]["content"]
        undocumented = strangers(response.json(), told["application/json"]["schema"], document)
        assert not undocumented, operation.path
        if "text/csv" in told:
            case = operation.Case(
                path_parameters=places, query=query, headers={"Accept": "text/csv"}
            )
            assert answered(case).headers["content-type"] == ["text/csv; charset=utf-8"]


def answered(case: Any) -> Any:
    """The answer, as the document says; while this process is held up, the mirror is stale."""
    found = []

    def is_live() -> bool:
        found.append(case.call())
        return bool(found[-1].status_code != 503)

    until(is_live)
    case.validate_response(found[-1])
    return found[-1]


def strangers(value: Any, schema: Mapping[str, Any], document: Any) -> set[str]:
    """The keys in *value* that *schema* does not name."""
    if isinstance(value, list):
        return set().union(*(strangers(one, schema.get("items", {}), document) for one in value))
    if not isinstance(value, dict):
        return set()
    known = properties(schema, document)
    more = schema.get("additionalProperties")
    if more:
        return set()
    inner = (strangers(one, known[name], document) for name, one in value.items() if name in known)
    return (value.keys() - known.keys()).union(*inner)


def properties(schema: Mapping[str, Any], document: Any) -> dict[str, Any]:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return properties(document["components"]["schemas"][name], document)
    found = dict(schema.get("properties", {}))
    for part in (*schema.get("allOf", ()), *schema.get("oneOf", ())):
        found |= properties(part, document)
    return found
