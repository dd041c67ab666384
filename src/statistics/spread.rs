//! Times: how many, the least, the greatest, the mean, and the quantiles, in a memory that does not grow.

/// So many are kept as they are: of few, quantiles are exact.
const MOST_EXACT: usize = 4096;
/// Of more, only how many fall into each of so many steps between a power of two and the next: a quantile is at most one step,
/// 1/256, above what it is.
const STEPS: u32 = 256;
const STEP_BITS: u32 = STEPS.trailing_zeros();

/// Nanoseconds, one by one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spread {
    /// How many.
    pub count: u64,
    sum: u128,
    square_sum: u128,
    least: u64,
    most: u64,
    /// The first ones.
    exact: Vec<u64>,
    /// How many fall into each step; none while all are kept as they are.
    steps: Vec<u64>,
}

impl Spread {
    /// Adds one.
    pub fn add(&mut self, nanoseconds: u64) {
        self.least = if self.count == 0 { nanoseconds } else { self.least.min(nanoseconds) };
        self.most = self.most.max(nanoseconds);
        self.count = self.count.saturating_add(1);
        self.sum = self.sum.saturating_add(u128::from(nanoseconds));
        self.square_sum = self.square_sum.saturating_add(u128::from(nanoseconds).saturating_pow(2));
        if self.exact.len() < MOST_EXACT {
            self.exact.push(nanoseconds);
            return;
        }
        self.make_steps();
        self.count_step(nanoseconds, 1);
    }

    /// Counts into steps from now on: thousands of spreads of a few times each need no memory for them.
    fn make_steps(&mut self) {
        if self.steps.is_empty() {
            self.steps = vec![0; step_of(u64::MAX).saturating_add(1)];
            for at in 0..self.exact.len() {
                let nanoseconds = self.exact.get(at).copied().unwrap_or(0);
                self.count_step(nanoseconds, 1);
            }
        }
    }

    fn count_step(&mut self, nanoseconds: u64, times: u64) {
        if let Some(step) = self.steps.get_mut(step_of(nanoseconds)) {
            *step = step.saturating_add(times);
        }
    }

    /// Adds those of another one.
    pub fn add_all(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        self.least = if self.count == 0 { other.least } else { self.least.min(other.least) };
        self.most = self.most.max(other.most);
        self.count = self.count.saturating_add(other.count);
        self.sum = self.sum.saturating_add(other.sum);
        self.square_sum = self.square_sum.saturating_add(other.square_sum);
        let room = MOST_EXACT.saturating_sub(self.exact.len());
        if self.steps.is_empty() && other.steps.is_empty() && other.exact.len() <= room {
            self.exact.extend(&other.exact);
            return;
        }
        self.make_steps();
        // Once there are steps, the first times are in them as well.
        if other.steps.is_empty() {
            other.exact.iter().for_each(|nanoseconds| self.count_step(*nanoseconds, 1));
        }
        for (step, more) in self.steps.iter_mut().zip(&other.steps) {
            *step = step.saturating_add(*more);
        }
        self.exact.extend(other.exact.iter().take(room));
    }

    /// The least; 0 where there is none.
    pub fn least(&self) -> u64 {
        self.least
    }

    /// The greatest; 0 where there is none.
    pub fn most(&self) -> u64 {
        self.most
    }

    /// The mean; 0 where there is none.
    pub fn mean(&self) -> u64 {
        let mean = self.sum.checked_div(u128::from(self.count)).unwrap_or(0);
        u64::try_from(mean).unwrap_or(u64::MAX)
    }

    /// The standard deviation, which `ping` calls mdev; 0 where there is none.
    pub fn deviation(&self) -> u64 {
        let count = u128::from(self.count);
        // The squares of the distances from the whole part of the mean, and from those what its fraction makes too much of them: the
        // square of the mean itself, rounded, would be off by twice the mean.
        let (mean, rest) =
            (self.sum.checked_div(count).unwrap_or(0), self.sum.checked_rem(count).unwrap_or(0));
        let squares = self.square_sum.saturating_sub(mean.saturating_mul(self.sum.saturating_add(rest)));
        let too_much = rest.saturating_mul(rest).checked_div(count).unwrap_or(0);
        let variance = squares.saturating_sub(too_much).checked_div(count).unwrap_or(0);
        u64::try_from(variance.isqrt()).unwrap_or(u64::MAX)
    }

    /// What so many in a thousand do not exceed: exact for the first thousands, then at most 1/256 above that, and never above
    /// the greatest.
    pub fn quantile(&self, thousandths: u64) -> u64 {
        let rank = u128::from(self.count).saturating_mul(u128::from(thousandths)).div_ceil(1000);
        if self.count == u64::try_from(self.exact.len()).unwrap_or(u64::MAX) {
            let mut sorted = self.exact.clone();
            sorted.sort_unstable();
            let place = usize::try_from(rank).unwrap_or(usize::MAX).saturating_sub(1);
            return sorted.get(place).copied().unwrap_or(0);
        }
        let mut below = 0u128;
        for (index, count) in self.steps.iter().enumerate() {
            below = below.saturating_add(u128::from(*count));
            if below >= rank && *count > 0 {
                return end_of(index).clamp(self.least, self.most);
            }
        }
        self.most
    }
}

/// The step that a number falls into: small ones have one each, greater ones share it by their first bits.
fn step_of(number: u64) -> usize {
    let bits = u64::BITS.saturating_sub(number.leading_zeros());
    let power = bits.saturating_sub(STEP_BITS.saturating_add(1));
    let place = number.checked_shr(power).unwrap_or(0).saturating_add(u64::from(power.saturating_mul(STEPS)));
    usize::try_from(place).unwrap_or(usize::MAX)
}

/// The last number that falls into a step.
fn end_of(step: usize) -> u64 {
    let step = u64::try_from(step).unwrap_or(u64::MAX);
    let steps = u64::from(STEPS);
    let power = (step / steps).saturating_sub(1);
    let place = step.saturating_sub(power.saturating_mul(steps)).saturating_add(1);
    let power = u32::try_from(power).unwrap_or(u32::MAX);
    let end = u128::from(place).checked_shl(power).unwrap_or(u128::MAX);
    u64::try_from(end.saturating_sub(1)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn steps_follow_one_another(number: u64, shift in 0u32..64) {
            let number = number >> shift;
            let end = end_of(step_of(number));
            prop_assert!(end >= number && end - number <= number / u64::from(STEPS), "{number} {end}");
            prop_assert_eq!(step_of(end), step_of(number));
            prop_assert!(end == u64::MAX || step_of(end + 1) == step_of(number) + 1);
        }

        #[test]
        fn quantiles_are_those_of_the_sorted_numbers(mut numbers in proptest::collection::vec(0u64..1 << 40, 1..200), times in 1usize..50, thousandths in 1u64..=1000) {
            let mut spread = Spread::default();
            numbers = numbers.repeat(times);
            numbers.iter().for_each(|number| spread.add(*number));
            numbers.sort_unstable();
            let rank = (numbers.len() as u64 * thousandths).div_ceil(1000) as usize;
            let exact = numbers[rank - 1];
            let found = spread.quantile(thousandths);
            prop_assert!(found >= exact && found - exact <= exact / u64::from(STEPS), "{exact} {found}");
            prop_assert!(numbers.len() > MOST_EXACT || found == exact);
            prop_assert_eq!((spread.least(), spread.most()), (numbers[0], numbers[numbers.len() - 1]));
            prop_assert_eq!(spread.mean(), numbers.iter().sum::<u64>() / numbers.len() as u64);
        }
    }

    proptest! {
        #[test]
        fn the_deviation_is_that_of_real_numbers(start in 0u64..1 << 40, offsets in proptest::collection::vec(0u64..5_000, 1..50)) {
            let mut spread = Spread::default();
            offsets.iter().for_each(|offset| spread.add(start + offset));
            let count = offsets.len() as f64;
            let mean = offsets.iter().sum::<u64>() as f64 / count;
            let squares: f64 = offsets.iter().map(|offset| (*offset as f64 - mean).powi(2)).sum();
            let exact = (squares / count).sqrt();
            prop_assert!((spread.deviation() as f64 - exact).abs() <= 1.0, "{} {exact}", spread.deviation());
        }
    }

    #[test]
    fn times_that_hardly_differ_have_hardly_a_deviation() {
        let mut spread = Spread::default();
        [100_000_000, 100_000_001].into_iter().for_each(|time| spread.add(time));
        assert_eq!(spread.deviation(), 0);
    }

    #[test]
    fn two_together_are_as_one() {
        for count in [10, 3000, 9000] {
            let (mut one, mut left, mut right) = (Spread::default(), Spread::default(), Spread::default());
            for number in 0..count {
                one.add(number * 7);
                let half = if number % 3 == 0 { &mut left } else { &mut right };
                half.add(number * 7);
            }
            left.add_all(&right);
            left.add_all(&Spread::default());
            for thousandths in [0, 1, 500, 990, 1000] {
                assert_eq!(left.quantile(thousandths), one.quantile(thousandths), "{count} {thousandths}");
            }
            assert_eq!((left.count, left.mean()), (one.count, one.mean()));
            assert_eq!((left.least(), left.most()), (one.least(), one.most()));
        }
    }

    #[test]
    fn of_nothing_there_is_nothing() {
        let spread = Spread::default();
        assert_eq!((spread.least(), spread.most(), spread.mean(), spread.quantile(500)), (0, 0, 0, 0));
    }
}
