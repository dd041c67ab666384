//! `discard`: what comes is thrown away (RFC 863).

use std::sync::Arc;

use super::outbox::Outbox;
use super::service::{Peer, Service, Session, Waker};
use crate::sys::clock::Now;

/// The service.
#[derive(Debug, Clone, Copy)]
pub struct Discard;

impl Service for Discard {
    fn open(&self, _: &Peer, _: Arc<dyn Waker>) -> Box<dyn Session> {
        Box::new(Self)
    }
}

impl Session for Discard {
    fn received(&mut self, _: &[u8], _: Now, _: &mut Outbox) {}
}
