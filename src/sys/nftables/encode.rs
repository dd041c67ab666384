//! Messages to nf_tables (`linux/netfilter/nfnetlink.h`): a header, and attributes in attributes, in network order.

/// One message, without its netlink header.
#[derive(Debug, Clone)]
pub(super) struct Message {
    kind: u16,
    flags: u16,
    family: u8,
    attributes: Attributes,
}

/// A list of attributes.
#[derive(Debug, Clone, Default)]
pub(super) struct Attributes(Vec<u8>);

impl Attributes {
    /// With octets.
    pub(super) fn octets(mut self, kind: u16, value: &[u8]) -> Self {
        self.push(kind, value);
        self
    }

    /// With a number.
    pub(super) fn number(self, kind: u16, value: u32) -> Self {
        self.octets(kind, &value.to_be_bytes())
    }

    /// With a text, which ends with a NUL octet.
    pub(super) fn text(self, kind: u16, value: &str) -> Self {
        self.octets(kind, &[value.as_bytes(), &[0]].concat())
    }

    /// With further attributes.
    pub(super) fn nested(mut self, kind: u16, value: Self) -> Self {
        self.push(kind | NLA_F_NESTED, &value.0);
        self
    }

    fn push(&mut self, kind: u16, value: &[u8]) {
        // What is written here is a few hundred octets at most.
        let len = u16::try_from(value.len().saturating_add(4)).unwrap_or(u16::MAX);
        self.0.extend_from_slice(&len.to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.0.extend_from_slice(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }
}

impl Message {
    /// A message of nf_tables that makes something of a family.
    pub(super) fn new(kind: u16, flags: u16, family: u8, attributes: Attributes) -> Self {
        Self { kind: (NFNL_SUBSYS_NFTABLES << 8) | kind, flags, family, attributes }
    }

    fn write(&self, out: &mut Vec<u8>, sequence: u32, resource: u16) {
        let len = HEADER_LEN.saturating_add(self.attributes.0.len());
        out.extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_ne_bytes());
        out.extend_from_slice(&self.kind.to_ne_bytes());
        out.extend_from_slice(&(self.flags | NLM_F_REQUEST).to_ne_bytes());
        out.extend_from_slice(&sequence.to_ne_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&[self.family, 0]);
        out.extend_from_slice(&resource.to_be_bytes());
        out.extend_from_slice(&self.attributes.0);
    }
}

/// Messages that take effect together, or not at all.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) octets: Vec<u8>,
    /// Messages but for the end: the beginning, too, has a number.
    pub(super) count: u32,
}

impl Batch {
    /// Numbers messages from `first` on, which is the beginning's.
    pub(super) fn of(messages: Vec<Message>, first: u32) -> Self {
        let border = |kind| Message { kind, flags: 0, family: 0, attributes: Attributes::default() };
        let (mut octets, mut sequence) = (Vec::new(), first);
        border(NFNL_MSG_BATCH_BEGIN).write(&mut octets, sequence, NFNL_SUBSYS_NFTABLES);
        for message in &messages {
            sequence = sequence.wrapping_add(1);
            let message = Message { flags: message.flags | NLM_F_ACK, ..message.clone() };
            message.write(&mut octets, sequence, 0);
        }
        border(NFNL_MSG_BATCH_END).write(&mut octets, sequence.wrapping_add(1), NFNL_SUBSYS_NFTABLES);
        Self { octets, count: sequence.wrapping_sub(first).wrapping_add(1) }
    }
}

/// `struct nlmsghdr` and `struct nfgenmsg`.
const HEADER_LEN: usize = 20;
/// `linux/netlink.h`.
const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
pub(super) const NLM_F_CREATE: u16 = 0x400;
pub(super) const NLM_F_EXCL: u16 = 0x200;
pub(super) const NLM_F_APPEND: u16 = 0x800;
const NLA_F_NESTED: u16 = 1 << 15;
/// `linux/netfilter/nfnetlink.h`.
const NFNL_SUBSYS_NFTABLES: u16 = 10;
const NFNL_MSG_BATCH_BEGIN: u16 = 16;
const NFNL_MSG_BATCH_END: u16 = 17;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn a_batch_is_as_nft_writes_it() {
        // `nft --debug=mnl add table inet x`: begin, NFT_MSG_NEWTABLE with its name and its flags, end.
        let table = Attributes::default().text(1, "x").number(2, 0);
        let batch = Batch::of(vec![Message::new(0, NLM_F_CREATE, 1, table)], 0);
        let wanted = "1400000010000100000000000000000000 00000a\
                      24000000000a05040100000000000000 01000000 0600010078000000 0800020000000000\
                      1400000011000100020000000000000000 00000a";
        assert_eq!(hex::encode(batch.octets), wanted.replace(' ', ""));
        assert_eq!(batch.count, 2);
    }
}
