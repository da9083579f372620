"""Export: rows of a market as arrays, dataframes and files; options as dictionaries.

table.py       Table: rows of a market, and the formats they can be taken in
dataframes.py  pyarrow, pandas and polars
files.py       JSON, CSV, Parquet and Arrow files
notebook.py    what notebooks show of options, chains, tables and the feed
steps.py       tick, lot and strike steps, by which numbers are written
times.py       times as text
as_dict.py     options, series and the feed as dictionaries for JSON
"""
