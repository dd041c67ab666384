//! One line, tree, hex, JSON, tables: printing, and nothing that decides anything.

pub mod ping;
