//! pcap and pcapng, in and out.
