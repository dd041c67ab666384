//! Every system call and every `unsafe`, behind safe interfaces.
#![allow(unsafe_code)]

pub mod capability;
pub mod namespace;
pub mod namespace_barrier;
pub mod netlink;
