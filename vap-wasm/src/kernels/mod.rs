//! The model on kernels of our own: one 20 ms hop of both channels at a time, on one thread of a CPU.
//!
//! Why they exist: at the two rows of a hop a general matrix product spends most of its time on everything but the
//! product. Here weights are laid out once, when they are loaded, in the order in which a hop
//! reads them; after start-up nothing is allocated; and a pass can be left and taken up again between any two layers.
//!
//! Matrices that are stored as integers are multiplied as integers, and what they attend to is kept as integers; the
//! others are worked in 32-bit floats. All sums run in the same order on every target, over lanes of a SIMD library:
//! wasm (`simd128`), x86-64 (SSE2, or AVX2 where the compiler may use it), aarch64 (NEON), and plain scalar code.

mod arithmetic;
mod shapes;
mod workspace;
mod rings;
mod state;
mod layers;
mod attention;
mod encoder;
mod transformer;
mod heads;
mod weights;
mod model;
mod pass;
#[cfg(test)]
mod tests;

pub use model::KernelModel;
pub use pass::Pass;
pub use state::KernelState;
