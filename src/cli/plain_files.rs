//! Files that `serve` and `connect` send and receive.

use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use crate::plain::file_receive::Intake;
use crate::plain::file_send::Offered;
use crate::sys::error::Cause;
use crate::sys::folder::{Folder, check_name};

/// Opens a file that is to be sent, and reads it for its sum.
///
/// # Errors
/// When it cannot be read, or its name can be no name for others.
pub(super) fn offered(path: &Path) -> Result<Arc<Offered>, String> {
    let shown = path.display();
    let name = path
        .file_name()
        .and_then(OsStr::to_str)
        .ok_or(format!("{shown}: it has no name that can be told"))?;
    check_name(name).map_err(|error| format!("{shown}: {error}"))?;
    let file = File::open(path).map_err(|error| format!("open {shown}: {}", Cause(&error)))?;
    let offered = Offered::read(file, name.to_owned());
    offered.map(Arc::new).map_err(|error| format!("read {shown}: {}", Cause(&error)))
}

/// A folder that takes what is sent to it, under the names that senders give.
///
/// # Errors
/// When there is no such folder.
pub(super) fn intake(folder: &Path, force: bool, limit: u64) -> Result<Intake, String> {
    let opened = Folder::open(folder)
        .map_err(|error| format!("open the folder {}: {}", folder.display(), Cause(&error)))?;
    Ok(Intake { folder: opened, name: None, force, limit })
}

/// A file that takes what is sent to it, whatever its sender calls it.
///
/// # Errors
/// When there is no such folder, or the name can be none.
pub(super) fn intake_as(path: &Path, force: bool, limit: u64) -> Result<Intake, String> {
    let name =
        path.file_name().and_then(OsStr::to_str).ok_or(format!("{}: it names no file", path.display()))?;
    check_name(name).map_err(|error| format!("{}: {error}", path.display()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    Ok(Intake { name: Some(name.to_owned()), ..intake(folder, force, limit)? })
}
