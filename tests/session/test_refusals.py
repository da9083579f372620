import pytest

from fastopts.session.refusals import Consequence, judge


@pytest.mark.parametrize(
    ("words", "consequence"),
    [
        ("WRONGTYPE Operation against a key holding the wrong kind of value", Consequence.KEY),
        ("OOM command not allowed when used memory > 'maxmemory'.", Consequence.WAIT),
        ("LOADING Valkey is loading the dataset in memory", Consequence.WAIT),
        ("READONLY You can't write against a read only replica.", Consequence.RECONNECT),
        ("NOPERM User col has no permissions to run the 'hset' command", Consequence.DENIED),
        ("ERR something new", Consequence.UNKNOWN),
    ],
)
def test_the_first_word_decides(words: str, consequence: Consequence) -> None:
    refusal = judge(words)
    assert refusal.consequence is consequence
    assert refusal.remedy


def test_a_server_without_room_for_us_is_waited_for() -> None:
    refusal = judge("ERR max number of clients reached")
    assert refusal.consequence is Consequence.WAIT
    assert "maxclients" in refusal.remedy
