"""Server settings: what `check` refuses, and how the message names the remedy."""

from dataclasses import replace
from typing import Any

import pytest

from fastopts.errors import ConfigError
from fastopts.serve.http.tokens import Tokens
from fastopts.serve.settings import ServeSettings

VALID = ServeSettings()
WITH_TOKENS = ServeSettings(tokens=Tokens({"desk": "d" * 32}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bind": ()}, "--bind: name an address"),
        ({"bind": ("0.0.0.0",)}, "--bind 0.0.0.0: .* needs tokens; add --tokens FILE"),
        ({"port": -1}, "--port -1: write a number from 0 to 65535"),
        ({"port": 65536}, "--port 65536"),
        ({"root_path": "/fastopts/"}, "--root-path /fastopts/: write a path such as /fastopts"),
        ({"hosts": ("a b",)}, "--allow-host a b: write a host name without a port"),
        ({"hosts": ("options.example:80",)}, "--allow-host options.example:80"),
        ({"origins": ("desk.example",)}, "--allow-origin desk.example: write an origin"),
        ({"origins": ("https://desk.example/",)}, "--allow-origin https://desk.example/"),
        ({"cors": ("https://*.example",)}, r"--cors https://\*\.example: write one exact origin"),
        ({"cors": ("https://a@b.example",)}, "--cors https://a@b.example: write one exact"),
        ({"trusted_proxies": ("0.0.0.0/0",)}, "any client can claim to be any other"),
        ({"trusted_proxies": ("10.0.0.1/24",)}, "--trusted-proxy 10.0.0.1/24: .*host bits"),
        ({"ready_share": 1.1}, "--ready-share 1.1: write a share such as 0.9"),
        ({"ready_age_s": 0.0}, "--ready-age.* 0: write seconds above 0"),
        ({"ready_age_s": float("nan")}, "--ready-age.* nan"),
    ],
)
def test_an_invalid_setting_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        replace(VALID, **changes).check()


def test_valid_settings_pass() -> None:
    VALID.check()
    replace(WITH_TOKENS, bind=("0.0.0.0", "::1"), hosts=("options.example", "[::1]")).check()
    origins = ("https://desk.example", "http://127.0.0.1:8000")
    replace(VALID, port=0, origins=origins, cors=origins, root_path="/a/b").check()


def test_own_addresses_and_loopback_are_allowed_hosts() -> None:
    settings = replace(WITH_TOKENS, bind=("192.0.2.1", "2001:db8::1"), hosts=("options.example",))
    assert settings.allowed_hosts == {
        *("localhost", "127.0.0.1", "[::1]"),
        *("192.0.2.1", "[2001:db8::1]", "options.example"),
    }
