
# The repositories in the backup.
function __forgekeep_repositories
    set -l words (commandline -opc)
    command $words[1] __complete-repositories $words[2..-1] (commandline -ct) 2>/dev/null
end
