//! What is open while a layer is written.
#![deny(clippy::arithmetic_side_effects)]

use crate::packet::walk::Shape;

/// What is open inside a layer, innermost last. Descriptions nest less deep than this has room.
#[derive(Default)]
pub(super) struct Nesting {
    shapes: [Option<Shape>; 16],
    depth: usize,
}

impl Nesting {
    pub(super) fn innermost(&self) -> Shape {
        let last = self.depth.checked_sub(1).and_then(|last| self.shapes.get(last).copied().flatten());
        last.unwrap_or(Shape::Table)
    }

    pub(super) fn open(&mut self, shape: Shape) {
        if let Some(slot) = self.shapes.get_mut(self.depth) {
            *slot = Some(shape);
        }
        self.depth = self.depth.saturating_add(1);
    }

    pub(super) fn close(&mut self) -> Shape {
        let closed = self.innermost();
        self.depth = self.depth.saturating_sub(1);
        closed
    }
}
