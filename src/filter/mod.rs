//! Filters: which packets count.
//!
//! [`capture`] is the pcap-filter language, compiled to classic BPF, which the kernel runs before a packet is captured.
//! [`field`] is Wireshark's display-filter language over the names of our own protocols, which looks at dissected packets.

pub mod capture;
pub mod field;
