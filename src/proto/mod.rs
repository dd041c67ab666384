//! Each protocol described once, in one file; the registry of them.
