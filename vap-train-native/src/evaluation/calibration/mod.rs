//! What can be asked of a model file: the calibration grid, and whether what was asked for is what one gets.

pub(crate) mod calibrate;
pub(crate) mod check;
