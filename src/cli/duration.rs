//! Durations as users write them: seconds as `ping` takes them (`0.2`), or with units (`200ms`, `1s 20ms`).

use std::time::Duration;

/// Reads a duration.
///
/// # Errors
/// In words, when it is none.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || "takes seconds, such as 0.2, or a number with a unit, such as 200ms".to_owned();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).map_err(|_| wrong());
    }
    let span = text.parse::<jiff::SignedDuration>().map_err(|_| wrong())?;
    Duration::try_from(span).map_err(|_| wrong())
}

/// The same of one that is longer than none.
///
/// # Errors
/// In words, when it is none.
pub(super) fn parse_some(text: &str) -> Result<Duration, String> {
    match parse(text)? {
        Duration::ZERO => Err("takes a time longer than 0".to_owned()),
        duration => Ok(duration),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_units() {
        assert_eq!(parse("0.2"), Ok(Duration::from_millis(200)));
        assert_eq!(parse("200ms"), Ok(Duration::from_millis(200)));
        assert_eq!(parse("1s 20ms"), Ok(Duration::from_millis(1020)));
        assert_eq!((parse("0"), parse_some("1ms")), (Ok(Duration::ZERO), Ok(Duration::from_millis(1))));
        assert_eq!(parse_some("0"), Err("takes a time longer than 0".to_owned()));
        assert!(parse_some("0ms").is_err() && parse_some("soon").is_err());
        assert!(parse("-1").is_err() && parse("soon").is_err() && parse("1e99").is_err());
    }
}
