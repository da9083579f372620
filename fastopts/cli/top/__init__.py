"""`fastopts top`: a live table on the whole screen.

terminal.py   keys as they are pressed; leaves the terminal as it found it
view.py       what the user has chosen to see, and how keys change it
screen.py     one look at the market, drawn
command.py    the loop
"""
