# bash completion for supervisorctl: the program itself knows what can follow (--complete)
_supervisorctl() {
    # Words are taken from the line itself: readline breaks COMP_WORDS at colons.
    local line=${COMP_LINE:0:COMP_POINT} words cur before
    read -ra words <<<"$line"
    [[ $line == *[[:blank:]] ]] && words+=("")
    cur=${words[-1]}
    mapfile -t COMPREPLY < <("${words[0]}" --complete -- "${words[@]:1}" 2>/dev/null | cut -f1)
    if [[ ${COMPREPLY[0]-} == :files ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    elif [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then
        before=${cur%"${cur##*:}"}
        COMPREPLY=("${COMPREPLY[@]#"$before"}")
    fi
}
complete -F _supervisorctl supervisorctl
