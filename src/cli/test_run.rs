//! Runs tests one after the other.

use std::error::Error;
use std::time::{Duration, Instant};

use super::capture_file::LiveFile;
use super::random;
use super::sandbox::SandboxArgs;
use super::send::DEFAULT_WAIT;
use super::send_plan::Plan;
use super::test_files::Case;
use super::test_wires::{Opening, TestWire, TestWires};
use super::{test_packets, test_scenario};
use crate::exchange::drive::tun::TunNetwork;
use crate::exchange::send_event::Seen;
use crate::file::WriteError;
use crate::packet::check::Dissected;
use crate::packet::dissect::dissect;
use crate::show::line;
use crate::show::test_report::{TestReport, TestVerdict};
use crate::show::text::printable;
use crate::spec::{Spec, Via};
use crate::sys::interrupt::Interrupt;
use crate::wire::frame::Direction;
use crate::wire::layers::LayerTable;

/// How tests send, where the command line says it.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) interface: Option<String>,
    pub(super) via: Option<Via>,
    pub(super) within: Option<Duration>,
    pub(super) seed: Option<u64>,
    /// The kernel's resets are let out.
    pub(super) is_unguarded: bool,
    /// The network of a TUN interface.
    pub(super) tun: TunNetwork,
    /// Print each packet.
    pub(super) is_verbose: bool,
}

/// What all tests of a run have in common.
pub(super) struct Running<'a> {
    way: Way,
    pub(super) interrupt: &'a Interrupt,
    saved: Option<LiveFile>,
    failure: Option<WriteError>,
    ident: u16,
    seed: Option<u64>,
    /// The test that runs, to be saved with its packets.
    label: String,
    wires: TestWires,
}

/// What became of a test, before its file and its name are told.
pub(super) struct Result {
    pub(super) verdict: TestVerdict,
    pub(super) line: Option<usize>,
    pub(super) message: String,
    pub(super) details: Vec<String>,
}

impl Result {
    pub(super) fn of(verdict: TestVerdict, message: impl Into<String>) -> Self {
        Self { verdict, line: None, message: message.into(), details: Vec::new() }
    }
}

impl<'a> Running<'a> {
    pub(super) fn new(way: Way, interrupt: &'a Interrupt, saved: Option<LiveFile>, ident: u16) -> Self {
        let seed = way.seed;
        Self {
            way,
            interrupt,
            saved,
            failure: None,
            ident,
            seed,
            label: String::new(),
            wires: TestWires::default(),
        }
    }

    /// Opens the sockets of a test, before the first one runs.
    ///
    /// # Errors
    /// When a seed is needed, and the system has no randomness.
    pub(super) fn prepare(&mut self, case: &Case<'_>, sandbox: SandboxArgs) -> std::io::Result<()> {
        if !case.has_tests() {
            return Ok(());
        }
        let plan = self.plan(case.spec())?;
        let Way { is_unguarded, tun, is_verbose, .. } = &self.way;
        let way = Opening { is_unguarded: *is_unguarded, tun, sandbox, is_verbose: *is_verbose };
        self.wires.open(&plan, case, &way);
        Ok(())
    }

    /// Whether the kernel's resets are kept away in some test.
    pub(super) fn keeps_resets_away(&self) -> bool {
        self.wires.keep_resets_away()
    }

    /// Runs a test.
    ///
    /// # Errors
    /// When what it sends and receives cannot be saved.
    pub(super) fn run(
        &mut self,
        file: &str,
        case: &Case<'_>,
    ) -> std::result::Result<TestReport, Box<dyn Error>> {
        let (place, line) = case.place(file);
        self.label = format!("{place}: {}", case.name());
        // Connections of the test before may still be open at the other end.
        self.ident = self.ident.wrapping_add(257);
        let began = Instant::now();
        let ran = match case {
            Case::Packets(_) if !case.has_tests() => {
                Ok(Result::of(TestVerdict::Skipped, "nothing is expected"))
            }
            Case::Packets(spec) => test_packets::run(self, case, spec),
            Case::Scenario { spec, scenario, round } => {
                test_scenario::run(self, case, (spec, scenario), *round)
            }
        };
        let ran = ran.unwrap_or_else(|error| Result::of(TestVerdict::Broken, error.to_string()));
        if let Some(failure) = self.failure.take() {
            return Err(failure.into());
        }
        let Result { verdict, line: at, message, details } = ran;
        Ok(TestReport {
            file: place,
            line: at.unwrap_or(line),
            name: case.name(),
            verdict,
            took: began.elapsed(),
            message,
            details,
        })
    }

    /// How the packets of a spec are prepared.
    ///
    /// # Errors
    /// When a seed is needed, and the system has no randomness.
    pub(super) fn plan(&mut self, spec: &Spec) -> std::io::Result<Plan> {
        let seed = match self.seed {
            Some(seed) => seed,
            None if spec.is_random() => {
                let seed = u64::from(random::octets().map(u32::from_ne_bytes)?);
                anstream::eprintln!("rawsock: seed {seed}: --seed {seed} sends the same packets again");
                *self.seed.insert(seed)
            }
            None => 0,
        };
        Ok(Plan {
            via: self.way.via.or(spec.send.via),
            interface: self.way.interface.clone().or(spec.send.interface.clone()),
            seed,
            within: self.way.within.unwrap_or(DEFAULT_WAIT),
            within_is_given: self.way.within.is_some(),
            jitter: Duration::ZERO,
            ident: self.ident,
            remarks: false,
            is_flood: false,
            is_dry: false,
            asks: false,
            tun: None,
        })
    }

    /// The sockets of a test, and what keeps the kernel's resets away, where they would disturb.
    ///
    /// # Errors
    /// Why they could not be opened, or what is wrong with the spec.
    pub(super) fn wire(
        &self,
        plan: &mut Plan,
        case: &Case<'_>,
    ) -> std::result::Result<TestWire, Box<dyn Error>> {
        self.wires.of(plan, case, self.way.is_unguarded)
    }

    /// Saves a packet, and prints it where that is wanted; `what` says what it is to the test.
    pub(super) fn packet(&mut self, seen: &Seen, direction: Direction, what: &str) {
        if self.way.is_verbose {
            anstream::println!("      {what}: {}", summary(seen));
        }
        let Some(saved) = &mut self.saved else { return };
        let comment = format!("{}: {what}", self.label);
        let written = saved.write(&seen.frame(direction, &comment));
        self.failure = self.failure.take().or(written.err());
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When what is still in memory cannot be written.
    pub(super) fn finish(self) -> std::result::Result<(), WriteError> {
        self.saved.map_or(Ok(()), LiveFile::finish)
    }
}

/// A packet in a line.
pub(super) fn summary(seen: &Seen) -> String {
    let (mut out, mut table) = (String::new(), LayerTable::default());
    dissect(&seen.octets, seen.link_type, &mut table);
    line::summary(&mut out, &Dissected { octets: &seen.octets, table: &table, wire_len: seen.len }, false);
    printable(&out)
}

/// Nanoseconds as milliseconds with three places.
pub(super) fn millis(nanos: i64) -> String {
    let (sign, micros) = (if nanos < 0 { "-" } else { "+" }, nanos.unsigned_abs() / 1000);
    format!("{sign}{}.{:03} ms", micros / 1000, micros % 1000)
}

/// A time span as people write it.
pub(super) fn span(nanos: u64) -> String {
    match nanos {
        nanos if nanos.is_multiple_of(1_000_000_000) => format!("{} s", nanos / 1_000_000_000),
        nanos if nanos.is_multiple_of(1_000_000) => format!("{} ms", nanos / 1_000_000),
        nanos => format!("{} us", nanos / 1000),
    }
}
