"""What the doctor finds when the venue's WebSocket refuses, or is silent."""

from pathlib import Path

import pytest

from tests.cli.doctor.venues import levels, look
from tests.sim.conftest import ThreadedVenue


def test_a_mute_websocket_is_red(tmp_path: Path, there: list[str], venue: ThreadedVenue) -> None:
    venue.venue.faults.mute = True
    found = look(there, tmp_path)
    assert levels(found) == [*["green"] * 6, "red"]
    assert "connected, but BTC-" in found["ws tick"]["words"]
    assert "did not tick" in found["ws tick"]["words"]


def test_a_refused_topic_is_red(tmp_path: Path, there: list[str], venue: ThreadedVenue) -> None:
    venue.venue.faults.fail_topics = {f"tickers.{symbol}" for symbol in venue.venue.symbols}
    found = look(there, tmp_path)["ws tick"]
    assert found["level"] == "red"
    assert "was refused" in found["words"]


@pytest.mark.parametrize(
    ("status", "remedy"), [(403, "wait 10 minutes"), (502, "check the firewall")]
)
def test_a_refused_handshake_is_red(
    tmp_path: Path, there: list[str], venue: ThreadedVenue, status: int, remedy: str
) -> None:
    venue.venue.faults.refuse_status = status
    found = look(there, tmp_path)["ws tick"]
    assert found["level"] == "red"
    assert f"HTTP {status}" in found["words"]
    assert found["remedy"].startswith(remedy)
