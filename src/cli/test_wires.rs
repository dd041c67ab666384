//! The sockets of all tests of a run. They are opened before the first test, while there is a right to, and serve those that send and
//! look in the same way, one after the other.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::error::Error;
use std::rc::Rc;

use super::rst_guard::{Resets, is_needed_by, is_needed_by_packets};
use super::sandbox::SandboxArgs;
use super::send_plan::Plan;
use super::test_files::Case;
use crate::exchange::drive::asker::{Asker, SharedAsker};
use crate::exchange::drive::packets::{Needs, PacketWire};
use crate::exchange::drive::tap::Tap;
use crate::exchange::drive::tun::{TunHost, TunNetwork};
use crate::spec::{Spec, Via};
use crate::sys::nftables::MARK;

/// What tests may have one set of sockets in common by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    needs: Needs,
    interface: Option<String>,
    is_tun: bool,
    /// What is sent is marked, since the kernel's resets are kept away.
    is_marked: bool,
}

/// One set of sockets; and who this program is behind a TUN interface.
type Shared = (Rc<RefCell<PacketWire>>, Option<TunHost>);

/// The sockets; in place of those that could not be opened stands the reason, for the tests that need them.
#[derive(Default)]
pub(super) struct TestWires {
    wires: BTreeMap<Kind, Result<Shared, String>>,
    resets: Option<Result<Resets, String>>,
    asker: Option<Result<SharedAsker, String>>,
}

impl TestWires {
    /// Opens what a test needs and those before it did not.
    pub(super) fn open(&mut self, plan: &Plan, case: &Case<'_>, way: &Opening<'_>) {
        let spec = case.spec();
        // What is wrong with it is told when it is its turn.
        let Ok(needs) = plan.needs(std::slice::from_ref(spec)) else { return };
        let kind = kind(plan, needs, is_guarded(case, plan, way.is_unguarded));
        if kind.is_marked && self.resets.is_none() {
            self.resets = Some(Resets::keep_away(way.sandbox, way.is_verbose));
        }
        if needs.link && self.asker.is_none() {
            let asker = Asker::open().map(|asker| Rc::new(RefCell::new(asker)));
            self.asker = Some(asker.map_err(|error| error.to_string()));
        }
        self.wires.entry(kind.clone()).or_insert_with(|| {
            let opened = open(plan, &kind, way.tun).map_err(|error| error.to_string())?;
            Ok((Rc::new(RefCell::new(opened.0)), opened.1))
        });
    }

    /// The sockets of a test, that hear from now on, and what keeps the kernel's resets away, where they would disturb.
    ///
    /// # Errors
    /// Why they could not be opened, or what is wrong with the spec.
    pub(super) fn of(
        &self,
        plan: &mut Plan,
        case: &Case<'_>,
        is_unguarded: bool,
    ) -> Result<TestWire, Box<dyn Error>> {
        let needs = plan.needs(std::slice::from_ref(case.spec()))?;
        let kind = kind(plan, needs, is_guarded(case, plan, is_unguarded));
        let (wire, host) = match self.wires.get(&kind) {
            Some(opened) => opened.clone()?,
            None => return Err("no sockets were opened for it".into()),
        };
        plan.tun = host;
        // Ports of the test before are none of this one's.
        if let Some(Ok(resets)) = &self.resets {
            resets.forget()?;
        }
        let resets = match &self.resets {
            Some(resets) if kind.is_marked => resets.clone()?,
            _ => Resets::default(),
        };
        let asker = match &self.asker {
            Some(asker) if needs.link => Some(asker.clone()?),
            _ => None,
        };
        wire.borrow_mut().begin()?;
        Ok(TestWire { wire, resets, asker })
    }

    /// Whether the kernel's resets are kept away in some test.
    pub(super) fn keep_resets_away(&self) -> bool {
        matches!(&self.resets, Some(Ok(_)))
    }
}

/// What a test sends and hears by.
pub(super) struct TestWire {
    pub(super) wire: Rc<RefCell<PacketWire>>,
    pub(super) resets: Resets,
    /// What neighbours are asked for by.
    pub(super) asker: Option<SharedAsker>,
}

/// How sockets are opened.
pub(super) struct Opening<'a> {
    /// The kernel's resets are let out.
    pub(super) is_unguarded: bool,
    pub(super) tun: &'a TunNetwork,
    pub(super) sandbox: SandboxArgs,
    pub(super) is_verbose: bool,
}

fn kind(plan: &Plan, needs: Needs, is_marked: bool) -> Kind {
    let is_tun = plan.via == Some(Via::Tun);
    Kind { needs, interface: plan.interface.clone().filter(|_| !is_tun), is_tun, is_marked }
}

/// Whether the kernel's resets would disturb a test. It knows nothing of a host behind a TUN interface, and says nothing in its place.
fn is_guarded(case: &Case<'_>, plan: &Plan, is_unguarded: bool) -> bool {
    let is_needed = match case {
        Case::Packets(spec) => is_needed_by_packets(spec),
        Case::Scenario { scenario, .. } => {
            is_needed_by(scenario.steps.iter().filter_map(|step| step.send.as_ref()))
        }
    };
    is_needed && !is_unguarded && plan.via != Some(Via::Tun)
}

fn open(plan: &Plan, kind: &Kind, tun: &TunNetwork) -> Result<(PacketWire, Option<TunHost>), Box<dyn Error>> {
    if kind.is_tun {
        let mut plan = plan.clone();
        let wire = plan.open_tun(tun)?;
        return Ok((wire, plan.tun));
    }
    let mut wire = PacketWire::open(kind.needs, plan.interface.as_deref(), Some(Tap::open(plan.tap()?)?))?;
    if kind.is_marked {
        wire.mark(MARK)?;
    }
    wire.rest()?;
    Ok((wire, None))
}

impl Case<'_> {
    /// What it is a part of.
    pub(super) fn spec(&self) -> &Spec {
        match self {
            Self::Packets(spec) | Self::Scenario { spec, .. } => spec,
        }
    }
}
