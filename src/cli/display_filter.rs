//! The display filter of `read` and `capture`: `-Y`, with Wireshark's letter.

use clap::Args;

use crate::filter::field::{About, FieldFilter, FieldFilterError, Times};
use crate::packet::check::Dissected;
use crate::packet::dissect::dissect;
use crate::stream::{Facts, Need};
use crate::wire::frame::Frame;
use crate::wire::layers::LayerTable;

/// Which packets are shown and written.
#[derive(Debug, Clone, Args)]
pub(super) struct DisplayFilterArgs {
    /// Only packets that this takes are shown, written or sent: `tcp.flags.syn == 1 and ip.addr == 10.0.0.0/8`, as in Wireshark
    /// (wireshark-filter(4)); `rawsock fields` lists the names.
    #[arg(short = 'Y', long = "display-filter", value_name = "FILTER", allow_hyphen_values = true)]
    display_filter: Option<String>,
}

impl DisplayFilterArgs {
    /// Whether there is a filter.
    pub(super) fn is_given(&self) -> bool {
        self.display_filter.is_some()
    }

    /// The filter, compiled.
    ///
    /// # Errors
    /// When the expression is none.
    pub(super) fn compile(&self) -> Result<DisplayFilter, FieldFilterError> {
        let filter = self.display_filter.as_deref().map(FieldFilter::compile).transpose()?;
        for flag in filter.iter().flat_map(FieldFilter::flags_alone) {
            anstream::eprintln!(
                "rawsock: `{flag}` alone takes every packet that has the field, set or not: for those in which it is set write `{flag} == 1`"
            );
        }
        Ok(DisplayFilter { filter, table: LayerTable::default(), times: Times::default() })
    }
}

/// A display filter that sees all packets, one after the other.
#[derive(Debug)]
pub(super) struct DisplayFilter {
    filter: Option<FieldFilter>,
    /// Emptied and filled again for each packet.
    table: LayerTable,
    times: Times,
}

impl DisplayFilter {
    /// One of a filter that is compiled.
    pub(super) fn of(filter: FieldFilter) -> Self {
        Self { filter: Some(filter), table: LayerTable::default(), times: Times::default() }
    }

    /// Whether there is no filter.
    pub(super) fn takes_all(&self) -> bool {
        self.filter.is_none()
    }

    /// What must be known of the packets before.
    pub(super) fn need(&self) -> Need {
        self.filter.as_ref().map_or(Need::Nothing, FieldFilter::need)
    }

    /// Whether it takes a packet, which has this number among all, and of which the packets before tell these facts.
    pub(super) fn matches(
        &mut self,
        number: u64,
        frame: &Frame<'_>,
        interface: Option<&str>,
        facts: Option<&Facts>,
    ) -> bool {
        let Some(filter) = &self.filter else { return true };
        self.times.see(frame.time);
        let about = About {
            number,
            time: frame.time,
            times: self.times,
            interface,
            interface_id: frame.interface_id(),
            comment: frame.comment,
            sent: None,
            known: &[],
            facts,
        };
        dissect(frame.data, frame.link_type, &mut self.table);
        let wire_len = usize::try_from(frame.len).unwrap_or(usize::MAX).max(frame.data.len());
        let is_shown =
            filter.matches(&Dissected { octets: frame.data, table: &self.table, wire_len }, &about);
        if is_shown {
            self.times.show();
        }
        is_shown
    }
}
