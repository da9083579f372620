import pytest

from fastopts.errors import ConfigError
from fastopts.venues.bybit import hosts


def test_the_real_venue_is_the_default() -> None:
    found = hosts.resolve("bybit", False, None, None)
    assert found.venue == "bybit"
    assert found.rest_url == "https://api.bybit.com"
    assert found.ws_url == "wss://stream.bybit.com/v5/public/option"
    assert found.host == "stream.bybit.com"


def test_testnet_and_simulator() -> None:
    found = hosts.resolve("bybit", True, None, None)
    assert (found.venue, found.rest_url) == ("bybit-testnet", "https://api-testnet.bybit.com")
    assert found.ws_url == "wss://stream-testnet.bybit.com/v5/public/option"
    found = hosts.resolve("sim", False, None, None)
    assert (found.venue, found.ws_url) == ("sim", "ws://127.0.0.1:8900/v5/public/option")
    found = hosts.resolve("sim", False, "http://127.0.0.1:1", "ws://127.0.0.1:1/v5/public/option")
    assert (found.venue, found.rest_url) == ("sim", "http://127.0.0.1:1")


@pytest.mark.parametrize(
    "host", ["api.bytick.com", "api.bybit.eu", "api.bybit.nl", "api-demo.bybit.com"]
)
def test_every_mainnet_host_is_bybit(host: str) -> None:
    found = hosts.resolve("bybit", False, f"https://{host}", None)
    assert found == hosts.Endpoints("bybit", f"https://{host}", hosts._DEFAULTS["bybit"][1])


def test_any_other_host_is_a_venue_of_its_own() -> None:
    found = hosts.resolve("bybit", False, "http://10.0.0.5:8080", "ws://10.0.0.5:8080/x")
    assert found.venue == "custom:10.0.0.5"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sim", True, None, None), "exclude each other"),
        (("bybit", True, "https://api.bybit.com", None), "same venue"),
        (
            ("bybit", False, "https://api-testnet.bybit.com", "wss://stream.bybit.com/x"),
            "same venue",
        ),
        (("bybit", False, "https://a.example", "wss://b.example/x"), "same venue"),
        (("bybit", False, "https://a.example", None), "set both"),
        (("bybit", False, None, "ws://a.example/x"), "set both"),
        (("bybit", False, "https://", None), "no host"),
    ],
)
def test_hosts_that_do_not_fit_together_are_an_error(
    arguments: tuple[str, bool, str | None, str | None], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        hosts.resolve(*arguments)


@pytest.mark.parametrize("url", ["https://api.bybit.com", "wss://stream.bybit.com"])
def test_a_simulator_is_not_bybit(url: str) -> None:
    urls = (url, None) if url.startswith("https") else (None, url)
    with pytest.raises(ConfigError, match="not a simulator: omit --venue sim"):
        hosts.resolve("sim", False, *urls)
