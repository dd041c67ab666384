//! Searching for what of a SYN a filter looks at: it ends whatever is answered; and where the answers are those of a filter that looks
//! at certain changes, just these are found.

use rawsock::exchange::probe::bisect::{Bisect, Found, Trial};
use rawsock::exchange::probe::compare::Class;
use rawsock::exchange::probe::{Asked, Content, EndPoint, Making, Question, SynShape, Way, usual_syn};
use rawsock::show::{probe_compare, probe_json};
use rawsock::wire::frame::LinkType;

use super::harmless;
use super::network::addresses;
use super::script::Script;

/// Holds it. The first octet says who answers, the second one which changes are looked at; a third one and on, how each trial is
/// answered, where the answers are any. The kernel's SYN is a packet, or the usual one.
pub fn check(input: &[u8]) {
    let mut script = Script(input);
    let (Some(first), looks) = (script.octet(), script.number()) else { return };
    let seen = script.piece();
    let shape = SynShape::of_octets("kernel", seen);
    let is_v6 = match shape {
        Some(_) => seen.first().is_some_and(|version| version >> 4 == 6),
        None => first & 8 != 0,
    };
    let (source, target) = addresses(is_v6);
    let kernel = shape.unwrap_or_else(|| usual_syn(is_v6, 1500));
    let edits = kernel.edits(1024);
    let mut filter = Filter { kind: first % 3, looks: Vec::new(), script };
    let looked_at = edits.iter().enumerate().filter(|(place, _)| looks >> (place % 16) & 1 == 1);
    filter.looks = looked_at.map(|(_, edit)| edit.to_string()).collect();
    let mut bisect = Bisect::new(kernel.clone(), SynShape::minimal(&kernel));
    let (mut asked, mut packets) = (Asked::new(9, 9), 0usize);
    let making = Making { source, source_port: 40_000, destination: (target, 80).into() };
    for round in 0..edits.len() + 10 {
        let trials = bisect.trials().to_vec();
        for trial in &trials {
            let way = Way::Syn(0);
            let question = Question { id: packets, end_point: 0, way, seq: 1, place: 0 };
            let octets = asked.make(&question, &making, Content::Syn(&trial.shape)).expect("it can be built");
            assert!(asked.belongs(&octets, LinkType::RAW));
            packets += 1;
        }
        let classes: Vec<Class> = trials
            .iter()
            .enumerate()
            .map(|(place, trial)| filter.answers(trial, round == 0 && place == 1))
            .collect();
        bisect.told(&classes);
    }
    assert!(bisect.trials().is_empty(), "it does not end");
    let found = bisect.found().expect("it is over");
    let end_point = EndPoint { host: "two".to_owned(), address: (target, 80).into() };
    harmless::lines(&probe_compare::bisect(&end_point, found, bisect.tried(), (packets, 3), true));
    harmless::object(&probe_json::bisect(&end_point, found, bisect.tried(), packets));
    filter.is_found(found);
}

/// Whoever answers.
struct Filter<'i> {
    /// 0: as the script says. 1: to whatever has one of the changes that it looks at. 2: to what has all of them.
    kind: u8,
    looks: Vec<String>,
    script: Script<'i>,
}

impl Filter<'_> {
    fn answers(&mut self, trial: &Trial, is_other: bool) -> Class {
        let has = |look: &String| trial.edits.iter().any(|edit| edit.to_string() == *look);
        let passes = match self.kind {
            1 => self.looks.iter().any(has),
            2 => !self.looks.is_empty() && self.looks.iter().all(has),
            _ => {
                let from = Some([10, 0, 0, 9].into());
                return match self.script.octet().unwrap_or(0) % 8 {
                    0 | 1 => Class::Silent,
                    2 | 3 => Class::Open,
                    4 => Class::Closed,
                    5 => Class::Icmp(3, 13, from),
                    6 => Class::Mixed,
                    _ => Class::Failed,
                };
            }
        };
        if passes || is_other { Class::Open } else { Class::Silent }
    }

    fn is_found(&self, found: &Found) {
        let (from, to) = (Class::Silent, Class::Open);
        match (self.kind, found) {
            (0, _) => {}
            (_, Found::Unnamed { .. }) => assert!(self.looks.is_empty(), "{:?}", self.looks),
            (kind, Found::Single { edits, from: was }) if kind == 1 || self.looks.len() == 1 => {
                let edits: Vec<String> = edits.iter().map(|(edit, _)| edit.to_string()).collect();
                assert_eq!((edits, was), (self.looks.clone(), &from));
            }
            (2, Found::Together { edits, from: was, to: is }) => {
                let edits: Vec<String> = edits.iter().map(ToString::to_string).collect();
                assert_eq!((edits, was, is), (self.looks.clone(), &from, &to));
            }
            _ => panic!("{found:?}, where {:?} is looked at", self.looks),
        }
    }
}
