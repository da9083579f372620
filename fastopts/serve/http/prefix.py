"""Path prefixes: serve everything under a path such as /fastopts, behind a proxy or directly."""

import re
from typing import Final

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from fastopts.serve.http.clients import ClientResolver

__all__ = ("PREFIX", "PrefixMiddleware", "is_prefix")

# Key of the ASGI scope: the prefix that clients see, "" without one.
PREFIX: Final = "fastopts.prefix"

_PREFIX: Final = re.compile(r"(/[A-Za-z0-9._~-]+)+")  # unreserved characters (RFC 3986)


def is_prefix(text: str) -> bool:
    """Whether *text* is a path such as /fastopts, without a trailing slash or dot segments."""
    return _PREFIX.fullmatch(text) is not None and not {".", ".."} & set(text.split("/"))


class PrefixMiddleware:
    """ASGI middleware: strips *root_path* from paths that start with it.

    Paths without it are passed on unchanged, since a proxy may have stripped it already.
    """

    def __init__(self, app: ASGIApp, root_path: str, clients: ClientResolver) -> None:
        self._app = app
        self._root_path = root_path
        self._clients = clients

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] in ("http", "websocket"):
            scope[PREFIX] = self._forwarded(scope) or self._root_path
            path, root_path = scope["path"], self._root_path
            # Without the slash, the page's relative links would leave the prefix.
            if root_path and path == root_path and scope["type"] == "http":
                query = scope["query_string"].decode("latin-1")
                target = f"{root_path}/" + (f"?{query}" if query else "")
                await RedirectResponse(target, 308)(scope, receive, send)
                return
            if root_path and path.startswith(f"{root_path}/"):
                scope["path"] = path.removeprefix(root_path)
        await self._app(scope, receive, send)

    def _forwarded(self, scope: Scope) -> str:
        """Return X-Forwarded-Prefix of a trusted proxy, "" if it is missing or no prefix."""
        if not self._clients.is_proxy((scope.get("client") or ("", 0))[0]):
            return ""
        values = [value for name, value in scope["headers"] if name == b"x-forwarded-prefix"]
        text = values[0].decode("latin-1").rstrip("/") if len(values) == 1 else ""
        return text if is_prefix(text) else ""
