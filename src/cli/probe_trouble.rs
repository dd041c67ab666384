//! Probes that do not leave this host, for want of a route or of an interface that is up: said once, and counted until they leave again.

use std::collections::BTreeMap;

use crate::exchange::ping::ledger::DropReason;
use crate::exchange::probe::{EndPoint, Finished, Verdict};
use crate::show::text::printable;

/// What kept probes from leaving.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    counts: BTreeMap<DropReason, u64>,
    /// What was said last, until a probe leaves again.
    present: Option<DropReason>,
    /// How many were not told one by one.
    untold: u64,
}

impl Troubles {
    /// Takes a probe that ended; the words where there is news. A rule that forbids a probe is an answer about that one, and not a trouble.
    pub(super) fn note(&mut self, end_point: &EndPoint, probe: &Finished) -> Option<String> {
        let place = end_point.address;
        match &probe.outcome.verdict {
            Verdict::Failed { why: DropReason::Forbidden, .. } => None,
            Verdict::Failed { reason, why } => {
                let count = self.counts.entry(*why).or_default();
                *count = count.saturating_add(1);
                if self.present.replace(*why) == Some(*why) {
                    self.untold = self.untold.saturating_add(1);
                    return None;
                }
                let reason = printable(reason);
                Some(format!("{place}: not asked: {reason} (said once, further ones are counted)"))
            }
            // What is waited for since before says nothing of what leaves now.
            Verdict::NoAnswer => None,
            _ => self.present.take().map(|_| format!("{place}: probes leave again")),
        }
    }

    /// Whether the last one that was noted was left out, since there is no news in it.
    pub(super) fn is_known(&self, probe: &Finished) -> bool {
        matches!(&probe.outcome.verdict, Verdict::Failed { why, .. } if self.present == Some(*why))
    }

    /// How many there were of each.
    pub(super) fn counts(&self) -> &BTreeMap<DropReason, u64> {
        &self.counts
    }

    /// Says how many there were, where not each was told.
    pub(super) fn tell_sum(&self) {
        if self.untold > 0 {
            anstream::eprintln!("rawsock: not asked: {}", self.words());
        }
    }

    /// How many there were, in words.
    pub(super) fn words(&self) -> String {
        let words: Vec<String> =
            self.counts.iter().map(|(why, count)| format!("{count} {}", why.words())).collect();
        words.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::probe::{Outcome, Question, Way};

    #[test]
    fn a_trouble_is_said_once_and_again_when_it_comes_back() {
        let end_point = EndPoint { host: "h".to_owned(), address: ([10, 0, 0, 1], 7).into() };
        let mut troubles = Troubles::default();
        let mut said = |verdict: Verdict| {
            let question = Question { id: 0, end_point: 0, way: Way::Syn(0), seq: 1, place: 0 };
            let words = troubles.note(&end_point, &Finished { question, outcome: Outcome::from(verdict) });
            words.map(|words| words.split([' ', '(']).skip(1).take(2).collect::<Vec<_>>().join(" "))
        };
        let down = || Verdict::Failed { reason: "gone".to_owned(), why: DropReason::InterfaceDown };
        let open = || Verdict::Open { answer: Vec::new() };
        assert_eq!(said(open()), None);
        assert_eq!(said(down()).as_deref(), Some("not asked:"));
        assert_eq!([said(down()), said(down()), said(Verdict::NoAnswer)], [None, None, None]);
        assert_eq!(said(open()).as_deref(), Some("probes leave"));
        assert_eq!(said(down()).as_deref(), Some("not asked:"));
        assert_eq!(troubles.words(), "4 interface down");
    }
}
