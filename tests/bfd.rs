//! BFD: our lines are those of tcpdump, our fields those of tshark, and what we build is what scapy builds.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::path::{Path, PathBuf};

use support::judges::{Case, builds_as_scapy, columns_are_those_of_tshark, lines_are_those_of_tcpdump};

fn capture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/bfd.pcap")
}

#[test]
fn lines_are_those_of_tcpdump_for_bfd() {
    lines_are_those_of_tcpdump(
        &capture(),
        &[],
        &[("[|bfd]", "tcpdump does not say that the announced password is missing")],
    );
}

#[test]
fn columns_are_those_of_tshark_for_bfd() {
    let names = ["bfd.version", "bfd.sta", "bfd.flags.p", "bfd.my_discriminator", "bfd.auth.key"];
    columns_are_those_of_tshark(&capture(), &names);
}

#[test]
fn bfd_is_built_as_scapy_builds_it() {
    builds_as_scapy("from scapy.contrib.bfd import BFD", CASES);
}

const CASES: &[Case] = &[
    (
        "ip(src=192.0.2.1, dst=192.0.2.2, id=1)/udp(srcport=50000)/bfd(sta=Up, your_discriminator=2, flags.p)",
        "IP(src='192.0.2.1', dst='192.0.2.2')/UDP(sport=50000, dport=3784)/BFD(sta=3, flags='P', my_discriminator=1, \
         your_discriminator=2, min_tx_interval=10**6, min_rx_interval=10**6, echo_rx_interval=0)",
    ),
    (
        "ip(src=192.0.2.1, dst=192.0.2.2, id=1)/udp(srcport=50000)/bfd(auth.type=1, auth.key=7, auth.data=736563726574)",
        "IP(src='192.0.2.1', dst='192.0.2.2')/UDP(sport=50000, dport=3784)/BFD(sta=1, flags='A', len=33, my_discriminator=1, \
         your_discriminator=0, min_tx_interval=10**6, min_rx_interval=10**6, echo_rx_interval=0)/bytes.fromhex('010907736563726574')",
    ),
];
