"""`fastopts top`: a live table on the whole screen.

terminal.py   reads keys; restores the terminal at the end
cursor.py     the selected row, and the part of the list on the screen
view.py       the user's choices, and how keys change them
screen.py     reads the market and draws it
command.py    the command and its loop
"""
