"""Market objects: what readers return, computed from records and terms.

option.py    Option: the newest tick of one option
formulas.py  the field registry's formulas, compiled for options and for columns
chain.py     Chain: one series strike by strike; forward, ATM, smile, max pain, put/call ratio
expiry.py    the forms of an expiry that users may write, and its labels
universe.py  Universe, Series: the listed options of an asset and their terms
market.py    Market: all listed options at one moment, as numpy columns
summary.py   Summary: a market on one screen
absent.py    Absent: the place of an option that was not returned
phases.py    Phases: which options began to settle or were delivered
uncopied.py  Uncopied: base of classes that own a connection
"""
