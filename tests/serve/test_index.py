"""The list of routes at `/v1`: what it is made of."""

from fastapi import FastAPI, WebSocket

from fastopts.serve.payloads.index import index_payload


def test_the_index_has_each_operation_and_each_websocket() -> None:
    api = FastAPI()

    @api.websocket("/v1/stream")
    async def stream(socket: WebSocket) -> None:
        """Changes of the market."""

    query = [{"name": "symbol", "in": "path"}, {"name": "stale", "in": "query"}]
    document = {
        "info": {"version": "1.2.3"},
        "paths": {
            "/v1/options/{symbol}": {"get": {"summary": "One option.", "parameters": query}},
            "/live": {"get": {"summary": "Liveness."}},
        },
    }
    assert index_payload(document, api.routes, "/desk") == {
        "version": "1.2.3",
        "documentation": "/desk/docs",
        "openapi": "/desk/v1/openapi.json",
        "routes": [
            {
                "path": "/desk/v1/options/{symbol}",
                "summary": "One option.",
                "parameters": ["stale"],
            },
            {"path": "/desk/live", "summary": "Liveness.", "parameters": []},
            {"path": "/desk/v1/stream", "summary": "Changes of the market.", "parameters": []},
        ],
    }
