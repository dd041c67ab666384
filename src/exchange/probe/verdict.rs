//! What ways of asking, side by side, come to: one cause, with what it is told by.

use super::Way;
use super::compare::{Class, Comparison, Row};

/// Why answers differ, or that they do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// All ways are answered alike.
    Same,
    /// Nobody answers anything.
    Silence,
    /// A rule of this host's own firewall.
    LocalRule,
    /// A rule of this host's own firewall that looks at who asks.
    UserRule,
    /// The answer depends on the shape of the SYN.
    SynShape,
    /// Somebody on the way answers SYNs before the host does.
    SynProxy,
    /// Somebody nearer than the host answers for it.
    Nearer,
    /// The maximum segment size is made smaller on the way.
    MssClamped,
    /// Small packets are answered, and those as large as the way is said to take are not.
    LargeLost,
    /// Echo requests alone are not answered.
    IcmpBlocked,
    /// The port alone is not answered, where the host is.
    PortFiltered,
    /// Plain sockets are answered otherwise than the same SYN by hand.
    SocketsDiffer,
    /// Answers are not always the same.
    Unsteady,
}

impl Cause {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Silence => "silence",
            Self::LocalRule => "local_rule",
            Self::UserRule => "user_rule",
            Self::SynShape => "syn_shape",
            Self::SynProxy => "syn_proxy",
            Self::Nearer => "nearer_answers",
            Self::MssClamped => "mss_clamped",
            Self::LargeLost => "large_lost",
            Self::IcmpBlocked => "icmp_blocked",
            Self::PortFiltered => "port_filtered",
            Self::SocketsDiffer => "sockets_differ",
            Self::Unsteady => "unsteady",
        }
    }

    /// What it means.
    pub fn words(self) -> &'static str {
        match self {
            Self::Same => "the same: plain sockets and hand-built packets are answered alike",
            Self::Silence => "silence: nobody answers, by TCP or by ICMP",
            Self::LocalRule => "a rule of this host's own firewall (OUTPUT) forbids it",
            Self::UserRule => "a rule of this host's own firewall that looks at the user forbids it",
            Self::SynShape => "a filter looks at the shape of the SYN",
            Self::SynProxy => "a SYN proxy answers for the host",
            Self::Nearer => "someone nearer answers for the host",
            Self::MssClamped => "the MSS is clamped on the way",
            Self::LargeLost => {
                "large packets vanish without a word: a black hole for path MTU discovery, or a filter of large echoes"
            }
            Self::IcmpBlocked => "ICMP alone is blocked: TCP is answered alike",
            Self::PortFiltered => "the port is filtered: the host answers echo requests",
            Self::SocketsDiffer => {
                "something on this host treats plain sockets otherwise than the same SYN by hand"
            }
            Self::Unsteady => "not always the same: answers differ from round to round",
        }
    }
}

/// A cause and what it is told by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The cause.
    pub cause: Cause,
    /// What was seen that tells it.
    pub evidence: String,
}

impl Judgement {
    fn new(cause: Cause, evidence: impl Into<String>) -> Self {
        Self { cause, evidence: evidence.into() }
    }
}

/// All causes that can be told, the weightiest first; there is one at least.
pub fn judge(comparison: &Comparison) -> Vec<Judgement> {
    let looks: [fn(&Comparison) -> Option<Judgement>; 9] =
        [user_rule, local_rule, syn_shape, syn_proxy, nearer, sockets, mss, large, icmp];
    let mut found: Vec<Judgement> = looks.iter().filter_map(|look| look(comparison)).collect();
    // Who proxies is nearer by itself, and what is forbidden here never came so far as others.
    if found.iter().any(|judgement| judgement.cause == Cause::SynProxy) {
        found.retain(|judgement| judgement.cause != Cause::Nearer);
    }
    if found.iter().any(|judgement| matches!(judgement.cause, Cause::LocalRule | Cause::UserRule)) {
        let local = [Cause::LocalRule, Cause::UserRule, Cause::MssClamped, Cause::Nearer];
        found.retain(|judgement| local.contains(&judgement.cause));
    }
    if found.is_empty() {
        found.push(remaining(comparison));
    }
    found
}

fn plain(comparison: &Comparison) -> Option<&Row> {
    comparison.row(|way| way == Way::Connect)
}

fn other_user(comparison: &Comparison) -> Option<(u32, &Row)> {
    let row = comparison.row(|way| matches!(way, Way::ConnectAs(_)))?;
    match row.way {
        Way::ConnectAs(user) => Some((user, row)),
        _ => None,
    }
}

fn kernel_syn(comparison: &Comparison) -> Option<&Row> {
    comparison.row(|way| way == Way::Syn(0))
}

fn other_syn(comparison: &Comparison) -> Option<&Row> {
    comparison.row(|way| way == Way::Syn(1))
}

fn echo(comparison: &Comparison) -> Option<&Row> {
    comparison.row(|way| way == Way::Echo { len: 0 })
}

fn large_echo(comparison: &Comparison) -> Option<(usize, &Row)> {
    let row = comparison.row(|way| matches!(way, Way::Echo { len } if len > 0))?;
    match row.way {
        Way::Echo { len } => Some((len, row)),
        _ => None,
    }
}

fn user_rule(comparison: &Comparison) -> Option<Judgement> {
    let (user, theirs) = other_user(comparison)?;
    let ours = plain(comparison)?;
    let (own, other) = (ours.class(), theirs.class());
    if own == other || !matches!((&own, &other), (Class::Silent, _) | (_, Class::Silent)) {
        return None;
    }
    let evidence = format!("connect() by this user: {}; by user {user}: {}", words(&own), words(&other));
    Some(Judgement::new(Cause::UserRule, evidence))
}

fn local_rule(comparison: &Comparison) -> Option<Judgement> {
    let is_forbidden = |row: Option<&Row>| row.is_some_and(|row| row.class() == Class::Forbidden);
    let kernel = is_forbidden(kernel_syn(comparison));
    let other = is_forbidden(other_syn(comparison));
    if !kernel && !other {
        return None;
    }
    let which = match (kernel, other) {
        (true, true) => "SYNs",
        (true, false) => "the kernel's SYN by hand, but not the other one,",
        _ => "the other SYN by hand, but not the kernel's,",
    };
    let plain = plain(comparison).map_or("not asked", |row| words(&row.class()));
    let echo = echo(comparison).map_or("not asked", |row| words(&row.class()));
    let evidence = format!(
        "EPERM at once for {which} by raw sockets; connect(), which is not told so: {plain}; echo: {echo}"
    );
    Some(Judgement::new(Cause::LocalRule, evidence))
}

fn syn_shape(comparison: &Comparison) -> Option<Judgement> {
    let (kernel, other) = (kernel_syn(comparison)?, other_syn(comparison)?);
    let (own, theirs) = (kernel.class(), other.class());
    if own == theirs
        || [&own, &theirs]
            .iter()
            .any(|class| matches!(class, Class::Mixed | Class::Failed | Class::Forbidden))
    {
        return None;
    }
    let plain = plain(comparison).map_or("not asked", |row| words(&row.class()));
    let evidence = format!(
        "the kernel's SYN: {} ({} of {}); the other one: {} ({} of {}); connect(): {plain}; `--bisect` names the option or field",
        words(&own),
        kernel.answered(),
        kernel.outcomes.len(),
        words(&theirs),
        other.answered(),
        other.outcomes.len(),
    );
    Some(Judgement::new(Cause::SynShape, evidence))
}

/// netfilter's SYNPROXY answers with a window of 0, so that nothing is sent before the server is connected
/// (`synproxy_send_client_synack` in net/netfilter/nf_synproxy_core.c); no host's own TCP does.
fn syn_proxy(comparison: &Comparison) -> Option<Judgement> {
    let kernel = kernel_syn(comparison).filter(|row| row.class() == Class::Open)?;
    let window = kernel.segment()?.window;
    if window != 0 {
        return None;
    }
    let mut evidence = "SYN-ACK with a window of 0".to_owned();
    if let (Some(syn), Some(echo)) = (kernel.routers(), echo(comparison).and_then(Row::routers))
        && syn < echo
    {
        evidence.push_str(&format!(", which passed {}; the echo reply passed {echo}", count_of(syn)));
    }
    Some(Judgement::new(Cause::SynProxy, evidence))
}

fn nearer(comparison: &Comparison) -> Option<Judgement> {
    let echo = echo(comparison).filter(|row| row.class() == Class::Open)?;
    let far = echo.routers()?;
    let mut rows = [kernel_syn(comparison), other_syn(comparison)].into_iter().flatten();
    let (row, near) =
        rows.find_map(|row| row.routers().filter(|near| *near < far).map(|near| (row, near)))?;
    let what = if row.class() == Class::Open { "SYN-ACK" } else { "reset" };
    let ttl = |row: &Row| row.seen().and_then(|seen| seen.ttl).unwrap_or_default();
    let evidence = format!(
        "the {what} has TTL {} and so passed {}; the echo reply has TTL {} and passed {far}",
        ttl(row),
        count_of(near),
        ttl(echo)
    );
    Some(Judgement::new(Cause::Nearer, evidence))
}

fn count_of(routers: u8) -> String {
    match routers {
        0 => "no router".to_owned(),
        1 => "1 router".to_owned(),
        more => format!("{more} routers"),
    }
}

/// The SYN by hand has the shape of the kernel's: only this host knows them apart.
fn sockets(comparison: &Comparison) -> Option<Judgement> {
    let (plain, kernel) = (plain(comparison)?, kernel_syn(comparison)?);
    let (own, by_hand) = (plain.class(), kernel.class());
    let is_other = |class: &Class| matches!(class, Class::Mixed | Class::Failed | Class::Forbidden);
    if own == by_hand || is_other(&own) || is_other(&by_hand) {
        return None;
    }
    let evidence = format!(
        "connect(): {}; a SYN of the same shape by a raw socket: {}; rules that look at users, groups or marks, and NAT of this host, are what tells them apart",
        words(&own),
        words(&by_hand)
    );
    Some(Judgement::new(Cause::SocketsDiffer, evidence))
}

/// A host whose link takes packets of the path's MTU offers segments of that size, unless somebody rewrites what it offers.
fn mss(comparison: &Comparison) -> Option<Judgement> {
    let kernel = kernel_syn(comparison).filter(|row| row.class() == Class::Open)?;
    let offered = kernel.segment()?.option("mss")?;
    let (len, large) = large_echo(comparison)?;
    let fits = u64::try_from(len).unwrap_or(0).saturating_sub(comparison.headers_len().into());
    if offered >= fits || large.class() != Class::Open {
        return None;
    }
    let connection = of_connection(comparison);
    let evidence = format!(
        "the SYN-ACK offers an MSS of {offered}{connection}, where echo requests of {len} octets pass uncut, which leave room for {fits}"
    );
    Some(Judgement::new(Cause::MssClamped, evidence))
}

/// Segments as large as both ends allow are as long as these echo requests: where nobody says that they are too large, connections
/// open and then stand still (RFC 2923 §2.1). A host that offers smaller segments is not met by any.
fn large(comparison: &Comparison) -> Option<Judgement> {
    let (len, large) = large_echo(comparison)?;
    let small = echo(comparison).filter(|row| row.class() == Class::Open)?;
    let kernel = kernel_syn(comparison).filter(|row| row.class() == Class::Open)?;
    let offered = kernel.segment()?.option("mss")?;
    let needs = offered.saturating_add(comparison.headers_len().into());
    let is_lost_by_chance = large.outcomes.len() < LEAST_LOST || small.answered() < small.outcomes.len();
    if large.class() != Class::Silent || needs < u64::try_from(len).unwrap_or(u64::MAX) || is_lost_by_chance {
        return None;
    }
    let evidence = format!(
        "echo requests of {len} octets: {} of {} answered, small ones: {} of {}; the SYN-ACK offers an MSS of {offered}{}: segments that large would not arrive; `rawsock trace --mtu` finds the length and the place",
        large.answered(),
        large.outcomes.len(),
        small.answered(),
        small.outcomes.len(),
        of_connection(comparison)
    );
    Some(Judgement::new(Cause::LargeLost, evidence))
}

/// As many must be lost, and none of the small ones, until it is no chance.
const LEAST_LOST: usize = 3;

/// What the kernel's own connection has of sizes.
fn of_connection(comparison: &Comparison) -> String {
    let Some(negotiated) = plain(comparison).and_then(Row::negotiated) else { return String::new() };
    let path = match negotiated.path_mtu {
        0 => String::new(),
        mtu => format!(", its path MTU {mtu}"),
    };
    format!(", snd_mss is {}{path}", negotiated.snd_mss)
}

fn icmp(comparison: &Comparison) -> Option<Judgement> {
    let echo = echo(comparison)?;
    let tcp = kernel_syn(comparison).or_else(|| plain(comparison))?;
    let (echo_class, class) = (echo.class(), tcp.class());
    let is_blocked = matches!(echo_class, Class::Silent | Class::Icmp(..) | Class::Forbidden);
    if is_blocked && matches!(class, Class::Open | Class::Closed) {
        let evidence =
            format!("TCP: {}; {} echo requests: {}", words(&class), echo.outcomes.len(), words(&echo_class));
        return Some(Judgement::new(Cause::IcmpBlocked, evidence));
    }
    if class == Class::Silent && echo_class == Class::Open {
        let evidence = format!(
            "{} SYNs and connect(): no answer; echo requests are answered ({} of {})",
            tcp.outcomes.len(),
            echo.answered(),
            echo.outcomes.len()
        );
        return Some(Judgement::new(Cause::PortFiltered, evidence));
    }
    None
}

/// Where nothing differs in any way that is looked for.
fn remaining(comparison: &Comparison) -> Judgement {
    let rows = comparison.rows().iter().filter(|row| !row.outcomes.is_empty());
    let told: Vec<(&Row, Class)> = rows.map(|row| (row, row.class())).collect();
    if told.iter().any(|(_, class)| *class == Class::Mixed) {
        return Judgement::new(Cause::Unsteady, "ask again, with a greater `-c`");
    }
    if told.iter().all(|(_, class)| *class == Class::Silent) {
        return Judgement::new(Cause::Silence, "no host there, or all of it is filtered");
    }
    let tcp = kernel_syn(comparison).or_else(|| plain(comparison));
    let mut evidence = tcp.map_or(String::new(), |row| words(&row.class()).to_owned());
    if let Some(segment) = tcp.and_then(Row::segment) {
        evidence.push_str(&format!(", flags {}, window {}", segment.flags, segment.window));
    }
    if let (Some(syn), Some(echo)) = (tcp.and_then(Row::routers), echo(comparison).and_then(Row::routers)) {
        evidence.push_str(&format!(", {} passed; echo: {}", count_of(syn), count_of(echo)));
    }
    if let Some(offered) = tcp.and_then(Row::segment).and_then(|segment| segment.option("mss")) {
        evidence.push_str(&format!("; MSS {offered}{}", of_connection(comparison)));
    }
    if let Some((len, large)) = large_echo(comparison) {
        evidence.push_str(&format!("; echo of {len}: {}", words(&large.class())));
    }
    Judgement::new(Cause::Same, evidence)
}

/// What a class means.
pub fn words(class: &Class) -> &'static str {
    match class {
        Class::Open => "answered",
        Class::Closed => "reset",
        Class::Icmp(..) => "an ICMP error",
        Class::Silent => "silence",
        Class::Forbidden => "EPERM",
        Class::Failed => "not asked",
        Class::Mixed => "now one, now the other",
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::{Play, play};
    use super::*;

    fn cause(play: &Play) -> Vec<Cause> {
        judge(&play.comparison()).into_iter().map(|judgement| judgement.cause).collect()
    }

    #[test]
    fn what_is_alike_is_the_same() {
        assert_eq!(cause(&play()), [Cause::Same]);
        let closed = Play { plain: "closed", kernel: "closed", other: "closed", ..play() };
        assert_eq!(cause(&closed), [Cause::Same]);
        let lost = Play { lost: true, ..play() };
        assert_eq!(cause(&lost), [Cause::Same], "one lost packet of three is no filter");
        let silent = Play {
            plain: "silent",
            kernel: "silent",
            other: "silent",
            echo: "silent",
            large: "silent",
            ..play()
        };
        assert_eq!(cause(&silent), [Cause::Silence]);
    }

    #[test]
    fn a_filter_by_shape_is_told() {
        assert_eq!(cause(&Play { other: "silent", ..play() }), [Cause::SynShape]);
        let reverse = Play { plain: "silent", kernel: "silent", ..play() };
        assert_eq!(cause(&reverse).first(), Some(&Cause::SynShape));
        assert_eq!(cause(&Play { other: "closed", ..play() }), [Cause::SynShape]);
    }

    #[test]
    fn rules_of_this_host_are_told() {
        let local = Play { plain: "silent", kernel: "forbidden", other: "forbidden", ..play() };
        assert_eq!(cause(&local), [Cause::LocalRule]);
        let user = Play { user: Some("silent"), ..play() };
        assert_eq!(cause(&user), [Cause::UserRule]);
        let sockets = Play { plain: "silent", ..play() };
        assert_eq!(cause(&sockets), [Cause::SocketsDiffer]);
    }

    #[test]
    fn who_answers_for_the_host_is_told() {
        assert_eq!(cause(&Play { window: 0, syn_ttl: 64, ..play() }), [Cause::SynProxy]);
        assert_eq!(cause(&Play { syn_ttl: 64, ..play() }), [Cause::Nearer]);
        // Systems begin with other times to live: as many routers were passed.
        assert_eq!(cause(&Play { syn_ttl: 127, ..play() }), [Cause::Same]);
    }

    #[test]
    fn a_smaller_mss_than_the_way_takes_is_clamped() {
        assert_eq!(cause(&Play { mss: 1200, ..play() }), [Cause::MssClamped]);
        let narrow = Play { mss: 1200, large: "silent", ..play() };
        assert_eq!(cause(&narrow), [Cause::Same], "the host's own link may be so");
    }

    #[test]
    fn large_packets_that_vanish_are_told() {
        let hole = Play { large: "silent", ..play() };
        assert_eq!(cause(&hole), [Cause::LargeLost]);
        assert_eq!(cause(&Play { large: "icmp", ..play() }), [Cause::Same], "somebody says so");
        assert_eq!(cause(&Play { lost: true, ..hole }), [Cause::Same], "small ones are lost, too");
        let evidence = judge(&play().comparison()).remove(0).evidence;
        assert!(evidence.contains("MSS 1460, snd_mss is 1448; echo of 1500: answered"), "{evidence}");
    }

    #[test]
    fn icmp_alone_and_the_port_alone() {
        let blocked = Play { echo: "silent", large: "silent", ..play() };
        assert_eq!(cause(&blocked), [Cause::IcmpBlocked]);
        let filtered = Play { plain: "silent", kernel: "silent", other: "silent", ..play() };
        assert_eq!(cause(&filtered), [Cause::PortFiltered]);
    }
}
