#compdef netlab
# Zsh completion for netlab. Add to ~/.zshrc, after compinit: source <(netlab completions zsh)
# Or write it to a file called _netlab in a directory of $fpath.

_netlab() {
    local netlab=netlab line
    local -a names
    local -i found=1
    # What is completed is the netlab that was typed: ./target/debug/netlab knows its own options.
    [[ $words[1] == */* ]] && netlab=${~words[1]}
    for line in "${(@f)$("$netlab" complete zsh -- "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}"; do
        case $line in
            '<topologies>') _path_files -/ -g '*.toml' && found=0 ;;
            '<files>') _path_files && found=0 ;;
            '<programs>') _command_names -e && found=0 ;;
            '') ;;
            *) names+=("$line") ;;
        esac
    done
    (( $#names )) && _describe -V 'netlab' names && found=0
    return found
}

if [[ $funcstack[1] == _netlab ]]; then
    _netlab "$@"
else
    compdef _netlab netlab
fi
