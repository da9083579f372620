"""The findings of `fastopts doctor` about a venue."""

from pathlib import Path
from typing import Any

from tests.cli.process import diagnose

__all__ = ("CHECKS", "NO_REDIS", "at", "levels", "look")

NO_REDIS = ("--redis-url", "redis://127.0.0.1:1")
CHECKS = ("rest dns", "rest tls", "rest", "venue clock", "ws dns", "ws tls", "ws tick")


def look(words: list[str], cwd: Path, **variables: Any) -> dict[str, dict[str, Any]]:
    return diagnose(*NO_REDIS, *words, cwd=cwd, **variables)


def levels(found: dict[str, dict[str, Any]]) -> list[str]:
    return [found[name]["level"] for name in CHECKS]


def at(rest_url: str, ws_url: str) -> list[str]:
    return ["--venue", "sim", "--rest-url", rest_url, "--ws-url", ws_url]
