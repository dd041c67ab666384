//! Who looks at headers: told part by part, or with many parts at once.

use super::walk::Event;

/// Who is told what a walk meets.
pub trait Visitor<'a> {
    /// Takes an event.
    fn event(&mut self, event: Event<'a>);

    /// Takes all fields of the header's section with this index at once, whose octets are all there and begin at `at` of the
    /// packet; `false` has them told one by one.
    fn fields(&mut self, _section: usize, _octets: &'a [u8], _at: usize) -> bool {
        false
    }

    /// Takes the plain octets of the header's section with this index at once; `false` has them told as a field.
    fn octets(&mut self, _section: usize, _octets: &'a [u8]) -> bool {
        false
    }

    /// Takes an option at once, of which `body` is all that stands behind type and length: the one with this place among those
    /// that the header's section with this index describes. `false` has it told part by part.
    fn record(&mut self, _section: usize, _place: usize, _body: &'a [u8]) -> bool {
        false
    }
}
