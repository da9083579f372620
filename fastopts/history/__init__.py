"""History: Parquet files made from closed captures, and what they hold.

schema    names, places, columns and versions of the files
"""
