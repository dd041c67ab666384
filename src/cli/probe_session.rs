//! What all kinds of probing have in common: the sockets with their options, the recording, interruption.

use std::error::Error;
use std::net::IpAddr;

use super::probe::ProbeArgs;
use super::probe_evidence::File;
use super::probe_rule::Rules;
use super::random;
use super::resolve::{Wanted, check_source};
use super::sandbox;
use super::spec_argument::Specs;
use crate::exchange::drive::probe::ProbeSockets;
use crate::exchange::drive::probe_plain::PlainOptions;
use crate::exchange::drive::probe_raw::RawSockets;
use crate::exchange::engine::Nanos;
use crate::exchange::probe::{Asked, Shape};
use crate::sys::interrupt::Interrupt;
use crate::sys::time_stamp::ReceiptStamps;

/// What a run has.
pub(super) struct Session {
    pub(super) interrupt: Interrupt,
    pub(super) sockets: ProbeSockets,
    pub(super) wanted: Wanted,
    /// The number of the next probe: runs one after the other share the sockets.
    pub(super) next_id: usize,
    /// The host's own rules, which may be what answers differ by.
    pub(super) rules: Rules,
    /// Where its packets are saved.
    pub(super) file: File,
    _stamps: Option<ReceiptStamps>,
}

impl Session {
    /// Opens it; the sockets of each target are opened when it is asked.
    ///
    /// # Errors
    /// When the source address is none of ours, a file cannot be created, or a right is missing.
    pub(super) fn open(args: &ProbeArgs) -> Result<Self, Box<dyn Error>> {
        check_source(args.source)?;
        let wanted = Wanted::of(args.ipv4, args.ipv6, args.source, "-I")?;
        // Where there are none, times are a little longer.
        let stamps = ReceiptStamps::keep_on().ok();
        let interrupt = Interrupt::catch()?;
        let rules = if args.compare { Rules::list() } else { Rules::default() };
        let secret = u64::from_ne_bytes(random::octets()?);
        let is_raw = args.raw || args.compare || args.bisect;
        let raw = is_raw.then(|| RawSockets::new(args.source)).transpose()?;
        let raw = raw.map(|raw| raw.with_anatomy(args.anatomy));
        let options = PlainOptions {
            source: args.source,
            payload: args.payload.as_ref().map(|octets| octets.0.clone()),
            send: args.send.as_ref().map(|octets| octets.0.clone()),
            expect: args.expect_bytes.as_ref().map(|octets| octets.0.clone()),
            secret,
        };
        let asked = Asked::new(u64::from_ne_bytes(random::octets()?), random::u16()?);
        let mut sockets = ProbeSockets::new(options, raw, asked);
        let file = File::create(args.write.as_deref())?;
        file.recorder().into_iter().try_for_each(|recorder| sockets.record(recorder))?;
        Ok(Self { interrupt, sockets, wanted, next_id: 0, rules, file, _stamps: stamps })
    }

    /// Ends the recording.
    ///
    /// # Errors
    /// When it could not be written.
    pub(super) fn finish(mut self) -> Result<(), Box<dyn Error>> {
        self.sockets.finish()?;
        drop(self.sockets);
        Ok(self.file.finish()?)
    }

    /// Says so, where the kernel's SYN could not be seen.
    pub(super) fn tell_guess(&self) {
        if self.sockets.raw.as_ref().is_some_and(RawSockets::is_guessed) {
            anstream::eprintln!(
                "rawsock: this kernel's own SYN could not be seen over loopback: SYNs look as Linux sends them by default"
            );
        }
    }
}

/// The shape of `--syn`.
///
/// # Errors
/// When it is no spec, or not of one packet.
pub(super) fn shape(text: &str) -> Result<Shape, Box<dyn Error>> {
    match text {
        "kernel" => return Ok(Shape::Kernel),
        "minimal" => return Ok(Shape::Minimal),
        _ => {}
    }
    let spec = Specs::open(text, &[])?.next().ok_or("--syn: there is no packet in it")??;
    let [template] = spec.templates.as_slice() else {
        return Err("--syn takes one packet".into());
    };
    let packet = template.packets(0).next().ok_or("--syn: there is no packet in it")?;
    let name = if text.len() > LONGEST_NAME { "spec" } else { text };
    let shape = Shape::Written { name: name.to_owned(), layers: packet.layers };
    // What is wrong with it is told before anybody is asked.
    shape.of(crate::exchange::probe::usual_syn(false, 1500)).map_err(|error| format!("--syn: {error}"))?;
    Ok(shape)
}

/// A shape that is written longer than this is called `spec`.
const LONGEST_NAME: usize = 60;

/// A duration in nanoseconds.
pub(super) fn nanos(duration: std::time::Duration) -> Nanos {
    Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX)
}

/// The user who called sudo, where this is root.
pub(super) fn caller() -> Option<u32> {
    sandbox::caller().map(|caller| caller.user).filter(|user| *user != 0)
}

/// The IPv4 or IPv6 family of the sockets that an address takes.
pub(super) fn family(address: IpAddr) -> crate::sys::ip_socket::Family {
    crate::sys::ip_socket::Family::of(address)
}
