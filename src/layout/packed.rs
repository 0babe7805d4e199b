//! Lists of small numbers, one a row, packed into two vectors.

/// A list of numbers for every row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packed {
    /// Where the list of a row begins; one more entry than there are rows.
    offsets: Vec<u32>,
    values: Vec<u32>,
}

/// # Panics
/// If the number does not fit into 32 bits, as in [`EventIx::new`](crate::room::EventIx::new).
pub(super) fn small(number: usize) -> u32 {
    u32::try_from(number).expect("fewer than 2^32 rows and edges")
}

impl Packed {
    pub(super) fn with_capacity(rows: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Self { offsets, values: Vec::with_capacity(rows) }
    }

    /// Appends the list of the next row.
    pub(super) fn push(&mut self, list: impl IntoIterator<Item = u32>) {
        self.values.extend(list);
        self.offsets.push(small(self.values.len()));
    }

    /// The number of rows.
    pub(super) fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// The places of a row's values among those of all rows.
    pub(super) fn range(&self, row: usize) -> std::ops::Range<usize> {
        self.offsets[row] as usize..self.offsets[row + 1] as usize
    }

    /// The list of a row.
    pub(super) fn of(&self, row: usize) -> &[u32] {
        &self.values[self.range(row)]
    }

    /// The rows that have a number in their list, for each number below `len`, ascending. Larger numbers are left out.
    pub(super) fn reversed(&self, len: usize) -> Self {
        let mut offsets = vec![0_u32; len + 1];
        for value in self.values.iter().filter(|value| (**value as usize) < len) {
            offsets[*value as usize] += 1;
        }
        let mut sum = 0;
        for entry in &mut offsets {
            sum += *entry;
            *entry = sum;
        }
        // Filled from behind, the end of each list moves to its start.
        let mut values = vec![0; sum as usize];
        for row in (0..self.len()).rev() {
            for value in self.of(row).iter().rev().filter(|value| (**value as usize) < len) {
                let place = &mut offsets[*value as usize];
                *place -= 1;
                values[*place as usize] = small(row);
            }
        }
        Self { offsets, values }
    }

    /// Bytes on the heap.
    pub(super) fn memory(&self) -> usize {
        4 * (self.offsets.capacity() + self.values.capacity())
    }

    pub(super) fn shrink(&mut self) {
        self.offsets.shrink_to_fit();
        self.values.shrink_to_fit();
    }
}
