//! Filters: which packets count.
//!
//! [`capture`] is the pcap-filter language, compiled to classic BPF, which the kernel runs before a packet is captured.

pub mod capture;
