"""History: Parquet files made from closed captures, and the market as it was.

make      captures -> the hours that are missing
schema    names, places, columns and versions of the files
builder   ticks and events in order -> minutes, hours
rows      a minute -> a row group of the hour's file
decimals  numbers of records -> exact decimals, and back
liveness  whether a tick was live, by the reader's rule
manifest  the manifest of a day; publication of an hour
verify    files against their manifest; gaps
history   History: the market at a moment, ticks, series
past      PastReader: the methods of a reader at one moment
reads     generated: the methods of a reader that PastReader has
archive   the files of a venue, and what they hold of a moment
recorded  RecordedTimes: what is recorded, and the gaps
records   rows of a file as packed records
series    ticks of a symbol, and figures of chains over time
times     moments and durations as people write them
"""

# Imported when first used: pyarrow and numpy are large, and makers of files need none of this.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from fastopts.history.history import History

__all__ = ("History",)


# Hidden from type checkers, which would accept any name with it.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from fastopts.history.history import History

        globals()[name] = History
        return History
