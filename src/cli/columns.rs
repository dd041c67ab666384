//! The options that print chosen fields as columns.

use clap::Args;

use crate::show::columns::{Columns, Style};

/// Which fields are printed, and how.
#[derive(Debug, Clone, Args)]
pub(super) struct ColumnArgs {
    /// Print these fields of each packet, with tabs between (as `tshark -T fields`): `frame.number,ip.src,tcp.dstport`.
    /// `rawsock fields` lists them.
    #[arg(long, value_name = "NAMES", value_parser = parse, conflicts_with_all = ["json", "toml", "v"])]
    fields: Option<Columns>,
    /// Print the fields with commas between, as RFC 4180 has it.
    #[arg(long, requires = "fields")]
    csv: bool,
    /// Print the fields' names before the first packet.
    #[arg(long, requires = "fields")]
    header: bool,
}

impl ColumnArgs {
    /// Whether columns are wanted.
    pub(super) fn are_given(&self) -> bool {
        self.fields.is_some()
    }

    /// The columns, where some are wanted; their names, where those are, are appended.
    pub(super) fn columns(&self, out: &mut String) -> Option<Columns> {
        let style = if self.csv { Style::Csv } else { Style::Tabs };
        let columns = self.fields.clone()?.with_style(style);
        if self.header {
            columns.header(out);
        }
        Some(columns)
    }
}

fn parse(names: &str) -> Result<Columns, String> {
    Columns::new(names.split(',').map(str::trim)).map_err(|error| error.to_string())
}
