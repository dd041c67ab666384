//! Options of an IPv4 header into which routers write (RFC 791 §3.1), as they leave: the first place is this host's own, as where the
//! kernel makes the header.

use std::net::Ipv4Addr;

use crate::packet::Node;
use crate::wire::value::Value;

/// What routers are to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteQuery {
    /// Their addresses.
    Addresses,
    /// Their times.
    Times,
    /// Their addresses and times.
    AddressesAndTimes,
}

/// Octets of options, with the end of the list: all that an IPv4 header has room for.
pub const OPTIONS_LEN: usize = 40;

impl RouteQuery {
    /// The field of the header. `time` is milliseconds since midnight UT.
    pub(super) fn field(self, own: Ipv4Addr, time: u32) -> (String, Node) {
        let number = |number: u64| Node::Value(Value::Uint(number));
        let address = |address: Ipv4Addr| Node::Value(Value::Ipv4(address));
        let none = || address(Ipv4Addr::UNSPECIFIED);
        let time = || number(time.into());
        let pair = |address, time| Node::List(vec![address, time]);
        let field = |name: &str, node| (name.to_owned(), node);
        let (name, fields) = match self {
            Self::Addresses => {
                let items = with_first(address(own), none(), 9);
                ("rr", vec![field("ptr", number(8)), field("addresses", items)])
            }
            Self::Times => {
                let items = with_first(time(), number(0), 9);
                ("ts", vec![field("ptr", number(9)), field("flag", number(0)), field("timestamps", items)])
            }
            Self::AddressesAndTimes => {
                let items = with_first(pair(address(own), time()), pair(none(), number(0)), 4);
                ("ts", vec![field("ptr", number(13)), field("flag", number(1)), field("entries", items)])
            }
        };
        let option = Node::Table(vec![(name.to_owned(), Node::Table(fields))]);
        ("options".to_owned(), Node::List(vec![option]))
    }
}

/// So many items, of which the first is written.
fn with_first(first: Node, free: Node, count: usize) -> Node {
    let mut items = vec![free; count];
    if let Some(item) = items.first_mut() {
        *item = first;
    }
    Node::List(items)
}
