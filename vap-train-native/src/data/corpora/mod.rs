//! One file a corpus: its official layout comes in, recordings and timings go out. Nothing is written here.

pub mod ami;
pub mod ami_calls;
pub mod cabnc;
pub mod chime6;
pub mod harpervalley;
pub mod librispeech;
pub mod musan;
pub mod rirs;
pub mod two_channel;
pub mod voxconverse;
