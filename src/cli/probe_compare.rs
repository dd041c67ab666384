//! `rawsock probe --compare`: several ways of asking, side by side, and why they are answered differently.

use std::collections::VecDeque;
use std::time::Duration;

use super::CommandResult;
use super::probe::ProbeArgs;
use super::probe_each::{Told, ask, each};
use super::probe_rule::{self, Rule};
use super::probe_session::{Session, nanos};
use super::probe_target::Target;
use crate::exchange::engine::MILLISECOND;
use crate::exchange::probe::compare::{Class, Comparison};
use crate::exchange::probe::verdict::{Cause, Judgement, judge};
use crate::exchange::probe::{EndPoint, ProbePlan, Shape, Way};
use crate::show::{probe_compare, probe_json};

/// Compares for each end point in turn.
///
/// # Errors
/// When a right is missing, or the system cannot wait.
pub(super) fn run(args: &ProbeArgs, targets: VecDeque<Target>, mut session: Session) -> CommandResult {
    let other = session.shape.clone().unwrap_or(Shape::Minimal);
    let other_name = match &other {
        Shape::Kernel => "SYN, kernel's shape again".to_owned(),
        Shape::Minimal => "SYN, minimal".to_owned(),
        Shape::Written { name, .. } => format!("SYN, {name}"),
        Shape::Fixed(shape) => format!("SYN, {}", shape.name),
    };
    session.sockets.shapes = vec![Shape::Kernel, other];
    let name_of = |way: Way| match way {
        Way::Syn(0) => "SYN, kernel's shape".to_owned(),
        Way::Syn(_) => other_name.clone(),
        way => plain_name(way),
    };
    each(targets, session, &mut |session, end_point| {
        let comparison = one(args, session, end_point, &name_of)?;
        let (judgements, rule) = judged(session, end_point, &comparison, &name_of);
        let is_good = judgements.iter().all(|judgement| judgement.cause == Cause::Same);
        let rule = rule.map(|rule| rule.text);
        let verdict = probe_compare::table(end_point, &comparison, &name_of, &judgements, rule.as_deref());
        let printed = if args.json {
            probe_json::comparison(end_point, &comparison, &name_of, &judgements, rule.as_deref()) + "\n"
        } else {
            verdict.clone()
        };
        Ok(Some(Told { printed, verdict, is_good }))
    })
}

/// What ways are called that have no shape.
pub(super) fn plain_name(way: Way) -> String {
    match way {
        Way::Connect => "connect()".to_owned(),
        Way::ConnectAs(user) => format!("connect() of user {user}"),
        Way::Syn(_) => "SYN".to_owned(),
        Way::Echo { len: 0 } => "ICMP echo".to_owned(),
        Way::Echo { len } => format!("ICMP echo of {len}"),
        Way::Datagram => "datagram".to_owned(),
        Way::RawDatagram => "datagram by hand".to_owned(),
    }
}

/// Asks one end point in all ways.
fn one(
    args: &ProbeArgs,
    session: &mut Session,
    end_point: &EndPoint,
    name_of: &dyn Fn(Way) -> String,
) -> Result<Comparison, Box<dyn std::error::Error>> {
    let target = end_point.address;
    let Some(raw) = &mut session.sockets.raw else { return Err("no raw sockets are open".into()) };
    let path = raw.path(target)?;
    let mut ways = vec![Way::Connect];
    ways.extend(session.other_user.map(Way::ConnectAs));
    ways.extend([Way::Syn(0), Way::Syn(1), Way::Echo { len: 0 }]);
    // Jumbo frames and loopback: as much as one packet of the usual networks, and a little more, tells enough.
    let large = path.mtu.min(MOST_LARGE);
    ways.push(Way::Echo { len: large });
    let mut comparison = Comparison::new(target.ip(), u32::try_from(path.mtu).ok(), &ways);
    let plan = ProbePlan {
        ways,
        timeout: nanos(args.timeout.unwrap_or(Duration::from_secs(1))),
        interval: nanos(args.interval.unwrap_or(Duration::from_millis(200))),
        gap: 10 * MILLISECOND,
        count: args.count.unwrap_or(3),
        at_once: 1000,
    };
    ask(session, end_point, plan, name_of, &mut |probe| comparison.note(probe))?;
    Ok(comparison)
}

/// Octets of the large echo requests at most.
const MOST_LARGE: usize = 9000;

/// What it comes to; where a rule of this host is the cause, which one.
fn judged(
    session: &mut Session,
    end_point: &EndPoint,
    comparison: &Comparison,
    name_of: &dyn Fn(Way) -> String,
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
    let rule = probe_rule::name(session, end_point, way, name_of);
    if first.cause == Cause::LocalRule && rule.is_of_users {
        first.cause = Cause::UserRule;
    }
    (judgements, Some(rule))
}
