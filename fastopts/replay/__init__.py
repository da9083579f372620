"""Captures, replayed: the collector's own parser on recorded messages, with the recorded times.

chunks     the chunks of a file, whole or damaged
engine     files -> table, rows, events; proves that the table is what the collector had
"""
