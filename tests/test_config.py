from pathlib import Path
from typing import Any

import pytest

from fastopts import config
from fastopts.config import SETTINGS, Secret, Settings
from fastopts.errors import ConfigError

NO_PORTS = (
    *("", "0", "65536", "-1", "1.5", "http", "٨٠", "localhost", "localhost:", ":8051", "::1:8051"),
    *("[::1]", "a:b:1", "h/x:1", "u@h:1", " h:1", "http://h:1", "127.0.0.1:0", "[h]:1"),
)


TLS_FILES = ("redis_ca", "redis_cert", "redis_key")


def test_nothing_given_gives_the_defaults() -> None:
    assert config.load({}, {}, {}) == Settings()
    assert Settings().coins is None


@pytest.mark.parametrize("text", ["all", "ALL", " All ", "BTC,all"])
def test_all_coins_may_be_asked_for_by_name(text: str) -> None:
    assert config.load({"coins": text}, {}, {"coins": ["ETH"]}).coins is None
    assert config.load({}, {"FASTOPTS_COINS": text}, {}).coins is None


def test_an_option_wins_over_the_environment_and_that_over_the_file() -> None:
    file = {"flush_ms": 7, "coins": ["btc"], "log_format": "json"}
    environ = {"FASTOPTS_FLUSH_MS": "8", "FASTOPTS_COINS": "eth, btc", "PATH": "/bin"}
    settings = config.load({"flush_ms": "9", "coins": None}, environ, file)
    assert settings.flush_ms == 9
    assert settings.coins == ("ETH", "BTC")
    assert settings.log_format == "json"


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_is_read_from_all_three(name: str) -> None:
    samples: dict[str, str] = {
        "venue": "sim",
        "testnet": "1",
        "coins": "XRP",
        "rest_url": "http://h:1",
        "ws_url": "ws://h:1/p",
        "redis_url": "redis://h:1/2",
        "embedded": "0",
        "redis_ca": "ca.pem",
        "redis_cert": "cert.pem",
        "redis_key": "key.pem",
        "standby": "1",
        "flush_ms": "12.5",
        "latency_ms": "10",
        "duration": "2m",
        "log_format": "json",
        "insecure": "yes",
        "cache_file": "c.json",
        "refresh_s": "30",
        "venue_wait_s": "0",
        "status_s": "1",
        "reconcile_s": "0",
        "late_ms": "1500",
        "metrics_port": "8051",
        "record": "captures",
        "record_keep": "1.5TB",
    }
    text = samples[name]
    needed = {"redis_url": "rediss://h:1"} if name in TLS_FILES else {}
    expected = config.load({name: text, **needed}, {}, {})
    assert expected != Settings()
    assert config.load({}, {f"FASTOPTS_{name.upper()}": text + " "}, needed) == expected
    assert config.load({}, {}, {name: text, **needed}) == expected


def test_an_empty_variable_is_not_set() -> None:
    assert config.load({}, {"FASTOPTS_FLUSH_MS": "", "REDIS_PASSWORD": ""}, {}) == Settings()


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7200), ("1d", 86400)]
)
def test_a_duration_has_a_unit_or_is_in_seconds(text: str, seconds: float) -> None:
    assert config.load({"duration": text}, {}, {}).duration_s == seconds


@pytest.mark.parametrize(
    ("text", "size"), [("100MB", 10**8), ("1.5 GB", 1_500_000_000), ("2tb", 2 * 10**12)]
)
def test_a_size_has_a_unit(text: str, size: int) -> None:
    assert config.load({"record_keep": text}, {}, {}).record_keep_bytes == size


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("venue", "okx", "choose bybit or bybit-testnet or sim"),
        ("coins", "", "write coins as"),
        ("coins", "BTC;ETH", "write coins as"),
        ("coins", " , ", "write coins as"),
        ("flush_ms", "0", "from 1 to 1000 ms"),
        ("flush_ms", "nan", "from 1 to 1000 ms"),
        ("flush_ms", "-5", "from 1 to 1000 ms"),
        ("latency_ms", "ten", "from 0 to 1000 ms"),
        ("duration", "0", "a time such as"),
        ("duration", "soon", "a time such as"),
        ("refresh_s", "1e9", "from 1 to 86400 s"),
        ("reconcile_s", "-1", "from 0 to 86400 s"),
        ("late_ms", "99", "from 100 to 600000 ms"),
        ("rest_url", "ftp://x", "http:// or https://"),
        ("ws_url", "http://x", "ws:// or wss://"),
        ("redis_url", "localhost", "redis:// or rediss:// or unix://"),
        ("log_format", "xml", "choose text or json"),
        ("insecure", "maybe", "write 1 or 0"),
        ("record_keep", "20", "a size such as 500MB, 20GB or 1.5TB, at least 100MB"),
        ("record_keep", "99MB", "at least 100MB"),
        ("record_keep", "much", "a size such as"),
        ("record_keep", "9" * 400 + "TB", "at most 1000000TB"),
        ("record", "disk\udce9", "the path of a folder in UTF-8"),
        ("record", "a\0b", "the path of a folder"),
        *(("metrics_port", text, "a port from 1 to 65535, or HOST:PORT") for text in NO_PORTS),
    ],
)
def test_an_impossible_value_is_named_with_what_is_possible(
    name: str, value: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        config.load({name: value}, {}, {})
    assert f"--{name.replace('_', '-')}=" in str(caught.value)


@pytest.mark.parametrize("value", [True, [5], {"a": 1}])
def test_a_file_may_hold_any_type_and_still_gets_a_clear_answer(value: Any) -> None:
    for name in ("flush_ms", "duration", "venue", "rest_url"):
        with pytest.raises(ConfigError, match=f"fastopts.toml: {name}="):
            config.load({}, {}, {name: value})


def test_all_faults_are_reported_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        config.load({"flush_ms": "0"}, {"FASTOPTS_VENUE": "x"}, {"coin": "BTC"})
    assert str(caught.value).count(";") == 3
    assert "unknown setting coin; did you mean coins?" in str(caught.value)
    assert "FASTOPTS_VENUE='x'" in str(caught.value)


def test_a_misspelt_variable_is_an_error() -> None:
    with pytest.raises(ConfigError, match="FASTOPTS_REDISURL; did you mean FASTOPTS_REDIS_URL"):
        config.load({}, {"FASTOPTS_REDISURL": "redis://x"}, {})
    config.load({}, {"FASTOPTS_PURE": "1", "FASTOPTS_BUILD": "", "FASTOPTS_CONFIG": "x"}, {})


def test_no_secret_is_shown() -> None:
    environ = {"REDIS_PASSWORD": "hunter2", "FASTOPTS_REDIS_URL": "redis://:hunter2@h"}
    settings = config.load({}, environ, {})
    assert settings.redis_password == Secret("hunter2")
    assert "hunter2" not in repr(settings)
    with pytest.raises(ConfigError) as caught:
        config.load({"redis_url": "http://:hunter2@h"}, {}, {})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["rest_url", "ws_url"])
@pytest.mark.parametrize(
    "rest",
    [
        *(
            "[::1",
            "h:99999",
            "h:port",
            "h/x#f",
            "#h",
            "a..b/x",
            f"{'a' * 64}.test",
            "",
            ":80",
            "/x",
        ),
        *("u:p@h/x", "u@h", "h/a@b"),
    ],
)
def test_a_url_whose_host_can_not_be_reached_is_refused_at_the_start(name: str, rest: str) -> None:
    url = ("http" if name == "rest_url" else "ws") + "://" + rest
    with pytest.raises(ConfigError, match="a URL with a host and no user, without '#'"):
        config.load({name: url}, {}, {})


@pytest.mark.parametrize("rest", ["[::1]:80/x", "h", "h:1/p?q=1", "b\u00fccher.test/x", "h/a%23b"])
def test_a_url_with_a_host_is_taken_as_it_is(rest: str) -> None:
    settings = config.load({"rest_url": f"https://{rest}", "ws_url": f"wss://{rest}"}, {}, {})
    assert (settings.rest_url, settings.ws_url) == (f"https://{rest}", f"wss://{rest}")


@pytest.mark.parametrize(
    ("file", "fault"),
    [
        ({"testnet": "maybe"}, "write 1 or 0"),
        ({"coins": 7}, "write coins as BTC,ETH"),
        ({"coins": ","}, "write coins as BTC,ETH"),
    ],
)
def test_a_value_of_another_type_is_named_with_what_is_possible(file: Any, fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        config.load({}, {}, file)


def test_a_flag_may_be_one_already() -> None:
    assert config.load({"insecure": True}, {}, {}).insecure


def test_a_secret_is_shown_only_on_request() -> None:
    secret = Secret("hunter2")
    assert secret.reveal() == "hunter2"
    assert (secret, hash(secret)) == (Secret("hunter2"), hash(Secret("hunter2")))
    assert secret not in (Secret("other"), "hunter2")
    assert f"{secret} {secret!r}" == "Secret('***') Secret('***')"


def test_a_password_that_is_no_utf8_is_a_fault_and_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        config.load({}, {"REDIS_PASSWORD": "hunter\udcff"}, {})
    assert str(caught.value) == "REDIS_PASSWORD: not UTF-8"


def test_a_file_is_read_where_it_is_named_or_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert config.read_file({}) == {}
    (tmp_path / "fastopts.toml").write_text('coins = ["BTC"]')
    assert config.read_file({}) == {"coins": ["BTC"]}
    (tmp_path / "other.toml").write_text("flush_ms = 7")
    assert config.read_file({"FASTOPTS_CONFIG": "other.toml"}) == {"flush_ms": 7}


@pytest.mark.parametrize("text", [None, "coins = [", b"\xff"])
def test_a_file_that_can_not_be_read_is_named(text: str | bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "fastopts.toml"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as caught:
        config.read_file({"FASTOPTS_CONFIG": str(path)})
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("name", "text", "value", "remark"),
    [
        ("FASTOPTS_COINS", " 'BTC' ", "BTC", "FASTOPTS_COINS: spaces, line ends or quotes"),
        ("REDIS_PASSWORD", "hunter2\r\n", "hunter2", "REDIS_PASSWORD: the line end behind it"),
        ("REDIS_PASSWORD", '"hunter2"', '"hunter2"', "REDIS_PASSWORD: the spaces or quotes around"),
    ],
)
def test_what_surrounds_a_variable_is_remarked_on(
    name: str, text: str, value: str, remark: str
) -> None:
    values, remarks = config.from_env({name: text})
    assert list(values.values()) == [value]
    assert [told.startswith(remark) for told in remarks] == [True]
    assert "hunter2" not in str(remarks)


def test_a_variable_with_a_slip_in_its_prefix_is_an_error() -> None:
    with pytest.raises(ConfigError, match="did you mean FASTOPTS_COINS"):
        config.from_env({"FASTOPT_COINS": "BTC"})
    assert config.from_env({"SLOWOPTS_COINS": "BTC", "FAST_FOOD": "1"}) == ({}, [])


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("8051", "127.0.0.1", 8051),
        ("localhost:1", "localhost", 1),
        ("0.0.0.0:65535", "0.0.0.0", 65535),
        ("[::1]:8051", "::1", 8051),
        ("node-1.lan:8051", "node-1.lan", 8051),
    ],
)
def test_metrics_are_served_on_loopback_or_the_given_address(
    text: str, host: str, port: int
) -> None:
    assert config.load({"metrics_port": text}, {}, {}).metrics_address == (host, port)
    assert config.load({}, {}, {"metrics_port": 8051}).metrics_address == ("127.0.0.1", 8051)
    assert Settings().metrics_address is None


def test_the_testnet_may_be_named_as_a_venue() -> None:
    for options in ({"venue": "bybit-testnet"}, {"testnet": True}):
        settings = config.load(options, {}, {})
        assert (settings.venue, settings.testnet) == ("bybit", True)
    assert config.load({}, {"FASTOPTS_VENUE": "bybit-testnet"}, {}).testnet
    assert config.load({}, {}, {"venue": "bybit-testnet"}).testnet
