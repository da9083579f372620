"""Findings on names and certificates that need no venue."""

import asyncio

import pytest

from fastopts.cli.doctor import network
from tests.net.test_proxy import VARIABLES


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_a_name_resolves_or_is_red() -> None:
    finding = asyncio.run(network.name("https://127.0.0.1:1/path"))
    assert (finding.level, finding.summary) == ("green", "127.0.0.1: 127.0.0.1")
    finding = asyncio.run(network.name("wss://no-such.invalid/path"))
    assert finding.level == "red"
    assert finding.summary.startswith("no-such.invalid: ")
    assert "resolver" in finding.remedy


def test_a_name_behind_a_proxy_is_not_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:hunter2@proxy.invalid:3128")
    finding = asyncio.run(network.name("https://no-such.invalid"))
    assert finding.summary == "no-such.invalid: resolved by the proxy proxy.invalid"


def test_no_tls_is_accepted_on_loopback_alone() -> None:
    finding = asyncio.run(network.certificate("ws://127.0.0.1:1/x", insecure=False))
    assert (finding.level, finding.summary) == ("green", "127.0.0.1: no TLS (ws://)")
    finding = asyncio.run(network.certificate("http://venue.example", insecure=False))
    assert finding.level == "yellow"
    assert finding.remedy.startswith("use https://")


def test_a_refused_connection_is_red() -> None:
    finding = asyncio.run(network.certificate("https://127.0.0.1:1", insecure=False))
    assert (finding.level, finding.remedy) == ("red", network.CHECK_NETWORK)
