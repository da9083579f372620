"""Tokens: the file, the header, and the comparison."""

import base64
import logging
from pathlib import Path

import pytest

from fastopts.errors import ConfigError
from fastopts.serve.http.tokens import Tokens, from_header, read

TOKEN = "d" * 32
OTHER = "p" * 32


def token_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "tokens"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_token_has_the_owner_of_its_line(tmp_path: Path) -> None:
    text = f"# the desk\ndesk:{TOKEN}\n\n  page : {OTHER}  \n"
    tokens = read(token_file(tmp_path, text))
    assert len(tokens) == 2
    assert [tokens.owner(token) for token in (TOKEN, OTHER, "x" * 32)] == ["desk", "page", None]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no token; add a line name:token"),
        ("desk", "line 1: malformed line"),
        (f"a b:{TOKEN}", "line 1: malformed line"),
        (f"desk:{TOKEN}\ndesk:{OTHER}", "line 2: duplicate name desk"),
        ("desk:short", "line 1: the token of desk is too short"),
        (f"desk:{TOKEN[:-1]}é", "line 1: the token of desk is too short or has invalid"),
    ],
)
def test_a_malformed_file_is_refused_without_showing_a_token(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        read(token_file(tmp_path, text))
    assert TOKEN[:8] not in str(caught.value)


def test_a_file_that_can_not_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the tokens: No such file"):
        read(tmp_path / "tokens")
    (tmp_path / "tokens").write_bytes(b"desk:\xff")
    with pytest.raises(ConfigError, match="not a UTF-8 text file"):
        read(tmp_path / "tokens")


def test_a_file_that_everyone_can_read_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        read(token_file(tmp_path, f"desk:{TOKEN}", 0o644))
    assert "readable by every user of this machine" in caplog.text


def basic(credentials: bytes) -> str:
    return f"Basic {base64.b64encode(credentials).decode()}"


@pytest.mark.parametrize(
    ("header", "token"),
    [
        (f"Bearer {TOKEN}", TOKEN),
        (f"bearer   {TOKEN} ", TOKEN),
        (basic(f"anyone:{TOKEN}".encode()), TOKEN),
        (basic(f":{TOKEN}".encode()), TOKEN),
        (basic(b"no colon"), ""),
        (basic(b"user:\xff"), None),
        ("Basic ???", None),
        (f"Digest {TOKEN}", None),
        (TOKEN, None),
        ("", None),
    ],
)
def test_a_token_is_the_credential_of_bearer_or_the_password_of_basic(
    header: str, token: str | None
) -> None:
    assert from_header(header) == token


def test_only_digests_are_kept() -> None:
    assert TOKEN not in str(vars(Tokens({"desk": TOKEN})))
