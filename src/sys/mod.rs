//! Every system call and every `unsafe`, behind safe interfaces.
#![allow(unsafe_code)]

pub mod answer_socket;
pub mod batch_socket;
pub mod bell;
pub mod capability;
pub mod clock;
pub mod control_message;
pub mod error;
pub mod error_queue;
pub mod ethtool;
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
pub mod signal_queue;
pub mod tcp_info;
pub mod terminal;
pub mod time_stamp;
pub mod trial;
pub mod tun;
mod xdp_ring;
pub mod xdp_socket;
