//! What stands below the options of each command's help and in its manual page: examples that can be
//! typed. A test runs through them: each is a command line that this program takes.

pub const FORGEKEEP: &str = "\
Examples:
  forgekeep demo                              See how it works, without an account
  forgekeep check                             Is the configuration sound?
  forgekeep backup                            Back up everything
  forgekeep restore acme/web --to web         Bring a repository back

Exit codes: 0 all good, 1 unexpected, 2 usage, 3 some repositories or sources failed, 10 \
configuration, 11 a plugin is missing or cannot be loaded, 12 credentials refused and nothing backed \
up, 13 another run holds the lock, 130 interrupted. Anything else means failure.";

pub const BACKUP: &str = "\
Examples:
  forgekeep backup --dry-run                  Show what would be done
  forgekeep backup --source acme              Back up one source
  forgekeep backup -q --report report.json    From cron: print only what is wrong";

pub const LIST: &str = "\
Examples:
  forgekeep list                              All sources
  forgekeep list --source acme --json         One source, for programs";

pub const CHECK: &str = "\
Examples:
  forgekeep check                             Before the first backup, and after each change
  forgekeep check --offline                   Without network";

pub const STATUS: &str = "\
Examples:
  forgekeep status                            When was everything good last?
  forgekeep status -v                         With each repository
  forgekeep status --json                     For programs";

pub const SNAPSHOTS: &str = "\
Examples:
  forgekeep snapshots acme/web                All states that can be restored
  forgekeep snapshots web --folder /srv/backup
                                              Without the configuration";

pub const DRILL: &str = "\
Examples:
  forgekeep drill                             Bring back everything, to try it
  forgekeep drill --subset auto               A thirtieth, each day another one
  forgekeep drill acme/web                    One repository";

pub const RESTORE: &str = "\
Examples:
  forgekeep restore acme/web --to web         As it was at the last backup
  forgekeep restore acme/web --to old --at 2026-11-21
                                              As it was at the end of that day
  forgekeep restore --all --to everything     All repositories
  forgekeep restore --all --to-hoster new --dry-run
                                              Show how they would be made at a hoster";

pub const VERIFY: &str = "\
Examples:
  forgekeep verify                            Everything
  forgekeep verify acme/web                   One repository
  forgekeep verify --subset 1/7               The first seventh";

pub const FORGET: &str = "\
Examples:
  forgekeep forget --dry-run                  Show what would be removed
  forgekeep forget --prune                    Remove it, and free the space";

pub const PLUGINS: &str = "\
Examples:
  forgekeep plugins list                      Which hosters can be backed up
  forgekeep plugins info bitbucket            What a plugin says about itself";

pub const SCHEMA: &str = "\
Examples:
  forgekeep schema config                     For an editor that completes the configuration
  forgekeep schema status                     For a program that reads `status --json`";

pub const DEMO: &str = "\
Examples:
  forgekeep demo                              In a new temporary folder
  forgekeep demo --dir demo                   In a folder of this name";

pub const COMPLETIONS: &str = "\
Packages install the scripts. Without one:
  forgekeep completions bash                  To ~/.local/share/bash-completion/completions/forgekeep
  forgekeep completions zsh                   To _forgekeep in a folder of $fpath
  forgekeep completions fish                  To ~/.config/fish/completions/forgekeep.fish
  forgekeep completions powershell            To a file that $PROFILE runs
  forgekeep completions nushell               To a file that config.nu uses";

pub const MAN: &str = "\
Packages install the pages. Without one:
  forgekeep man ~/.local/share/man/man1       Where man looks for them";

pub const INIT: &str = "\
Examples:
  forgekeep init                              Ask for everything
  forgekeep init --hoster gitlab --name acme --folder /srv/backup --token-file token.txt";

pub const NOTIFY: &str = "\
Examples:
  forgekeep notify test                       Try each channel";

pub const SCHEDULE: &str = "\
Examples:
  forgekeep schedule install                  A backup each day, a part verified, a part restored
  forgekeep schedule install --at 05:30       The backup at another time
  forgekeep schedule status                   When it ran and will run";
