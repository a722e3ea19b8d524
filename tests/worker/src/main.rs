//! What `forgekeep plugin-worker` does, as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    forgekeep_plugin_host::worker_main()
}
