//! The file of a trace: its packets, and beside them what became of each.

use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;

use super::evidence::{Beside, Comment, Evidence};
use crate::exchange::drive::Watcher;
use crate::exchange::drive::icmp::Recorder;
use crate::exchange::drive::trace::TraceWire;
use crate::exchange::engine::Nanos;
use crate::exchange::trace::{Ends, TraceFrame, TracePlan, frame_of};
use crate::file::WriteError;
use crate::show::trace_comment::{self, Called};
use crate::sys::clock::Now;
use crate::wire::frame::Direction;

/// The file, where one is wanted.
pub(super) struct File {
    evidence: Option<Evidence<usize>>,
    plan: TracePlan,
    called: Called,
}

impl File {
    /// Creates the file. By the plan it is known which packets are probes and answers.
    ///
    /// # Errors
    /// When it cannot be created.
    pub(super) fn create(
        path: Option<&Path>,
        plan: &TracePlan,
        called: Called,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let evidence = path.map(Evidence::create).transpose()?;
        Ok(Self { evidence, plan: plan.clone(), called })
    }

    /// What takes the frames.
    pub(super) fn recorder(&self) -> Option<Recorder> {
        let (plan, called) = (self.plan.clone(), self.called);
        let recorder = self.evidence.as_ref()?.recorder_of(move |frame| {
            match frame_of(&plan, frame.data, frame.link_type) {
                // Over loopback each packet is seen twice, and once is enough.
                Some(TraceFrame::Probe(number)) if frame.direction != Direction::Inbound => {
                    Beside::Fate(number)
                }
                Some(other) => {
                    trace_comment::frame(&plan, &other, called).map_or(Beside::Nothing, Beside::Words)
                }
                None => Beside::Nothing,
            }
        });
        Some(recorder)
    }

    /// Says beside each probe what came of it.
    fn remark<E: Ends>(&self, engine: &mut E) {
        // What nobody saves is not kept either.
        let ended = engine.take_ended();
        let Some(evidence) = &self.evidence else { return };
        for one in ended {
            let text = trace_comment::ended(&self.plan, &one, self.called);
            evidence.comment(&one.number, Comment { text, time: Some(one.sent.wall) });
        }
    }

    /// Ends the file with what all of it came to.
    ///
    /// # Errors
    /// When a frame could not be written.
    pub(super) fn finish(self, verdict: &str) -> Result<(), WriteError> {
        let Some(evidence) = self.evidence else { return Ok(()) };
        if !verdict.is_empty() {
            evidence.conclude(verdict);
        }
        evidence.finish()
    }
}

/// A watcher, and what became of probes written beside their packets.
pub(super) struct Remarking<'w, E> {
    inner: &'w mut dyn Watcher<E, TraceWire>,
    file: &'w File,
}

impl<'w, E: Ends> Remarking<'w, E> {
    pub(super) fn new(inner: &'w mut dyn Watcher<E, TraceWire>, file: &'w File) -> Self {
        Self { inner, file }
    }
}

impl<E: Ends> Watcher<E, TraceWire> for Remarking<'_, E> {
    fn wake_up(&self) -> Option<BorrowedFd<'_>> {
        self.inner.wake_up()
    }

    fn woken(&mut self, engine: &mut E, wire: &mut TraceWire, now: Now) {
        self.inner.woken(engine, wire, now);
    }

    fn due(&self) -> Option<Nanos> {
        self.inner.due()
    }

    fn watch(&mut self, engine: &mut E, now: Now) -> io::Result<()> {
        self.file.remark(engine);
        self.inner.watch(engine, now)
    }
}
