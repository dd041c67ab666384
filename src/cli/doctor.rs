//! `rawsock doctor`: what this machine and user may do, why not, and the command that mends it.

mod checks;
mod grant;

use clap::Args;

use self::checks::{Check, Finding};
use super::output::print;
use super::{CommandResult, Outcome};
use crate::show::json_object::JsonObject;
use crate::show::table::{Align, table};

/// Say what this machine and user may do, why not, and the command that mends it.
///
/// Exit code 0 when everything essential works: sending and capturing; 1 when something of it is missing.
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &DoctorArgs) -> CommandResult {
    let checks = checks::all();
    let text = if args.json { json(&checks) } else { report(&checks) };
    print(&text)?;
    let sound = checks.iter().all(|check| !check.essential || check.finding.is_good());
    Ok(if sound { Outcome::Done } else { Outcome::NoAnswer })
}

fn report(checks: &[Check]) -> String {
    let head = [("", Align::Left), ("what", Align::Left), ("for", Align::Left), ("finding", Align::Left)];
    let row = |check: &Check| {
        let verdict = match (&check.finding, check.essential) {
            (Finding::Good(_), _) => "ok",
            (Finding::Bad { .. }, true) => "NO",
            (Finding::Bad { .. }, false) => "no",
        };
        let (Finding::Good(detail) | Finding::Bad { why: detail, .. }) = &check.finding;
        [verdict, check.title, check.purpose, detail].map(str::to_owned)
    };
    let rows: Vec<_> = checks.iter().map(row).collect();
    table(&head, &rows) + &remedies(checks) + &verdict(checks)
}

/// Each command once, with all that it mends.
fn remedies(checks: &[Check]) -> String {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    for check in checks {
        if let Finding::Bad { remedy: Some(remedy), .. } = &check.finding {
            match found.iter_mut().find(|(known, _)| known == remedy) {
                Some((_, titles)) => titles.push(check.title),
                None => found.push((remedy, vec![check.title])),
            }
        }
    }
    found.iter().map(|(remedy, titles)| format!("\nFor {}:\n    {remedy}\n", titles.join(", "))).collect()
}

fn verdict(checks: &[Check]) -> String {
    let missing: Vec<&str> = checks
        .iter()
        .filter(|check| check.essential && !check.finding.is_good())
        .map(|check| check.title)
        .collect();
    if missing.is_empty() {
        return "\nEverything essential works.\n".to_owned();
    }
    let lab_works = checks.iter().any(|check| check.name == checks::LAB && check.finding.is_good());
    let meanwhile = if lab_works { "They are there in the lab: rawsock lab -- COMMAND\n" } else { "" };
    format!("\nEssential, and missing: {}.\n{meanwhile}", missing.join(", "))
}

fn json(checks: &[Check]) -> String {
    let line = |check: &Check| {
        let object = JsonObject::new()
            .text("check", check.name)
            .text("title", check.title)
            .text("for", check.purpose)
            .flag("essential", check.essential)
            .flag("ok", check.finding.is_good());
        let object = match &check.finding {
            Finding::Good(detail) => object.text("finding", detail).nothing("remedy"),
            Finding::Bad { why, remedy } => {
                object.text("finding", why).text_or_nothing("remedy", remedy.as_deref())
            }
        };
        object.end() + "\n"
    };
    checks.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks() -> Vec<Check> {
        let bad =
            |remedy: &str| Finding::Bad { why: "no \"right\"".to_owned(), remedy: Some(remedy.to_owned()) };
        let check =
            |name, title, essential, finding| Check { name, title, purpose: "all", essential, finding };
        vec![
            check("a", "raw things", true, bad("sudo a")),
            check("b", "other things", false, bad("sudo b")),
            check("c", "more raw things", true, bad("sudo a")),
            check(checks::LAB, "good things", true, Finding::Good("yes".to_owned())),
        ]
    }

    #[test]
    fn each_remedy_stands_once_with_all_that_it_mends() {
        let text = report(&checks());
        assert_eq!(text.matches("sudo a").count(), 1, "{text}");
        assert!(text.contains("For raw things, more raw things:\n    sudo a\n"), "{text}");
        let end = "Essential, and missing: raw things, more raw things.\nThey are there in the lab: rawsock lab -- COMMAND\n";
        assert!(text.ends_with(end), "{text}");
    }

    #[test]
    fn each_check_is_one_json_object() {
        let text = json(&checks());
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 4);
        assert_eq!((&lines[0]["ok"], &lines[0]["finding"]), (&false.into(), &"no \"right\"".into()));
        assert_eq!((&lines[3]["ok"], &lines[3]["remedy"]), (&true.into(), &serde_json::Value::Null));
    }
}
