# fish completion for netlab. Write it to ~/.config/fish/completions/netlab.fish, or: netlab completions fish | source

function __netlab_complete
    set -l word (commandline --current-token --cut-at-cursor)
    set -l words (commandline --tokenize --current-process --cut-at-cursor) "$word"
    set -l netlab netlab
    # What is completed is the netlab that was typed: ./target/debug/netlab knows its own options.
    if string match --quiet -- '*/*' $words[1]
        set netlab $words[1]
    end
    if not command --query $netlab
        return
    end
    for line in (command $netlab complete fish -- $words 2>/dev/null)
        switch $line
            case '<topologies>'
                __fish_complete_path "$word" | string match --regex -- '^.*(?:\.toml|/)(?:\t.*)?$'
            case '<files>'
                __fish_complete_path "$word"
            case '<programs>'
                complete --do-complete "$word"
            case '*'
                printf '%s\n' $line
        end
    end
end

complete --command netlab --no-files --keep-order --arguments '(__netlab_complete)'
