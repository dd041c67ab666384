//! Chunks of SCTP: RFC 9260 §3, RFC 3758 (forward TSN). Each carries the next; what is said of one stands in its own octets, the
//! parameters and causes included.
//!
//! A chunk whose length leaves no room for its fields has its octets in `value`; what stands behind the fields of one that
//! is longer is its `rest`.

use super::auto;
use super::describe::{Before, Field, Len, Protocol, Section, Style, flag, group, uint};
use super::edge::Edge;
use super::listed::Listed;
use super::sctp_summary::summary;
use crate::wire::big_endian::{word, word_at};

/// The table of chunk types (IANA sctp-parameters).
pub(super) const TYPE: &str = "sctp.chunk_type";
/// In that table, all types that have no description of their own.
const UNKNOWN: u64 = 256;

/// The number, in the table, of the chunk that begins here.
pub(super) fn kind(octets: &[u8]) -> Option<u64> {
    let kind = u64::from(*octets.first()?);
    Some(if KNOWN.contains(&kind) { kind } else { UNKNOWN })
}

/// Types with descriptions of their own.
const KNOWN: &[u64] = &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 192];

pub(super) const SCTP_DATA: Listed = Listed::new("sctp.data", &[Edge::new(TYPE, 0)], describe_data);

fn describe_data() -> Protocol {
    let flags = || {
        vec![
            group("flags", "Flags").default_uint(3),
            uint("flags.reserved", 4, "Reserved"),
            flag("flags.i", "Acknowledge at once (RFC 7053)"),
            flag("flags.u", "Unordered"),
            flag("flags.b", "Beginning of a message"),
            flag("flags.e", "End of a message"),
        ]
    };
    let parts = || {
        let fixed = vec![
            uint("tsn", 32, "Transmission sequence number"),
            uint("sid", 16, "Stream").hex(),
            uint("ssn", 16, "Stream sequence number"),
            uint("ppid", 32, "Protocol of the payload"),
        ];
        let data = Section::octets("data", "Data", Len::Octets(left)).when(fits::<12>);
        vec![Section::fields(fixed).when(fits::<12>), data]
    };
    chunk::<12>("SCTP data", 0, flags, parts)
        .alias("sctp.data_tsn", &["tsn"])
        .alias("sctp.data_tsn_raw", &["tsn"])
        .alias("sctp.data_sid", &["sid"])
        .alias("sctp.data_ssn", &["ssn"])
        .alias("sctp.data_payload_proto_id", &["ppid"])
        .alias("sctp.data_i_bit", &["flags.i"])
        .alias("sctp.data_u_bit", &["flags.u"])
        .alias("sctp.data_b_bit", &["flags.b"])
        .alias("sctp.data_e_bit", &["flags.e"])
}

pub(super) const SCTP_INIT: Listed = Listed::new("sctp.init", &[Edge::new(TYPE, 1)], describe_init);

fn describe_init() -> Protocol {
    initiation("SCTP initiation", 1)
        .alias("sctp.init_initiate_tag", &["initiate_tag"])
        .alias("sctp.init_credit", &["a_rwnd"])
        .alias("sctp.init_nr_out_streams", &["outbound_streams"])
        .alias("sctp.init_nr_in_streams", &["inbound_streams"])
        .alias("sctp.init_initial_tsn", &["initial_tsn"])
}

pub(super) const SCTP_INIT_ACK: Listed =
    Listed::new("sctp.init_ack", &[Edge::new(TYPE, 2)], describe_init_ack);

fn describe_init_ack() -> Protocol {
    initiation("SCTP initiation acknowledgement", 2)
        .alias("sctp.initack_initiate_tag", &["initiate_tag"])
        .alias("sctp.initack_credit", &["a_rwnd"])
        .alias("sctp.initack_nr_out_streams", &["outbound_streams"])
        .alias("sctp.initack_nr_in_streams", &["inbound_streams"])
        .alias("sctp.initack_initial_tsn", &["initial_tsn"])
}

fn initiation(title: &'static str, kind: u64) -> Protocol {
    let parts = || {
        let fixed = vec![
            uint("initiate_tag", 32, "Initiate tag").hex(),
            uint("a_rwnd", 32, "Receiver window in octets").default_uint(65_535),
            uint("outbound_streams", 16, "Outbound streams").default_uint(10),
            uint("inbound_streams", 16, "Inbound streams").default_uint(10),
            uint("initial_tsn", 32, "Initial transmission sequence number"),
        ];
        vec![Section::fields(fixed).when(fits::<16>), parameters().when(fits::<16>)]
    };
    names_of_parameters(chunk::<16>(title, kind, no_flags, parts))
        .alias("sctp.initiate_tag", &["initiate_tag"])
}

pub(super) const SCTP_SACK: Listed = Listed::new("sctp.sack", &[Edge::new(TYPE, 3)], describe_sack);

fn describe_sack() -> Protocol {
    let parts = || {
        let fixed = vec![
            uint("cumulative_tsn_ack", 32, "Cumulative acknowledgement"),
            uint("a_rwnd", 32, "Receiver window in octets").default_uint(65_535),
            uint("number_of_gap_blocks", 16, "Blocks behind gaps").counts("gap_blocks"),
            uint("number_of_duplicated_tsns", 16, "Duplicates").counts("duplicate_tsns"),
        ];
        let block = vec![uint("start", 16, "First, from the acknowledged on"), uint("end", 16, "Last")];
        let duplicate = vec![uint("tsn", 32, "Transmission sequence number")];
        vec![
            Section::fields(fixed).when(fits::<12>),
            Section::items(
                "gap_blocks",
                "Blocks behind gaps",
                Style::Table,
                vec![Section::fields(block)],
                Len::Octets(|chunk| counted(chunk, 12)),
            )
            .when(fits::<12>),
            Section::items(
                "duplicate_tsns",
                "Duplicates",
                Style::Scalar,
                vec![Section::fields(duplicate)],
                Len::Octets(|chunk| counted(chunk, 14)),
            )
            .when(fits::<12>),
            Section::octets("rest", "Octets behind", Len::Octets(left)).when(has_rest::<12>),
        ]
    };
    chunk::<12>("SCTP selective acknowledgement", 3, no_flags, parts)
        .alias("sctp.sack_cumulative_tsn_ack", &["cumulative_tsn_ack"])
        .alias("sctp.sack_cumulative_tsn_ack_raw", &["cumulative_tsn_ack"])
        .alias("sctp.sack_a_rwnd", &["a_rwnd"])
        .alias("sctp.sack_number_of_gap_blocks", &["number_of_gap_blocks"])
        .alias("sctp.sack_number_of_duplicated_tsns", &["number_of_duplicated_tsns"])
        .alias("sctp.sack_gap_block_start", &["gap_blocks.start"])
        .alias("sctp.sack_gap_block_end", &["gap_blocks.end"])
        .alias("sctp.sack_duplicate_tsn", &["duplicate_tsns"])
}

pub(super) const SCTP_HEARTBEAT: Listed =
    Listed::new("sctp.heartbeat", &[Edge::new(TYPE, 4)], describe_heartbeat);

fn describe_heartbeat() -> Protocol {
    let parts = || vec![parameters().when(fits::<0>)];
    names_of_parameters(chunk::<0>("SCTP heartbeat", 4, no_flags, parts))
}

pub(super) const SCTP_HEARTBEAT_ACK: Listed =
    Listed::new("sctp.heartbeat_ack", &[Edge::new(TYPE, 5)], describe_heartbeat_ack);

fn describe_heartbeat_ack() -> Protocol {
    let parts = || vec![parameters().when(fits::<0>)];
    names_of_parameters(chunk::<0>("SCTP heartbeat acknowledgement", 5, no_flags, parts))
}

pub(super) const SCTP_ABORT: Listed = Listed::new("sctp.abort", &[Edge::new(TYPE, 6)], describe_abort);

fn describe_abort() -> Protocol {
    let parts = || vec![causes().when(fits::<0>)];
    names_of_causes(chunk::<0>("SCTP abort", 6, reflected, parts)).alias("sctp.abort_t_bit", &["flags.t"])
}

pub(super) const SCTP_ERROR: Listed = Listed::new("sctp.error", &[Edge::new(TYPE, 9)], describe_error);

fn describe_error() -> Protocol {
    let parts = || vec![causes().when(fits::<0>)];
    names_of_causes(chunk::<0>("SCTP operation error", 9, no_flags, parts))
}

pub(super) const SCTP_SHUTDOWN: Listed =
    Listed::new("sctp.shutdown", &[Edge::new(TYPE, 7)], describe_shutdown);

fn describe_shutdown() -> Protocol {
    one_number("SCTP shutdown", 7, "cumulative_tsn_ack", "Cumulative acknowledgement")
        .alias("sctp.shutdown_cumulative_tsn_ack", &["cumulative_tsn_ack"])
}

pub(super) const SCTP_ECNE: Listed = Listed::new("sctp.ecne", &[Edge::new(TYPE, 12)], describe_ecne);

fn describe_ecne() -> Protocol {
    one_number("SCTP congestion echo", 12, "lowest_tsn", "Lowest transmission sequence number")
        .alias("sctp.ecne_lowest_tsn", &["lowest_tsn"])
}

pub(super) const SCTP_CWR: Listed = Listed::new("sctp.cwr", &[Edge::new(TYPE, 13)], describe_cwr);

fn describe_cwr() -> Protocol {
    one_number("SCTP congestion window reduced", 13, "lowest_tsn", "Lowest sequence number")
        .alias("sctp.cwr_lowest_tsn", &["lowest_tsn"])
}

fn one_number(title: &'static str, kind: u64, field: &'static str, field_title: &'static str) -> Protocol {
    let parts = move || {
        vec![
            Section::fields(vec![uint(field, 32, field_title)]).when(fits::<4>),
            Section::octets("rest", "Octets behind", Len::Octets(left)).when(has_rest::<4>),
        ]
    };
    chunk::<4>(title, kind, no_flags, parts)
}

pub(super) const SCTP_SHUTDOWN_ACK: Listed =
    Listed::new("sctp.shutdown_ack", &[Edge::new(TYPE, 8)], describe_shutdown_ack);

fn describe_shutdown_ack() -> Protocol {
    plain("SCTP shutdown acknowledgement", 8, no_flags, "rest")
}

pub(super) const SCTP_COOKIE_ECHO: Listed =
    Listed::new("sctp.cookie_echo", &[Edge::new(TYPE, 10)], describe_cookie_echo);

fn describe_cookie_echo() -> Protocol {
    plain("SCTP cookie echo", 10, no_flags, "cookie").alias("sctp.cookie", &["cookie"])
}

pub(super) const SCTP_COOKIE_ACK: Listed =
    Listed::new("sctp.cookie_ack", &[Edge::new(TYPE, 11)], describe_cookie_ack);

fn describe_cookie_ack() -> Protocol {
    plain("SCTP cookie acknowledgement", 11, no_flags, "rest")
}

pub(super) const SCTP_SHUTDOWN_COMPLETE: Listed =
    Listed::new("sctp.shutdown_complete", &[Edge::new(TYPE, 14)], describe_shutdown_complete);

fn describe_shutdown_complete() -> Protocol {
    plain("SCTP shutdown complete", 14, reflected, "rest").alias("sctp.shutdown_complete_t_bit", &["flags.t"])
}

pub(super) const SCTP_CHUNK: Listed =
    Listed::new("sctp.chunk", &[Edge::new(TYPE, 255), Edge::new(TYPE, UNKNOWN)], describe_unknown);

fn describe_unknown() -> Protocol {
    plain("SCTP chunk of another type", 255, no_flags, "value").alias("sctp.chunk_value", &["value"])
}

/// A chunk with nothing but octets.
fn plain(title: &'static str, kind: u64, flags: fn() -> Vec<Field>, octets: &'static str) -> Protocol {
    let parts = move || vec![Section::octets(octets, "Octets", Len::Octets(left))];
    chunk::<0>(title, kind, flags, parts)
}

pub(super) const SCTP_FORWARD_TSN: Listed =
    Listed::new("sctp.forward_tsn", &[Edge::new(TYPE, 192)], describe_forward_tsn);

fn describe_forward_tsn() -> Protocol {
    let parts = || {
        let stream = vec![uint("sid", 16, "Stream"), uint("ssn", 16, "Stream sequence number")];
        vec![
            Section::fields(vec![uint("tsn", 32, "New cumulative sequence number")]).when(fits::<4>),
            Section::items(
                "streams",
                "Streams",
                Style::Table,
                vec![Section::fields(stream)],
                Len::Octets(left),
            )
            .when(fits::<4>),
        ]
    };
    chunk::<4>("SCTP forward sequence number (RFC 3758)", 192, no_flags, parts)
        .alias("sctp.forward_tsn_tsn", &["tsn"])
        .alias("sctp.forward_tsn_sid", &["streams.sid"])
        .alias("sctp.forward_tsn_ssn", &["streams.ssn"])
}

/// A chunk: type, flags and length, its parts with so many octets of fixed fields, and what fills it up.
fn chunk<const FIXED: u16>(
    title: &'static str,
    kind: u64,
    flags: fn() -> Vec<Field>,
    parts: impl FnOnce() -> Vec<Section> + Send + 'static,
) -> Protocol {
    let sections = move || {
        let mut head = vec![uint("type", 8, "Type").default_uint(kind).values(TYPES)];
        head.extend(flags());
        head.push(uint("length", 16, "Length").default_uint(u64::from(FIXED) + 4).auto(auto::header_len));
        let mut sections = vec![Section::fields(head)];
        let parts = parts();
        let is_whole = parts.iter().any(|part| part.when.is_none());
        sections.extend(parts);
        if !is_whole {
            sections.push(Section::octets("value", "Octets", Len::Octets(left)).when(has_value::<FIXED>));
        }
        sections.push(Section::octets("padding", "Padding", Len::PadTo(4)));
        sections
    };
    Protocol::new(title, "RFC 9260 §3", sections)
        .next_by_payload(TYPE, |_, payload| self::kind(payload))
        .alias("sctp.chunk_type", &["type"])
        .alias("sctp.chunk_flags", &["flags"])
        .alias("sctp.chunk_length", &["length"])
        .alias("sctp.chunk_padding", &["padding"])
        .part()
        .gap(" , ")
        .summary(summary)
}

/// Flags of chunks that have none.
fn no_flags() -> Vec<Field> {
    vec![uint("flags", 8, "Flags").hex()]
}

/// Flags of which the last says that the tag is the receiver's own (RFC 9260 §8.5.1).
fn reflected() -> Vec<Field> {
    vec![
        group("flags", "Flags"),
        uint("flags.reserved", 7, "Reserved"),
        flag("flags.t", "The verification tag is reflected"),
    ]
}

/// RFC 9260 §3.2.1: type, length and value, filled up to words.
fn parameters() -> Section {
    Section::items("parameters", "Parameters", Style::Table, triple("type", PARAMETERS), Len::Octets(left))
}

/// RFC 9260 §3.3.10.
fn causes() -> Section {
    Section::items("causes", "Causes", Style::Table, triple("code", CAUSES), Len::Octets(left))
}

fn triple(code: &'static str, codes: &'static [(u64, &'static str)]) -> Vec<Section> {
    vec![
        Section::fields(vec![
            uint(code, 16, "Type").values(codes),
            uint("length", 16, "Length").auto(auto::header_len),
        ]),
        Section::octets("value", "Value", Len::Octets(|item| usize::from(word(item, 2)).checked_sub(4))),
        Section::octets("padding", "Padding", Len::PadTo(4)),
    ]
}

fn names_of_parameters(protocol: Protocol) -> Protocol {
    protocol
        .alias("sctp.parameter_type", &["parameters.type"])
        .alias("sctp.parameter_length", &["parameters.length"])
        .alias("sctp.parameter_value", &["parameters.value"])
}

fn names_of_causes(protocol: Protocol) -> Protocol {
    protocol
        .alias("sctp.cause_code", &["causes.code"])
        .alias("sctp.cause_length", &["causes.length"])
        .alias("sctp.cause_information", &["causes.value"])
}

/// Whether the chunk's length has room for so many octets of fields; a chunk whose octets are written has none.
fn fits<const LEN: u16>(before: &Before<'_>) -> bool {
    match before.builds {
        true => !(before.wrote)("value"),
        false => word(before.header, 2) >= LEN.saturating_add(4),
    }
}

/// Also where they are none: without them, building would give the chunk its fields.
fn has_value<const LEN: u16>(before: &Before<'_>) -> bool {
    match before.builds {
        true => (before.wrote)("value"),
        false => !fits::<LEN>(before),
    }
}

fn has_rest<const LEN: u16>(before: &Before<'_>) -> bool {
    match before.builds {
        true => (before.wrote)("rest"),
        false => fits::<LEN>(before) && left(before.header) != Some(0),
    }
}

/// Octets of the chunk behind those before; `None` where its length is too small even for them.
fn left(chunk: &[u8]) -> Option<usize> {
    usize::from(word_at(chunk, 2)?).checked_sub(chunk.len())
}

/// Octets of the words that the number at `at` counts, as far as the chunk has them.
fn counted(chunk: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(word(chunk, at)).saturating_mul(4).min(left(chunk)?))
}

/// IANA sctp-parameters: chunk types.
const TYPES: &[(u64, &str)] = &[
    (0, "data"),
    (1, "initiation"),
    (2, "initiation acknowledgement"),
    (3, "selective acknowledgement"),
    (4, "heartbeat"),
    (5, "heartbeat acknowledgement"),
    (6, "abort"),
    (7, "shutdown"),
    (8, "shutdown acknowledgement"),
    (9, "operation error"),
    (10, "cookie echo"),
    (11, "cookie acknowledgement"),
    (12, "congestion echo"),
    (13, "congestion window reduced"),
    (14, "shutdown complete"),
    (15, "authentication"),
    (64, "I-DATA"),
    (128, "address configuration acknowledgement"),
    (130, "re-configuration"),
    (132, "padding"),
    (192, "forward TSN"),
    (193, "address configuration"),
    (194, "I-forward TSN"),
];

/// IANA sctp-parameters: chunk parameter types.
const PARAMETERS: &[(u64, &str)] = &[
    (1, "heartbeat information"),
    (5, "IPv4 address"),
    (6, "IPv6 address"),
    (7, "state cookie"),
    (8, "unrecognized parameter"),
    (9, "cookie preservative"),
    (11, "host name"),
    (12, "supported address types"),
    (0x8000, "ECN capable"),
    (0x8002, "random"),
    (0x8003, "chunk list"),
    (0x8004, "HMAC algorithms"),
    (0x8008, "supported extensions"),
    (0xc000, "forward TSN supported"),
    (0xc006, "adaptation layer"),
];

/// IANA sctp-parameters: cause codes.
const CAUSES: &[(u64, &str)] = &[
    (1, "invalid stream"),
    (2, "missing mandatory parameter"),
    (3, "stale cookie"),
    (4, "out of resource"),
    (5, "unresolvable address"),
    (6, "unrecognized chunk"),
    (7, "invalid mandatory parameter"),
    (8, "unrecognized parameters"),
    (9, "no user data"),
    (10, "cookie received while shutting down"),
    (11, "restart with new addresses"),
    (12, "user-initiated abort"),
    (13, "protocol violation"),
];
