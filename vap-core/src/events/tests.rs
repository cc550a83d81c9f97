//! Tests of the machine: hand-made scripts by rule, and seeded random ones against what must always hold.

mod changes;
mod claims;
mod ends;
mod random;
mod script;
mod speech;
