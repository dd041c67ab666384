//! Fields of the IP header that a ping's options ask for.

use crate::packet::Node;
use crate::spec::{Random, Source, SpecError, Syntax, read};

/// Fields of a header that somebody wrote.
pub(super) type Fields = Vec<(String, Node)>;

/// Reads fields as an expression of one layer has them.
///
/// # Errors
/// What is wrong with them.
pub(super) fn written(text: &str, is_ipv6: bool) -> Result<Fields, SpecError> {
    let layer = if is_ipv6 { "ipv6" } else { "ip" };
    let source = Source::new("--ip", format!("{layer}({text})"));
    let no_files = |_: &str| Err(std::io::ErrorKind::NotFound.into());
    let spec = read(&source, Syntax::Expression, &no_files)?;
    let mut random = Random::new(0);
    let crafted = spec.packets(&mut random, Some(1)).next();
    Ok(crafted
        .and_then(|crafted| crafted.packet.layers.into_iter().next())
        .map_or_else(Vec::new, |ip| ip.fields))
}
