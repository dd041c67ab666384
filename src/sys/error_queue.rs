//! Errors that the kernel keeps for a socket (IP_RECVERR in ip(7), IPV6_RECVERR in ipv6(7)): which ICMP message says so,
//! and who sent it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::control_message::Message;
use super::time_stamp::Passage;

/// An error about something that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketError {
    /// The error number that a call would have given.
    pub errno: i32,
    /// Where it comes from.
    pub origin: Origin,
    /// ICMP type.
    pub kind: u8,
    /// ICMP code.
    pub code: u8,
    /// The next hop's MTU, when it says that the packet is too large; of a time stamp, how far the packet was.
    pub info: u32,
    /// Of what comes from none of these, such as a time stamp: which packet it is about.
    pub data: u32,
    /// Who says so.
    pub offender: Option<IpAddr>,
}

/// Where an error comes from (`linux/errqueue.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// This host.
    Local,
    /// An ICMP message.
    Icmp,
    /// An ICMPv6 message.
    Icmp6,
    /// Something else, such as a time stamp.
    Other,
}

impl SocketError {
    /// Reads a struct sock_extended_err, and the sockaddr of the offender that follows it.
    pub(super) fn read(data: &[u8]) -> Option<Self> {
        let (error, offender) = data.split_at_checked(16)?;
        let word = |at: usize| error.get(at..).and_then(|rest| rest.first_chunk::<4>()).copied();
        let origin = match error.get(4)? {
            1 => Origin::Local,
            2 => Origin::Icmp,
            3 => Origin::Icmp6,
            _ => Origin::Other,
        };
        Some(Self {
            errno: i32::from_ne_bytes(word(0)?),
            origin,
            kind: *error.get(5)?,
            code: *error.get(6)?,
            info: u32::from_ne_bytes(word(8)?),
            data: u32::from_ne_bytes(word(12)?),
            offender: sockaddr(offender),
        })
    }
}

/// The address in a sockaddr_in or sockaddr_in6.
fn sockaddr(octets: &[u8]) -> Option<IpAddr> {
    let family = u16::from_ne_bytes(*octets.first_chunk()?);
    match i32::from(family) {
        libc::AF_INET => Some(Ipv4Addr::from(*octets.get(4..)?.first_chunk::<4>()?).into()),
        libc::AF_INET6 => Some(Ipv6Addr::from(*octets.get(8..)?.first_chunk::<16>()?).into()),
        _ => None,
    }
}

/// An error with what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The error.
    pub error: SocketError,
    /// Where the packet went.
    pub destination: Option<SocketAddr>,
    /// Its payload, as far as the kernel has it.
    pub payload: Vec<u8>,
    /// When the packet passed, where this is no error but a time stamp.
    pub passage: Option<Passage>,
}

impl Taken {
    /// What a message of the queue of errors says; `None` where it says nothing of an error.
    pub fn of(message: &Message<'_>) -> Option<Self> {
        let (destination, payload) = (message.from, message.octets.to_vec());
        let passage = Passage::of(&message.about);
        Some(Self { error: message.about.error?, destination, payload, passage })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What the kernel tells is read, whoever it is that says so, and what is cut is nothing or has no such address.
        #[test]
        fn any_error_is_read_as_it_is_told(head: [u8; 16], from: IpAddr, cut in 0usize..60) {
            let (family, len, octets) = match from {
                IpAddr::V4(address) => (libc::AF_INET, 16, [&[0; 2], &address.octets()[..]].concat()),
                IpAddr::V6(address) => (libc::AF_INET6, 28, [&[0; 6], &address.octets()[..]].concat()),
            };
            let mut offender = [&(family as u16).to_ne_bytes()[..], &octets].concat();
            offender.resize(len, 0);
            let data = [&head[..], &offender].concat();
            let error = SocketError::read(&data).unwrap();
            prop_assert_eq!((error.kind, error.code, error.offender), (head[5], head[6], Some(from)));
            prop_assert_eq!(error.origin == Origin::Icmp6, head[4] == 3);
            let part = SocketError::read(&data[..cut.min(data.len())]);
            prop_assert_eq!(part.is_some(), cut >= 16);
            prop_assert!(part.is_none_or(|part| part.offender.is_none_or(|offender| offender == from)));
        }
    }

    #[test]
    fn reads_a_port_unreachable() {
        // As Linux gives it for a UDP datagram to a closed port of 127.0.0.1.
        let data = hex::decode("6f0000000203030000000000000000000200000a7f0000010000000000000000").unwrap();
        let error = SocketError::read(&data).unwrap();
        assert_eq!((error.errno, error.origin, error.kind, error.code), (111, Origin::Icmp, 3, 3));
        assert_eq!(error.offender, Some([127, 0, 0, 1].into()));
    }
}
