//! A packet: built from a description, dissected by it, written back as a spec.
