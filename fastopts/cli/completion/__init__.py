"""Shell completion: `fastopts completion bash`, and what the shells call at each Tab.

command.py     the command: prints the script of a shell
scripts.py     the scripts of bash, zsh and fish, which call the program back
candidates.py  from the words before the cursor to the candidates
values.py      values of options and arguments, also those that only Redis knows
"""
