//! `file`: one file goes out, or files come in, whole and with the right sum ([`super::file_words`]).

use std::sync::{Arc, Mutex};

use super::event::{Event, Watch};
use super::file_receive::{Intake, Receiver};
use super::file_send::{Offered, Outcome, Sender};
use super::mailbox::lock;
use super::service::{Peer, Service, Session, Waker};

/// The service.
pub struct Files {
    way: Way,
    watch: Arc<dyn Watch>,
    outcome: Arc<Mutex<Option<Outcome>>>,
}

impl Files {
    /// A service that does this, and tells `watch` of progress.
    pub fn new(way: Way, watch: Arc<dyn Watch>) -> Self {
        Self { way, watch, outcome: Arc::default() }
    }

    /// What became of the last file.
    pub fn outcome(&self) -> Option<Outcome> {
        lock(&self.outcome).clone()
    }
}

/// Which way files go.
pub enum Way {
    /// This one goes to whoever comes.
    Out(Arc<Offered>),
    /// Whoever comes may leave one here.
    In(Arc<Intake>),
}

impl Service for Files {
    fn open(&self, peer: &Peer, _: Arc<dyn Waker>) -> Box<dyn Session> {
        let (name, watch) = (peer.name(), Arc::clone(&self.watch));
        let told = {
            let (name, watch, last) = (name.clone(), Arc::clone(&watch), Arc::clone(&self.outcome));
            Box::new(move |outcome| {
                if let Outcome::Failed(why) = &outcome {
                    watch.event(&Event::Note { peer: &name, text: why });
                }
                *lock(&last) = Some(outcome);
            })
        };
        match &self.way {
            Way::Out(offered) => Box::new(Sender::new(Arc::clone(offered), name, watch, told)),
            Way::In(intake) => Box::new(Receiver::new(Arc::clone(intake), name, watch, told)),
        }
    }
}
