"""Access tokens: read from a file, and compared with what a request sends."""

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

__all__ = ("Tokens", "from_header", "read")

log = logging.getLogger(__name__)

# 32 hexadecimal digits are 128 bits, beyond any guessing over a network.
LENGTH_MIN: Final = 32

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=-]+")  # the b64token of RFC 6750, section 2.1


class Tokens:
    """Valid tokens by the name of their owner.

    Only digests are kept, so that no dump of this process contains a token.
    """

    def __init__(self, tokens: Mapping[str, str]) -> None:
        self._digests = {name: _digest(token) for name, token in tokens.items()}

    def __len__(self) -> int:
        return len(self._digests)

    def owner(self, token: str) -> str | None:
        """Return the owner of *token*, None if it is invalid.

        All digests are compared, in constant time each: the duration reveals neither a common
        prefix nor the position of a match.
        """
        digest, owner = _digest(token), None
        for name, valid_digest in self._digests.items():
            if hmac.compare_digest(digest, valid_digest):
                owner = name
        return owner


def read(path: Path) -> Tokens:
    """Read the tokens in the file *path*: lines of `name:token`; '#' begins a comment.

    Raises ConfigError, whose message never contains a token.
    """
    try:
        text = path.read_text("utf-8-sig")
        is_world_readable = bool(path.stat().st_mode & stat.S_IROTH)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a UTF-8 text file"
        raise ConfigError(f"{path}: cannot read the tokens: {reason}") from None
    if is_world_readable:
        log.warning("%s: readable by every user of this machine; run chmod 600", path)
    tokens: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        entry = line.strip()
        if entry and not entry.startswith("#"):
            name, token = _parse(entry, f"{path}, line {number}")
            if name in tokens:
                raise ConfigError(f"{path}, line {number}: duplicate name {name}")
            tokens[name] = token
    if not tokens:
        raise ConfigError(f"{path}: no token; add a line name:token")
    return Tokens(tokens)


def from_header(authorization: str) -> str | None:
    """Return the token in an Authorization header, None for an unknown scheme.

    It is the credential of Bearer (RFC 6750) or the password of Basic (RFC 7617), which browsers
    and spreadsheets can ask their user for.
    """
    scheme, _, value = authorization.strip().partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return None
    try:
        credentials = base64.b64decode(value.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return credentials.partition(":")[2]


def _parse(entry: str, place: str) -> tuple[str, str]:
    name, separator, token = entry.partition(":")
    name, token = name.strip(), token.strip()
    if not separator or not _NAME.fullmatch(name):
        raise ConfigError(
            f"{place}: malformed line; write name:token, with a name of letters, digits, '_', '-'"
            " and '.'"
        )
    if len(token) < LENGTH_MIN or not _TOKEN.fullmatch(token):
        raise ConfigError(
            f"{place}: the token of {name} is too short or has invalid characters; use at least"
            f" {LENGTH_MIN} letters and digits, such as the output of `openssl rand -hex 32`"
        )
    return name, token


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
