"""`fastopts export`: the market, or a scan of it, as a file."""

import sys
from typing import Annotated, Any

import typer

from fastopts.cli import options
from fastopts.cli.bounds import bounded
from fastopts.cli.commands.scan import excluded
from fastopts.cli.options import RedisUrl, Stale, Venue
from fastopts.cli.output import printing, staleness
from fastopts.errors import BadInput
from fastopts.reader.selection import bounds as bounds_

__all__ = ("export",)


@bounded
def export(
    path: Annotated[
        str, typer.Argument(metavar="PATH", help=".json, .csv, .parquet or .arrow; '-': stdout")
    ],
    asset: Annotated[str | None, typer.Argument(metavar="ASSET", help="default: all")] = None,
    form: Annotated[
        str | None,
        typer.Option("--format", metavar="NAME", help="json, csv, parquet or arrow, for stdout"),
    ] = None,
    gate: Annotated[bool, typer.Option("--gate", help="only what passes a scan's gate")] = False,
    stale: Stale = False,
    redis_url: RedisUrl = None,
    venue: Venue = None,
    **bounds: Any,
) -> None:
    """Write every option (of ASSET) that meets the bounds to PATH, in the export schema.

    The column `live` tells what each row is worth. The file is there whole or not at all.
    """
    if path == "-" and form is None:
        raise BadInput("'-' needs --format: json, csv, parquet or arrow")
    if path != "-" and form is not None:
        raise BadInput(f"--format is for '-': the suffix tells it of {path}")
    with options.reader(redis_url, venue) as reader:
        found = reader.scan(asset, gate=gate, require_live=not stale, **bounds_.given(bounds))
    if form is not None:
        found.write_to(sys.stdout.buffer, form)
    else:
        found.export(path)
    if found.market.moment.down is not None:  # else the column `live` tells it of each row
        staleness.report_market(found.market, found.rows, aside=True)
    told = f"{len(found):,} options of {found.provenance.venue}"
    printing.aside(f"{told}; {excluded(found.excluded)}" if gate else told)
