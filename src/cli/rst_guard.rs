//! Connections that are opened by hand: the kernel's own resets are kept away from their ports, for as long as they are used.

use std::cell::RefCell;
use std::collections::HashSet;
use std::net::IpAddr;
use std::rc::Rc;

use super::sandbox::{self, SandboxArgs};
use super::send_follow::value_of;
use crate::packet::build::Built;
use crate::packet::check::Dissected;
use crate::spec::{Spec, Template};
use crate::sys::capability::Capability;
use crate::sys::netlink::NetlinkError;
use crate::sys::nftables::ResetGuard;
use crate::sys::nftables::keeper::GuardKeeper;
use crate::sys::sandbox::Sandbox;
use crate::wire::value::Value;

/// What keeps resets away; nothing, where that is not wanted. All that prepare packets share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Resets(Option<Rc<RefCell<Kept>>>);

#[derive(Debug)]
struct Kept {
    guard: GuardKeeper,
    ports: HashSet<(IpAddr, u16)>,
}

impl Resets {
    /// Keeps resets away from the ports of packets from now on, by a process of its own: this one keeps no right for that.
    ///
    /// # Errors
    /// What to do where that is not possible.
    pub(super) fn keep_away(sandbox: SandboxArgs, is_verbose: bool) -> Result<Self, String> {
        let rights = Sandbox {
            keeps: vec![Capability::NetAdmin],
            caller: sandbox::caller_but_root(),
            ..Sandbox::default()
        };
        let what = "a process beside, which keeps the kernel's resets away";
        let enter = || sandbox::enter_beside(rights, sandbox, is_verbose, what);
        let guard = ResetGuard::open().and_then(|guard| GuardKeeper::start(guard, enter));
        let guard = guard.map_err(|error| refused(&error))?;
        Ok(Self(Some(Rc::new(RefCell::new(Kept { guard, ports: HashSet::new() })))))
    }

    /// Lets all resets out again, until further packets are sent.
    ///
    /// # Errors
    /// When the kernel does not take it.
    pub(super) fn forget(&self) -> Result<(), String> {
        let Some(kept) = &self.0 else { return Ok(()) };
        let mut kept = kept.borrow_mut();
        if kept.ports.is_empty() {
            return Ok(());
        }
        kept.ports.clear();
        kept.guard.forget().map_err(|error| refused(&error))
    }

    /// Whether there is anything to mark.
    pub(super) fn are_kept(&self) -> bool {
        self.0.is_some()
    }

    /// Takes note of a packet that is about to be sent: its port is one of those, if it is TCP's.
    ///
    /// # Errors
    /// When the kernel does not take it.
    pub(super) fn before(&self, built: &Built) -> Result<(), String> {
        let Some(kept) = &self.0 else { return Ok(()) };
        let Some(key) = source(built) else { return Ok(()) };
        let mut kept = kept.borrow_mut();
        if !kept.ports.insert(key) {
            return Ok(());
        }
        kept.guard.keep_away(key.0, key.1).map_err(|error| refused(&error))?;
        if kept.ports.len() == 1 {
            anstream::eprintln!(
                "rawsock: the kernel's own resets from {} port {} are dropped while this runs (nftables, table inet {})",
                key.0,
                key.1,
                kept.guard.name()
            );
        }
        Ok(())
    }
}

/// Where a TCP packet comes from.
fn source(built: &Built) -> Option<(IpAddr, u16)> {
    let octets = &built.octets;
    let packet = Dissected { octets, table: &built.table, wire_len: octets.len() };
    let Some(Value::Uint(port)) = value_of("tcp.srcport", &packet) else { return None };
    let address = match value_of("ip.src", &packet).or_else(|| value_of("ipv6.src", &packet))? {
        Value::Ipv4(address) => IpAddr::V4(address),
        Value::Ipv6(address) => IpAddr::V6(address),
        _ => return None,
    };
    Some((address, u16::try_from(port).ok()?))
}

fn refused(error: &NetlinkError) -> String {
    format!(
        "{error}; with `--no-rst-guard` it goes on without, and the kernel may reset what is opened by hand"
    )
}

/// Whether a packet is TCP's.
fn is_tcp(template: &Template) -> bool {
    template.protocols().any(|name| name == "tcp")
}

/// Whether some packets follow answers over TCP: the kernel must not say anything in between.
pub(super) fn is_needed_by_packets(spec: &Spec) -> bool {
    spec.templates
        .iter()
        .any(|template| !template.then.is_empty() && template.with_following().into_iter().any(is_tcp))
}

/// Whether one of these packets, of a scenario, is TCP's.
pub(super) fn is_needed_by<'t>(templates: impl IntoIterator<Item = &'t Template>) -> bool {
    templates.into_iter().any(is_tcp)
}
