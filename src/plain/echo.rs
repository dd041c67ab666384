//! `echo`: what comes goes back (RFC 862).

use std::sync::Arc;

use super::outbox::Outbox;
use super::service::{Peer, Service, Session, Waker};
use crate::sys::clock::Now;

/// The service.
#[derive(Debug, Clone, Copy)]
pub struct Echo;

impl Service for Echo {
    fn open(&self, _: &Peer, _: Arc<dyn Waker>) -> Box<dyn Session> {
        Box::new(Self)
    }
}

impl Session for Echo {
    fn received(&mut self, octets: &[u8], _: Now, out: &mut Outbox) {
        out.put(octets);
    }
}
