//! The captures that tests judge us by, what tshark makes of them, and what we make of them.

#![allow(dead_code, reason = "each test program uses its own part of this")]

pub(crate) mod judge;
pub(crate) mod ours;
pub(crate) mod pdml;

use std::path::{Path, PathBuf};
use std::process::Output;

/// Every capture of the project and of `../shared/captures`.
pub(crate) fn captures() -> Vec<PathBuf> {
    let mut files = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("captures"), &mut files);
    match shared_captures() {
        Some(shared) => collect(&shared, &mut files),
        None => eprintln!("../shared/captures is not there: only the project's own captures are read"),
    }
    files.sort();
    files
}

/// The captures of other projects, where they are at hand.
pub(crate) fn shared_captures() -> Option<PathBuf> {
    Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures")).filter(|shared| shared.is_dir())
}

/// Whether `read` ended as it should: with 2 where it says that a file is cut or damaged, else with 0.
pub(crate) fn ended_well(output: &Output) -> bool {
    let said = String::from_utf8_lossy(&output.stderr);
    let is_damaged = said.contains(": cut short: ") || said.contains(": damaged at octet ");
    output.status.code() == Some(if is_damaged { 2 } else { 0 })
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|end| end == "pcap" || end == "pcapng") {
            files.push(path);
        }
    }
}
