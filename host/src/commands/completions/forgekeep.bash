# The repositories in the backup, where the command line takes one; else what clap's function finds,
# without its placeholders.
_forgekeep_and_repositories() {
    local word
    local -a words=() found=()
    while IFS= read -r word; do
        # As it has to be typed: a name is data.
        printf -v word '%q' "$word"
        found+=("$word")
    done < <("${COMP_WORDS[0]}" __complete-repositories "${COMP_WORDS[@]:1:COMP_CWORD-1}" "$2" 2>/dev/null)
    if ((${#found[@]})); then
        COMPREPLY=("${found[@]}")
        return
    fi
    _forgekeep "$@"
    for word in "${COMPREPLY[@]}"; do
        case $word in
        '<'* | '['*) ;;
        *) words+=("$word") ;;
        esac
    done
    COMPREPLY=("${words[@]}")
}
