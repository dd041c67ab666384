//! Whether a page's lines are those that a command printed, but for what is another one each time.

/// Whether what was printed is what the page has. `…` alone in a line stands for those that the page leaves out. Where chance
/// decides, the order of lines counts for nothing, and what the page leaves out needs no mark.
pub(crate) fn has_lines(printed: &str, page: &str, is_random: bool) -> bool {
    let masked = |text: &str| text.lines().map(|line| masked(line, is_random)).collect::<Vec<_>>();
    let (printed, page) = (masked(printed), masked(page));
    if page.is_empty() || is_random {
        return printed.is_empty() == page.is_empty()
            && page.iter().all(|line| line == LEFT_OUT || printed.contains(line));
    }
    let mut rest = printed.as_slice();
    for (index, run) in page.split(|line| line == LEFT_OUT).enumerate() {
        let is_here = |place: &usize| rest.get(*place..).is_some_and(|lines| lines.starts_with(run));
        let latest = if index == 0 { 0 } else { rest.len() };
        let Some(place) = (0..=latest).find(is_here) else { return false };
        rest = &rest[place + run.len()..];
    }
    rest.is_empty() || page.last().is_some_and(|line| line == LEFT_OUT)
}

const LEFT_OUT: &str = "…";

/// A line without what is another one each time: times, ports, sequence numbers, dates. Where chance decides, all numbers, stars and
/// drawings.
pub(crate) fn masked(line: &str, is_random: bool) -> String {
    // That a call took long is told on a busy machine, even of connect(2).
    let quick = line.split_once(" after ").filter(|(call, _)| is_random && call.contains("connect"));
    let quick = quick.and_then(|(call, took)| Some(format!("{call}{}", took.split_once(" ms")?.1)));
    let line = quick.as_deref().unwrap_or(line);
    let mut masked = String::new();
    // Identifiers are drawn, and may be of any length; days and years are those of today.
    let mut is_identifier = false;
    for word in line.split_inclusive([' ', '=', '/', ',']) {
        let (number, end) = word.split_at(word.trim_end_matches([' ', '=', '/', ',']).len());
        let bare = number.trim_start_matches(['(', '[', '+']).trim_end_matches([')', ']', ':', ';']);
        let digits = ["ms", "µs", "s", "%"].iter().fold(bare, |text, unit| text.trim_end_matches(unit));
        let is_number = !digits.is_empty()
            && digits.bytes().all(|octet| octet.is_ascii_digit() || b".:".contains(&octet));
        let is_drawn = is_number
            && (digits.len() >= 5
                || is_identifier
                || bare.ends_with("ms")
                || bare.ends_with("µs")
                || digits.parse::<f64>().is_ok() && digits.contains('.'));
        let is_address = digits.matches('.').count() >= 3;
        if (is_random && is_number || is_drawn) && !is_address || is_time(bare) {
            masked.push_str(&format!("#{end}"));
        } else if is_random && (number == "ms" || !number.contains(char::is_alphanumeric)) {
        } else {
            masked.push_str(&format!("{}{end}", without_descriptor(without_port(number))));
        }
        if !number.is_empty() {
            is_identifier = bare == "id" || is_time(bare);
        }
    }
    let words: Vec<&str> = masked.split_whitespace().filter(|word| !(is_random && *word == "#")).collect();
    words.join(" ")
}

/// A time of the day, or a part of a date as asctime(3) writes it.
fn is_time(word: &str) -> bool {
    let is_clock = word.matches(':').count() == 2
        && word.bytes().all(|octet| octet.is_ascii_digit() || b":.".contains(&octet));
    is_clock || DATES.contains(&word)
}

const DATES: [&str; 19] = [
    "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
    "Sep", "Oct", "Nov", "Dec",
];

/// A call without the number of its descriptor: `recv(11`.
fn without_descriptor(word: &str) -> &str {
    match word.trim_end_matches(')').split_once('(') {
        Some((call, number))
            if !call.is_empty()
                && !number.is_empty()
                && number.bytes().all(|octet| octet.is_ascii_digit()) =>
        {
            call
        }
        _ => word,
    }
}

/// An address and a port that was free, as tcpdump and as others write them, without the port.
fn without_port(word: &str) -> &str {
    match word.trim_end_matches([':', ')', '>']).rsplit_once(['.', ':']) {
        Some((address, port)) if port.len() >= 5 && port.bytes().all(|octet| octet.is_ascii_digit()) => {
            address
        }
        _ => word,
    }
}
