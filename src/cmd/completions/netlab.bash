# Bash completion for netlab. Add to ~/.bashrc: source <(netlab completions bash)

_netlab() {
    local netlab=netlab word=$2 line
    # What is completed is the netlab that was typed: ./target/debug/netlab knows its own options.
    [[ $1 == */* ]] && netlab=${1/#\~\//$HOME/}
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            '<topologies>')
                _netlab_files < <(compgen -o plusdirs -f -X '!*.toml' -- "$word")
                ;;
            '<files>')
                _netlab_files < <(compgen -f -- "$word")
                ;;
            '<programs>')
                mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -c -- "$word")
                ;;
            *)
                COMPREPLY+=("$line")
                # The value is still to come.
                [[ $line == *= ]] && compopt -o nospace 2>/dev/null
                ;;
        esac
    done < <("$netlab" complete bash -- "${COMP_WORDS[@]:0:COMP_CWORD+1}" 2>/dev/null)
}

# Adds files, which Bash then quotes, and ends with a slash where they are directories.
_netlab_files() {
    local before=${#COMPREPLY[@]}
    mapfile -t -O "$before" COMPREPLY
    ((${#COMPREPLY[@]} == before)) && return
    compopt -o filenames 2>/dev/null
    compopt +o nosort 2>/dev/null
}

# Without nosort, which came with 4.4, options would stand before names.
complete -o bashdefault -o nosort -F _netlab netlab 2>/dev/null || complete -o bashdefault -F _netlab netlab
