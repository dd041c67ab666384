//! A file into which the sockets of a command record what passes while it runs.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use super::capture_file::LiveFile;
use crate::exchange::drive::icmp::Recorder;
use crate::file::WriteError;

/// A file that a recorder writes into, and that the command ends.
pub(super) struct Recording(Rc<RefCell<Option<Saved>>>);

/// A file, and why nothing more could be written into it.
type Saved = (LiveFile, Option<WriteError>);

impl Recording {
    /// Creates the file.
    ///
    /// # Errors
    /// When it cannot be created.
    pub(super) fn create(path: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        Ok(Self(Rc::new(RefCell::new(Some((LiveFile::create(path)?, None))))))
    }

    /// What writes frames into it.
    pub(super) fn recorder(&self) -> Recorder {
        let shared = Rc::clone(&self.0);
        Box::new(move |frame| {
            if let Some((writer, failure)) = shared.borrow_mut().as_mut()
                && failure.is_none()
            {
                *failure = writer.write(frame).err();
            }
        })
    }

    /// Ends it.
    ///
    /// # Errors
    /// When a frame, or what is still in memory, could not be written.
    pub(super) fn finish(self) -> Result<(), WriteError> {
        match self.0.borrow_mut().take() {
            Some((writer, None)) => writer.finish(),
            Some((_, Some(failure))) => Err(failure),
            None => Ok(()),
        }
    }
}
