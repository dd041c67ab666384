//! How a lab's hosts are put together: three in a row, four in a row, or two routers side by side.

use std::net::IpAddr;

use super::Host;
use super::topology::{Cable, Interface, addresses};

/// The hosts of a lab, its cables, and its routes.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    /// From left to right.
    pub hosts: &'static [Host],
    /// From left to right.
    pub cables: &'static [Cable],
    /// Routes to what is not on a host's own cables.
    pub ways: &'static [Way],
}

/// A route of one host.
#[derive(Debug, PartialEq, Eq)]
pub struct Way {
    /// Who has it.
    pub host: Host,
    /// The network that it leads to: N of 10.77.N.0 and fd77:N::. `None` is everything that no other route takes.
    pub network: Option<u8>,
    /// The routers that share what goes there, each as network and number.
    by: &'static [(u8, u8)],
}

impl Plan {
    /// A host's interfaces, from left to right.
    pub fn interfaces(&self, host: Host) -> impl Iterator<Item = &'static Interface> + use<> {
        self.cables.iter().flat_map(Cable::ends).filter(move |interface| interface.host == host)
    }

    /// The interface by which `other` knows `host`: the one on the cable between them, else the first.
    pub fn seen_from(&self, host: Host, other: Host) -> Option<&'static Interface> {
        let between = |cable: &&Cable| cable.joins(host) && cable.joins(other);
        let cable = self.cables.iter().find(between);
        let near = cable.and_then(|cable| cable.ends().into_iter().find(|end| end.host == host));
        near.or_else(|| self.interfaces(host).next())
    }

    /// The other end of the cable that this interface is on.
    pub fn far_end(&self, interface: &Interface) -> Option<&'static Interface> {
        let ends = self.cables.iter().map(Cable::ends).find(|ends| ends.contains(&interface))?;
        ends.into_iter().find(|end| *end != interface)
    }
}

impl Way {
    /// The IPv4 addresses of the routers.
    pub fn by_v4(&self) -> Vec<IpAddr> {
        self.by.iter().map(|(network, number)| addresses(*network, *number).0.into()).collect()
    }

    /// The IPv6 addresses of the routers.
    pub fn by_v6(&self) -> Vec<IpAddr> {
        self.by.iter().map(|(network, number)| addresses(*network, *number).1.into()).collect()
    }
}

/// A cable on network `network`, which joins the hosts with these names of interfaces and these numbers.
const fn cable(network: u8, left: (Host, &'static str, u8), right: (Host, &'static str, u8)) -> Cable {
    Cable {
        left: Interface::new(left.0, left.1, network, left.2),
        right: Interface::new(right.0, right.1, network, right.2),
    }
}

const fn way(host: Host, network: Option<u8>, by: &'static [(u8, u8)]) -> Way {
    Way { host, network, by }
}

use Host::{Client, Gate, Lower, Router, Server, Upper};

/// Client, router and server: the lab without a case. What the router does not know is unreachable.
pub static SHORT: Plan = Plan {
    hosts: &[Client, Router, Server],
    cables: &[
        cable(1, (Client, "eth0", 2), (Router, "eth0", 1)),
        cable(2, (Router, "eth1", 1), (Server, "eth0", 2)),
    ],
    ways: &[way(Client, None, &[(1, 1)]), way(Server, None, &[(2, 1)])],
};

/// A second router behind the first, so that somebody can tell what the first did to a packet.
pub static LONG: Plan = Plan {
    hosts: &[Client, Router, Gate, Server],
    cables: &[
        cable(1, (Client, "eth0", 2), (Router, "eth0", 1)),
        cable(3, (Router, "eth1", 1), (Gate, "eth0", 2)),
        cable(2, (Gate, "eth1", 1), (Server, "eth0", 2)),
    ],
    ways: &[
        way(Client, None, &[(1, 1)]),
        way(Router, Some(2), &[(3, 2)]),
        way(Gate, None, &[(3, 1)]),
        way(Server, None, &[(2, 1)]),
    ],
};

/// Two ways between the router and the gate. All that comes back goes by the upper one: a trace shows the way there.
pub static DIAMOND: Plan = Plan {
    hosts: &[Client, Router, Upper, Lower, Gate, Server],
    cables: &[
        cable(1, (Client, "eth0", 2), (Router, "eth0", 1)),
        cable(3, (Router, "eth1", 1), (Upper, "eth0", 2)),
        cable(4, (Router, "eth2", 1), (Lower, "eth0", 2)),
        cable(5, (Upper, "eth1", 1), (Gate, "eth0", 2)),
        cable(6, (Lower, "eth1", 1), (Gate, "eth1", 2)),
        cable(2, (Gate, "eth2", 1), (Server, "eth0", 2)),
    ],
    ways: &[
        way(Client, None, &[(1, 1)]),
        way(Router, Some(2), &[(3, 2), (4, 2)]),
        way(Router, Some(5), &[(3, 2)]),
        way(Router, Some(6), &[(4, 2)]),
        way(Upper, None, &[(3, 1)]),
        way(Upper, Some(2), &[(5, 2)]),
        way(Lower, None, &[(4, 1)]),
        way(Lower, Some(2), &[(6, 2)]),
        way(Gate, None, &[(5, 1)]),
        way(Server, None, &[(2, 1)]),
    ],
};

/// All of them.
pub(super) static ALL: [&Plan; 3] = [&SHORT, &LONG, &DIAMOND];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_is_seen_at_its_near_end() {
        let seen = |plan: &Plan, host, from| plan.seen_from(host, from).unwrap().v4.to_string();
        assert_eq!(seen(&SHORT, Router, Client), "10.77.1.1");
        assert_eq!(seen(&SHORT, Router, Server), "10.77.2.1");
        assert_eq!(seen(&SHORT, Client, Client), "10.77.1.2");
        assert_eq!(seen(&LONG, Gate, Server), "10.77.2.1");
        // The server has one address, whatever is between.
        assert!(ALL.iter().all(|plan| seen(plan, Server, Client) == "10.77.2.2"));
    }

    #[test]
    fn routers_of_ways_are_on_cables_of_whoever_takes_them() {
        for plan in ALL {
            for way in plan.ways {
                let near: Vec<_> = plan.interfaces(way.host).filter_map(|own| plan.far_end(own)).collect();
                let mut by = way.by_v4().into_iter().chain(way.by_v6());
                assert!(by.all(|by| near.iter().any(|far| far.addresses().contains(&by))), "{way:?}");
            }
        }
    }

    #[test]
    fn no_two_interfaces_have_one_address_and_the_ends_of_a_cable_have_different_numbers() {
        for plan in ALL {
            let ends: Vec<_> = plan.cables.iter().flat_map(Cable::ends).collect();
            for (place, end) in ends.iter().enumerate() {
                assert!(ends.iter().skip(place + 1).all(|other| other.v4 != end.v4 && other.mac != end.mac));
            }
            assert!(plan.cables.iter().all(|cable| cable.left.index != cable.right.index));
            assert!(ends.iter().all(|end| plan.hosts.contains(&end.host)));
        }
    }
}
