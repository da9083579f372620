"""What a notebook shows: liveness, its reason and the time of the read; legible in both themes."""

from html.parser import HTMLParser
from typing import Any, Final

import pytest
from playwright.sync_api import sync_playwright

from fastopts.reader import OptionReader
from fastopts.reader.freshness.feed import Feed
from fastopts.reader.freshness.feed_state import FeedState
from fastopts.reader.freshness.moment import Moment
from tests.page.layout import unreadable
from tests.page.tab import ARGUMENTS, NO_BROWSER, chromium
from tests.reader.options import NOW_MS, make, terms
from tests.support.store import Store

# As pages of JupyterLab and of nbconvert have it: the theme sets colour and background of all text.
THEMES: Final = {"light": "color:#000;background:#fff", "dark": "color:#ffffffde;background:#111"}
CONTRAST_MIN: Final = 4.5  # of WCAG AA, for text of this size
SYMBOLS: Final = [
    f"BTC-27NOV99-{strike}-{kind}-USDT" for strike in range(50_000, 110_000, 1_000) for kind in "CP"
]
MUTED: Final = SYMBOLS[70]

# The contrast of each text with the background behind it, opacity applied: text -> least ratio.
_CONTRASTS: Final = """() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = (rgb) => rgb.slice(0, 3)
    .map((c) => c / 255).map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const result = {};
  for (const node of document.querySelectorAll("td, th, b, span, div")) {
    const text = [...node.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data).join("");
    if (!text.trim()) continue;
    let opacity = 1, back = null;
    for (let each = node; each; each = each.parentElement) {
      const style = getComputedStyle(each);
      opacity *= Number(style.opacity);
      const color = channels(style.backgroundColor);
      if (!back && (color[3] ?? 1) > 0) back = color;
    }
    const front = channels(getComputedStyle(node).color);
    const alpha = opacity * (front[3] ?? 1);
    const mixed = front.slice(0, 3).map((c, i) => alpha * c + (1 - alpha) * back[i]);
    const [high, low] = [luminance(mixed), luminance(back)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    result[text.trim()] = Math.min(ratio, result[text.trim()] ?? Infinity);
  }
  return result;
}"""


class Reading(HTMLParser):
    """The texts of HTML, and whether every tag that is opened is closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.hints: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._open.append(tag)
        self.hints += [value or "" for name, value in attributes if name == "title"]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        """All texts, one after the other."""
        return "|".join(self.texts)


def shown(subject: Any) -> Reading:
    return Reading(subject._repr_html_())


@pytest.fixture
def market(store: Store) -> Store:
    for symbol in SYMBOLS:
        store.option(symbol, conn=9 if symbol == MUTED else 1)
    store.feed(coverage=f"{len(SYMBOLS)}/{len(SYMBOLS)}")
    return store


def test_an_option_shows_its_values_and_that_they_were_live() -> None:
    reading = shown(make(instrument=terms(), underlying_price=88251.0))
    assert reading.texts[:3] == ["BTC-27NOV99-90000-C-USDT", " ", "live"]
    assert "bybit, as of 2026-11-22 12:00:00.000 UTC" in reading.text
    assert "|Bid|1,205|" in reading.text
    assert "|Bid IV|48.12%|" in reading.text
    assert "SIMULATED" not in reading.text


def test_an_absent_number_is_a_dash() -> None:
    assert "|Bid|–|Bid size BTC|–|Bid IV|–|" in shown(make(bid_price=0.0)).text


def test_an_option_that_is_not_live_shows_why(market: Store, reader: OptionReader) -> None:
    reading = shown(reader.get(MUTED, require_live=False))
    assert "|NOT LIVE| NotYetLive: " in reading.text
    assert "the connection that delivered it is closed" in reading.text
    market.feed(beat_s=60)
    assert "FeedDown: " in shown(reader.get(SYMBOLS[0], require_live=False)).text


def test_a_chain_marks_what_is_not_live(market: Store, reader: OptionReader) -> None:
    chain = reader.chain("BTC", require_live=False)
    reading = shown(chain)
    assert reading.texts[:3] == ["BTC 27NOV99 USDT", " ", "119 of 120 live"]
    assert "41 of 60 strikes are shown" in reading.text
    assert "|88,000|" in reading.text
    assert "|50,000|" not in reading.text
    assert len([hint for hint in reading.hints if MUTED in hint and "not live" in hint]) == 5
    strict = shown(reader.chain("BTC"))
    assert "119 of 120 live" in strict.text
    assert strict.hints == ["not listed, or refused: see absent"] * 5


def test_a_table_shows_its_first_rows(market: Store, reader: OptionReader) -> None:
    reading = shown(reader.table())
    assert reading.texts[:3] == ["Table: 120 options", " ", "119 of 120 live"]
    assert [text for text in reading.texts if text in SYMBOLS] == SYMBOLS[:20]
    assert "the first 20 rows are shown" in reading.text


def test_a_scan_shows_what_its_gate_excluded(market: Store, reader: OptionReader) -> None:
    reading = shown(reader.scan(limit=3))
    assert reading.texts[:3] == ["Scan: 3 options", " ", "3 of 3 live"]
    assert "119 of 120 options match, 0 out of bounds, excluded: 1 stale" in reading.text
    nothing = reader.scan(min_iv=9.0)._repr_html_()
    assert "Scan: 0 options" in nothing
    assert " live" not in nothing
    assert "<table" not in nothing


def test_the_feed_shows_whether_it_is_alive(market: Store, reader: OptionReader) -> None:
    alive = shown(reader.feed())
    assert alive.texts[:3] == ["Feed", " ", "alive"]
    assert "|120 of 120 symbols|" in alive.text
    market.feed(beat_s=60)
    assert "|NOT LIVE| FeedDown: the collector's last heartbeat is 60" in shown(reader.feed()).text


def test_a_dead_feed_is_the_first_thing_that_all_of_them_show(
    market: Store, reader: OptionReader
) -> None:
    market.feed(beat_s=60)
    stale: Any = {"require_live": False}
    for subject in (
        *(reader.get(SYMBOLS[0], **stale), reader.chain("BTC", **stale), reader.table(**stale)),
        *(reader.scan(gate=False, **stale), reader.feed()),
    ):
        assert shown(subject).texts[2] == "NOT LIVE"


def test_simulated_data_is_named(market: Store) -> None:
    market.feed(venue="sim")
    with OptionReader(market.url, venue="sim") as reader:
        for subject in (reader.get(SYMBOLS[0]), reader.chain("BTC"), reader.table(), reader.feed()):
            assert shown(subject).texts[2] == "SIMULATED DATA"


def test_texts_of_redis_are_escaped() -> None:
    hostile = "<script>alert(1)</script>"
    fields = {b"venue": hostile.encode(), b"writer": hostile.encode(), b"stopped_ms": b"1"}
    state = FeedState(Moment(Feed(fields), NOW_MS, {}))
    html = state._repr_html_()
    assert "<script" not in html
    assert hostile in shown(state).text


def test_a_clock_beyond_all_calendars_is_shown() -> None:
    assert "as of 9999-12-31" in shown(make(now_ms=10**18)).text
    assert "as of 1970-01-01" in shown(make(now_ms=-(10**15))).text


@pytest.mark.parametrize("theme", THEMES)
def test_every_text_is_legible(market: Store, reader: OptionReader, theme: str) -> None:
    program = chromium()
    if program is None:
        pytest.skip(NO_BROWSER)
    chain = reader.chain("BTC", require_live=False)
    subjects: list[Any] = [
        reader.get(MUTED, require_live=False),
        chain,
        reader.table(),
        reader.feed(),
    ]
    market.feed(venue="sim", beat_s=60)
    with OptionReader(market.url, venue="sim") as simulated:
        subjects.append(simulated.table(require_live=False))
    body = "".join(subject._repr_html_() for subject in subjects)
    page_html = f'<body style="{THEMES[theme]};font:13px sans-serif">{body}</body>'
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        page = browser.new_page(viewport={"width": 900, "height": 3000})
        page.set_content(page_html)
        contrasts: dict[str, float] = page.evaluate(_CONTRASTS)
        faults = unreadable(page)
        browser.close()
    assert {"119 of 120 live", "SIMULATED DATA", "NOT LIVE", "alive", "NO"} <= contrasts.keys()
    assert {text for text, ratio in contrasts.items() if ratio < CONTRAST_MIN} == set()
    assert faults == []
