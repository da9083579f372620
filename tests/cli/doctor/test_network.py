"""Findings on names and certificates that need no venue."""

import pytest

from fastopts.cli.doctor import network
from tests.net.test_proxy import VARIABLES


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


async def test_a_name_resolves_or_is_red() -> None:
    finding = await network.name("https://127.0.0.1:1/path")
    assert (finding.level, finding.summary) == ("green", "127.0.0.1: 127.0.0.1")
    finding = await network.name("wss://no-such.invalid/path")
    assert finding.level == "red"
    assert finding.summary.startswith("no-such.invalid: ")
    assert "resolver" in finding.remedy


async def test_a_name_behind_a_proxy_is_not_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:hunter2@proxy.invalid:3128")
    finding = await network.name("https://no-such.invalid")
    assert finding.summary == "no-such.invalid: resolved by the proxy proxy.invalid"


async def test_no_tls_is_accepted_on_loopback_alone() -> None:
    finding = await network.certificate("ws://127.0.0.1:1/x", insecure=False)
    assert (finding.level, finding.summary) == ("green", "127.0.0.1: no TLS (ws://)")
    finding = await network.certificate("http://venue.example", insecure=False)
    assert finding.level == "yellow"
    assert finding.remedy.startswith("use https://")


async def test_a_refused_connection_is_red() -> None:
    finding = await network.certificate("https://127.0.0.1:1", insecure=False)
    assert (finding.level, finding.remedy) == ("red", network.CHECK_NETWORK)
