//! The file of a run of probes: its packets, and beside them what became of each.

use std::path::Path;

use super::evidence::{Beside, Comment, Evidence};
use crate::exchange::drive::probe::ProbeRecorder;
use crate::exchange::probe::{Finished, Passed};
use crate::file::WriteError;
use crate::show::probe as lines;

/// The file, where one is wanted.
#[derive(Clone)]
pub(super) struct File(Option<Evidence<usize>>);

impl File {
    /// Creates the file.
    ///
    /// # Errors
    /// When it cannot be created.
    pub(super) fn create(path: Option<&Path>) -> Result<Self, Box<dyn std::error::Error>> {
        Ok(Self(path.map(Evidence::create).transpose()?))
    }

    /// What takes the frames.
    pub(super) fn recorder(&self) -> Option<ProbeRecorder> {
        let evidence = self.0.clone()?;
        Some(Box::new(move |frame, passed| {
            let beside = match passed {
                Passed::Probe(id) => Beside::Fate(id),
                Passed::Words(text) => Beside::Words(text),
                Passed::Nothing => Beside::Nothing,
            };
            evidence.take(frame, beside);
        }))
    }

    /// Says beside a probe what came of it; `name` is how it was asked.
    pub(super) fn remark(&self, name: &str, probe: &Finished) {
        let Some(evidence) = &self.0 else { return };
        let (text, time) = (lines::comment(name, probe), probe.outcome.times.left.map(|left| left.wall));
        evidence.comment(&probe.question.id, Comment { text, time });
    }

    /// Says beside the last packet what all until now came to.
    pub(super) fn conclude(&self, verdict: &str) {
        self.0.iter().for_each(|evidence| evidence.conclude(verdict));
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When a frame could not be written.
    pub(super) fn finish(self) -> Result<(), WriteError> {
        self.0.map_or(Ok(()), Evidence::finish)
    }
}
