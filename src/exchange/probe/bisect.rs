//! Which option or field of a SYN makes the difference: the kernel's SYN is changed in one thing after the other, until the answer
//! is another one. An engine that says which shapes to try next, and is told how they were answered.
//!
//! First the two shapes are asked; then, where they differ, the kernel's SYN with each change by itself. Where none alone makes
//! the answer another one, changes are added up until they do, and those among them that do not matter are taken away again. What is
//! left is sent once more before it is told. Where that changes nothing, because one change stands in for another, they are taken away
//! one after the other instead, each for good. Each shape in a round is asked [`TRIES`] times, so that lost packets are not taken for
//! filters.

use super::compare::Class;
use super::syn_edit::Edit;
use super::syn_shape::SynShape;

/// How often each shape is asked.
pub const TRIES: u64 = 3;

/// A shape to try.
#[derive(Debug, Clone)]
pub struct Trial {
    /// What is changed of the kernel's SYN.
    pub edits: Vec<Edit>,
    /// What is sent.
    pub shape: SynShape,
}

/// What a trial was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// What was sent.
    pub name: String,
    /// What was answered.
    pub class: Class,
}

/// What it came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The two shapes are answered alike.
    Alike(Class),
    /// Answers are not always the same, or some could not be asked.
    Unsteady,
    /// Each of these alone makes the answer another one.
    Single {
        /// What the kernel's SYN is answered.
        from: Class,
        /// The changes, with what is answered then.
        edits: Vec<(Edit, Class)>,
    },
    /// Only all of these together make the answer another one.
    Together {
        /// What the kernel's SYN is answered.
        from: Class,
        /// The changes.
        edits: Vec<Edit>,
        /// What is answered then.
        to: Class,
    },
    /// None of the changes that are tried does: something else of the other shape.
    Unnamed {
        /// What the kernel's SYN is answered.
        from: Class,
        /// What the other one is answered.
        to: Class,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Two,
    Singles,
    AddedUp,
    Without,
    /// All that is left, once more; `by_one` when they were taken away one after the other.
    Confirm {
        by_one: bool,
    },
    /// Without the one at this place.
    OneByOne(usize),
    Over,
}

/// The engine.
#[derive(Debug)]
pub struct Bisect {
    kernel: SynShape,
    other: SynShape,
    edits: Vec<Edit>,
    /// Those of them that may be needed.
    left: Vec<Edit>,
    stage: Stage,
    trials: Vec<Trial>,
    from: Class,
    to: Class,
    tried: Vec<Tried>,
    found: Option<Found>,
}

impl Bisect {
    /// Between the kernel's SYN and another one.
    pub fn new(kernel: SynShape, other: SynShape) -> Self {
        let edits = kernel.edits(other.window());
        let (from, to) = (Class::Silent, Class::Silent);
        let (trials, tried) = (Vec::new(), Vec::new());
        Self {
            kernel,
            other,
            edits,
            left: Vec::new(),
            stage: Stage::Two,
            trials,
            from,
            to,
            tried,
            found: None,
        }
    }

    /// What to try next, all of it in turn; nothing when it is over.
    pub fn trials(&mut self) -> &[Trial] {
        let edited = |edits: &[Edit]| Trial { edits: edits.to_vec(), shape: self.kernel.edited(edits) };
        self.trials = match self.stage {
            Stage::Two => vec![
                Trial { edits: Vec::new(), shape: self.kernel.clone() },
                Trial { edits: Vec::new(), shape: self.other.clone() },
            ],
            Stage::Singles => self.edits.iter().map(|edit| edited(std::slice::from_ref(edit))).collect(),
            // One alone was tried before.
            Stage::AddedUp => (2..=self.edits.len())
                .map(|count| edited(self.edits.get(..count).unwrap_or_default()))
                .collect(),
            Stage::Without => {
                (0..self.edits.len()).map(|place| edited(&all_but(&self.edits, place))).collect()
            }
            Stage::Confirm { .. } => vec![edited(&self.left)],
            Stage::OneByOne(place) => vec![edited(&all_but(&self.left, place))],
            Stage::Over => Vec::new(),
        };
        if self.trials.is_empty() {
            self.stage = Stage::Over;
        }
        &self.trials
    }

    /// What the last trials were answered, in their order.
    pub fn told(&mut self, classes: &[Class]) {
        let named = self.trials.iter().zip(classes);
        self.tried.extend(
            named.map(|(trial, class)| Tried { name: trial.shape.name.clone(), class: class.clone() }),
        );
        match self.stage {
            Stage::Two => self.told_two(classes),
            Stage::Singles => self.told_singles(classes),
            Stage::AddedUp => self.told_added_up(classes),
            Stage::Without => self.told_without(classes),
            Stage::Confirm { by_one } => self.told_again(classes.first().unwrap_or(&Class::Mixed), by_one),
            Stage::OneByOne(place) => self.told_without_one(place, classes.first()),
            Stage::Over => {}
        }
    }

    /// Whether it is another answer than that to the kernel's SYN.
    fn is_flipped(&self, class: &Class) -> bool {
        *class != self.from && !is_unclear(class)
    }

    fn told_singles(&mut self, classes: &[Class]) {
        let told = self.edits.iter().zip(classes).filter(|(_, class)| self.is_flipped(class));
        let flipped: Vec<(Edit, Class)> = told.map(|(edit, class)| (edit.clone(), class.clone())).collect();
        if flipped.is_empty() {
            self.stage = Stage::AddedUp;
        } else {
            self.end(Found::Single { from: self.from.clone(), edits: flipped });
        }
    }

    fn told_added_up(&mut self, classes: &[Class]) {
        match classes.iter().position(|class| self.is_flipped(class)) {
            Some(place) => {
                self.to = classes.get(place).cloned().unwrap_or(Class::Mixed);
                self.edits.truncate(place.saturating_add(2));
                self.stage = Stage::Without;
            }
            None => self.end(Found::Unnamed { from: self.from.clone(), to: self.to.clone() }),
        }
    }

    /// Who is left out and the answer is another one all the same does not matter. The one that it became another with stays.
    fn told_without(&mut self, classes: &[Class]) {
        let last = self.edits.len().saturating_sub(1);
        let told = self.edits.iter().zip(classes).enumerate();
        let needed = told.filter(|(place, (_, class))| *place == last || !self.is_flipped(class));
        self.left = needed.map(|(_, (edit, _))| edit.clone()).collect();
        self.stage = Stage::Confirm { by_one: false };
    }

    fn told_again(&mut self, class: &Class, by_one: bool) {
        match (self.is_flipped(class), by_one) {
            (true, _) => {
                let (from, edits) = (self.from.clone(), std::mem::take(&mut self.left));
                self.end(Found::Together { from, edits, to: class.clone() });
            }
            // One of those that were taken away stands in for another that was.
            (false, false) => (self.left, self.stage) = (self.edits.clone(), Stage::OneByOne(0)),
            (false, true) => self.end(Found::Unsteady),
        }
    }

    fn told_without_one(&mut self, place: usize, class: Option<&Class>) {
        let is_needless = class.is_some_and(|class| self.is_flipped(class));
        if is_needless && place < self.left.len() {
            self.left.remove(place);
        }
        let next = if is_needless { place } else { place.saturating_add(1) };
        // The last one made the answer another one, and stays.
        let is_last = next.saturating_add(1) >= self.left.len();
        self.stage = if is_last { Stage::Confirm { by_one: true } } else { Stage::OneByOne(next) };
    }

    fn told_two(&mut self, classes: &[Class]) {
        let [from, to] = classes else { return self.end(Found::Unsteady) };
        (self.from, self.to) = (from.clone(), to.clone());
        if is_unclear(from) || is_unclear(to) {
            self.end(Found::Unsteady);
        } else if from == to {
            self.end(Found::Alike(from.clone()));
        } else {
            self.stage = Stage::Singles;
        }
    }

    fn end(&mut self, found: Found) {
        self.stage = Stage::Over;
        self.found = Some(found);
    }

    /// All that was tried.
    pub fn tried(&self) -> &[Tried] {
        &self.tried
    }

    /// What it came to, when it is over.
    pub fn found(&self) -> Option<&Found> {
        self.found.as_ref()
    }
}

fn all_but(edits: &[Edit], place: usize) -> Vec<Edit> {
    let others = edits.iter().enumerate().filter(|(other, _)| *other != place);
    others.map(|(_, edit)| edit.clone()).collect()
}

/// Whether it tells nothing.
fn is_unclear(class: &Class) -> bool {
    matches!(class, Class::Mixed | Class::Failed)
}

#[cfg(test)]
mod tests {
    use super::super::syn_shape::usual;
    use super::*;

    /// Runs it against a filter, which says by a shape's options and window whether it lets a SYN pass.
    fn bisect(passes: &dyn Fn(&[String], u16) -> bool) -> (Found, usize) {
        let kernel = usual(false, 1500);
        let other = SynShape::minimal(&kernel);
        let mut bisect = Bisect::new(kernel, other);
        let mut packets = 0;
        loop {
            let trials = bisect.trials().to_vec();
            if trials.is_empty() {
                break;
            }
            packets += trials.len() * TRIES as usize;
            let class = |trial: &Trial| match passes(&trial.shape.option_names(), trial.shape.window()) {
                true => Class::Open,
                false => Class::Silent,
            };
            let classes: Vec<Class> = trials.iter().map(class).collect();
            bisect.told(&classes);
        }
        (bisect.found().unwrap().clone(), packets)
    }

    fn has(options: &[String], name: &str) -> bool {
        options.iter().any(|own| own == name)
    }

    fn without(name: &str) -> Edit {
        Edit::Without(name.to_owned())
    }

    #[test]
    fn the_option_that_is_looked_at_is_named() {
        let (found, packets) = bisect(&|options, _| has(options, "wscale"));
        let edits = vec![(without("wscale"), Class::Silent)];
        assert_eq!(found, Found::Single { from: Class::Open, edits });
        assert!(packets < 60, "{packets}");
        let (found, _) = bisect(&|options, _| !has(options, "timestamp"));
        let edits = vec![(without("timestamp"), Class::Open)];
        assert_eq!(found, Found::Single { from: Class::Silent, edits });
    }

    #[test]
    fn the_window_is_named() {
        let (found, _) = bisect(&|_, window| window > 4000);
        assert_eq!(
            found,
            Found::Single { from: Class::Open, edits: vec![(Edit::Window(1024), Class::Silent)] }
        );
    }

    #[test]
    fn what_counts_only_together_is_named_together() {
        let (found, packets) = bisect(&|options, _| has(options, "mss") || has(options, "timestamp"));
        let edits = vec![without("mss"), without("timestamp")];
        assert_eq!(found, Found::Together { from: Class::Open, edits, to: Class::Silent });
        assert!(packets < 120, "{packets}");
    }

    /// The time stamp is looked at together with either of two others: what one of these does, the other does as well.
    #[test]
    fn a_change_that_stands_in_for_another_is_not_lost() {
        let (found, packets) = bisect(&|options, _| {
            let (mss, sack) = (has(options, "mss"), has(options, "sack_perm"));
            has(options, "timestamp") || (mss && sack)
        });
        let edits = vec![without("sack_perm"), without("timestamp")];
        assert_eq!(found, Found::Together { from: Class::Open, edits, to: Class::Silent });
        assert!(packets < 150, "{packets}");
    }

    #[test]
    fn what_is_not_the_same_when_it_is_sent_again_is_not_told() {
        let kernel = usual(false, 1500);
        let mut bisect = Bisect::new(kernel.clone(), SynShape::minimal(&kernel));
        let answer = |bisect: &mut Bisect, flips: &dyn Fn(usize, usize) -> bool| {
            let count = bisect.trials().len();
            let class = |place| if flips(place, count) { Class::Silent } else { Class::Open };
            bisect.told(&(0..count).map(class).collect::<Vec<_>>());
            count
        };
        assert_eq!(answer(&mut bisect, &|place, _| place == 1), 2);
        answer(&mut bisect, &|_, _| false);
        // All changes together made the answer another one, each of them was needed, and then it was the same as ever.
        answer(&mut bisect, &|place, count| place + 1 == count);
        answer(&mut bisect, &|_, _| false);
        for _ in 0..20 {
            if bisect.found().is_none() {
                answer(&mut bisect, &|_, _| false);
            }
        }
        assert_eq!(bisect.found(), Some(&Found::Unsteady));
    }

    #[test]
    fn shapes_that_are_answered_alike_have_nothing_to_name() {
        assert_eq!(bisect(&|_, _| true), (Found::Alike(Class::Open), 2 * TRIES as usize));
        let mut unsteady = Bisect::new(usual(false, 1500), usual(false, 1500));
        unsteady.trials();
        unsteady.told(&[Class::Mixed, Class::Open]);
        assert_eq!(unsteady.found(), Some(&Found::Unsteady));
        assert!(unsteady.trials().is_empty());
    }
}
