from fastopts.session.ban import Ban


def test_without_a_ban_no_request_waits() -> None:
    assert Ban().remaining_s(0.0) == 0
    assert Ban().remaining_s(-5.0) == 0


def test_a_ban_runs_out() -> None:
    ban = Ban()
    ban.begin(100.0, 600.0)
    assert ban.remaining_s(100.0) == 600
    assert ban.remaining_s(400.0) == 300
    assert ban.remaining_s(700.0) == 0
    assert ban.remaining_s(10_000.0) == 0


def test_another_ban_lengthens_and_never_shortens() -> None:
    ban = Ban()
    ban.begin(100.0, 600.0)
    ban.begin(200.0, 10.0)
    assert ban.remaining_s(200.0) == 500
    ban.begin(300.0, 600.0)
    assert ban.remaining_s(300.0) == 600


def test_one_that_is_over_begins_anew() -> None:
    ban = Ban()
    ban.begin(100.0, 1.0)
    ban.begin(500.0, 2.0)
    assert ban.remaining_s(501.0) == 1
