//! Why answers of a hop are missing: because packets are lost on the way, or because the hop does not answer all of them.
//!
//! What is lost on the way is lost for the hops behind as well. A hop of which more is missing than of those behind it passes packets on
//! and limits its own answers, as routers do (RFC 1812 §4.3.2.8, RFC 4443 §2.4 f). Whether it is more is asked of Fisher's exact test; that
//! answers come at the steady pace of a token bucket is evidence besides. Where that test says neither that it is more nor that it may
//! well be as many, or there are only some probes, nothing is told but that answers are missing.

use super::Hop;
use crate::exchange::engine::Nanos;

impl Heard {
    /// What was heard of a hop of one trace.
    pub fn of(hop: &Hop) -> Self {
        let recent = hop.probes.iter().filter_map(|probe| Some((probe.sent?.at, probe.answer.is_some())));
        let recent: Vec<_> = recent.collect();
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let answered = recent.iter().filter(|(_, is_answered)| *is_answered).count();
        Self { hop: hop.number, asked: count(recent.len()), answered: count(answered), recent }
    }
}

/// What was heard of a hop.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heard {
    /// The hop.
    pub hop: u8,
    /// Probes of which it is known what came of them.
    pub asked: u64,
    /// Those of them that were answered.
    pub answered: u64,
    /// When the last of them were sent, in order, and whether they were answered.
    pub recent: Vec<(Nanos, bool)>,
}

/// What is missing of a hop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Missing {
    /// The hop.
    pub hop: u8,
    /// Answers that are missing.
    pub missing: u64,
    /// Of so many.
    pub asked: u64,
    /// Why.
    pub cause: Cause,
    /// The pace of its answers, where it is that of a token bucket.
    pub pace: Option<Pace>,
}

/// Why answers are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// It answers nobody, and passes packets on.
    Silent,
    /// It passes packets on, and answers only some of them.
    Limited,
    /// Packets are lost: of the hops behind it answers are missing as well.
    Lost,
    /// Too few probes to tell, no clear difference to the hops behind it, or none behind it to compare with.
    Unclear,
}

impl Cause {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Limited => "rate_limited",
            Self::Lost => "lost",
            Self::Unclear => "unclear",
        }
    }
}

/// Answers at the pace of a token bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Answers that came one behind the other before it ran dry.
    pub burst: u64,
    /// Answers a second from then on.
    pub per_second: f64,
}

/// Tells why answers of hops are missing; the hops in their order, up to the last one that answered.
pub fn missing(hops: &[Heard]) -> Vec<Missing> {
    let mut told = Vec::new();
    // What is known of the hops behind the one that is looked at, but for those that limit their answers.
    let (mut behind_asked, mut behind_answered) = (0u64, 0u64);
    for heard in hops.iter().rev() {
        let missing = heard.asked.saturating_sub(heard.answered);
        let pace = pace(&heard.recent);
        let lost_behind = behind_asked.saturating_sub(behind_answered);
        let chance = || chance(missing, heard.asked, lost_behind, behind_asked);
        let cause = if missing == 0 {
            None
        } else if heard.answered == 0 {
            Some(Cause::Silent)
        } else if pace.is_some() || chance() < UNLIKELY {
            Some(Cause::Limited)
        } else if lost_behind > 0
            && heard.asked >= LEAST_ASKED
            && (heard.asked >= PLENTY || chance() > LIKELY)
        {
            Some(Cause::Lost)
        } else {
            Some(Cause::Unclear)
        };
        if !matches!(cause, Some(Cause::Silent | Cause::Limited)) {
            behind_asked = behind_asked.saturating_add(heard.asked);
            behind_answered = behind_answered.saturating_add(heard.answered);
        }
        if let Some(cause) = cause {
            told.push(Missing { hop: heard.hop, missing, asked: heard.asked, cause, pace });
        }
    }
    told.reverse();
    // Behind the end of the way there is nothing to compare it with; but what is lost before it is lost for it.
    if let [.., before, last] = told.as_mut_slice()
        && (before.cause, last.cause) == (Cause::Lost, Cause::Unclear)
    {
        last.cause = Cause::Lost;
    }
    told
}

/// What is as unlikely as this is no chance.
const UNLIKELY: f64 = 0.01;
/// What is less likely than this may be chance, and may be none.
const LIKELY: f64 = 0.1;
/// Of so many probes a limit does not look as a loss any more.
const PLENTY: u64 = 50;
/// Of fewer probes a limit looks as a loss does: Linux lets the first six answers pass.
const LEAST_ASKED: u64 = 20;

/// How likely it is that of `here` probes at least so many are missing, when all that are missing are spread by chance over these and
/// those `behind` (Fisher's exact test, one-sided).
///
/// Each number of missing ones is weighed against the likeliest of all, from one to the next in both directions; the chance is the
/// share of those that are asked for.
fn chance(missing_here: u64, here: u64, missing_behind: u64, behind: u64) -> f64 {
    let missing = missing_here.saturating_add(missing_behind);
    let (asked, here, behind, missing) = (missing_here as f64, here as f64, behind as f64, missing as f64);
    let (least, most) = ((missing - behind).max(0.0), missing.min(here));
    if behind == 0.0 || asked > most {
        return 1.0;
    }
    // How much likelier one more is than so many.
    let growth = |at: f64| (missing - at) * (here - at) / ((at + 1.0) * (behind - missing + at + 1.0));
    let likeliest = ((missing + 1.0) * (here + 1.0) / (here + behind + 2.0)).floor().clamp(least, most);
    let (mut all, mut wanted) = (0.0, 0.0);
    let mut add = |at: f64, weight: f64| {
        all += weight;
        wanted += if at >= asked { weight } else { 0.0 };
        weight > NEGLIGIBLE
    };
    let (mut at, mut weight) = (likeliest, 1.0);
    while add(at, weight) && at < most {
        weight *= growth(at);
        at += 1.0;
    }
    (at, weight) = (likeliest, 1.0);
    while at > least && weight > NEGLIGIBLE {
        at -= 1.0;
        weight /= growth(at);
        add(at, weight);
    }
    wanted / all
}

/// What weighs less does not change a chance that anybody would look at.
const NEGLIGIBLE: f64 = 1e-15;

/// Whether answers come at the pace of a token bucket: some one behind the other, and from then on one for each so many probes, no matter
/// which. Losses by chance leave gaps of all lengths.
fn pace(recent: &[(Nanos, bool)]) -> Option<Pace> {
    if (recent.len() as u64) < LEAST_ASKED {
        return None;
    }
    let burst = recent.iter().take_while(|(_, is_answered)| *is_answered).count();
    let answered = recent.iter().enumerate().skip(burst).filter(|(_, (_, is_answered))| *is_answered);
    let answered: Vec<(usize, Nanos)> = answered.map(|(place, (at, _))| (place, *at)).collect();
    let gaps: Vec<usize> = answered
        .iter()
        .zip(answered.get(1..)?)
        .map(|((before, _), (place, _))| place.saturating_sub(*before))
        .collect();
    let (least, most) = (gaps.iter().min()?, gaps.iter().max()?);
    // A probe that comes just before its token does waits for the next one: a round more, and one less behind it.
    let is_steady = match most.saturating_sub(*least) {
        0 | 1 => gaps.len() >= LEAST_GAPS && *least >= 2,
        2 => gaps.len() > LEAST_GAPS && *least >= 3,
        _ => false,
    };
    let ((_, first), (_, last)) = (answered.first()?, answered.last()?);
    let seconds = last.saturating_sub(*first) as f64 / 1e9;
    let per_second = gaps.len() as f64 / seconds;
    (is_steady && seconds > 0.0)
        .then_some(Pace { burst: u64::try_from(burst).unwrap_or(u64::MAX), per_second })
}

/// So many gaps of the same length are none by chance: where every second answer is lost, one in forty runs has them.
const LEAST_GAPS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::engine::SECOND;

    fn heard(hop: u8, asked: u64, answered: u64) -> Heard {
        Heard { hop, asked, answered, recent: Vec::new() }
    }

    fn causes(hops: &[Heard]) -> Vec<(u8, Cause)> {
        missing(hops).iter().map(|missing| (missing.hop, missing.cause)).collect()
    }

    /// The lady tasting tea (Fisher, The Design of Experiments, 1935): 17/70, 1/70.
    #[test]
    fn the_test_gives_the_known_numbers() {
        assert!((chance(3, 4, 1, 4) - 17.0 / 70.0).abs() < 1e-9);
        assert!((chance(4, 4, 0, 4) - 1.0 / 70.0).abs() < 1e-9);
        // The sum of C(30, k) * C(70, 20 - k) / C(100, 20) for k from 12 on, reckoned with whole numbers.
        assert!((chance(12, 30, 8, 70) - 0.0018306094247240057).abs() < 1e-15);
        assert!(chance(500_000, 1_000_000, 500_000, 1_000_000) > 0.4);
        assert_eq!(chance(1, 3, 0, 0), 1.0);
    }

    #[test]
    fn a_hop_behind_which_nothing_is_missing_limits_its_answers() {
        let hops = [heard(1, 10, 10), heard(2, 10, 4), heard(3, 10, 10), heard(4, 10, 10)];
        assert_eq!(causes(&hops), [(2, Cause::Limited)]);
        let hops = [heard(1, 10, 0), heard(2, 10, 3), heard(3, 10, 2), heard(4, 10, 10)];
        assert_eq!(causes(&hops), [(1, Cause::Silent), (2, Cause::Limited), (3, Cause::Limited)]);
    }

    #[test]
    fn what_is_missing_behind_as_well_is_lost() {
        let hops = [heard(1, 50, 50), heard(2, 50, 35), heard(3, 50, 33), heard(4, 50, 36)];
        assert_eq!(causes(&hops), [(2, Cause::Lost), (3, Cause::Lost), (4, Cause::Lost)]);
        // A limit on top of the loss.
        let hops = [heard(1, 50, 50), heard(2, 50, 10), heard(3, 50, 40), heard(4, 50, 38)];
        assert_eq!(causes(&hops), [(2, Cause::Limited), (3, Cause::Lost), (4, Cause::Lost)]);
        assert_eq!(causes(&[heard(1, 3, 2), heard(2, 3, 3)]), [(1, Cause::Unclear)]);
    }

    /// What the lab's case `lossy` showed: hop 1 limits its answers, and a fifth is lost behind it.
    #[test]
    fn of_few_probes_nothing_is_told() {
        let undecided = [(1, Cause::Unclear), (2, Cause::Unclear), (3, Cause::Unclear)];
        assert_eq!(causes(&[heard(1, 10, 6), heard(2, 10, 8), heard(3, 10, 9)]), undecided);
        assert_eq!(causes(&[heard(1, 4, 3), heard(2, 4, 2), heard(3, 4, 3)]), undecided);
        let hops = [heard(1, 20, 11), heard(2, 20, 16), heard(3, 20, 16)];
        assert_eq!(causes(&hops), [(1, Cause::Unclear), (2, Cause::Lost), (3, Cause::Lost)]);
        let hops = [heard(1, 60, 17), heard(2, 60, 47), heard(3, 60, 46)];
        assert_eq!(causes(&hops), [(1, Cause::Limited), (2, Cause::Lost), (3, Cause::Lost)]);
        // No pace is seen in ten of them, however regular they are.
        let recent: Vec<_> = (0..10u64).map(|at| (at * SECOND, at % 2 == 0)).collect();
        assert_eq!(pace(&recent), None);
    }

    #[test]
    fn a_token_bucket_has_a_pace_and_chance_has_none() {
        let bucket: Vec<_> = (0..60u64).map(|at| (at * SECOND / 5, at < 6 || at % 5 == 0)).collect();
        let found = pace(&bucket).unwrap();
        assert_eq!(found.burst, 6);
        assert!((found.per_second - 1.0).abs() < 0.01, "{found:?}");
        // Numbers of a linear congruential generator, of which half are large.
        let mut state = 1u32;
        let by_chance: Vec<_> = (0..60u64)
            .map(|at| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (at * SECOND, state >> 31 == 1)
            })
            .collect();
        assert_eq!(pace(&by_chance), None);
        assert_eq!(pace(&bucket[..20]), None, "too few");
        let last = Heard { recent: bucket, ..heard(2, 60, 17) };
        assert_eq!(causes(&[heard(1, 60, 60), last]), [(2, Cause::Limited)]);
    }
}
