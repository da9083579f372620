"""Payload of `GET /v1`: the routes of the API, each with one line that says what it returns."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fastapi.routing import APIWebSocketRoute
from starlette.routing import BaseRoute

__all__ = ("index_payload",)


def index_payload(
    document: Mapping[str, Any], routes: Iterable[BaseRoute], prefix: str
) -> dict[str, Any]:
    """The operations of the OpenAPI *document*, and the WebSockets among *routes*.

    Paths are as a client behind the path *prefix* requests them.
    """
    return {
        "version": document["info"]["version"],
        "documentation": f"{prefix}/docs",
        "openapi": f"{prefix}/v1/openapi.json",
        "routes": [
            {"path": prefix + path, "summary": summary, "parameters": parameters}
            for path, summary, parameters in (*_operations(document), *_sockets(routes))
        ],
    }


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            parameters = operation.get("parameters", ())
            names = [each["name"] for each in parameters if each["in"] == "query"]
            yield path, operation["summary"], names


def _sockets(routes: Iterable[BaseRoute]) -> Iterator[tuple[str, str, list[str]]]:
    for route in routes:
        if isinstance(route, APIWebSocketRoute):  # OpenAPI describes no WebSockets
            yield route.path, (route.endpoint.__doc__ or "").strip(), []
