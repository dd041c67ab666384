//! A filter in the other language: tcpdump's, which the kernel runs, where Wireshark's belongs, or the other way around.

use crate::filter::capture::{CaptureFilter, CaptureFilterError};
use crate::filter::field::{FieldFilter, FieldFilterError};

/// What is to be said beside a mistake in a capture filter; nothing, unless it is a display filter.
pub(super) fn of_capture(error: &CaptureFilterError) -> String {
    match FieldFilter::compile(&error.source.text) {
        Ok(_) => {
            "rawsock: this is a display filter, as Wireshark has them: `-Y` takes it (here belongs one of tcpdump's)\n".to_owned()
        }
        Err(_) => String::new(),
    }
}

/// What is to be said beside a mistake in a display filter; nothing, unless it is a capture filter.
pub(super) fn of_display(error: &FieldFilterError) -> String {
    match CaptureFilter::check(&error.source.text) {
        Ok(()) => "rawsock: this is a capture filter, as tcpdump has them: it stands last, without an option before it (here belongs \
                   one of Wireshark's)\n"
            .to_owned(),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_filter_of_the_other_language_is_told_so() {
        let of_capture = |text| of_capture(&CaptureFilter::check(text).unwrap_err());
        assert!(of_capture("ip.src == 10.0.0.1").contains("-Y"));
        assert!(of_capture("tcp.port == 80 && !icmp").contains("-Y"));
        assert_eq!(of_capture("tcp prot 80"), "");
        assert_eq!(of_capture("www.example.com"), "");
        let of_display = |text| of_display(&FieldFilter::compile(text).unwrap_err());
        assert!(of_display("tcp port 80").contains("capture filter"));
        assert!(of_display("host 10.0.0.1 and icmp").contains("capture filter"));
        assert_eq!(of_display("tcp.prot == 80"), "");
    }
}
