//! How packets are prepared: what the command line and the spec say about it.

use std::error::Error;
use std::time::Duration;

use crate::exchange::drive::packets::{Needs, PacketWire};
use crate::exchange::drive::tun::{TunEnd, TunHost, TunHostError, TunNetwork};
use crate::spec::{Spec, Via};
use crate::sys::netlink::Netlink;
use crate::sys::ring::Source;

/// How packets are prepared.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// By which kind of socket; left out, the outermost layer decides.
    pub(super) via: Option<Via>,
    /// The interface that they must leave by.
    pub(super) interface: Option<String>,
    /// Of the generators.
    pub(super) seed: u64,
    /// How long answers are awaited where the spec does not say.
    pub(super) within: Duration,
    /// The user said how long, whatever the spec says.
    pub(super) within_is_given: bool,
    /// How much later than its turn a packet may go, at random.
    pub(super) jitter: Duration,
    /// Source port and ICMP identifier where the spec does not say.
    pub(super) ident: u16,
    /// Remark on fields that contradict the packet.
    pub(super) remarks: bool,
    /// More than others bear who have not been asked: refused, unless it stays on this host.
    pub(super) is_flood: bool,
    /// Neighbours may have to be asked for: some packets go as frames.
    pub(super) asks: bool,
    /// Nothing is sent, not even a question for a neighbour.
    pub(super) is_dry: bool,
    /// This program is a host of its own: routes and neighbours are none of its business.
    pub(super) tun: Option<TunHost>,
}

impl Plan {
    /// Whether a packet goes as a frame.
    pub(super) fn is_frame(&self, outermost: &str) -> bool {
        match self.via {
            Some(Via::Link) => true,
            Some(Via::Ip | Via::Tun) => false,
            None => !matches!(outermost, "ip" | "ipv6"),
        }
    }

    /// Makes a TUN interface, by which this program is a host of its own from now on.
    ///
    /// # Errors
    /// When CAP_NET_ADMIN is missing.
    pub(super) fn open_tun(&mut self, network: &TunNetwork) -> Result<PacketWire, TunHostError> {
        let end = TunEnd::open(network)?;
        self.tun = Some(end.host());
        Ok(PacketWire::of_tun(end))
    }

    /// Which sockets the packets need.
    ///
    /// # Errors
    /// When a packet cannot be sent in the way that is asked for.
    pub(super) fn needs(&self, specs: &[Spec]) -> Result<Needs, String> {
        let mut needs = Needs::default();
        for template in specs.iter().flat_map(Spec::all_templates) {
            let outermost = template.outermost().map_or("", |layer| layer.protocol.name);
            match (outermost, self.is_frame(outermost)) {
                ("ip" | "ipv6", false) if self.via == Some(Via::Tun) => {}
                (other, false) if self.via == Some(Via::Tun) => {
                    return Err(format!(
                        "a TUN interface takes IP packets: begin this one with `ip` or `ipv6`, not with `{other}`"
                    ));
                }
                ("ip", false) => needs.v4 = true,
                ("ipv6", false) => needs.v6 = true,
                ("ip" | "ipv6" | "eth" | "arp", true) => needs.link = true,
                (other, false) => {
                    return Err(format!(
                        "a packet that begins with `{other}` cannot go by a raw IP socket: begin it with `ip` or `ipv6`, or use \
                         `--via link`"
                    ));
                }
                (other, true) => {
                    return Err(format!(
                        "a frame begins with `eth`; before `ip`, `ipv6` and `arp` it is added; not before `{other}`"
                    ));
                }
            }
        }
        Ok(needs)
    }

    /// Where to look for answers: at the interface that all frames leave by, else at all interfaces.
    ///
    /// # Errors
    /// When there is no such interface.
    pub(super) fn tap(&self) -> Result<Source, Box<dyn Error>> {
        let Some(name) = &self.interface else { return Ok(Source::ALL) };
        let link = Netlink::open()?.link(name)?;
        Ok(Source::of(&link))
    }
}
