"""Settings of the collector: options override the environment, which overrides `fastopts.toml`.

Everything is checked at the start, and all faults are reported together. `SETTINGS` is the only
place that names a setting: its variable is FASTOPTS_<NAME>, its key in the file <name>.
"""

import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from fastopts.errors import ConfigError, masked
from fastopts.numerals import parse_number

__all__ = ("SETTINGS", "Secret", "Setting", "Settings", "load", "read_file")

# Variables that are not settings: read by `fastopts.core`, setup.py and `read_file`.
OTHER_VARIABLES: Final = ("FASTOPTS_PURE", "FASTOPTS_BUILD", "FASTOPTS_CONFIG")

# Requested beside the coins that the venue's own list has: that list may be empty.
KNOWN_COINS: Final = ("BTC", "ETH", "SOL", "XRP", "DOGE", "HYPE", "XAUT", "MNT")
ALL_COINS: Final = "ALL"
_COIN = re.compile(r"[A-Z0-9]{1,8}")  # as long as a record and a key can have it
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d|)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_LISTENING = re.compile(r"((?P<host>\[[0-9A-Fa-f:.]+\]|[\w.-]+):)?(?P<port>\d{1,5})", re.ASCII)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(MB|GB|TB)", re.IGNORECASE)
_BYTES = {"MB": 10**6, "GB": 10**9, "TB": 10**12}
KEEP_MIN: Final = 100 * 10**6  # some files of minutes
KEEP_MAX: Final = 10**18  # more than file systems count
DURATION_MAX_S: Final = 1000 * 86400.0  # within the range of an event loop's timers


class Secret:
    """A text that no log, error or repr shows, such as a password."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text."""
        return self._text

    def __repr__(self) -> str:
        return "Secret('***')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


@dataclass(frozen=True, slots=True)
class Settings:
    """The collector's settings. *remarks* are for the operator, on ignored or corrected input."""

    venue: Literal["bybit", "sim"] = "bybit"
    testnet: bool = False
    coins: tuple[str, ...] | None = None  # None: all listed coins
    rest_url: str | None = None
    ws_url: str | None = None
    redis_url: Secret | None = None
    redis_password: Secret | None = None
    redis_ca: str | None = None
    redis_cert: str | None = None
    redis_key: str | None = None
    embedded: bool = True
    standby: bool = False
    flush_ms: float = 5.0
    latency_ms: float | None = None  # None: with each flush while ticks are dense
    duration_s: float | None = None
    log_format: Literal["text", "json"] = "text"
    insecure: bool = False
    cache_file: str | None = None
    refresh_s: float = 300.0
    venue_wait_s: float = 600.0
    status_s: float = 5.0
    reconcile_s: float = 60.0
    late_ms: float = 2000.0
    metrics_address: tuple[str, int] | None = None
    record: str | None = None  # None: nothing is recorded
    record_keep_bytes: int = 20_000_000_000
    remarks: tuple[str, ...] = field(default=(), compare=False)


# Python's representation of undecodable bytes in the environment.
_SURROGATES = re.compile("[\ud800-\udfff]")
_NOT_IN_URLS = re.compile(r"[\s\ud800-\udfff]")


def _choice(*names: str) -> Callable[[object], str]:
    def parse(value: object) -> str:
        if value not in names:
            raise ValueError(f"choose {' or '.join(names)}")
        return str(value)

    return parse


_FLAGS: Final = {
    "1": True,
    "true": True,
    "yes": True,
    "0": False,
    "false": False,
    "no": False,
    "": False,
}


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).lower()
    if text not in _FLAGS:
        raise ValueError("write 1 or 0")
    return _FLAGS[text]


def _coins(value: object) -> tuple[str, ...] | None:
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list | tuple):
        raise ValueError("write coins as BTC,ETH, or all")  # noqa: TRY004
    coins = tuple(dict.fromkeys(str(name).strip().upper() for name in names if str(name).strip()))
    if not coins or not all(map(_COIN.fullmatch, coins)):
        raise ValueError("write coins as BTC,ETH, or all")
    return None if ALL_COINS in coins else coins


def _number(least: float, most: float, unit: str) -> Callable[[object], float]:
    def parse(value: object) -> float:
        try:
            number = parse_number(str(value))
        except ValueError:
            number = float("nan")
        if isinstance(value, bool) or not least <= number <= most:
            raise ValueError(f"a number from {least:g} to {most:g} {unit}")
        return number

    return parse


def _number_or_auto(least: float, most: float, unit: str) -> Callable[[object], float | None]:
    parse_limited = _number(least, most, unit)

    def parse(value: object) -> float | None:
        try:
            return None if value == "auto" else parse_limited(value)
        except ValueError as error:
            raise ValueError(f"auto, or {error}") from None

    return parse


def _duration(value: object) -> float:
    match = _DURATION.fullmatch(str(value))
    duration_s = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if isinstance(value, bool) or not 0 < duration_s <= DURATION_MAX_S:
        raise ValueError("a time such as 90, 90s, 10m or 2h, at most 1000d")
    return duration_s


def _size(value: object) -> int:
    match = _SIZE.fullmatch(str(value))
    size = float(match[1]) * _BYTES[match[2].upper()] if match else 0.0
    if not KEEP_MIN <= size <= KEEP_MAX:
        raise ValueError(
            "a size such as 500MB, 20GB or 1.5TB, at least 100MB and at most 1000000TB"
        )
    return round(size)


def _folder(value: object) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("the path of a folder")
    try:
        value.encode()
    except UnicodeEncodeError:  # bytes of an argument that Python could not decode
        raise ValueError("the path of a folder in UTF-8") from None
    return value


def _url(*schemes: str) -> Callable[[object], str]:
    def parse(value: object) -> str:
        text = str(value)
        has_scheme = text.split("://")[0] in schemes and "://" in text
        if not has_scheme or _NOT_IN_URLS.search(text):
            raise ValueError(f"a URL that begins with {' or '.join(s + '://' for s in schemes)}")
        return text

    return parse


def _host_url(*schemes: str) -> Callable[[object], str]:
    parse_url = _url(*schemes)

    def parse(value: object) -> str:
        text = parse_url(value)
        try:
            parts = urlsplit(text)
            host, _ = (parts.hostname or "").encode("idna"), parts.port
        except ValueError:
            host = b""
        if not host or "#" in text or "@" in text:
            raise ValueError("a URL with a host and no user, without '#'")
        return text

    return parse


def _listening(value: object) -> tuple[str, int]:
    match = _LISTENING.fullmatch(str(value))
    if match is None or not 1 <= int(match["port"]) <= 65535:
        raise ValueError("a port from 1 to 65535, or HOST:PORT such as 127.0.0.1:8051")
    return (match["host"] or "127.0.0.1").strip("[]"), int(match["port"])


def _path(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("the path of a file")
    return value


def _secret_url(*schemes: str) -> Callable[[object], Secret]:
    parse = _url(*schemes)
    return lambda value: Secret(parse(value))


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting: its parser (of text or a TOML value) and its help.

    *metavar* stands for the option's value in the help; a switch has none.
    """

    parse: Callable[[object], Any]
    help: str
    metavar: str | None = None


SETTINGS: Final[Mapping[str, Setting]] = {
    "coins": Setting(
        _coins,
        "base coins, such as BTC,ETH,SOL (default: all that the venue lists)",
        "all|BTC,ETH",
    ),
    "venue": Setting(
        _choice("bybit", "bybit-testnet", "sim"),
        "bybit, bybit-testnet, or sim for a simulated venue (default: bybit)",
        "NAME",
    ),
    "testnet": Setting(_flag, "the same as --venue bybit-testnet"),
    "rest_url": Setting(
        _host_url("http", "https"), "REST host (default: that of the venue)", "URL"
    ),
    "ws_url": Setting(
        _host_url("ws", "wss"), "WebSocket URL with its path (default: that of the venue)", "URL"
    ),
    "redis_url": Setting(
        _secret_url("redis", "rediss", "unix"),
        "redis://, rediss:// or unix:// URL (default: localhost:6379, or an embedded Valkey there)",
        "URL",
    ),
    "redis_ca": Setting(
        _path, "trust only this CA for rediss:// (certificates in a PEM file)", "PATH"
    ),
    "redis_cert": Setting(
        _path, "client certificate for rediss://, PEM; may contain the key", "PATH"
    ),
    "redis_key": Setting(_path, "key of the client certificate, PEM, without a passphrase", "PATH"),
    "embedded": Setting(
        _flag, "start an embedded Valkey when no Redis is running (default: --embedded)"
    ),
    "standby": Setting(
        _flag, "wait while another collector holds the lease, and take over when it ends"
    ),
    "flush_ms": Setting(_number(1, 1000, "ms"), "interval of writes to Redis (default: 5)", "MS"),
    "latency_ms": Setting(
        _number_or_auto(0, 1000, "ms"),
        "interval of socket reads; 0: read as data arrives (default: auto, with each flush while"
        " ticks are dense, otherwise as data arrives)",
        "MS",
    ),
    "duration": Setting(
        _duration, "stop after 90s, 10m or 2h (default: run until stopped)", "TIME"
    ),
    "log_format": Setting(
        _choice("text", "json"), "format of the log, text or json (default: text)", "FORMAT"
    ),
    "cache_file": Setting(
        str, "file that caches the list of instruments (default: symbols_cache.json)", "PATH"
    ),
    "refresh_s": Setting(
        _number(1, 86400, "s"), "interval of new instrument lists from REST (default: 300)", "S"
    ),
    "venue_wait_s": Setting(
        _number(0, 86400, "s"),
        "at the start, retry an unreachable venue this long (default: 600)",
        "S",
    ),
    "status_s": Setting(
        _number(0.1, 3600, "s"), "interval of status lines in the log (default: 5)", "S"
    ),
    "reconcile_s": Setting(
        _number(0, 86400, "s"), "interval of the comparison with REST; 0: never (default: 60)", "S"
    ),
    "late_ms": Setting(
        _number(100, 600_000, "ms"),
        "mark a connection late when it is this far behind the venue; readers refuse its data"
        " (default: 2000)",
        "MS",
    ),
    "metrics_port": Setting(
        _listening,
        "serve Prometheus metrics at http://127.0.0.1:PORT/metrics (default: off)",
        "PORT|HOST:PORT",
    ),
    "record": Setting(
        _folder, "record everything received and sent, in files below this folder", "DIR"
    ),
    "record_keep": Setting(
        _size, "delete the oldest recorded files beyond this size (default: 20GB)", "SIZE"
    ),
    "insecure": Setting(_flag, "accept any TLS certificate; loopback only"),
}
_FIELDS = {
    "duration": "duration_s",
    "metrics_port": "metrics_address",
    "record_keep": "record_keep_bytes",
}

# Kubernetes sets these in every Pod for each Service of the namespace, and Docker for each link:
# with a Service named `fastopts` or `fastopts-metrics`, they begin with FASTOPTS_.
_SERVICE_NAME: Final = re.compile(
    r"\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|ENV_\w+"
    r"|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR|PORT_START|PORT_END))?)"
)
_SERVICE_ADDRESS: Final = re.compile(r"(tcp|udp|sctp)://\S*")
_LINK_NAME: Final = re.compile(r"/[^/]+/[^/]+")


def from_env(environ: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the settings in *environ*, and remarks about their spelling.

    Raises ConfigError for a name that is one letter away from a setting's, or whose FASTOPTS_ is
    misspelt: such a setting would be ignored silently. Other unknown names get a remark, and those
    that a platform sets are ignored.
    """
    known = {f"FASTOPTS_{name.upper()}": name for name in SETTINGS}
    candidates = {name for name, text in environ.items() if not _is_of_platform(name, text)}
    prefixed = {name for name in candidates if name.startswith("FASTOPTS_")} - set(OTHER_VARIABLES)
    named, unknown = prefixed & known.keys(), prefixed - known.keys()
    misspelt = {name for name in unknown if _is_misspelt(name, (*known, *OTHER_VARIABLES))}
    strays = {name for name in candidates if _is_stray(name)}
    faults = [_unknown(name, (*known, *OTHER_VARIABLES)) for name in sorted(misspelt | strays)]
    if faults:
        raise ConfigError("; ".join(faults))
    values = {known[name]: _bare(environ[name]) for name in named}
    remarks = [
        f"{name}: spaces, line ends or quotes around its value were removed"
        for name in sorted(named)
        if environ[name] != _bare(environ[name])
    ]
    remarks += [f"{name}: ignored, no such setting" for name in sorted(unknown - misspelt)]
    password = environ.get("REDIS_PASSWORD", "")
    values["redis_password"] = password.rstrip("\r\n")
    remarks += _remarks_on_password(password)
    # In a shell, an empty variable means "not set".
    return {name: value for name, value in values.items() if value}, remarks


def _is_of_platform(name: str, text: str) -> bool:
    """Whether Kubernetes or Docker sets such a variable for a service or a link."""
    is_address = name.endswith("_PORT") and _SERVICE_ADDRESS.fullmatch(text)
    is_link = name.endswith("_NAME") and _LINK_NAME.fullmatch(text)
    return bool(is_address or is_link or _SERVICE_NAME.fullmatch(name))


def _is_stray(name: str) -> bool:
    """Whether *name* is a setting's with a misspelt FASTOPTS_."""
    prefix, _, rest = name.partition("_")
    if prefix == "FASTOPTS" or rest.lower() not in SETTINGS:
        return False
    return bool(difflib.get_close_matches(prefix.upper(), ["FASTOPTS"], 1, 0.85))


def _is_misspelt(name: str, known: Iterable[str]) -> bool:
    return any(_is_one_edit(name.upper(), other) for other in known)


def _is_one_edit(a: str, b: str) -> bool:
    """Whether changing, adding, omitting or swapping one letter turns *a* into *b*."""
    n = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    swapped = a[n : n + 2] == b[n : n + 2][::-1] and a[n + 2 :] == b[n + 2 :]
    return swapped or a[n + 1 :] == b[n + 1 :] or a[n + 1 :] == b[n:] or a[n:] == b[n + 1 :]


def _bare(text: str) -> str:
    """Return *text* without quotes and spaces, which files for `docker --env-file` keep."""
    bare = text.strip()
    is_quoted = len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "\"'"
    return bare[1:-1].strip() if is_quoted else bare


def _remarks_on_password(password: str) -> list[str]:
    used = password.rstrip("\r\n")
    if used != password:
        return ["REDIS_PASSWORD: the line end behind it was removed"]
    if used != _bare(used):
        return ["REDIS_PASSWORD: the spaces or quotes around it are part of it"]
    return []


def read_file(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the content of `fastopts.toml`, or of the file that FASTOPTS_CONFIG names.

    Raises ConfigError for a file that can't be read or parsed.
    """
    named = _bare(environ.get("FASTOPTS_CONFIG", "")) or None
    path = Path(named or "fastopts.toml")
    if named is None and not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))  # TOML is UTF-8; Windows adds a BOM
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 (byte {error.start}); save it as UTF-8") from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error


def load(
    options: Mapping[str, object], environ: Mapping[str, str], file: Mapping[str, object]
) -> Settings:
    """Combine the three sources; an option that is None is not set.

    Raises ConfigError with all faults.
    """
    faults = [_unknown(name, SETTINGS) for name in sorted(file.keys() - SETTINGS.keys())]
    variables, remarks = from_env(environ)
    password = variables.pop("redis_password", None)
    sources = (
        ("fastopts.toml: {}", file),
        ("FASTOPTS_{}", {name.upper(): value for name, value in variables.items()}),
        ("--{}", {name.replace("_", "-"): v for name, v in options.items() if v is not None}),
    )
    values: dict[str, Any] = {}
    for label, source in sources:
        for spelling, value in source.items():
            name = spelling.lower().replace("-", "_")
            if name not in SETTINGS:
                continue
            try:
                values[_FIELDS.get(name, name)] = SETTINGS[name].parse(value)
            except ValueError as error:
                # Any URL may contain a password, if only by mistake.
                is_secret = name == "redis_url" or (name.endswith("_url") and "@" in str(value))
                shown = "***" if is_secret else masked(repr(value))
                faults.append(f"{label.format(spelling)}={shown}: {error}")
    if password is not None and _SURROGATES.search(password):
        faults.append("REDIS_PASSWORD: not UTF-8")
    if not faults:
        faults += _name_tls_files(values)
    if faults:
        raise ConfigError("; ".join(faults))
    if values.get("venue") == "bybit-testnet":
        # one form of it in Settings, so that hosts of the mainnet are refused in either spelling
        values |= {"venue": "bybit", "testnet": True}
    secret = None if password is None else Secret(password)
    return Settings(**values, redis_password=secret, remarks=tuple(remarks))


# Options in the query of a Redis URL, which override the settings.
_TLS_FILES: Final = {
    "redis_ca": "ssl_ca_certs",
    "redis_cert": "ssl_certfile",
    "redis_key": "ssl_keyfile",
}


def _name_tls_files(values: dict[str, Any]) -> list[str]:
    """Put the TLS files into the Redis URL, so that it has all that a connection needs.

    Returns faults: combinations that make no sense.
    """
    named = {name: values[name] for name in _TLS_FILES if name in values}
    if not named:
        return []
    url = values["redis_url"].reveal() if "redis_url" in values else ""
    if not url.startswith("rediss://"):
        options = ", ".join(f"--{name.replace('_', '-')}" for name in named)
        return [f"{options}: needs a server with TLS: --redis-url rediss://host"]
    query = parse_qs(urlsplit(url).query, keep_blank_values=True)
    added = {_TLS_FILES[name]: path for name, path in named.items()}
    text = urlencode({name: p for name, p in added.items() if name not in query}, quote_via=quote)
    if text:
        values["redis_url"] = Secret(f"{url}{'&' if '?' in url else '?'}{text}")
    return []


def _unknown(name: str, known: Iterable[str]) -> str:
    spellings = {other.upper(): other for other in known}
    similar = difflib.get_close_matches(name.upper(), spellings, 1)
    suggestion = f"; did you mean {spellings[similar[0]]}?" if similar else ""
    return f"unknown setting {name}{suggestion}"
