//! The files of tests, and the tests in them.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use super::send::MOST_CHECKED;
use super::spec_argument::Specs;
use crate::show::test_report::{TestReport, TestVerdict};
use crate::spec::{Scenario, Spec, SpecError};

/// The files that arguments name: folders stand for the specs in them, in the order of their names.
///
/// # Errors
/// When a folder cannot be read, or nothing has such a name.
pub(super) fn spec_files(paths: &[String]) -> Result<Vec<String>, String> {
    let mut files = Vec::new();
    for path in paths {
        if Path::new(path).is_dir() {
            let before = files.len();
            folder(Path::new(path), 0, &mut files)?;
            if files.len() == before {
                return Err(format!("{path} has no specs: their names end in .toml or .json"));
            }
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn folder(path: &Path, depth: usize, files: &mut Vec<String>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("read the folder {}: {error}", path.display());
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let is_hidden = entry.file_name().to_string_lossy().starts_with(['.', '_']);
        paths.extend((!is_hidden).then(|| entry.path()));
    }
    paths.sort();
    for path in paths {
        let ending = path.extension().and_then(|ending| ending.to_str());
        if path.is_dir() && depth < MOST_DEEP {
            folder(&path, depth.saturating_add(1), files)?;
        } else if matches!(ending, Some("toml" | "json")) && path.is_file() {
            files.push(path.display().to_string());
        }
    }
    Ok(())
}

/// Folders in folders: links may go in a circle.
const MOST_DEEP: usize = 16;

/// A file of tests.
pub(super) enum Loaded {
    /// Its specs: one, or one for each object of a file of JSON lines.
    Specs(Vec<Spec>),
    /// Why it cannot be run.
    Broken(Box<TestReport>),
}

/// Reads a file, and builds its packets as far as they are known.
pub(super) fn load(file: &str, settings: &[String]) -> Loaded {
    let read = || -> Result<Vec<Spec>, Box<dyn Error>> {
        // What is there may be a pipe: `rawsock test <(make-spec)`.
        if file != "-" && !Path::new(file).exists() {
            return Err(format!("read {file}: there is no such file").into());
        }
        let specs = Specs::open(file, settings)?.collect::<Result<Vec<Spec>, _>>()?;
        for spec in &specs {
            spec.check(MOST_CHECKED)?;
        }
        Ok(specs)
    };
    match read() {
        Ok(specs) => Loaded::Specs(specs),
        Err(error) => Loaded::Broken(Box::new(broken(file, error.as_ref()))),
    }
}

/// What is told of a file that cannot be run: the place of its first mistake, and all of them.
fn broken(file: &str, error: &(dyn Error + 'static)) -> TestReport {
    let mut report = TestReport {
        file: file.to_owned(),
        line: 1,
        name: "the spec".to_owned(),
        verdict: TestVerdict::Broken,
        took: Duration::ZERO,
        message: error.to_string(),
        details: Vec::new(),
    };
    if let Some(error) = error.downcast_ref::<SpecError>()
        && let Some(first) = error.diagnostics.first()
    {
        let (source, at) = error.source.locate(&first.at);
        let before = source.text.get(..at.start).unwrap_or_default();
        let line = before.matches('\n').count().saturating_add(source.first_line);
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count().saturating_add(1);
        report.line = line;
        report.message = format!("{}:{line}:{column}: {}", source.name, first.mistake);
        report.details = error.render(false).lines().map(str::to_owned).collect();
    }
    report
}

/// One test.
pub(super) enum Case<'s> {
    /// A scenario, in one of its rounds.
    Scenario { spec: &'s Spec, scenario: &'s Scenario, round: u64 },
    /// The packets of a spec, and what they expect.
    Packets(&'s Spec),
}

impl<'s> Case<'s> {
    /// The tests of a spec.
    pub(super) fn of(spec: &'s Spec) -> Vec<Self> {
        let packets = (!spec.templates.is_empty()).then_some(Self::Packets(spec));
        let rounds = move |scenario: &'s Scenario| {
            (0..spec.rounds().min(MOST_ROUNDS)).map(move |round| Self::Scenario { spec, scenario, round })
        };
        packets.into_iter().chain(spec.scenarios.iter().flat_map(rounds)).collect()
    }

    /// Its name.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Packets(spec) => match spec.templates.as_slice() {
                [one] => one.name.clone().unwrap_or_else(|| "packet".to_owned()),
                _ => "packets".to_owned(),
            },
            Self::Scenario { spec, scenario, round } => match spec.rounds() {
                1 => scenario.name.clone(),
                rounds => format!("{} ({} of {rounds})", scenario.name, round.saturating_add(1)),
            },
        }
    }

    /// Where it stands.
    pub(super) fn place(&self, file: &str) -> (String, usize) {
        match self {
            Self::Packets(_) => (file.to_owned(), 1),
            Self::Scenario { spec, scenario, .. } => spec.place_of(scenario, None),
        }
    }

    /// Whether anything is expected.
    pub(super) fn has_tests(&self) -> bool {
        match self {
            Self::Packets(spec) => {
                let mut all = spec.templates.iter().flat_map(crate::spec::Template::with_following);
                all.any(|template| !template.expect.is_empty())
            }
            Self::Scenario { .. } => true,
        }
    }
}

/// Rounds of a scenario that are run: each takes its time.
const MOST_ROUNDS: u64 = 10_000;
