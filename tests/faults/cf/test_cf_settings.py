"""Settings that are misspelt, absurd or oddly written."""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from fastopts import command_line, config, track
from fastopts.config import SETTINGS, Secret, Settings
from fastopts.embedded import EmbeddedValkey
from fastopts.errors import BadInput, ConfigError
from fastopts.net.redis import address
from fastopts.net.redis.address import Address
from fastopts.reader import AsyncOptionReader, OptionReader
from tests.cli.process import fastopts_process as fastopts
from tests.support.store import CALL, Store

LETTERS = "abcdefghijklmnopqrstuvwxyz_"


@st.composite
def misspelt(draw: st.DrawFn) -> str:
    """A setting's name with one slip of the finger."""
    name = draw(st.sampled_from(sorted(SETTINGS)))
    place = draw(st.integers(0, len(name) - 1))
    letter = draw(st.sampled_from(LETTERS))
    before, after = name[:place], name[place:]
    swapped = before + after[1:2] + after[:1] + after[2:]
    slips = (before + after[1:], before + letter + after[1:], before + letter + after, swapped)
    return draw(st.sampled_from([slip for slip in slips if slip not in SETTINGS]))


def refusals(written: str) -> list[str]:
    """What is said of a name that is *written* into the file, as a variable and as an option."""
    found = []
    for load in (
        lambda: config.load({}, {}, {written: "1"}),
        lambda: config.load({}, {f"FASTOPTS_{written.upper()}": "1"}, {}),
        lambda: command_line.run(
            track.track, [f"--{written.replace('_', '-')}", "1"], program="track"
        ),
    ):
        with pytest.raises((BadInput, ConfigError)) as caught:
            load()
        found.append(str(caught.value))
    return found


@given(misspelt())
def test_CF_01_a_misspelt_name_is_an_error_with_one_that_is_near(written: str) -> None:
    for words in refusals(written):
        assert re.search(r"unknown (setting|option) .*did you mean .+\?", words)


@pytest.mark.parametrize("written", ["redis_aa", "redis_ac", "redis_c", "redis_caa"])
def test_CF_01_a_slip_in_a_short_name_is_recognised(written: str) -> None:
    in_file, variable, option = refusals(written)
    assert "did you mean redis_ca?" in in_file
    assert "did you mean FASTOPTS_REDIS_CA?" in variable
    assert "did you mean --redis-ca?" in option


@pytest.mark.parametrize("name", SETTINGS)
def test_CF_01_the_nearest_is_the_one_that_was_meant(name: str) -> None:
    in_file, variable, option = refusals(name[:-1])
    assert f"did you mean {name}?" in in_file
    assert f"did you mean FASTOPTS_{name.upper()}?" in variable
    assert f"did you mean --{name.replace('_', '-')}?" in option


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("prefix", ["FASTOPT", "FASTOPS", "FASTOTPS", "FATSOPTS", "FASTOPTTS"])
def test_CF_01_a_slip_in_the_prefix_of_a_variable_is_an_error(name: str, prefix: str) -> None:
    with pytest.raises(ConfigError, match=f"did you mean FASTOPTS_{name.upper()}"):
        config.load({}, {f"{prefix}_{name.upper()}": "1"}, {})


def test_CF_01_variables_of_other_programs_are_ignored() -> None:
    environ = {"FAST_COINS": "x", "FASTOPTIONS_COINS": "x", "FASTOPS_OTHER": "x", "COINS": "x"}
    assert config.load({}, environ, {}) == Settings()


def of_service(name: str, port: int, proto: str = "TCP") -> dict[str, str]:
    """What the kubelet sets for a Service of this name, and Docker for such a link."""
    prefix, lower = name.upper().replace("-", "_"), proto.lower()
    link = f"{prefix}_PORT_{port}_{proto}"
    address = f"{lower}://10.96.0.7:{port}"
    return {
        f"{prefix}_SERVICE_HOST": "10.96.0.7",
        f"{prefix}_SERVICE_PORT": str(port),
        f"{prefix}_SERVICE_PORT_HTTP_METRICS": str(port),
        f"{prefix}_PORT": address,
        link: address,
        f"{link}_PROTO": lower,
        f"{link}_PORT": str(port),
        f"{link}_ADDR": "10.96.0.7",
        f"{prefix}_NAME": "/desk_web_1/fastopts",
        f"{prefix}_ENV_COINS": "x",
    }


@pytest.mark.parametrize(
    "service",
    ["fastopts", "fastopts-serve", "fastopts-metrics", "fastopts-redis-url", "fastopt-metrics"],
)
def test_CF_12_variables_of_a_service_are_ignored_silently(service: str) -> None:
    environ = of_service(service, 8051) | of_service(service, 53, "UDP")
    loaded = config.load({}, environ, {})
    assert loaded == Settings()
    assert loaded.remarks == ()
    own = {"FASTOPTS_METRICS_PORT": "8051"}
    assert config.load({}, environ | own, {}).metrics_address == ("127.0.0.1", 8051)


@pytest.mark.parametrize("name", ["VERSION", "IMAGE", "TAG", "HOME", "IMAGE_TAG", "PORT", "LOG"])
def test_CF_12_an_unknown_variable_far_from_every_setting_is_a_warning(name: str) -> None:
    loaded = config.load({}, {f"FASTOPTS_{name}": "1.2.3", "FASTOPTS_COINS": "ETH"}, {})
    assert loaded.coins == ("ETH",)
    assert loaded.remarks == (f"FASTOPTS_{name}: ignored, no such setting",)
    with pytest.raises(ConfigError, match="unknown setting"):
        config.load({}, {}, {name.lower(): "1.2.3"})


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("FASTOPTS_redis_url", "FASTOPTS_REDIS_URL"),
        ("fastopts_coins", "FASTOPTS_COINS"),
        ("FASTOPTS_CONFG", "FASTOPTS_CONFIG"),
        ("FASTOPTS_METRIC_PORT", "FASTOPTS_METRICS_PORT"),
    ],
)
def test_CF_12_one_letter_or_the_case_is_still_an_error(written: str, meant: str) -> None:
    with pytest.raises(ConfigError, match=f"{written}; did you mean {meant}"):
        config.load({}, {written: "8051"}, {})


def test_CF_12_the_command_warns_on_standard_error_and_continues(tmp_path: Path) -> None:
    environ = of_service("fastopts", 8050) | {"FASTOPTS_IMAGE": "desk/fastopts:3"}
    words = ("doctor", "--offline", "--redis-url", "redis://127.0.0.1:1")
    done = fastopts(*words, cwd=tmp_path, **environ)
    assert "FASTOPTS_IMAGE: ignored" in done.err
    assert "SERVICE" not in done.err
    assert done.code == 1  # for Redis


ABSURD = ("-1", "-0.001", "nan", "inf", "-inf", "1e400", "", " ", "0x10", "1,5", "ten", "True")
BOUNDS = {
    "flush_ms": (1, 1000, "from 1 to 1000 ms"),
    "latency_ms": (0, 1000, "from 0 to 1000 ms"),
    "refresh_s": (1, 86400, "from 1 to 86400 s"),
    "status_s": (0.1, 3600, "from 0.1 to 3600 s"),
    "duration": (0.001, 86_400_000, "at most 1000d"),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_CF_02_an_error_names_the_bounds_of_a_number_with_their_unit(name: str) -> None:
    least, most, words = BOUNDS[name]
    for good in (least, most):
        made = config.load({name: str(good)}, {}, {})
        assert getattr(made, {"duration": "duration_s"}.get(name, name)) == good
    beyond = (str(least - 0.01), str(most * 1.001), str(most) + "0" * 400)
    for bad in (*ABSURD, *beyond):
        with pytest.raises(ConfigError, match=words):
            config.load({name: bad}, {}, {})
    for odd in (True, [1], {"a": 1}, math.nan):
        with pytest.raises(ConfigError, match=words):
            config.load({}, {}, {name: odd})


@pytest.mark.parametrize("timeout_s", [0, -1, math.nan, math.inf, -math.inf, 1e9])
async def test_CF_02_a_readers_times_have_bounds(store: Store, timeout_s: float) -> None:
    with pytest.raises(BadInput, match="write seconds, more than 0, at most an hour"):
        OptionReader(store.url, timeout_s=timeout_s)
    with pytest.raises(BadInput, match="write seconds"):
        AsyncOptionReader(store.url, timeout_s=timeout_s)


@pytest.mark.parametrize("max_age_s", [-1, -0.001, math.nan, -math.inf])
def test_CF_02_a_negative_age_is_none(store: Store, max_age_s: float) -> None:
    store.option(CALL)
    with OptionReader(store.url) as reader, pytest.raises(BadInput, match="write seconds"):
        reader.get(CALL, max_age_s=max_age_s)


PASSWORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)
ODD = ("p@ss", "a#b", "a/b", "a?b", "a:b", "50%", "%41", "a+b", "a b", "[x", "é€", "\\", "'\"")


@given(PASSWORDS)
def test_CF_03_any_password_comes_through_a_url(password: str) -> None:
    for safe in ("", "!$&'()*+,;=:"):
        url = f"redis://:{quote(password, safe=safe)}@h:1/2"
        assert address.parse(url) == Address("h", 1, password=password, db=2)
        theirs = redis.ConnectionPool.from_url(url).connection_kwargs
        assert (theirs["host"], theirs["password"]) == ("h", password)


@given(st.text(st.sampled_from("ab1@:/?#%+[] \\\t\n&=;é.-"), min_size=1, max_size=12))
def test_CF_03_one_that_is_not_encoded_comes_through_or_is_refused(password: str) -> None:
    """It never leads to another host or database, or as somebody else."""
    try:
        found = address.parse(f"redis://:{password}@h:1")
    except ConfigError:
        return
    assert found == Address("h", 1, password=unquote(password))


@pytest.mark.parametrize(
    "url",
    [
        *("redis://:123?x@h", "redis://:123/4@h", "redis://u:1?@h", "redis://u@h", "redis://h:0"),
        *("redis://:a\nb@h", " redis://h", "redis://h ", "redis://:%FF@h", "redis://:5%@h"),
        *("redis://h/1?db=2&x=", "unix:///a@b", "redis://h/\u0661", "redis://h?db="),
    ],
)
def test_CF_03_what_can_be_read_in_two_ways_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        address.parse(url)


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey() as made:
        yield made


@settings(max_examples=25)
@given(PASSWORDS)
def test_CF_03_any_password_is_accepted_by_the_server_that_has_it(
    server: EmbeddedValkey, password: str
) -> None:
    with redis.Redis(port=server.port, protocol=2) as admin:
        admin.execute_command("ACL", "SETUSER", "odd", "reset", "on", "+@all", "~*", f">{password}")
    name = f"redis://odd:{quote(password, safe='')}@127.0.0.1:{server.port}"
    with OptionReader(name) as reader:
        assert not reader.feed().alive


@pytest.mark.parametrize("password", ODD)
def test_CF_03_a_variable_needs_no_code(password: str) -> None:
    made = config.load({}, {"REDIS_PASSWORD": password}, {})
    assert made.redis_password == Secret(password)
    assert address.parse("redis://h", password).password == password


WRITTEN = ("{}\n", "{}\r\n", " {} ", "\t{}", '"{}"', "'{}'", ' "{}"\n', "'{} '", "\ufeff{}")
SAMPLES = {"coins": "BTC,ETH", "flush_ms": "7", "redis_url": "redis://h:7", "venue": "sim"}


@pytest.mark.parametrize("written", WRITTEN[:-1])
@pytest.mark.parametrize("name", SAMPLES)
def test_CF_08_quotes_and_blanks_around_a_value_are_removed_with_a_note(
    name: str, written: str
) -> None:
    variable = f"FASTOPTS_{name.upper()}"
    made = config.load({}, {variable: written.format(SAMPLES[name])}, {})
    assert made == config.load({name: SAMPLES[name]}, {}, {})
    assert made.remarks == (
        f"{variable}: spaces, line ends or quotes around its value were removed",
    )
    assert config.load({}, {variable: SAMPLES[name]}, {}).remarks == ()


@pytest.mark.parametrize("value", ["BTC\nETH", "BT C", '"BTC', "BTC'", "\ufeffBTC"])
def test_CF_08_quotes_within_a_value_stay(value: str) -> None:
    with pytest.raises(ConfigError, match="write coins as"):
        config.load({}, {"FASTOPTS_COINS": value}, {})


@pytest.mark.parametrize(
    ("value", "password", "words"),
    [
        ("pw\n", "pw", "the line end behind it was removed"),
        ("pw\r\n", "pw", "the line end behind it was removed"),
        (" pw", " pw", "are part of it"),
        ('"pw"', '"pw"', "are part of it"),
        ("p w", "p w", None),
    ],
)
def test_CF_08_of_a_password_only_the_line_end_is_left_out(
    value: str, password: str, words: str | None
) -> None:
    made = config.load({}, {"REDIS_PASSWORD": value}, {})
    assert made.redis_password == Secret(password)
    assert [words in remark for remark in made.remarks if words] == [True] * bool(words)


def test_CF_08_the_name_of_the_file_may_stand_in_quotes(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text('coins = ["ETH"]')
    environ = {"FASTOPTS_CONFIG": f'"{tmp_path / "my.toml"}"\n'}
    assert config.load({}, environ, config.read_file(environ)).coins == ("ETH",)


def test_CF_08_commands_print_the_note_on_standard_error(tmp_path: Path, store: Store) -> None:
    store.option(CALL)
    done = fastopts("get", CALL, "--json", cwd=tmp_path, FASTOPTS_REDIS_URL=f"'{store.url}'\n")
    assert done.code == 0
    assert done.objects[0]["symbol"] == CALL
    assert done.err.startswith("fastopts: FASTOPTS_REDIS_URL: spaces, line ends or quotes")
