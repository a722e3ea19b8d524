# The repositories in the backup.
_forgekeep_repositories() {
    local -a found
    found=("${(@f)$("${(Q)forgekeep_words[1]}" __complete-repositories "${(@Q)forgekeep_words[2,-2]}" "${(Q)PREFIX}" 2>/dev/null)}")
    # Without -U: what does not begin as the word does is left out, and zsh quotes what it inserts.
    compadd -a found
}
