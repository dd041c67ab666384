//! The `rawsock` command: parse, dispatch, exit code. Everything else lives in the library.
#![no_main]

rawsock::program!(rawsock::cli::main);
