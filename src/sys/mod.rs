//! Every system call and every `unsafe`, behind safe interfaces.
