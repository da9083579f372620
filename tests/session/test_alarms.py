from fastopts.session.alarms import Alarms


def judged(
    alarms: Alarms,
    at: float,
    rate: float = 1000,
    covered: int = 100,
    lag: float | None = 1,
    skew: float | None = None,
    loop_lag: float = 0.0,
) -> list[str]:
    return alarms.judge(
        at, rate=rate, covered=covered, wanted=100, lag_ms=lag, skew_ms=skew, loop_lag_ms=loop_lag
    )


def warmed() -> Alarms:
    alarms = Alarms()
    for at in range(0, 120, 5):
        assert judged(alarms, at) == []
    return alarms


def test_a_fallen_rate_is_reported_once_and_again_after_it_recovered() -> None:
    alarms = warmed()
    assert judged(alarms, 120, rate=201) == []
    [words] = judged(alarms, 125, rate=199)
    assert words == "message rate fell to 199/s, below 20% of its 5-minute median of 1000/s"
    assert judged(alarms, 130, rate=100) == []
    assert judged(alarms, 135) == []
    assert len(judged(alarms, 140, rate=0)) == 1


def test_a_rate_that_stays_low_becomes_the_usual_one() -> None:
    alarms = warmed()
    assert judged(alarms, 120, rate=100)
    for at in range(125, 800, 5):
        judged(alarms, at, rate=100)
    assert judged(alarms, 800, rate=90) == []


def test_missing_coverage_is_reported() -> None:
    alarms = warmed()
    assert judged(alarms, 120, covered=99) == []
    assert judged(alarms, 125, covered=98) == ["2 of 100 symbols are not live"]


def test_a_start_is_no_alarm() -> None:
    alarms = Alarms()
    assert judged(alarms, 0, rate=0, covered=0) == []
    assert judged(alarms, 30, rate=0, covered=10) == []


def test_a_slow_or_silent_database_is_reported() -> None:
    alarms = warmed()
    assert judged(alarms, 120, lag=1500) == ["Redis takes 1500 ms for a batch"]
    assert judged(alarms, 125, lag=None) == []
    assert judged(alarms, 130) == []
    assert judged(alarms, 135, lag=None) == ["Redis accepts no data"]


def test_clocks_that_are_apart_are_reported() -> None:
    alarms = warmed()
    assert judged(alarms, 120, skew=999) == []
    assert judged(alarms, 125, skew=-1300) == [
        "the clocks of venue and Redis host are -1.3 s apart"
    ]
    assert judged(alarms, 130, skew=-1400) == []


def test_a_process_that_stood_still_is_reported() -> None:
    alarms = warmed()
    assert judged(alarms, 120, loop_lag=2500) == ["this process stood still for 2.5 s"]
    assert judged(alarms, 125, loop_lag=40) == []
