//! The `rawsock` command: parse, dispatch, exit code. Everything else lives in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    rawsock::cli::main()
}
