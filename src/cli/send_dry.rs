//! `send --dry-run`: everything is made ready, and nothing sent.

use super::output::{Output, print};
use super::send_flow::Flow;
use super::send_plan::Plan;
use super::send_prepare::Prepare;
use super::{CommandResult, Outcome, tempo};
use crate::exchange::pace::Tempo;
use crate::packet::check::Dissected;
use crate::show::line;
use crate::spec::{Random, Spec};
use crate::sys::interrupt::Interrupt;

/// Prints each packet and how it would go, and what all would come to.
pub(super) fn run(specs: &[Spec], plan: &Plan, flow: &Flow, is_quiet: bool) -> CommandResult {
    let interrupt = Interrupt::catch()?;
    let seed = plan.seed;
    let mut randoms: Vec<Random> =
        (0..).map(|place| Random::new(seed.wrapping_add(place))).take(specs.len()).collect();
    // One round, unless a count says how many.
    let again = flow.again.then_some(flow.most).filter(|most| *most != u64::MAX);
    let packets = specs
        .iter()
        .zip(&mut randoms)
        .flat_map(|(spec, random)| spec.packets(random, again).map(move |crafted| (spec, crafted)));
    let most = usize::try_from(flow.most).unwrap_or(usize::MAX);
    let prepare = Prepare::new(packets.take(most), plan.clone(), &interrupt)?;
    let mut output = Output::new();
    let (mut count, mut octets, mut wrong) = (0u64, 0u64, 0u64);
    for (number, ready) in (1u64..).zip(prepare) {
        if interrupt.came() {
            // What was counted is no answer to what would be sent.
            output.flush()?;
            anstream::eprintln!(
                "rawsock: interrupted behind {count} packets ({octets} octets); there are more"
            );
            return Ok(Outcome::Failed);
        }
        let ready = match ready {
            Ok(ready) => ready,
            Err(reason) => {
                output.flush()?;
                anstream::eprintln!("rawsock: packet {number}: {reason}");
                wrong = wrong.saturating_add(1);
                continue;
            }
        };
        count = count.saturating_add(1);
        octets = octets.saturating_add(ready.built.octets.len() as u64);
        if !is_quiet {
            let way = if ready.destination.is_some() { "by a raw socket" } else { "as a frame" };
            let mut summary = String::new();
            let built = &ready.built;
            let dissected =
                Dissected { octets: &built.octets, table: &built.table, wire_len: built.octets.len() };
            line::summary(&mut summary, &dissected, false);
            // Writing into memory cannot fail.
            let _ = write!(output.text, "{number:>5} would go {way}: {summary}");
            output.text.push('\n');
            output.flush_if_full()?;
        }
    }
    let pace = match flow.tempo {
        Tempo::Top | Tempo::Recorded(_) => "one right behind the other".to_owned(),
        Tempo::Packets(rate) => format!("{rate} packets/s: {:.3} s", count as f64 / rate),
        Tempo::Bits(rate) => format!("{rate} bit/s: {:.3} s", octets as f64 * 8.0 / rate),
    };
    output.flush()?;
    let mut text = format!("{count} packets ({octets} octets) would be sent, {pace}\n");
    if tempo::is_flood(flow.tempo) && count > 1000 {
        text.push_str("to others than this host, that many take `--yes-flood`\n");
    }
    if specs.iter().any(|spec| spec.templates.iter().any(|template| !template.then.is_empty())) {
        text.push_str("what `then` says is made of answers, and not shown\n");
    }
    drop(output);
    print(&text)?;
    Ok(if wrong > 0 { Outcome::Failed } else { Outcome::Done })
}
