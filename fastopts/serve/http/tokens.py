"""Who may ask: named tokens out of a file, and what a request offers as one."""

import base64
import binascii
import hashlib
import hmac
import logging
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from fastopts.errors import ConfigError

__all__ = ("Tokens", "offered", "read")

log = logging.getLogger(__name__)

LENGTH_MIN: Final = 32
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=-]+")  # what RFC 6750 lets a bearer token consist of


class Tokens:
    """Tells whose a token is. It keeps digests, so that no dump of this process holds a token."""

    def __init__(self, tokens: Mapping[str, str]) -> None:
        self._digests = {name: _digest(token) for name, token in tokens.items()}

    def __len__(self) -> int:
        return len(self._digests)

    def owner(self, token: str) -> str | None:
        """The name of *token*; None for one that nobody has. Every name takes the same time."""
        asked, found = _digest(token), None
        for name, digest in self._digests.items():
            if hmac.compare_digest(asked, digest):
                found = name
        return found


def read(path: Path) -> Tokens:
    """The tokens in the file *path*: a line each, `name:token`; '#' begins a comment.

    Raises ConfigError, which never shows a token.
    """
    try:
        text = path.read_text("utf-8-sig")
        is_open = bool(path.stat().st_mode & stat.S_IROTH)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ConfigError(f"{path}: the tokens can't be read: {reason}") from None
    if is_open:
        log.warning("%s: everyone on this machine can read these tokens; chmod 600", path)
    tokens: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.strip()
        if words and not words.startswith("#"):
            name, token = _parsed(words, f"{path}, line {number}")
            if name in tokens:
                raise ConfigError(f"{path}, line {number}: the name {name} is there twice")
            tokens[name] = token
    if not tokens:
        raise ConfigError(f"{path}: there is no token in it; write a line name:token")
    return Tokens(tokens)


def offered(authorization: str) -> str | None:
    """The token in an Authorization header: Bearer's, or the password of Basic, which browsers and
    spreadsheets can ask for. None for another scheme."""
    scheme, _, value = authorization.strip().partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return None
    try:
        pair = base64.b64decode(value.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return pair.partition(":")[2]


def _parsed(words: str, place: str) -> tuple[str, str]:
    name, separator, token = words.partition(":")
    name, token = name.strip(), token.strip()
    if not separator or not _NAME.fullmatch(name):
        raise ConfigError(f"{place}: write name:token, the name in letters, digits, '_', '-', '.'")
    if len(token) < LENGTH_MIN or not _TOKEN.fullmatch(token):
        raise ConfigError(
            f"{place}: the token of {name} must have {LENGTH_MIN} letters and digits or more;"
            " `openssl rand -hex 32` makes one"
        )
    return name, token


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
