//! Whose turn it is, and when: targets in a circle, each at its interval, and all together at most at a rate.

use std::collections::VecDeque;

use crate::exchange::engine::Nanos;

/// The turns of a run's targets.
#[derive(Debug)]
pub(super) struct Schedule {
    /// Between two requests to a target.
    interval: Nanos,
    /// Between any two.
    gap: Nanos,
    /// Targets that nobody has asked yet.
    fresh: VecDeque<Turn>,
    /// Those that were, by when they are to be asked again: all have the same interval, so they stay in order.
    circle: VecDeque<Turn>,
    /// When any may be asked, once one was.
    free_at: Option<Nanos>,
    /// Whose turn was told last, and whether it is a fresh one.
    next: Option<bool>,
}

#[derive(Debug, Clone, Copy)]
struct Turn {
    target: usize,
    at: Nanos,
}

impl Schedule {
    pub(super) fn new(interval: Nanos, gap: Nanos) -> Self {
        let (fresh, circle) = (VecDeque::new(), VecDeque::new());
        Self { interval, gap, fresh, circle, free_at: None, next: None }
    }

    /// A target may be asked from now on.
    pub(super) fn add(&mut self, target: usize, now: Nanos) {
        self.fresh.push_back(Turn { target, at: now });
    }

    /// Whose turn is next, and when; `None` when all are done. In a flood a target may be asked at once unless too many
    /// requests are under way, and then at its interval.
    pub(super) fn next(
        &mut self,
        now: Nanos,
        flood_is_full: Option<bool>,
        is_done: &dyn Fn(usize) -> bool,
    ) -> Option<(usize, Nanos)> {
        for turns in [&mut self.fresh, &mut self.circle] {
            while turns.front().is_some_and(|turn| is_done(turn.target)) {
                turns.pop_front();
            }
        }
        let (fresh, circle) = (self.fresh.front(), self.circle.front());
        let is_fresh = match (fresh, circle) {
            (Some(fresh), Some(circle)) => fresh.at <= circle.at,
            (fresh, _) => fresh.is_some(),
        };
        let turn = if is_fresh { fresh } else { circle }?;
        self.next = Some(is_fresh);
        let at = if flood_is_full == Some(false) { now } else { turn.at };
        Some((turn.target, self.free_at.map_or(at, |free_at| at.max(free_at))))
    }

    /// The one whose turn it was is asked now.
    pub(super) fn asked(&mut self, now: Nanos) {
        let turns = match self.next.take() {
            Some(true) => &mut self.fresh,
            Some(false) => &mut self.circle,
            None => return,
        };
        let Some(turn) = turns.pop_front() else { return };
        // Who is late by more than an interval does not catch up.
        let in_time =
            |at: Nanos, interval: Nanos| at.max(now.saturating_sub(interval)).saturating_add(interval);
        self.free_at = Some(in_time(self.free_at.unwrap_or(now), self.gap));
        // In a flood it may be asked before its time.
        self.circle.push_back(Turn { at: in_time(turn.at.min(now), self.interval), ..turn });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(schedule: &mut Schedule, times: &[Nanos]) -> Vec<(usize, Nanos)> {
        let mut told = Vec::new();
        for now in times {
            let next = schedule.next(*now, None, &|_| false).unwrap();
            told.push(next);
            if next.1 <= *now {
                schedule.asked(*now);
            }
        }
        told
    }

    #[test]
    fn each_has_its_turn_at_its_interval() {
        let mut schedule = Schedule::new(100, 0);
        (0..2).for_each(|target| schedule.add(target, 0));
        let told = turns(&mut schedule, &[0, 0, 1, 100, 130, 200, 230]);
        assert_eq!(told, [(0, 0), (1, 0), (0, 100), (0, 100), (1, 100), (0, 200), (1, 200)]);
    }

    #[test]
    fn all_together_keep_the_rate() {
        let mut schedule = Schedule::new(100, 10);
        (0..3).for_each(|target| schedule.add(target, 0));
        let told = turns(&mut schedule, &[0, 0, 10, 20, 30, 100]);
        assert_eq!(told, [(0, 0), (1, 10), (1, 10), (2, 20), (0, 100), (0, 100)]);
    }

    #[test]
    fn who_is_done_has_no_turn_and_late_ones_do_not_catch_up() {
        let mut schedule = Schedule::new(100, 0);
        (0..2).for_each(|target| schedule.add(target, 0));
        assert_eq!(schedule.next(0, None, &|target| target == 0), Some((1, 0)));
        schedule.asked(0);
        assert_eq!(schedule.next(950, None, &|_| false), Some((1, 100)));
        schedule.asked(950);
        assert_eq!(schedule.next(950, None, &|_| false), Some((1, 950)));
        schedule.asked(950);
        assert_eq!(schedule.next(950, None, &|_| false), Some((1, 1050)));
        assert_eq!(schedule.next(0, None, &|_| true), None);
    }

    #[test]
    fn a_flood_asks_at_once_until_too_many_are_under_way() {
        let mut schedule = Schedule::new(100, 0);
        schedule.add(0, 0);
        schedule.next(0, Some(false), &|_| false);
        schedule.asked(0);
        assert_eq!(schedule.next(5, Some(false), &|_| false), Some((0, 5)));
        assert_eq!(schedule.next(5, Some(true), &|_| false), Some((0, 100)));
    }
}
