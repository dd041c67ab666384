//! `rawsock sockets`: which kinds of sockets work here and now.

use clap::Args;

use super::output::print;
use super::{CommandResult, Outcome};
use crate::show::json_object::JsonObject;
use crate::show::table::{Align, table};
use crate::sys::error::Cause;
use crate::sys::socket_kinds::{KINDS, SocketKind, Trial};

/// Open a socket of every family, type and protocol, and print what works here, what it is for, and what uses it.
///
/// Nothing is sent. As root, the kernel may load the module of a family that is asked for.
#[derive(Debug, Args)]
pub(super) struct SocketsArgs {
    /// Only this family, such as inet6 or AF_UNIX.
    #[arg(value_name = "FAMILY")]
    family: Option<String>,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When there is no such family.
pub(super) fn run(args: &SocketsArgs) -> CommandResult {
    let name = args.family.as_deref().map(|name| {
        let name = name.to_ascii_uppercase();
        if name.starts_with("AF_") { name } else { format!("AF_{name}") }
    });
    let kinds: Vec<_> =
        KINDS.iter().filter(|kind| name.as_ref().is_none_or(|name| kind.family.1 == name)).collect();
    if let (Some(name), true) = (&name, kinds.is_empty()) {
        let mut known: Vec<_> = KINDS.iter().map(|kind| kind.family.1).collect();
        known.dedup();
        return Err(format!("{name}: no such family here; there are {}", known.join(", ")).into());
    }
    let rows: Vec<_> = kinds.into_iter().map(Row::of).collect();
    if args.json {
        let lines: String = rows.iter().map(|row| row.json() + "\n").collect();
        print(&lines)?;
        return Ok(Outcome::Done);
    }
    let head = [
        ("family", Align::Left),
        ("type", Align::Left),
        ("protocol", Align::Left),
        ("here", Align::Left),
        ("for", Align::Left),
        ("see", Align::Left),
    ];
    let cells: Vec<_> = rows.iter().map(Row::cells).collect();
    let works = rows.iter().filter(|row| matches!(row.trial, Trial::Works)).count();
    let mut text = table(&head, &cells);
    text.push_str(&format!("{works} of {} work here\n", rows.len()));
    let mut remedies: Vec<_> = rows.iter().filter_map(Row::remedy).collect();
    remedies.dedup();
    remedies.iter().for_each(|remedy| text.push_str(&format!("{remedy}\n")));
    print(&text)?;
    Ok(Outcome::Done)
}

struct Row {
    kind: &'static SocketKind,
    trial: Trial,
    purpose: &'static str,
    command: &'static str,
}

impl Row {
    fn of(kind: &'static SocketKind) -> Self {
        let (purpose, command) = about(kind);
        Self { kind, trial: kind.open(), purpose, command }
    }

    fn cells(&self) -> [String; 6] {
        let here = match &self.trial {
            Trial::Works => "works".to_owned(),
            Trial::NotSupported(_) => "not supported".to_owned(),
            Trial::NotPermitted(_) => "not permitted".to_owned(),
            Trial::Failed(error) => Cause(error).to_string(),
        };
        let SocketKind { family, kind, protocol } = self.kind;
        [family.1, kind.1, protocol.1, &here, self.purpose, self.command].map(str::to_owned)
    }

    /// What would permit it, or bring it.
    fn remedy(&self) -> Option<String> {
        let SocketKind { family, kind, .. } = self.kind;
        match &self.trial {
            Trial::NotPermitted(_) if kind.1 == "SOCK_DGRAM" && family.1.starts_with("AF_INET") => Some(
                "not permitted, SOCK_DGRAM of ICMP: `sudo sysctl net.ipv4.ping_group_range='0 2147483647'` permits it".to_owned(),
            ),
            Trial::NotPermitted(_) => Some(format!(
                "not permitted, {} {}: it takes CAP_NET_RAW: sudo, `rawsock doctor`, or a network of its own by `rawsock lab`",
                family.1, kind.1
            )),
            Trial::NotSupported(_) => module(family.1)
                .map(|module| format!("not supported, {}: `sudo modprobe {module}` brings it, where the kernel has it", family.1)),
            _ => None,
        }
    }

    fn json(&self) -> String {
        let SocketKind { family, kind, protocol } = self.kind;
        let (state, error) = match &self.trial {
            Trial::Works => ("works", None),
            Trial::NotSupported(error) => ("not_supported", Some(error)),
            Trial::NotPermitted(error) => ("not_permitted", Some(error)),
            Trial::Failed(error) => ("failed", Some(error)),
        };
        JsonObject::new()
            .text("family", family.1)
            .text("type", kind.1)
            .text("protocol", protocol.1)
            .text("state", state)
            .text_or_nothing("why", error.map(|error| Cause(error).to_string()).as_deref())
            .text_or_nothing("remedy", self.remedy().as_deref())
            .text("for", self.purpose)
            .text_or_nothing("command", Some(self.command).filter(|command| !command.is_empty()))
            .end()
    }
}

/// The module that has a family.
fn module(family: &str) -> Option<&'static str> {
    Some(match family {
        "AF_TIPC" => "tipc",
        "AF_RDS" => "rds",
        "AF_VSOCK" => "vsock",
        "AF_CAN" => "can",
        "AF_SMC" => "smc",
        "AF_KCM" => "kcm",
        "AF_ALG" => "af_alg",
        "AF_BLUETOOTH" => "bluetooth",
        "AF_QIPCRTR" => "qrtr",
        _ => return None,
    })
}

/// What a kind of socket is for, and the command that uses it.
fn about(kind: &SocketKind) -> (&'static str, &'static str) {
    let SocketKind { family, kind, protocol } = kind;
    match (family.1, kind.1, protocol.1) {
        (_, _, "IPPROTO_TCP") => ("connections of octets", "serve tcp, connect tcp, probe tcp"),
        (_, _, "IPPROTO_MPTCP") => ("TCP over several ways at once (RFC 8684)", ""),
        (_, "SOCK_STREAM", "IPPROTO_SCTP") => {
            ("SCTP used as TCP is (RFC 9260)", "craft and send build its packets")
        }
        (_, _, "IPPROTO_SCTP") => ("associations of messages (RFC 9260)", "craft and send build its packets"),
        (_, _, "IPPROTO_UDP") => ("datagrams", "serve udp, connect udp, probe udp"),
        (_, _, "IPPROTO_UDPLITE") => ("datagrams that may be damaged in part (RFC 3828)", ""),
        (_, "SOCK_DGRAM", "IPPROTO_ICMP" | "IPPROTO_ICMPV6") => ("echo requests without a privilege", "ping"),
        (_, "SOCK_RAW", "IPPROTO_ICMP" | "IPPROTO_ICMPV6") => ("ICMP, all of it", "ping, trace"),
        (_, _, "IPPROTO_RAW") => ("IP packets with a header of one's own", "send, ping, trace, replay"),
        (_, _, "IPPROTO_DCCP") => ("datagrams with congestion control (RFC 4340)", ""),
        ("AF_INET" | "AF_INET6", "SOCK_RDM", _) => ("nothing: IP has no reliable datagrams", ""),
        ("AF_UNIX", "SOCK_STREAM", _) => ("connections within this host", "serve unix, connect unix"),
        ("AF_UNIX", "SOCK_DGRAM", _) => ("datagrams within this host", "serve unix --type dgram"),
        ("AF_UNIX", "SOCK_SEQPACKET", _) => {
            ("connections of messages within this host", "serve unix --type seqpacket")
        }
        ("AF_UNIX", "SOCK_RAW", _) => ("the same as SOCK_DGRAM", "serve unix --type dgram"),
        ("AF_UNIX", ..) => ("nothing: datagrams of this family are reliable", "serve unix --type dgram"),
        ("AF_PACKET", "SOCK_RAW", _) => {
            ("frames with their link-layer header", "capture, send --via link, replay")
        }
        ("AF_PACKET", ..) => ("packets of a link, without its header", "capture -i any"),
        ("AF_NETLINK", ..) => ("talking with the kernel of links and routes", "interfaces, lab"),
        ("AF_VSOCK", ..) => ("a virtual machine and its host", ""),
        ("AF_TIPC", "SOCK_RDM", _) => ("reliable datagrams in a cluster", ""),
        ("AF_TIPC", ..) => ("services in a cluster, by their names", ""),
        ("AF_RDS", ..) => ("reliable datagrams in a cluster, over TCP or InfiniBand", ""),
        ("AF_XDP", ..) => ("frames past the network stack", "send --engine xdp"),
        ("AF_CAN", ..) => ("the bus of cars and machines", ""),
        ("AF_SMC", ..) => ("TCP's interface over shared memory (RFC 7609)", ""),
        ("AF_KCM", ..) => ("messages out of TCP streams", ""),
        ("AF_ALG", ..) => ("the kernel's cryptography", ""),
        ("AF_BLUETOOTH", ..) => ("Bluetooth", ""),
        ("AF_QIPCRTR", ..) => ("the other processors of a phone", ""),
        _ => ("", ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_says_what_it_is_for() {
        assert!(KINDS.iter().all(|kind| !about(kind).0.is_empty()));
    }
}
