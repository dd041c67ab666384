//! The command line: one file per command, each with its arguments and its run.
//!
//! Exit codes: 0 done (and, where an answer was awaited, answered); 1 done, but no answer; 2 it could not be done.

mod capture;
mod capture_crew;
mod capture_device;
mod capture_file;
mod capture_files;
mod capture_hook;
mod capture_intake;
mod capture_keeper;
mod capture_limits;
mod capture_merge;
mod capture_progress;
mod capture_session;
mod capture_sink;
mod capture_stamps;
mod capture_tap;
mod color;
mod columns;
mod command_line;
mod completions;
mod connect;
mod connect_input;
mod craft;
mod craft_output;
mod display_filter;
mod doctor;
mod duration;
mod engine;
mod evidence;
mod expert;
mod explain;
mod extcap;
mod extcap_install;
mod fields;
mod filter_argument;
mod filter_language;
mod follow;
mod hex_output;
mod interfaces;
mod lab;
mod lab_demo;
mod lab_host;
#[cfg(feature = "tui")]
mod live;
mod man;
mod name_service;
mod names;
mod outflow_report;
mod output;
mod packet_batches;
mod packet_form;
mod packet_output;
mod ping;
mod ping_args;
mod ping_floor;
mod ping_header;
mod ping_paths;
mod ping_printer;
mod ping_targets;
mod plain_address;
mod plain_files;
mod plain_log;
mod plain_stdio;
mod plain_stdout;
mod probe;
mod probe_bisect;
mod probe_compare;
mod probe_each;
mod probe_evidence;
mod probe_rule;
mod probe_scan;
mod probe_session;
mod probe_target;
mod probe_trouble;
mod probe_user;
mod random;
mod read;
mod read_copy;
mod read_dump;
mod read_ended;
mod read_growing;
mod read_info;
mod read_runs;
mod read_stream;
mod reassembly;
mod remarks;
mod replay;
mod replay_edits;
mod replay_files;
mod replay_lines;
mod replay_preloaded;
mod replay_report;
mod replay_source;
mod resolve;
mod rst_guard;
mod sandbox;
mod schema;
mod seldom;
mod send;
mod send_dry;
mod send_flow;
mod send_follow;
mod send_output;
mod send_plan;
mod send_prepare;
mod send_stream;
mod serve;
mod sockets;
mod spec_argument;
mod system_names;
mod system_program;
mod target_file;
mod tempo;
mod test;
mod test_files;
mod test_packets;
mod test_run;
mod test_scenario;
mod test_wires;
mod trace;
mod trace_args;
mod trace_evidence;
mod trace_mtu;
mod trace_names;
mod trace_paths;
mod trace_printer;
mod trace_report;
#[cfg(feature = "tui")]
mod trace_watch;
mod tracking;
mod tun_address;

use std::ffi::OsString;
use std::io;

use clap::error::ErrorKind;

use crate::filter::capture::CaptureFilterError;
use crate::filter::field::FieldFilterError;
use crate::sys::{capability, error, interrupt};

/// What a command ends with: [`Done`](Outcome::Done) is exit code 0, [`NoAnswer`](Outcome::NoAnswer) is 1. A failure (exit
/// code 2) is an `Err` whose text says what was tried, on what, why it failed and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done, and answered where an answer was awaited.
    Done,
    /// Done, but nothing answered.
    NoAnswer,
    /// It could not be done, and what is wrong was said already.
    Failed,
    /// The exit code of another program, which was run in place of this one.
    Code(u8),
}

/// The result of a command's `run`.
pub type CommandResult = Result<Outcome, Box<dyn std::error::Error>>;

/// Says whether rawsock takes a command line, the program's name first, and runs nothing.
///
/// # Errors
/// What would be printed in place of running it.
pub fn check(words: &[OsString]) -> Result<(), clap::Error> {
    command_line::parse(words).map(drop)
}

/// Parses the command line, runs the command and turns its outcome into an exit code. The program's name is the first
/// of the words.
pub fn main(words: Vec<OsString>) -> u8 {
    let arguments = extcap::arguments(words);
    let given = match command_line::parse(&arguments) {
        Ok(given) => given,
        Err(mut error) => {
            command_line::without_idle_tip(&mut error);
            if let (ErrorKind::UnknownArgument, Some(meant)) = (error.kind(), lab::meant(&arguments)) {
                anstream::eprintln!("rawsock: {meant}");
                return 2;
            }
            // Help that cannot be printed is no help, unless nobody reads any more.
            return match error.print() {
                Err(failed) if failed.kind() != io::ErrorKind::BrokenPipe => {
                    anstream::eprintln!("rawsock: write to stdout: {}", error::words(&failed));
                    2
                }
                _ => u8::try_from(error.exit_code()).unwrap_or(2),
            };
        }
    };
    given.color().apply();
    // No other thread is there yet: capabilities are a thread's own, and those that it starts have what it has.
    capability::raise_permitted();
    interrupt::outlive_file_limit();
    let result = given.run();
    match result {
        Ok(Outcome::Done) => 0,
        Ok(Outcome::NoAnswer) => 1,
        Ok(Outcome::Failed) => 2,
        Ok(Outcome::Code(code)) => code,
        Err(error) => {
            if let Some(mistake) = error.downcast_ref::<CaptureFilterError>() {
                anstream::eprint!("{}{}", mistake.render(true), filter_language::of_capture(mistake));
            } else if let Some(mistake) = error.downcast_ref::<FieldFilterError>() {
                anstream::eprint!("{}{}", mistake.render(true), filter_language::of_display(mistake));
            } else if error.downcast_ref().is_some_and(output::is_reader_gone) {
                // As of `head`: nobody is left to write for.
                return 0;
            } else if let Some(bare) = error.downcast_ref::<io::Error>() {
                anstream::eprintln!("rawsock: {}", error::words(bare));
            } else {
                anstream::eprintln!("rawsock: {error}");
            }
            2
        }
    }
}
