"""The server's parts of a report, and its goals."""

from collections.abc import Mapping

from bench import plan as collecting
from bench import table
from bench.goals import Goal
from bench.measure import rss_mb
from bench.report import Report
from bench.serve import asking, page, streaming
from bench.serve.asking import Asked
from bench.serve.plan import Plan
from bench.serve.serving import Serving
from bench.serve.streaming import Crowd, Streamed
from bench.session import Session
from tests.page.tab import NO_BROWSER, chromium

__all__ = ("measure",)

SYMBOLS = 2_000
VENUE = "custom:127.0.0.1"  # what the collector calls the replay
ASSET = "BTC"
READERS, SILENT = Crowd("200 that read", 200, 0), Crowd("100 that never read", 0, 100)
READERS_OF_MORE = Crowd(f"200 that read, {ASSET} alone at 2,600/s", 200, 0)
ASSET_PACE = 6_500.0  # of the market: BTC has 40 % of the symbols
MB_A_SILENT_CLIENT = 0.5


def measure(chosen: Plan, report: Report) -> list[Goal]:
    """Measure the plan, add what was found to *report*; return the goals of what was measured."""
    return [
        *report.attempt("serve", lambda: _server(chosen, report)),
        *report.attempt("serve_page", lambda: _page(chosen, report)),
    ]


def _server(chosen: Plan, report: Report) -> list[Goal]:
    with Session(collecting.FASTOPTS, SYMBOLS, None) as session:
        session.start(collecting.PACE)
        with Serving(session.valkey.url, VENUE) as serving:
            asked = asking.run(
                serving, asking.questions(serving, ASSET), chosen.rounds, chosen.turn_s
            )
            resident_mb = rss_mb(serving.pid)[0]
            report.add("serve", asked, _requests(asked, resident_mb))
            streamed = _crowds(chosen, session, serving)
            report.add("serve_streams", streamed, _streams(streamed))
    return [*_of_requests(asked), *_of_streams(streamed, resident_mb)]


def _page(chosen: Plan, report: Report) -> list[Goal]:
    if chromium() is None:
        report.add("serve_page", None, NO_BROWSER)
        return []
    found = page.measure(chosen.view_s, chosen.visits)
    report.add("serve_page", found, page.text(found))
    return page.goals(found)


def _crowds(chosen: Plan, session: Session, serving: Serving) -> dict[str, Streamed]:
    found: dict[str, Streamed] = {}
    for rate, crowds in ((collecting.PACE, (READERS, SILENT)), (ASSET_PACE, (READERS_OF_MORE,))):
        session.start(rate)
        found |= streaming.run(
            *(session, serving, ASSET, VENUE, crowds),
            rounds=max(chosen.rounds - 1, 1),
            turn_s=chosen.crowd_s,
        )
    return found


def _requests(asked: Mapping[str, Asked], resident_mb: float) -> str:
    rows = [("request", "p50 ms", "(spread)", "p99 ms", "CPU us", "a second", "bytes")]
    rows += [
        (
            title,
            f"{one.figures.p50_us / 1000:.2f}",
            f"{one.figures.p50_us_least / 1000:.2f}-{one.figures.p50_us_most / 1000:.2f}",
            f"{one.figures.p99_us / 1000:.2f}",
            f"{one.figures.cpu_us:,.0f}",
            f"{one.per_s:,.0f}",
            f"{one.bytes:,}",
        )
        for title, one in asked.items()
    ]
    head = f"fastopts serve, {SYMBOLS:,} symbols at 2,600 messages/s; {resident_mb:.0f} MB resident"
    return f"{head}\n{table.aligned(rows)}"


def _streams(streamed: Mapping[str, Streamed]) -> str:
    heads = ("stream clients", "of a core", "RSS MB", "MB/s", "age p99 ms", "alone", "times")
    rows = [(*heads, "an option ms")]
    rows += [
        (
            title,
            f"{one.server_share:.1%}",
            f"{one.rss_mb:.0f}",
            f"{one.sent_mb_s:.1f}",
            f"{one.collector_p99_ms:.1f}",
            f"{one.alone_p99_ms:.1f}",
            f"{one.times_alone:.2f}",
            f"{one.option_p50_ms:.2f}",
        )
        for title, one in streamed.items()
    ]
    head = f"each subscribed to {ASSET}: 40 % of {SYMBOLS:,} symbols, all together at 2,600/s"
    return f"{head}\n{table.aligned(rows)}"


def _of_requests(asked: Mapping[str, Asked]) -> list[Goal]:
    by_kind = {title.split(" (")[0]: one for title, one in asked.items()}
    one, hundred, chain = (by_kind[name] for name in ("one option", "100 options", "a chain"))
    return [
        Goal("GET one option: p50 ms", one.figures.p50_us / 1000, 1),
        Goal("GET 100 options: p50 ms", hundred.figures.p50_us / 1000, 3),
        Goal("GET one option: a second, one worker", one.per_s, 3000, is_least=True),
        Goal("GET a chain: p50 ms", chain.figures.p50_us / 1000, 4),
    ]


def _of_streams(streamed: Mapping[str, Streamed], resident_mb: float) -> list[Goal]:
    readers, silent = streamed[READERS.title], streamed[SILENT.title]
    busy = streamed[READERS_OF_MORE.title]
    grown_mb = silent.rss_mb - resident_mb
    return [
        Goal("fastopts serve: MB resident", resident_mb, 90),
        Goal("200 stream clients: cores", readers.server_share, 1),
        Goal("200 stream clients: age p99, times that without", readers.times_alone, 1.1),
        Goal(f"the same, {ASSET} alone at 2,600/s: cores", busy.server_share, 1),
        Goal(f"the same, {ASSET} alone at 2,600/s: age p99, times", busy.times_alone, 1.1),
        Goal("100 that never read: MB grown by", grown_mb, SILENT.silent * MB_A_SILENT_CLIENT),
        Goal("100 that never read: age p99, times that without", silent.times_alone, 1.1),
        Goal("100 that never read: one option meanwhile, p50 ms", silent.option_p50_ms, 1),
    ]
