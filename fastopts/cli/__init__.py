"""The `fastopts` command.

__main__.py   finds the command that is meant, runs it, and tells its errors
commands.py   the commands, in the order of the help
options.py    options that several commands have; where those that read take their data from
bounds.py     the bounds of a scan as options
losses.py     the loss equations
output.py     tables, JSON, and numbers as people read them
cells.py      an option's values, as people and as programs read them
plot.py       curves in a terminal
status.py     the feed, its losses, Redis; summary.py the market on one screen
expiries.py   the series of an asset; chain.py one of them; smile.py their volatility
get.py        single options; scan.py those that meet bounds; export.py a scan as a file
top/          a live table on the whole screen
fields.py     the vocabulary
doctor/       checks of this build, Redis, the feed and the venue
verify/       Redis against the venue's REST

`track`, `fetch` and `refresh` are fastopts.track's, `sim` is fastopts.sim's.
"""
