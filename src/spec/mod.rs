//! Spec files and expressions, read into templates of packets; generators; diagnostics.
