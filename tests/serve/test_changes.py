"""Changes of a mirror between two beats."""

from fastopts.serve.streams.changes import ChangeLog


def test_changes_are_collected_while_recording_and_taken_once() -> None:
    changes = ChangeLog()
    changes.changed(["A"])
    assert changes.take() == (set(), False)
    changes.is_recording = True
    changes.changed(["A", "B"])
    changes.changed(iter(["B", "C"]))
    assert changes.take() == ({"A", "B", "C"}, False)
    assert changes.take() == (set(), False)


def test_a_change_of_liveness_may_concern_every_option() -> None:
    for name in ("revived", "resumed"):
        changes = ChangeLog()
        getattr(changes, name)()
        assert changes.take() == (set(), True)
        assert changes.take() == (set(), False)
    changes.broke("the feed is down")
    assert changes.take() == (set(), True)


def test_a_new_listing_is_found_by_the_beat_itself() -> None:
    changes = ChangeLog()
    changes.relisted()
    assert changes.take() == (set(), False)
