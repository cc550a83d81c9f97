//! Where tensors live and are computed: the only place that names a backend.

pub use burn::tensor::Device;

/// The CPU, one thread.
#[cfg(feature = "burn")]
pub fn cpu() -> Device {
    Device::flex()
}

/// A device of the GPU, by WebGPU: each call opens another, as is needed when one was lost.
///
/// # Errors
/// `gpu` when there is no adapter, or it gives no device.
#[cfg(feature = "webgpu")]
pub async fn gpu() -> crate::error::Result<Device> {
    use burn::tensor::DeviceKind;
    use std::sync::atomic::{AtomicUsize, Ordering};
    // A device stays registered under its kind and index, lost or not. A browser has one adapter whatever the index.
    static OPENED: AtomicUsize = AtomicUsize::new(0);
    let kind = DeviceKind::DiscreteGpu(OPENED.fetch_add(1, Ordering::Relaxed) as _);
    let options = Device::wgpu_options().device_kind(kind);
    options.init_async().await.map_err(|e| crate::error::Error::Gpu(e.to_string()))
}
