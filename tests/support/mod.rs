//! What integration tests share: the lab network, and what to do where it cannot be made.
#![allow(dead_code, reason = "each test program uses its own part of this")]
#![allow(clippy::expect_used, clippy::panic, reason = "this is test code")]

pub(crate) mod capture;
pub(crate) mod chain;
pub(crate) mod endpoint;
pub(crate) mod fault;
pub(crate) mod judges;
pub(crate) mod peak;
pub(crate) mod peer;
pub(crate) mod process_status;
pub(crate) mod replay;

use std::env;
use std::path::Path;
use std::process::{Command, Output};

use rawsock::lab::{Case, Host, Lab, LabOptions};
use serde_json::Value;

/// The program under test.
pub(crate) const RAWSOCK: &str = env!("CARGO_BIN_EXE_rawsock");

/// The JSON objects that a run printed, one a line.
pub(crate) fn objects(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    let object = |line: &str| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}\n{}", text_of(output)))
    };
    text.lines().map(object).collect()
}

/// A lab of one's own, as the present user. `None` where it cannot be made and RAWSOCK_ALLOW_SKIP=1 allows to do without.
///
/// # Panics
/// Where it cannot be made, with the reason: a test that did not run has not passed.
pub(crate) fn lab() -> Option<Lab> {
    lab_by(&LabOptions::new(RAWSOCK))
}

/// A lab in which something hinders packets; `None` and panics as [`lab`] has them.
///
/// # Panics
/// Also where there is no case of that name.
pub(crate) fn lab_with(case: &str) -> Option<Lab> {
    let case = Case::named(case).unwrap_or_else(|| panic!("there is no case {case}"));
    lab_by(&LabOptions { case: Some(case), ..LabOptions::new(RAWSOCK) })
}

fn lab_by(options: &LabOptions) -> Option<Lab> {
    match Lab::start(options) {
        Ok(lab) => Some(lab),
        Err(error) => {
            skip_or_fail(&error.to_string());
            None
        }
    }
}

/// Says why a test cannot run here, where RAWSOCK_ALLOW_SKIP=1 allows that.
///
/// # Panics
/// Where nothing allows it.
pub(crate) fn skip_or_fail(why: &str) {
    match env::var("RAWSOCK_ALLOW_SKIP").as_deref() {
        Ok("1") => eprintln!("SKIPPED: {why}"),
        _ => panic!("this test cannot run here: {why}\n(RAWSOCK_ALLOW_SKIP=1 lets it be skipped)"),
    }
}

/// Whether the present test runs on the lab's client already. Where it does not, it is run again there, by its name, and
/// must pass: `if !support::on_client("name_of_the_test") { return; }`.
///
/// # Panics
/// When it fails there.
pub(crate) fn on_client(test: &str) -> bool {
    if env::var_os(ON_CLIENT).is_some() {
        return true;
    }
    let Some(lab) = lab() else { return false };
    let program = env::current_exe().expect("the test program's own path");
    let mut command = lab.command(Host::Client, program);
    let output = run(command.args(["--exact", test, "--nocapture"]).env(ON_CLIENT, "1"));
    let text = text_of(&output);
    assert!(output.status.success(), "{test} failed on the lab's client:\n{text}");
    assert!(text.contains("1 passed"), "there is no test of the name {test}:\n{text}");
    false
}

/// Runs a command to its end.
///
/// # Panics
/// When it cannot be run.
pub(crate) fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("run {command:?}: {error}"))
}

/// All that a command printed, to show when it failed.
pub(crate) fn text_of(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Whether this test has root's rights over the machine, and so can become someone who has not.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A copy of the program under test that every user may run, in a directory that goes with the value.
///
/// # Panics
/// When there is no room for it.
pub(crate) fn program_for_everyone() -> (tempfile::TempDir, std::path::PathBuf) {
    use std::os::unix::fs::PermissionsExt;
    let everyone = |path: &Path| {
        let permissions = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(path, permissions).expect("let everyone run the program");
    };
    let directory = tempfile::tempdir().expect("a temporary directory");
    let program = directory.path().join("rawsock");
    std::fs::copy(RAWSOCK, &program).expect("copy the program");
    everyone(directory.path());
    everyone(&program);
    (directory, program)
}

/// Set for a test that runs on the lab's client.
const ON_CLIENT: &str = "RAWSOCK_TEST_ON_CLIENT";
