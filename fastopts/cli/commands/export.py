"""`fastopts export`: the market, or a scan of it, as a file."""

import sys
from typing import Annotated, Any

from fastopts.cli.bounds import bounded
from fastopts.cli.options import StaleOption, StoreLocation, reads_store
from fastopts.cli.output import printing, staleness
from fastopts.command_line import argument, option
from fastopts.errors import BadInput
from fastopts.reader.selection.bounds import supplied

__all__ = ("export",)


@reads_store
@bounded
def export(
    location: StoreLocation,
    path: Annotated[
        str, argument("PATH", help=".json, .csv, .parquet or .arrow; '-' for standard output")
    ],
    asset: Annotated[
        str | None, argument("ASSET", help="base coin, such as BTC (default: all)")
    ] = None,
    form: Annotated[
        str | None,
        option(
            "--format",
            metavar="NAME",
            help="format of standard output: json, csv, parquet or arrow",
        ),
    ] = None,
    gate: Annotated[bool, option(help="apply the gate of `fastopts scan`")] = False,
    stale: StaleOption = False,
    **bounds: Any,
) -> int:
    """Write the options (of ASSET) that meet all bounds to PATH, in the export schema.

    The column `live` says whether a row is live. PATH is replaced only by a complete file.
    """
    if path == "-" and form is None:
        raise BadInput("'-' needs --format: json, csv, parquet or arrow")
    if path != "-" and form is not None:
        raise BadInput(f"--format is for '-': the suffix of {path} decides its format")
    with location.reader() as reader:
        scan = reader.scan(asset, gate=gate, require_live=not stale, **supplied(bounds))
    if form is not None:
        scan.write_to(sys.stdout.buffer, form)
    else:
        scan.export(path)
    if scan.market.moment.down is not None:
        # only for a dead feed: otherwise the column `live` says it of each row
        staleness.report_market(scan.market, scan.rows, is_note=True)
    # to stderr: standard output may be the file
    venue = scan.provenance.venue
    counts = ", ".join(scan.counts())
    printing.print_note(f"{venue}: {counts}" if gate else f"{len(scan):,} options of {venue}")
    return 0
