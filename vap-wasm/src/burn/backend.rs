//! Where tensors live and are computed: the only place that names a backend.

pub use burn::tensor::Device;

/// The CPU, one thread.
pub fn cpu() -> Device {
    Device::flex()
}
