//! What all kinds of probing have in common: the sockets with their options, the recording, interruption.

use std::error::Error;
use std::net::IpAddr;

use super::probe::{Kind, ProbeArgs};
use super::probe_evidence::File;
use super::probe_rule::{Rules, Tracer};
use super::resolve::{Wanted, check_source};
use super::spec_argument::Specs;
use super::{probe_user, random};
use crate::exchange::drive::probe::{Openers, ProbeSockets};
use crate::exchange::drive::probe_plain::PlainOptions;
use crate::exchange::drive::probe_raw::RawSockets;
use crate::exchange::engine::Nanos;
use crate::exchange::probe::{Asked, Shape};
use crate::sys::interrupt::Interrupt;
use crate::sys::process;
use crate::sys::time_stamp::ReceiptStamps;

/// What a run has.
pub(super) struct Session {
    pub(super) interrupt: Interrupt,
    pub(super) sockets: ProbeSockets,
    pub(super) wanted: Wanted,
    /// The number of the next probe: runs one after the other share the sockets.
    pub(super) next_id: usize,
    /// That of `--syn`.
    pub(super) shape: Option<Shape>,
    /// Whom `--compare` connects as, too.
    pub(super) other_user: Option<u32>,
    /// The host's own rules, which may be what answers differ by.
    pub(super) rules: Rules,
    /// What tells which of them takes a probe.
    pub(super) tracer: Option<Tracer>,
    /// Where its packets are saved.
    pub(super) file: File,
    _stamps: Option<ReceiptStamps>,
}

impl Session {
    /// Opens it, and all that takes a right.
    ///
    /// # Errors
    /// When the source address is none of ours, a file cannot be created, or a right is missing.
    pub(super) fn open(args: &ProbeArgs) -> Result<Self, Box<dyn Error>> {
        process::allow_descriptors(u64::from(args.most_at_once()).saturating_add(OWN_DESCRIPTORS));
        check_source(args.source)?;
        let wanted = Wanted::of(args.ipv4, args.ipv6, args.source, "-I")?;
        // Where there are none, times are a little longer.
        let stamps = ReceiptStamps::keep_on().ok();
        // Who called sudo is known as long as this is root.
        let other_user = probe_user::other(args);
        let openers = if args.compare { probe_user::openers(args)? } else { Openers::default() };
        let interrupt = Interrupt::catch()?;
        // Our own table is none of the rules that are listed.
        let rules = if args.compare { Rules::list() } else { Rules::default() };
        let tracer = args.compare.then(Tracer::open);
        let secret = u64::from_ne_bytes(random::octets()?);
        let shape = args.syn.as_deref().map(shape).transpose()?;
        let is_udp = args.transport == Kind::Udp;
        let raw = || RawSockets::open(args.source, is_udp, wanted.families(), args.anatomy);
        let raw = args.is_by_hand().then(raw).transpose()?;
        let options = PlainOptions {
            source: args.source,
            port: None,
            payload: args.payload.as_ref().map(|octets| octets.0.clone()),
            send: args.send.as_ref().map(|octets| octets.0.clone()),
            expect: args.expect_bytes.as_ref().map(|octets| octets.0.clone()),
            secret,
        };
        let asked = Asked::new(u64::from_ne_bytes(random::octets()?), random::u16()?);
        let mut sockets = ProbeSockets::new(options, raw, asked);
        sockets.openers = openers;
        let file = File::create(args.write.as_deref())?;
        file.recorder().into_iter().try_for_each(|recorder| sockets.record(recorder))?;
        Ok(Self {
            interrupt,
            sockets,
            wanted,
            next_id: 0,
            shape,
            other_user,
            rules,
            tracer,
            file,
            _stamps: stamps,
        })
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

/// How many probes may be under way at once: each plain one takes a descriptor, and what resolves names, counts and writes has to find
/// some, too. Where there are fewer all the same, a probe waits for another one's.
pub(super) fn at_once(args: &ProbeArgs) -> usize {
    let wanted = usize::from(args.most_at_once());
    if args.raw {
        return wanted;
    }
    let most = process::most_descriptors();
    let room = most.saturating_sub(OWN_DESCRIPTORS.min(most / 4)).max(1);
    wanted.min(usize::try_from(room).unwrap_or(usize::MAX))
}

/// Descriptors that a run takes beside those of its probes, most of them to look up many names at once.
const OWN_DESCRIPTORS: u64 = 160;

/// The shape of `--syn`.
///
/// # Errors
/// When it is no spec, or not of one packet.
fn shape(text: &str) -> Result<Shape, Box<dyn Error>> {
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

/// Checks that a shape of SYNs goes to a target, as far as that one's address is known.
///
/// # Errors
/// When it goes somewhere else.
pub(super) fn check_target(
    shape: Option<&Shape>,
    host: &str,
    address: Option<IpAddr>,
    ports: &[u16],
) -> Result<(), String> {
    let Some(shape) = shape else { return Ok(()) };
    ports
        .iter()
        .try_for_each(|port| shape.check_target(address, *port))
        .map_err(|error| format!("{host}: --syn: {error}"))
}

/// A shape that is written longer than this is called `spec`.
const LONGEST_NAME: usize = 60;

/// A duration in nanoseconds.
pub(super) fn nanos(duration: std::time::Duration) -> Nanos {
    Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX)
}
