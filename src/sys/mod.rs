//! Every system call and every `unsafe`, behind safe interfaces.
#![allow(unsafe_code)]

pub mod answer_socket;
#[cfg(feature = "async")]
pub mod async_descriptor;
pub mod batch_socket;
pub mod bell;
pub mod capability;
pub mod clock;
pub mod control_message;
pub mod epoll;
pub mod error;
pub mod error_queue;
pub mod ethtool;
pub mod folder;
pub mod hop_socket;
pub mod interrupt;
pub mod ip_socket;
mod mapping;
pub mod mount;
pub mod name_info;
pub mod namespace;
pub mod namespace_barrier;
pub mod netlink;
pub mod nftables;
pub mod packet_socket;
pub mod plain_socket;
pub mod poll;
pub mod process;
pub mod program_file;
pub mod ring;
mod ring_block;
pub mod sandbox;
pub mod signal_queue;
pub mod socket;
pub mod socket_address;
pub mod socket_kinds;
pub mod tcp_info;
pub mod tcp_state;
pub mod terminal;
pub mod time_stamp;
pub mod trial;
pub mod tun;
pub mod unix_path;
mod xdp_ring;
pub mod xdp_socket;
