"""The server's parts of a report, and its goals."""

from collections.abc import Mapping

from bench import plan as collecting
from bench import table
from bench.goals import Goal
from bench.measure import rss_mb
from bench.report import Report
from bench.serve import page, request_times, streaming
from bench.serve.plan import ServePlan
from bench.serve.request_times import RequestFigures
from bench.serve.server_process import ServerProcess
from bench.serve.streaming import Crowd, StreamFigures
from bench.session import Session
from tests.page.tab import NO_BROWSER, chromium

__all__ = ("measure",)

SYMBOLS = 2_000
VENUE = "custom:127.0.0.1"  # the collector's name of the replay
ASSET = "BTC"
READERS, SILENT = Crowd("200 that read", 200, 0), Crowd("100 that never read", 0, 100)
READERS_OF_MORE = Crowd(f"200 that read, {ASSET} alone at 2,600/s", 200, 0)
ASSET_PACE = 6_500.0  # messages/s of the whole market, 40 % of them BTC's
# What the server may buffer for a client that does not read.
MB_A_SILENT_CLIENT = 0.5


def measure(plan: ServePlan, report: Report) -> list[Goal]:
    """Carry out *plan*, add the results to *report*, and return the goals that were measured."""
    return [
        *report.attempt("serve", lambda: _server(plan, report)),
        *report.attempt("serve_page", lambda: _page(plan, report)),
    ]


def _server(plan: ServePlan, report: Report) -> list[Goal]:
    with Session(collecting.FASTOPTS, SYMBOLS, None) as session:
        session.start(collecting.PACE)
        with ServerProcess(session.valkey.url, VENUE) as server:
            kinds = request_times.request_kinds(server, ASSET)
            requests = request_times.run(server, kinds, plan.rounds, plan.turn_s)
            # Before the streams: a silent client's buffers count as growth.
            resident_mb = rss_mb(server.pid)[0]
            report.add("serve", requests, _requests_text(requests, resident_mb))
            streams = _crowds(plan, session, server)
            report.add("serve_streams", streams, _streams_text(streams))
    return [*_request_goals(requests), *_stream_goals(streams, resident_mb)]


def _page(plan: ServePlan, report: Report) -> list[Goal]:
    if chromium() is None:
        report.add("serve_page", None, NO_BROWSER)
        return []
    figures = page.measure(plan.view_s, plan.visits)
    report.add("serve_page", figures, page.text(figures))
    return page.goals(figures)


def _crowds(plan: ServePlan, session: Session, server: ServerProcess) -> dict[str, StreamFigures]:
    streams: dict[str, StreamFigures] = {}
    for rate, crowds in ((collecting.PACE, (READERS, SILENT)), (ASSET_PACE, (READERS_OF_MORE,))):
        session.start(rate)
        # A crowd's turn is long: one round less than for requests.
        rounds = max(plan.rounds - 1, 1)
        streams |= streaming.run(
            session, server, ASSET, VENUE, crowds, rounds=rounds, turn_s=plan.crowd_s
        )
    return streams


def _requests_text(requests: Mapping[str, RequestFigures], resident_mb: float) -> str:
    rows = [("request", "p50 ms", "(range)", "p99 ms", "CPU us", "requests/s", "bytes")]
    rows += [
        (
            title,
            f"{kind.figures.p50_us / 1000:.2f}",
            f"{kind.figures.p50_us_least / 1000:.2f}-{kind.figures.p50_us_most / 1000:.2f}",
            f"{kind.figures.p99_us / 1000:.2f}",
            f"{kind.figures.cpu_us:,.0f}",
            f"{kind.per_s:,.0f}",
            f"{kind.bytes:,}",
        )
        for title, kind in requests.items()
    ]
    head = f"fastopts serve, {SYMBOLS:,} symbols at 2,600 messages/s; {resident_mb:.0f} MB resident"
    return f"{head}\n{table.aligned(rows)}"


def _streams_text(streams: Mapping[str, StreamFigures]) -> str:
    heads = ("stream clients", "of a core", "RSS MB", "MB/s", "age p99 ms", "alone", "ratio")
    rows = [(*heads, "one option ms")]
    rows += [
        (
            title,
            f"{crowd.server_share:.1%}",
            f"{crowd.rss_mb:.0f}",
            f"{crowd.sent_mb_s:.1f}",
            f"{crowd.collector_p99_ms:.1f}",
            f"{crowd.alone_p99_ms:.1f}",
            f"{crowd.times_alone:.2f}",
            f"{crowd.option_p50_ms:.2f}",
        )
        for title, crowd in streams.items()
    ]
    head = f"each subscribed to {ASSET}: 40 % of {SYMBOLS:,} symbols, all together at 2,600/s"
    return f"{head}\n{table.aligned(rows)}"


def _request_goals(requests: Mapping[str, RequestFigures]) -> list[Goal]:
    by_kind = {title.split(" (")[0]: figures for title, figures in requests.items()}
    option, hundred, chain = (by_kind[name] for name in ("one option", "100 options", "a chain"))
    return [
        Goal("GET one option: p50 ms", option.figures.p50_us / 1000, 1),
        Goal("GET 100 options: p50 ms", hundred.figures.p50_us / 1000, 3),
        Goal("GET one option: requests/s, one worker", option.per_s, 3000, is_least=True),
        Goal("GET a chain: p50 ms", chain.figures.p50_us / 1000, 4),
    ]


def _stream_goals(streams: Mapping[str, StreamFigures], resident_mb: float) -> list[Goal]:
    readers, silent = streams[READERS.title], streams[SILENT.title]
    busy = streams[READERS_OF_MORE.title]
    grown_mb = silent.rss_mb - resident_mb
    return [
        Goal("fastopts serve: MB resident", resident_mb, 90),
        Goal("200 stream clients: cores", readers.server_share, 1),
        Goal("200 stream clients: age p99, ratio to none", readers.times_alone, 1.1),
        Goal(f"200 on {ASSET} alone at 2,600/s: cores", busy.server_share, 1),
        Goal(f"200 on {ASSET} alone at 2,600/s: age p99, ratio", busy.times_alone, 1.1),
        Goal("100 silent clients: growth in MB", grown_mb, SILENT.silent * MB_A_SILENT_CLIENT),
        Goal("100 silent clients: age p99, ratio to none", silent.times_alone, 1.1),
        Goal("100 silent clients: one option meanwhile, p50 ms", silent.option_p50_ms, 1),
    ]
