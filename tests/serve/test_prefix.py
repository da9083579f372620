"""Path prefixes, by calling the middleware."""

from typing import Any

import pytest

from fastopts.serve.http.clients import ClientResolver, networks
from fastopts.serve.http.prefix import PREFIX, PrefixMiddleware, is_prefix

PROXY = "10.0.0.1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/fastopts", True),
        ("/desk/options-1.0~a_b", True),
        ("", False),
        ("/", False),
        ("fastopts", False),
        ("/fastopts/", False),
        ("//fastopts", False),
        ("/a/../b", False),
        ("/.", False),
        ("/a?b", False),
        ("/<script>", False),
    ],
)
def test_a_prefix_is_a_path_without_a_slash_at_its_end(text: str, expected: bool) -> None:
    assert is_prefix(text) is expected


def scope_of(path: str, client: str = "192.0.2.1", forwarded: str = "") -> dict[str, Any]:
    headers = [(b"x-forwarded-prefix", forwarded.encode())] if forwarded else []
    return {
        "type": "http",
        "path": path,
        "query_string": b"a=1",
        "client": (client, 1),
        "headers": headers,
    }


async def passed_on(scope: dict[str, Any], root_path: str = "") -> tuple[str | None, str | None]:
    """The path and the prefix that the application sees; None when it is not called."""
    seen: list[dict[str, Any]] = []
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    async def send(message: Any) -> None:
        sent.append(message)

    middleware = PrefixMiddleware(app, root_path, ClientResolver(networks((PROXY,))))
    await middleware(scope, None, send)  # type: ignore[arg-type]
    if not seen:
        [location] = [value for name, value in sent[0]["headers"] if name == b"location"]
        return None, f"{sent[0]['status']} {location.decode()}"
    return seen[0]["path"], seen[0][PREFIX]


async def test_the_root_path_is_stripped_where_it_is_there() -> None:
    assert await passed_on(scope_of("/fastopts/v1/feed"), "/fastopts") == ("/v1/feed", "/fastopts")
    assert await passed_on(scope_of("/v1/feed"), "/fastopts") == ("/v1/feed", "/fastopts")
    assert await passed_on(scope_of("/fastoptsx"), "/fastopts") == ("/fastoptsx", "/fastopts")
    assert await passed_on(scope_of("/v1/feed")) == ("/v1/feed", "")


async def test_the_prefix_without_a_slash_is_redirected_with_its_query() -> None:
    assert await passed_on(scope_of("/fastopts"), "/fastopts") == (None, "308 /fastopts/?a=1")


async def test_a_forwarded_prefix_counts_from_a_trusted_proxy_only() -> None:
    assert await passed_on(scope_of("/", PROXY, "/desk/")) == ("/", "/desk")
    assert await passed_on(scope_of("/", "192.0.2.1", "/desk")) == ("/", "")
    assert await passed_on(scope_of("/", PROXY, "/<b>")) == ("/", "")
