"""Selections: which options a scan, watch or mirror covers, and the checks of its arguments.

scan.py       scans a market by bounds, behind the gate
bounds.py     the bounds of scans and watches
signatures.py  lists the bounds in the signature of a method, for completion
matching.py   refuses a selection that can match no listed option
scope.py      Scope: the options that a mirror holds
spelling.py   spellings of a symbol: accepted ones, and likely ones for hints
suggestions.py  hints for a symbol that is not listed: nearest strikes, nearest expiries
notation.py   numbers and option types as people write them: `90k`, `call`
arguments.py  validates numbers, flags, symbols and timeouts
"""
