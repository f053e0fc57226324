# bash completion for supervisorctl
# Made by `supervisorctl --completion bash`; change the tables, not this file.

_supervisorctl_names() {
    # the user's own options say which daemon to ask
    "${words[0]}" "${conf[@]}" status 2>/dev/null |
        awk '$2 ~ /^[A-Z]+$/ {
            n = index($1, ":")
            g = n ? substr($1, 1, n - 1) : $1
            if (want == "group") print g
            else { print $1; if (n && !seen[g]++) print g ":*" }
        }' want="$1"
}

_supervisorctl() {
    local line=${COMP_LINE:0:COMP_POINT} words i word cmd= nth=0 conf=() offers=
    read -ra words <<<"$line"
    [[ $line == *[[:blank:]] ]] && words+=("")
    local cword=$((${#words[@]} - 1))
    local cur=${words[cword]} prev=${words[cword - 1]}
    for ((i = 1; i < cword; i++)); do
        word=${words[i]}
        if [[ $cmd ]]; then
            ((nth++))
            continue
        fi
        case $word in
        -c|--configuration|-s|--serverurl|-u|--username|-p|--password|-r|--history_file) conf+=("$word" "${words[++i]}") ;;
        -*) ;;
        *) cmd=$word ;;
        esac
    done
    if [[ ! $cmd ]]; then
        case $prev in
        -c|--configuration|-r|--history_file)
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            return ;;
        esac
        if [[ $cur == -* ]]; then
            offers="-c --configuration -h --help -i --interactive -s --serverurl -u --username -p --password -r --history_file -v --verbose --json "
        else
            offers="add avail clear exit fg maintail open pid quit reload remove reread restart shutdown signal start status stop tail update version help apply events health rotate scale upgrade"
        fi
    else
        case $cmd in
        clear|fg|pid|restart|start|status|stop|tail|health|rotate)
            offers=$(_supervisorctl_names process) ;;
        add|remove|update|scale)
            offers=$(_supervisorctl_names group) ;;
        signal)
            if ((nth == 0)); then
                offers="TERM HUP INT QUIT KILL USR1 USR2 STOP CONT"
            else
                offers=$(_supervisorctl_names process)
            fi ;;
        help)
            offers="add avail clear exit fg maintail open pid quit reload remove reread restart shutdown signal start status stop tail update version help apply events health rotate scale upgrade" ;;
        esac
    fi
    if [[ $cmd && $cur == -* ]]; then
        case $cmd in
        tail) offers="--follow --lines --since --grep --stdout --stderr --no-prefix" ;;
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$offers" -- "$cur")
    if [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then
        word=${cur%"${cur##*:}"}
        COMPREPLY=("${COMPREPLY[@]#"$word"}")
    fi
}
complete -F _supervisorctl supervisorctl
