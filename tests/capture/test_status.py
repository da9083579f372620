from fastopts.capture.status import RecordingStatus
from fastopts.contract import StatsField


def test_the_fields_are_the_terms_of_the_equation() -> None:
    status = RecordingStatus(
        state="stopped",
        reason="No space left on device",
        received=10,
        recorded=5,
        not_recorded=3,
        unwritten=2,
        bytes_written=1000,
        files_closed=1,
        behind_s=0.0,
    )
    fields = status.fields()
    assert fields[StatsField.RECORDING] == "stopped"
    assert fields[StatsField.RECORDING_REASON] == "No space left on device"
    total, parts = StatsField.RECORDING_EQUATION
    assert int(fields[total]) == sum(int(fields[part]) for part in parts) == 10
