//! How many flows are enough: the stopping rule of the multipath detection algorithm (Augustin, Friedman, Teixeira: Multipath tracing
//! with Paris traceroute, E2EMON 2007; Veitch, Augustin, Teixeira, Friedman: Failure control in multipath route tracing, INFOCOM 2009).
//!
//! Of a router behind which `found` next hops are known it is asked how likely it is that there is one more, and that all flows that
//! were sent, each to one of them at random, passed it by. When that is no more than one in twenty, these flows are enough.

/// How many flows through a router are enough, of which so many next hops are known.
pub(super) fn enough(found: usize) -> usize {
    let of = found.max(1).saturating_add(1) as f64;
    (1..i32::MAX).find(|flows| missed(of, *flows) <= RISK).map_or(usize::MAX, |flows| flows as usize)
}

/// How likely a wrong "that is all" may be.
const RISK: f64 = 0.05;

/// How likely it is that so many flows miss one or more of `of` next hops: of one, less what was counted twice for two, and so on.
fn missed(of: f64, flows: i32) -> f64 {
    let (mut sum, mut ways, mut sign) = (0.0, 1.0, 1.0);
    let mut missing = 1.0;
    while missing < of {
        ways *= (of - missing + 1.0) / missing;
        let term = ways * ((of - missing) / of).powi(flows);
        sum += sign * term;
        if term < 1e-12 {
            break;
        }
        sign = -sign;
        missing += 1.0;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of Augustin et al. for 95 %, which begins with one known next hop.
    #[test]
    fn it_gives_the_published_numbers() {
        let published = [6, 11, 16, 21, 27, 33, 38, 44, 51, 57, 63, 70, 76, 83, 90, 96];
        let ours: Vec<usize> = (1..=16).map(enough).collect();
        assert_eq!(ours, published);
        assert_eq!(enough(0), 6, "as long as nothing is known, one is looked for");
        assert!(enough(255) < 3000);
    }
}
