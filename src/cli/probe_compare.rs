//! `rawsock probe --compare`: several ways of asking, side by side, and why they are answered differently.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::probe::ProbeArgs;
use super::probe_rule::{self, Rule};
use super::probe_session::{Session, caller, nanos, shape};
use super::probe_target::{Target, resolve_all};
use super::{CommandResult, Outcome};
use crate::exchange::drive::probe::{ProbeWatcher, probe};
use crate::exchange::engine::MILLISECOND;
use crate::exchange::probe::compare::{Class, Comparison};
use crate::exchange::probe::verdict::{Cause, Judgement, judge};
use crate::exchange::probe::{EndPoint, Finished, ProbePlan, Prober, Shape, Way};
use crate::show::{probe_compare, probe_json};

/// Compares for each end point in turn.
///
/// # Errors
/// When a right is missing, or the system cannot wait.
pub(super) fn run(args: &ProbeArgs, targets: VecDeque<Target>, mut session: Session) -> CommandResult {
    let other = args.syn.as_deref().map_or(Ok(Shape::Minimal), shape)?;
    let other_name = match &other {
        Shape::Kernel => "SYN, kernel's shape again".to_owned(),
        Shape::Minimal => "SYN, minimal".to_owned(),
        Shape::Written { name, .. } => format!("SYN, {name}"),
        Shape::Fixed(shape) => format!("SYN, {}", shape.name),
    };
    session.sockets.shapes = vec![Shape::Kernel, other];
    let (end_points, failed) = resolve_all(targets, session.wanted, &session.interrupt)?;
    let name_of = |way: Way| match way {
        Way::Connect => "connect()".to_owned(),
        Way::ConnectAs(user) => format!("connect() of user {user}"),
        Way::Syn(0) => "SYN, kernel's shape".to_owned(),
        Way::Syn(_) => other_name.clone(),
        Way::Echo { len: 0 } => "ICMP echo".to_owned(),
        Way::Echo { len } => format!("ICMP echo of {len}"),
        Way::Datagram => "datagram".to_owned(),
        Way::RawDatagram => "datagram by hand".to_owned(),
    };
    let mut are_alike = !end_points.is_empty();
    let mut printed = Ok(());
    for end_point in &end_points {
        if session.interrupt.came() || printed.is_err() {
            break;
        }
        let comparison = one(args, &mut session, end_point)?;
        let (judgements, rule) = judged(&mut session, end_point, &comparison);
        are_alike &= judgements.iter().all(|judgement| judgement.cause == Cause::Same);
        let rule = rule.map(|rule| rule.text);
        let mut text = if args.json {
            probe_json::comparison(end_point, &comparison, &name_of, &judgements, rule.as_deref())
        } else {
            probe_compare::table(end_point, &comparison, &name_of, &judgements, rule.as_deref())
        };
        if args.json {
            text.push('\n');
        }
        let mut out = anstream::stdout().lock();
        printed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
    session.tell_guess();
    session.finish()?;
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    Ok(match (failed, are_alike) {
        (true, _) => Outcome::Failed,
        (false, true) => Outcome::Done,
        (false, false) => Outcome::NoAnswer,
    })
}

/// Asks one end point in all ways.
fn one(
    args: &ProbeArgs,
    session: &mut Session,
    end_point: &EndPoint,
) -> Result<Comparison, Box<dyn std::error::Error>> {
    let target = end_point.address;
    let Some(raw) = &mut session.sockets.raw else { return Err("no raw sockets are open".into()) };
    raw.check(crate::sys::ip_socket::Family::of(target.ip()))?;
    let path = raw.path(target)?;
    let mut ways = vec![Way::Connect];
    ways.extend(args.user.or_else(caller).map(Way::ConnectAs));
    ways.extend([Way::Syn(0), Way::Syn(1), Way::Echo { len: 0 }]);
    // Jumbo frames and loopback: as much as one packet of the usual networks, and a little more, tells enough.
    let large = path.mtu.min(MOST_LARGE);
    ways.push(Way::Echo { len: large });
    let mut comparison = Comparison::new(target.ip(), u32::try_from(path.mtu).ok(), &ways);
    let mut prober = Prober::new(ProbePlan {
        ways,
        timeout: nanos(args.timeout.unwrap_or(Duration::from_secs(1))),
        interval: nanos(args.interval.unwrap_or(Duration::from_millis(200))),
        gap: 10 * MILLISECOND,
        count: args.count.unwrap_or(3),
        at_once: 1000,
    })
    .numbered_from(session.next_id);
    let mut watcher = Noting { end_point: Some(end_point.clone()), comparison: &mut comparison };
    probe(&mut prober, &mut session.sockets, &session.interrupt, &mut watcher)?;
    session.next_id = prober.next_id();
    Ok(comparison)
}

/// Octets of the large echo requests at most.
const MOST_LARGE: usize = 9000;

/// What it comes to; where a rule of this host is the cause, which one.
fn judged(
    session: &mut Session,
    end_point: &EndPoint,
    comparison: &Comparison,
) -> (Vec<Judgement>, Option<Rule>) {
    let mut judgements = judge(comparison);
    let local = [Cause::LocalRule, Cause::UserRule, Cause::SocketsDiffer];
    let Some(first) = judgements.first_mut().filter(|first| local.contains(&first.cause)) else {
        return (judgements, None);
    };
    let other_user = comparison.rows().iter().find(|row| matches!(row.way, Way::ConnectAs(_)));
    let is_forbidden =
        |way| comparison.row(|own| own == way).is_some_and(|row| row.class() == Class::Forbidden);
    let is_theirs = other_user.is_some_and(|row| row.class() == Class::Silent);
    let way = match (first.cause, other_user) {
        (Cause::UserRule, Some(row)) if is_theirs => row.way,
        (Cause::UserRule | Cause::SocketsDiffer, _) => Way::Connect,
        _ => [Way::Syn(0), Way::Syn(1)].into_iter().find(|way| is_forbidden(*way)).unwrap_or(Way::Syn(0)),
    };
    let rule = probe_rule::name(session, end_point, way);
    if first.cause == Cause::LocalRule && rule.is_of_users {
        first.cause = Cause::UserRule;
    }
    (judgements, Some(rule))
}

/// Takes note of what ends.
struct Noting<'c> {
    end_point: Option<EndPoint>,
    comparison: &'c mut Comparison,
}

impl ProbeWatcher for Noting<'_> {
    fn known(&mut self) -> (Vec<EndPoint>, bool) {
        (self.end_point.take().into_iter().collect(), true)
    }

    fn wake_up(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn finished(&mut self, _end_point: &EndPoint, probe: &Finished) -> io::Result<()> {
        self.comparison.note(probe);
        Ok(())
    }
}
