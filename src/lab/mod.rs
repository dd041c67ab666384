//! The lab: a throw-away network of three hosts, made of namespaces, without root.
//!
//! ```text
//! client ──────────── router ──────────── server
//! 10.77.1.2   10.77.1.1   10.77.2.1   10.77.2.2
//! ```
//!
//! Who does what, in the order in which it happens:
//!
//! 1. [`Lab::start`] runs this program again as the *holder* ([`hold`]), with a pipe that nobody writes to: the lifeline.
//! 2. The holder makes a user namespace where it needs one, a PID namespace, and a network namespace for each host;
//!    plugs in the cables and sets the addresses ([`cabling`], [`kernel_settings`]).
//! 3. It splits off a process for each host ([`host`]), which makes a mount namespace with a `/etc/hosts` of the lab's own
//!    ([`private_files`]), and on the server starts the echo service ([`echo`]).
//! 4. Commands enter the namespaces of a host's process and become children there ([`enter`], [`relay`]).
//!
//! A [`Case`] is a lab with a second router, or two side by side, in which something hinders packets: [`Plan`] says who is there, and
//! the holder does what the case says before anybody hears of the lab.
//!
//! However the program ends that started the lab, its end of the lifeline closes. The router, which is process 1 of the
//! PID namespace, sees that and ends, the kernel kills every other process of that namespace, and with the last process
//! the namespaces are gone. Nothing is ever written to the machine's own file systems or network.

pub mod cabling;
mod cases;
pub mod drawing;
pub mod echo;
pub mod enter;
mod error;
pub mod hold;
pub mod host;
pub mod kernel_settings;
pub mod plan;
pub mod private_files;
pub mod relay;
mod report;
mod start;
pub mod topology;

pub use crate::sys::namespace::Identity;
pub use cases::{Case, Change};
pub use error::LabError;
pub use plan::Plan;
pub use start::{Lab, LabOptions};
pub use topology::Host;
