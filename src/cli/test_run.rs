//! Runs tests one after the other, each with sockets of its own.

use std::error::Error;
use std::time::{Duration, Instant};

use super::capture_file::LiveFile;
use super::random;
use super::rst_guard::Resets;
use super::send::DEFAULT_WAIT;
use super::send_plan::Plan;
use super::test_files::Case;
use super::{test_packets, test_scenario};
use crate::exchange::drive::packets::PacketWire;
use crate::exchange::drive::tap::Tap;
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
use crate::sys::nftables::MARK;
use crate::wire::frame::{Direction, Frame};
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
        Self { way, interrupt, saved, failure: None, ident, seed, label: String::new() }
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
            Case::Packets(spec) => test_packets::run(self, spec),
            Case::Scenario { spec, scenario, round } => test_scenario::run(self, spec, scenario, *round),
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

    /// The sockets of a test.
    ///
    /// # Errors
    /// When they may not be opened, or there is no such interface.
    pub(super) fn wire(
        &self,
        plan: &mut Plan,
        spec: &Spec,
    ) -> std::result::Result<PacketWire, Box<dyn Error>> {
        let needs = plan.needs(std::slice::from_ref(spec))?;
        plan.asks = needs.link;
        if plan.via == Some(Via::Tun) {
            return Ok(plan.open_tun(&self.way.tun)?);
        }
        Ok(PacketWire::open(needs, plan.interface.as_deref(), Some(Tap::open(plan.tap()?)?))?)
    }

    /// What keeps the kernel's resets away, where they would disturb; what is sent is marked then.
    ///
    /// # Errors
    /// Where that is not possible: what to do.
    pub(super) fn resets(
        &self,
        is_needed: bool,
        plan: &Plan,
        wire: &PacketWire,
    ) -> std::result::Result<Resets, Box<dyn Error>> {
        // The kernel knows nothing of a host behind a TUN interface, and says nothing in its place.
        if !is_needed || self.way.is_unguarded || plan.tun.is_some() {
            return Ok(Resets::default());
        }
        let resets = Resets::keep_away()?;
        wire.mark(MARK)?;
        Ok(resets)
    }

    /// Saves a packet, and prints it where that is wanted; `what` says what it is to the test.
    pub(super) fn packet(&mut self, seen: &Seen, direction: Direction, what: &str) {
        if self.way.is_verbose {
            anstream::println!("      {what}: {}", summary(seen));
        }
        let Some(saved) = &mut self.saved else { return };
        let comment = format!("{}: {what}", self.label);
        let written = saved.write(&Frame {
            data: &seen.octets,
            len: u32::try_from(seen.len).unwrap_or(u32::MAX),
            time: Some(seen.wall),
            link_type: seen.link_type,
            interface: seen.interface,
            direction,
            comment: Some(&comment),
        });
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
