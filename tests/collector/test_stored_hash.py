from fastopts.collector.store.stored_hash import StoredHash


def test_fields_that_are_not_written_any_more_are_deleted() -> None:
    stored = StoredHash("stats", kept=frozenset({"total"}))
    stored.load(["total", "rate", "reason", "old"])
    assert stored.commands({"rate": "2", "new": "1"}) == [
        ("HSET", "stats", "rate", "2", "new", "1"),
        ("HDEL", "stats", "old", "reason"),
    ]
    stored.load(["rate", "new"])
    assert stored.commands({"rate": "3", "new": "1"}) == [
        ("HSET", "stats", "rate", "3", "new", "1")
    ]


def test_nothing_is_deleted_while_the_content_is_unknown() -> None:
    stored = StoredHash("stats")
    stored.load(["old"])
    stored.forget()
    assert stored.names is None
    assert stored.commands({"new": "1"}) == [("HSET", "stats", "new", "1")]
    assert stored.query() == ("HKEYS", "stats")
