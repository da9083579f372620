from fastopts.cli.output.plot import PlotCurve, PlotFrame, draw

FRAME = PlotFrame(12, 2, (0.0, 1.0), (0.0, 0.08), [(0.0, "0"), (1.0, "1")])


def test_a_line_goes_from_corner_to_corner() -> None:
    assert draw(FRAME, [PlotCurve([(0.0, 0.0), (1.0, 0.08)])]).plain.splitlines() == [
        "   6.0%   ⡠⠊",
        "        ⡠⠊  ",
        "        0  1",
    ]


def test_a_lone_point_is_a_dot_and_outside_of_the_frame_is_nothing() -> None:
    curves = [PlotCurve([(1.0, 0.08)]), PlotCurve([(2.0, 0.02)]), PlotCurve([(0.5, -1.0)])]
    assert draw(FRAME, curves).plain.splitlines()[:2] == ["   6.0%    ⠈", "            "]


def test_the_later_curve_gives_a_shared_place_its_style() -> None:
    drawn = draw(FRAME, [PlotCurve([(0.0, 0.08)], "red"), PlotCurve([(0.0, 0.075)], "blue")])
    assert [span.style for span in drawn.spans if span.style in ("red", "blue")] == ["blue"]


def test_a_range_of_one_value_is_drawn_in_the_middle() -> None:
    frame = PlotFrame(12, 1, (5.0, 5.0), (0.0, 0.1), [(5.0, "5")])
    assert "⠁" in draw(frame, [PlotCurve([(5.0, 0.1)])]).plain


def test_a_mark_stands_at_every_point_and_the_first_curve_keeps_a_shared_place() -> None:
    ends = [(0.0, 0.08), (1.0, 0.0)]
    curves = [PlotCurve(ends, mark="●"), PlotCurve([(0.0, 0.08), (1.0, 0.08)], mark="▲")]
    first, second, _ = draw(FRAME, curves).plain.splitlines()
    assert (first[8], first[11], second[11]) == ("●", "▲", "●")
    outside = draw(FRAME, [PlotCurve([(0.0, 0.5), (0.5, 0.04)], mark="●")]).plain
    assert outside.count("●") == 1
