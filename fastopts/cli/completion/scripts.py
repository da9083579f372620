"""The scripts of bash, zsh and fish, which ask the program for candidates at each Tab.

Nothing about commands is in them, so they fit every version of the program. A call takes 0.1 to
0.3 s. The first line of an answer may be `:files`, for the names of files.
"""

from typing import Final

__all__ = ("FILES", "SCRIPTS")

FILES: Final = ":files"

# Bash replaces only what follows the last = of an argument, so candidates lose what is before it.
# COMP_LINE, not COMP_WORDS, which is split at the colons of URLs.
_BASH: Final = r"""# completion of fastopts for bash: source <(fastopts completion bash)
_fastopts() {
    local IFS=$'\n' line="${COMP_LINE:0:COMP_POINT}" cut=""
    COMPREPLY=($("$1" __complete bash "$line" 2>/dev/null))
    if [ "${COMPREPLY[0]}" = ":files" ]; then
        COMPREPLY=()
        compopt -o default 2>/dev/null
        return
    fi
    local word="${line##*[[:space:]]}"
    if [[ $word == *=* && $COMP_WORDBREAKS == *=* ]]; then
        cut="${word%"${word##*=}"}"
    fi
    COMPREPLY=("${COMPREPLY[@]#"$cut"}")
}
complete -F _fastopts fastopts
"""

_ZSH: Final = r"""#compdef fastopts
# completion of fastopts for zsh: source <(fastopts completion zsh), after compinit
_fastopts() {
    local -a listed
    # one a line
    listed=("${(@f)$("${words[1]}" __complete zsh "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ "$listed[1]" == ":files" ]]; then
        _files
    elif [[ -n "$listed[1]" ]]; then
        _describe -V 'fastopts' listed -M 'm:{[:lower:]}={[:upper:]}'
    fi
}
if [[ "$funcstack[1]" == "_fastopts" ]]; then
    _fastopts "$@"
else
    compdef _fastopts fastopts
fi
"""

_FISH: Final = r"""# completion of fastopts for fish: fastopts completion fish | source
function __fastopts_complete
    set -l words (commandline -opc)
    set -l token (commandline -ct)
    set -l candidates ($words[1] __complete fish $words[2..] "$token" 2>/dev/null)
    if test "$candidates[1]" = ":files"
        __fish_complete_path "$token"
    else
        printf '%s\n' $candidates
    end # of if
end
complete -c fastopts -f -a '(__fastopts_complete)'
"""

SCRIPTS: Final = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
