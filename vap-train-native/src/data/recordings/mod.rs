//! A recording of each kind, whatever corpus it comes from: what is known of it before its sound is read, and its
//! sound.

pub mod calls;
pub mod noise;
pub mod rooms;
pub mod speech;
