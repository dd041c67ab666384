//! The lines of `traceroute`, so that scripts that parse them keep working; below a hop's line, further in, what it tells of the
//! way; and the same as JSON.

use std::fmt::{self, Write};
use std::net::IpAddr;

use crate::exchange::engine::Nanos;
use crate::exchange::trace::{
    Answer, Change, Extension, Hop, Interface, Method, Reach, Trace, TracePlan, Verdict, What,
};
use crate::show::json_object::JsonObject;
use crate::show::text::push_printable;
use crate::wire::value::Value;

/// Tells the name of an address: nothing where names are not wanted, and the address itself where it has none.
pub type NameOf<'n> = &'n dyn Fn(IpAddr) -> Option<String>;

/// The line that a trace begins with; `name` is what the user calls the host.
pub fn head(out: &mut String, name: &str, plan: &TracePlan) -> fmt::Result {
    out.push_str("traceroute to ");
    push_printable(out, name);
    let TracePlan { destination, last_hop, packet_len, .. } = plan;
    writeln!(out, " ({destination}), {last_hop} hops max, {packet_len} byte packets")
}

/// The line of a hop, and those of what it tells of the way.
pub fn hop(out: &mut String, plan: &TracePlan, hop: &Hop, name_of: NameOf<'_>) -> fmt::Result {
    write!(out, "{:2} ", hop.number)?;
    let mut shown: Option<&Answer> = None;
    for probe in &hop.probes {
        let Some(answer) = &probe.answer else {
            out.push_str(" *");
            continue;
        };
        let is_same =
            shown.is_some_and(|shown| (shown.from, &shown.extensions) == (answer.from, &answer.extensions));
        if !is_same {
            out.push(' ');
            host(out, answer.from, name_of)?;
            extensions(out, &answer.extensions)?;
            shown = Some(answer);
        }
        write!(out, "  {}", Milliseconds(answer.rtt))?;
        out.push_str(" ms");
        if let Some(mark) = annotation(plan, answer.verdict) {
            write!(out, " {mark}")?;
        }
    }
    writeln!(out)?;
    for change in &hop.changes {
        write!(out, "    ")?;
        change_words(out, change)?;
        writeln!(out, " before this hop")?;
    }
    match port_state(plan, hop) {
        Some(state) => writeln!(out, "    port {} is {state}", plan.port),
        None => Ok(()),
    }
}

pub(super) fn host(out: &mut String, address: IpAddr, name_of: NameOf<'_>) -> fmt::Result {
    match name_of(address) {
        Some(name) => {
            push_printable(out, &name);
            write!(out, " ({address})")
        }
        None => write!(out, "{address}"),
    }
}

/// Extensions as `traceroute -e` writes them.
pub(super) fn extensions(out: &mut String, extensions: &[Extension]) -> fmt::Result {
    for (place, extension) in extensions.iter().enumerate() {
        out.push_str(if place == 0 { " <" } else { ";" });
        match extension {
            Extension::Mpls(labels) => {
                out.push_str("MPLS:");
                for (place, label) in labels.iter().enumerate() {
                    let slash = if place == 0 { "" } else { "/" };
                    let (exp, bottom, ttl) = (label.exp, u8::from(label.is_bottom), label.ttl);
                    write!(out, "{slash}L={},E={exp},S={bottom},T={ttl}", label.label)?;
                }
            }
            Extension::Interface(interface) => interface_words(out, interface)?,
            Extension::Other { class, ctype, data } => {
                write!(out, "{class}/{ctype}:")?;
                data.iter().try_for_each(|octet| write!(out, "{octet:02x}"))?;
            }
        }
    }
    if !extensions.is_empty() {
        out.push('>');
    }
    Ok(())
}

/// An interface in the same manner: `incoming:index=3,address=192.0.2.1,name=eth0,mtu=1500`.
fn interface_words(out: &mut String, interface: &Interface) -> fmt::Result {
    let Interface { role, index, address, name, mtu } = interface;
    let mut sign = ':';
    let mut next = |out: &mut String, name: &str| {
        let written = write!(out, "{sign}{name}=");
        sign = ',';
        written
    };
    out.push_str(role.name());
    if let Some(index) = index {
        next(out, "index")?;
        write!(out, "{index}")?;
    }
    if let Some(address) = address {
        next(out, "address")?;
        write!(out, "{address}")?;
    }
    if let Some(name) = name {
        next(out, "name")?;
        push_printable(out, name);
    }
    if let Some(mtu) = mtu {
        next(out, "mtu")?;
        write!(out, "{mtu}")?;
    }
    Ok(())
}

pub(super) fn change_words(out: &mut String, change: &Change) -> fmt::Result {
    out.push_str(&change.field);
    let value = |value: &Option<Value>| value.as_ref().map_or(String::new(), |value| format!(" {value}"));
    match change.what {
        What::Changed => write!(out, "{} ->{}", value(&change.sent), value(&change.quoted)),
        What::Removed => write!(out, "{} removed", value(&change.sent)),
        What::Added => write!(out, "{} added", value(&change.quoted)),
    }
}

/// What the destination says of the TCP port. A SYN that meets the half-open connection of one before it is reset, so that one
/// SYN-ACK says more than any reset.
fn port_state(plan: &TracePlan, hop: &Hop) -> Option<&'static str> {
    if plan.method != Method::Tcp {
        return None;
    }
    let said = |reach: Reach| {
        let answers = hop.probes.iter().filter_map(|probe| probe.answer.as_ref());
        answers.map(|answer| answer.verdict).any(|verdict| verdict == Verdict::Reached(reach))
    };
    match (said(Reach::SynAck), said(Reach::Reset)) {
        (true, _) => Some("open"),
        (false, true) => Some("closed"),
        (false, false) => None,
    }
}

/// What `traceroute` writes behind the time of an answer that is no plain one.
pub fn annotation(plan: &TracePlan, verdict: Verdict) -> Option<String> {
    let Verdict::Error { kind, code, mtu } = verdict else { return None };
    let letter = if plan.destination.is_ipv4() {
        match (kind, code) {
            (3, 0) => 'N',
            (3, 1) => 'H',
            (3, 2) => 'P',
            (3, 3) => return None,
            (3, 4) => return Some(format!("!F-{}", mtu.unwrap_or(0))),
            (3, 5) => 'S',
            (3, 9 | 10 | 13) => 'X',
            (3, 14) => 'V',
            (3, 15) => 'C',
            _ => return Some(other_mark(kind, code)),
        }
    } else {
        match (kind, code) {
            (1, 0) => 'N',
            (1, 1) => 'X',
            (1, 2 | 3) => 'H',
            (1, 4) => return None,
            (2, _) => return Some(format!("!F-{}", mtu.unwrap_or(0))),
            (4, 1) => 'P',
            _ => return Some(other_mark(kind, code)),
        }
    };
    Some(format!("!{letter}"))
}

fn other_mark(kind: u8, code: u8) -> String {
    if kind == 3 || kind == 1 { format!("!<{code}>") } else { format!("!<{kind}-{code}>") }
}

/// A hop as a JSON line.
pub fn hop_json(plan: &TracePlan, hop: &Hop, name_of: NameOf<'_>) -> String {
    let answers = hop.probes.iter().map(|probe| match &probe.answer {
        Some(answer) => answer_json(plan, answer, name_of),
        None => JsonObject::new().text("answer", "none"),
    });
    let changes = hop.changes.iter().map(change_json);
    let object = JsonObject::new().text("event", "hop").number("hop", hop.number.into());
    let object = object.list("probes", answers).list("changes", changes);
    let object = match port_state(plan, hop) {
        Some(state) => object.text("port_state", state),
        None => object,
    };
    object.end()
}

pub(super) fn change_json(change: &Change) -> JsonObject {
    let what = match change.what {
        What::Changed => "changed",
        What::Removed => "removed",
        What::Added => "added",
    };
    let object = JsonObject::new().text("field", &change.field).text("what", what);
    value_json(value_json(object, "sent", change.sent.as_ref()), "quoted", change.quoted.as_ref())
}

fn answer_json(plan: &TracePlan, answer: &Answer, name_of: NameOf<'_>) -> JsonObject {
    let words = match answer.verdict {
        Verdict::TimeExceeded => "time_exceeded",
        Verdict::Error { .. } => "error",
        Verdict::Reached(Reach::EchoReply) => "echo_reply",
        Verdict::Reached(Reach::SynAck) => "syn_ack",
        Verdict::Reached(Reach::Reset) => "reset",
        Verdict::Reached(Reach::Data) => "data",
        Verdict::Reached(Reach::PortUnreachable) => "port_unreachable",
    };
    let mut object = JsonObject::new().text("answer", words).text("from", &answer.from.to_string());
    if let Some(name) = name_of(answer.from) {
        object = object.text("name", &name);
    }
    object = object.number("rtt_ns", answer.rtt);
    let (seconds, nanos) = (answer.wall.div_euclid(1_000_000_000), answer.wall.rem_euclid(1_000_000_000));
    object = object.text("time", &format!("{seconds}.{nanos:09}"));
    if let Some(ttl) = answer.ttl {
        object = object.number("ttl", ttl.into());
    }
    if let Verdict::Error { kind, code, mtu } = answer.verdict {
        object = object.number("type", kind.into()).number("code", code.into());
        if let Some(mark) = annotation(plan, answer.verdict) {
            object = object.text("mark", &mark);
        }
        if let Some(mtu) = mtu {
            object = object.number("mtu", mtu.into());
        }
    }
    if answer.is_late {
        object = object.flag("late", true);
    }
    if !answer.extensions.is_empty() {
        object = object.list("extensions", answer.extensions.iter().map(extension_json));
    }
    object
}

pub(super) fn extension_json(extension: &Extension) -> JsonObject {
    match extension {
        Extension::Mpls(labels) => {
            let labels = labels.iter().map(|label| {
                let object = JsonObject::new().number("label", label.label.into());
                let object = object.number("exp", label.exp.into()).flag("s", label.is_bottom);
                object.number("ttl", label.ttl.into())
            });
            JsonObject::new().list("mpls", labels)
        }
        Extension::Interface(interface) => {
            let mut object = JsonObject::new().text("role", interface.role.name());
            if let Some(index) = interface.index {
                object = object.number("index", index.into());
            }
            if let Some(address) = interface.address {
                object = object.text("address", &address.to_string());
            }
            if let Some(name) = &interface.name {
                object = object.text("name", name);
            }
            if let Some(mtu) = interface.mtu {
                object = object.number("mtu", mtu.into());
            }
            JsonObject::new().object("interface", object)
        }
        Extension::Other { class, ctype, data } => {
            let data: String = data.iter().map(|octet| format!("{octet:02x}")).collect();
            let object = JsonObject::new().number("class", (*class).into());
            object.number("ctype", (*ctype).into()).text("data", &data)
        }
    }
}

fn value_json(object: JsonObject, name: &str, value: Option<&Value>) -> JsonObject {
    match value {
        Some(Value::Uint(number)) => object.number(name, *number),
        Some(Value::Bool(bit)) => object.flag(name, *bit),
        Some(other) => object.text(name, &other.to_string()),
        None => object,
    }
}

/// What a trace came to, as a JSON line.
pub fn summary_json(name: &str, trace: &Trace, took: Nanos) -> String {
    let (plan, counts) = (trace.plan(), trace.counts());
    let mut object = JsonObject::new().text("event", "summary").text("host", name);
    object = object.text("address", &plan.destination.to_string()).text("source", &plan.source.to_string());
    object = object.text("method", plan.method.name());
    if plan.method != Method::Icmp {
        object = object.number("port", plan.port.into()).number("source_port", plan.source_port.into());
    }
    object = object.flag("reached", trace.is_reached()).number("hops", trace.reported().unwrap_or(0).into());
    object = object.number("sent", counts.sent).number("answered", counts.answered);
    object = object.number("duplicates", counts.duplicates).number("late", counts.late);
    object.number("duration_ns", took).end()
}

/// A failure as a JSON line.
pub fn failure_json(name: &str, reason: &str) -> String {
    JsonObject::new().text("event", "send_failed").text("host", name).text("text", reason).end()
}

/// A time in milliseconds with the three places that `traceroute` gives it.
pub(super) struct Milliseconds(pub(super) Nanos);

impl fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.saturating_add(500) / 1000;
        write!(f, "{}.{:03}", micros / 1000, micros % 1000)
    }
}
