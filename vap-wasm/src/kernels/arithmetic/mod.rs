//! Arithmetic on lanes: whole vectors at once, numbers as integers, products with matrices.

pub(super) mod lanes;
pub(super) mod quantise;
pub(super) mod matrix;
