//! `rawsock lab demo`: the main job on a virtual network, in a few seconds and without root.

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use clap::Args;

use crate::lab::{Host, Lab, LabOptions, drawing, plan};
use crate::sys::process;

use super::output::print;
use super::{CommandResult, Outcome};

/// Show what rawsock does: ping, send packets by hand, capture them, explain them.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Where to save the capture.
    #[arg(short, long, value_name = "FILE", default_value = "rawsock-demo.pcapng")]
    write: String,
}

/// Runs the demonstration. Every command is shown as a user would type it.
///
/// # Errors
/// When the lab cannot be made, or a command not be started.
pub(super) fn run(args: &DemoArgs) -> CommandResult {
    let lab = Lab::start(&LabOptions::new(env::current_exe()?))?;
    let demo = Demo { lab: &lab };
    print(&drawing::drawing(&plan::SHORT))?;

    let asked =
        demo.run("Ask the server, by hand-built ICMP:", &["ping", "-4", "-c", "3", "-i", "0.3", "server"])?;
    // By then the hosts have said hello to each other, and what is captured is ours alone.
    sleep(SETTLE);
    let mut capture = demo.start(
        "Capture on the client, for Wireshark:",
        &["capture", "-i", "eth0", "-q", "-w", &args.write],
    )?;
    let sent = demo.run(
        "Send UDP with an IPv4 header of our own, three times, the first of which dies on the way:",
        &["send", PACKET],
    )?;
    sleep(LATE);
    process::send_signal(capture.id(), SIGTERM)?;
    let saved = capture.wait()?.success();

    let shown = demo.run("What was captured:", &["read", &args.write])?;
    let explained =
        demo.run("The first packet, every field of it:", &["read", "-v", "-c", "1", &args.write])?;
    drop(lab);
    if !saved {
        // Why not was said by the capture.
        return Ok(Outcome::Failed);
    }
    print(&format!("\n{} is there for Wireshark.\n", args.write))?;
    Ok(if asked && sent && shown && explained { Outcome::Done } else { Outcome::NoAnswer })
}

/// DSCP 46 is Expedited Forwarding; the identification is easy to find in a hex dump.
const PACKET: &str = r#"ip(dst=10.77.2.2, ttl=1..3, id=0xbeef, dsfield.dscp=46, flags.df)/udp(srcport=4242, dstport=7)/"made by hand""#;
/// signal(7).
const SIGTERM: i32 = 15;
const SETTLE: Duration = Duration::from_millis(800);
const LATE: Duration = Duration::from_millis(100);

struct Demo<'l> {
    lab: &'l Lab,
}

impl Demo<'_> {
    /// Shows a command and runs it on the client; whether it did what it should.
    fn run(&self, title: &str, arguments: &[&str]) -> Result<bool, Box<dyn std::error::Error>> {
        tell(title, arguments)?;
        Ok(self.command(arguments)?.status()?.success())
    }

    /// Shows a command and starts it on the client; returns once it listens.
    fn start(
        &self,
        title: &str,
        arguments: &[&str],
    ) -> Result<std::process::Child, Box<dyn std::error::Error>> {
        tell(title, arguments)?;
        let mut child = self.command(arguments)?.stderr(Stdio::piped()).spawn()?;
        if let Some(stderr) = child.stderr.take() {
            let mut lines = BufReader::new(stderr);
            let mut first = String::new();
            lines.read_line(&mut first)?;
            anstream::eprint!("{first}");
            // What it says at its end is passed on when it does.
            std::thread::spawn(move || {
                lines.lines().map_while(Result::ok).for_each(|line| anstream::eprintln!("{line}"))
            });
        }
        Ok(child)
    }

    fn command(&self, arguments: &[&str]) -> Result<Command, Box<dyn std::error::Error>> {
        let mut command = self.lab.command(Host::Client, env::current_exe()?);
        command.args(arguments);
        Ok(command)
    }
}

fn tell(title: &str, arguments: &[&str]) -> std::io::Result<()> {
    let quoted = |argument: &&str| match argument.contains(['(', ' ', '"']) {
        true => format!("'{argument}'"),
        false => (*argument).to_owned(),
    };
    let words: Vec<String> = arguments.iter().map(quoted).collect();
    print(&format!("\n{title}\n$ rawsock {}\n", words.join(" ")))
}
