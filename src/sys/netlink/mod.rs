//! What the kernel knows about interfaces, addresses, routes and neighbours, asked for and changed over rtnetlink(7).
//!
//! One [`Netlink`] is one socket, in the network namespace in which it was opened. Requests are blocking: the kernel
//! answers them within the send call.
//!
//! Requests are written by `netlink-packet-route`. Answers are read attribute by attribute, only the ones that are
//! wanted: a kernel newer than this program may add attributes or make known ones longer, and neither may turn a list
//! of interfaces into an error.

mod address;
pub(in crate::sys) mod attributes;
mod error;
#[cfg(test)]
mod laws;
mod link;
pub(in crate::sys) mod message;
mod monitor;
mod neighbour;
mod route;
mod socket;
mod veth;

pub use address::Address;
pub use error::{Blocked, NetlinkError};
pub use link::Link;
pub use monitor::{LinkMonitor, LinkNews};
pub use neighbour::Neighbour;
pub use netlink_packet_route::{neighbour::NeighbourState, route::RouteType};
pub use route::{NewRoute, Route, RouteQuery};
pub use socket::Netlink;
pub use veth::VethEnd;
