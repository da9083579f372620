"""Builds the recorder of a collector, and connects it with the collector's other parts."""

import hashlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from fastopts.capture.status import OFF
from fastopts.collector.store.statistics import Source
from fastopts.collector.venue.rest_driver import OnExchange
from fastopts.config import Secret, Settings
from fastopts.contract import StatsField
from fastopts.core import IMPLEMENTATION, Table
from fastopts.errors import ConfigError, ConnectionLost, extra_missing
from fastopts.model import Instrument
from fastopts.net.http import HttpResponse
from fastopts.venues.bybit.rest import RestRequest

if TYPE_CHECKING:
    from fastopts.capture.recorder import Recorder

__all__ = (
    "build_recorder",
    "exchange_recorder",
    "feed_recorder",
    "settings_digest",
    "statistics_source",
)

# Every message, verbatim. Files name it in their metadata, so that other levels can be recognised.
LEVEL = "raw"


def build_recorder(
    settings: Settings,
    venue: str,
    user_agent: str,
    table: Table,
    instruments: Mapping[str, Instrument],
) -> "Recorder | None":
    """Return the recorder; None without `--record`.

    Raises ConfigError on Windows, and where its library is not installed. A folder that can't be
    written is no reason to end the collector: the recorder reports it, and tries again.
    """
    if settings.record is None:
        return None
    if sys.platform == "win32":
        # Files in use are recognised by locks that Windows lacks, and their folder can't be synced.
        raise ConfigError("--record is not supported on Windows: record on Linux, macOS or WSL")
    try:
        from fastopts.capture.folder import CaptureFolder
        from fastopts.capture.recorder import Recorder, Recording
        from fastopts.capture.worker import CaptureWorker
    except ModuleNotFoundError as error:
        missing = extra_missing("backports.zstd", "record")
        raise ConfigError(f"--record: {missing}") from error
    folder = CaptureFolder(Path(settings.record), venue, settings.record_keep_bytes)
    version = user_agent.rpartition("/")[2]
    opening = {
        "venue": venue,
        "level": LEVEL,
        "version": version,
        "core": IMPLEMENTATION,
        "settings": settings_digest(settings),
    }
    recording = Recording(table, instruments, f"fastopts {version}", opening)
    return Recorder(recording, CaptureWorker(folder))


def settings_digest(settings: Settings) -> str:
    """Return a digest of the settings without secrets and remarks: the same for equal settings."""
    values = {each.name: getattr(settings, each.name) for each in fields(settings) if each.compare}
    # A secret that is set is left out like one that is not.
    public = {
        name: value
        for name, value in values.items()
        if value is not None and not isinstance(value, Secret)
    }
    return hashlib.sha256(repr(public).encode()).hexdigest()[:16]


def exchange_recorder(recorder: "Recorder | None") -> OnExchange:
    """Return what a RestDriver calls for each exchange."""
    if recorder is None:
        return lambda *_: None

    def record(request: RestRequest, outcome: HttpResponse | ConnectionLost) -> None:
        if isinstance(outcome, ConnectionLost):
            recorder.rest(request.path, request.params, error=str(outcome))
        else:
            recorder.rest(request.path, request.params, status=outcome.status, body=outcome.body)

    return record


def feed_recorder(recorder: "Recorder | None") -> Callable[[Mapping[str, str]], None]:
    """Return what the writer calls with the fields of each feed that Redis has accepted."""
    if recorder is None:
        return lambda _: None
    return recorder.feed


def statistics_source(recorder: "Recorder | None") -> Source:
    """Return the source of the fields of `stats` about the recording."""
    if recorder is None:
        return lambda: {StatsField.RECORDING: OFF}
    return recorder.statistics
