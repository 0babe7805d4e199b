//! Where somebody has been, and how things were set: back and forward, undo and redo.

use std::collections::VecDeque;

/// So many places are remembered.
const BOUND: usize = 200;

/// A bounded trail of values: those before the present one, and those one has come back from.
#[derive(Debug, Clone)]
pub(super) struct Trail<T> {
    past: VecDeque<T>,
    future: Vec<T>,
}

impl<T> Default for Trail<T> {
    fn default() -> Self {
        Self { past: VecDeque::new(), future: Vec::new() }
    }
}

impl<T> Trail<T> {
    /// Remembers the value that is left for a new one; what lay ahead is forgotten.
    pub(super) fn leave(&mut self, value: T) {
        if self.past.len() == BOUND {
            self.past.pop_front();
        }
        self.past.push_back(value);
        self.future.clear();
    }

    /// The value before, in exchange for the present one.
    pub(super) fn back(&mut self, present: T) -> Result<T, T> {
        match self.past.pop_back() {
            Some(value) => {
                self.future.push(present);
                Ok(value)
            }
            None => Err(present),
        }
    }

    /// The value one came back from, in exchange for the present one.
    pub(super) fn forward(&mut self, present: T) -> Result<T, T> {
        match self.future.pop() {
            Some(value) => {
                self.past.push_back(present);
                Ok(value)
            }
            None => Err(present),
        }
    }

    pub(super) fn can_go_back(&self) -> bool {
        !self.past.is_empty()
    }

    pub(super) fn can_go_forward(&self) -> bool {
        !self.future.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_and_forward_are_inverse_and_bounded() {
        let mut trail = Trail::default();
        for n in 0..BOUND + 5 {
            trail.leave(n);
        }
        let mut present = BOUND + 5;
        let mut steps = 0;
        while let Ok(value) = trail.back(present) {
            present = value;
            steps += 1;
        }
        assert_eq!((steps, present), (BOUND, 5));
        assert!(!trail.can_go_back() && trail.can_go_forward());
        while let Ok(value) = trail.forward(present) {
            present = value;
        }
        assert_eq!(present, BOUND + 5);
        assert_eq!(trail.forward(present), Err(present));
    }
}
