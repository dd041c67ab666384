//! Sending and matching: engines without sockets or clock, and the loop that joins them to `sys`.

pub mod drive;
pub mod engine;
pub mod expect;
pub mod fragment;
mod icmp_error;
mod layer;
pub mod matcher;
pub mod moment;
pub mod pace;
pub mod ping;
pub mod probe;
pub mod scenario;
pub mod send;
pub mod send_event;
pub mod send_pace;
pub mod send_ready;
mod send_record;
mod send_then;
pub mod trace;
