from fastopts.session.resubscribe_policy import ResubscribePolicy


def test_a_symbol_is_tried_elsewhere_then_goes_home_ever_more_patiently() -> None:
    moves, made = ResubscribePolicy(patience_s=30.0), []
    for now in range(20_000):
        elsewhere, home = moves.plan(["X"], float(now))
        made += [(now, "elsewhere")] * len(elsewhere) + [(now, "home")] * len(home)
    assert made == [
        *((0, "elsewhere"), (30, "home")),
        *((150, "elsewhere"), (180, "home")),
        *((660, "elsewhere"), (690, "home")),
        *((2610, "elsewhere"), (2640, "home")),
        *((10320, "elsewhere"), (10350, "home")),
    ]
    assert moves.moves == 10


def test_what_has_come_since_is_forgotten_and_tried_at_once_when_it_falls_silent_again() -> None:
    moves = ResubscribePolicy(patience_s=30.0)
    assert moves.plan(["X"], 0.0) == (["X"], [])
    assert moves.plan([], 240.0) == ([], [])
    assert moves.plan(["X"], 240.0) == ([], ["X"])
    assert moves.plan([], 240.0 + 961.0) == ([], [])
    assert moves.plan(["X"], 240.0 + 962.0) == (["X"], [])
    assert moves.plan(["X"], 240.0 + 992.0) == ([], ["X"])


def test_each_symbol_has_a_patience_of_its_own() -> None:
    moves = ResubscribePolicy(patience_s=30.0)
    assert moves.plan(["X"], 0.0) == (["X"], [])
    assert moves.plan(["X", "Y"], 20.0) == (["Y"], [])
    assert moves.plan(["X", "Y"], 30.0) == ([], ["X"])
    assert moves.plan(["X", "Y"], 50.0) == ([], ["Y"])
