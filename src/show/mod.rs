//! What a packet looks like: one line, a tree, hex, JSON, a drawn header. Nothing here decides anything; it only says what
//! the layer table and the descriptions know.
//!
//! Everything is appended to a `String` that the caller empties and uses again, so that a packet costs no allocation.
//! Nothing that comes from a packet or a file reaches that string unescaped: see [`text`].

mod column_values;
pub mod columns;
pub mod expert;
pub mod explain;
pub mod facts;
mod field_entries;
pub mod fields;
pub mod file_summary;
pub mod follow;
pub mod forms;
pub mod header;
pub mod hex;
pub mod json;
mod json_fields;
#[cfg(test)]
mod json_laws;
mod json_memory;
pub mod json_object;
mod json_plan;
pub mod line;
mod nesting;
pub mod palette;
pub mod ping;
pub mod ping_comment;
pub mod ping_json;
pub mod ping_many;
pub mod ping_summary;
pub mod plain;
pub mod probe;
pub mod probe_compare;
pub mod probe_json;
pub mod scapy;
mod scapy_arguments;
mod scapy_layers;
mod scapy_names;
mod scapy_questions;
pub mod source_text;
pub mod statistics;
mod statistics_errors;
mod statistics_round_trips;
mod statistics_times;
pub mod table;
pub mod test_report;
pub mod text;
pub mod time;
pub mod trace;
pub mod trace_comment;
pub mod trace_mtu;
pub mod trace_paths;
pub mod trace_report;
pub mod tree;
mod tree_facts;
mod tree_fields;
pub mod value;

use crate::stream::Facts;
use crate::wire::comments::Comments;
use crate::wire::frame::{Direction, Frame, LinkType};

/// What is known of a packet besides its octets and layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta<'a> {
    /// Its number in the capture or among what was built, from 1.
    pub number: u64,
    /// Nanoseconds since 1970-01-01 UTC; `None` where nobody knows.
    pub time: Option<i64>,
    /// The name of the interface that it was captured on; `None` where nobody knows. Any text: it is escaped here.
    pub interface: Option<&'a str>,
    /// That interface's number in its section of the capture, from 0.
    pub interface_id: u32,
    /// What its octets begin with; `None` where captures have no number for it.
    pub link_type: Option<LinkType>,
    /// Which way it went.
    pub direction: Direction,
    /// What somebody noted about it. Any text: it is escaped here.
    pub comment: Option<Comments<'a>>,
    /// What the packets before it tell of its layers; `None` where nobody looked.
    pub facts: Option<&'a Facts>,
}

impl<'a> Meta<'a> {
    /// What is known of a packet that was built and never captured.
    pub fn built(number: u64, link_type: impl Into<Option<LinkType>>) -> Self {
        Self {
            number,
            time: None,
            interface: None,
            interface_id: 0,
            link_type: link_type.into(),
            direction: Direction::Unknown,
            comment: None,
            facts: None,
        }
    }

    /// What is known of a frame that was captured on `interface`.
    pub fn captured(number: u64, frame: &Frame<'a>, interface: Option<&'a str>) -> Self {
        let Frame { time, link_type, direction, comment, .. } = *frame;
        Self {
            number,
            time,
            interface,
            interface_id: frame.interface_id(),
            link_type: Some(link_type),
            direction,
            comment,
            facts: None,
        }
    }
}
