"""History: Parquet files made from closed captures, and what they hold.

schema    names, places, columns and versions of the files
builder   ticks and events in order -> minutes, hours
rows      a minute -> a row group of the hour's file
decimals  numbers of records -> exact decimals, and back
liveness  whether a tick was live, by the reader's rule
manifest  the manifest of a day; publication of an hour
verify    files against their manifest; gaps
"""
