//! The door to JavaScript of the GPU binary: hops of mels in, logits out. Sound, frames and events stay with the CPU
//! binary, so that they do not depend on where the model is computed. Every failure is a JS `Error` with a `code`.

use crate::burn::{BurnModel, BurnState, backend};
use crate::error::{Error, Result};
use crate::remote_session::MOST_HOPS;
use burn::tensor::{Device, Tensor, TensorData};
use js_sys::{Float32Array, Promise};
use std::sync::Arc;
use vap_core::config::{HOP_MELS, MEL_BANDS, MELS_A_FRAME};
use vap_core::{Error as CoreError, ModelFile};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

/// Runs the constructors that Burn's compiler registers itself by, once. Unless the program calls them, the linker has
/// every export run them all, and a step calls exports thousands of times: it would take seconds.
#[wasm_bindgen(start)]
#[allow(unsafe_code)]
fn construct() {
    unsafe extern "C" {
        fn __wasm_call_ctors();
    }
    // SAFETY: the linker defines it in every wasm module, and nothing else calls it.
    unsafe { __wasm_call_ctors() }
}

/// A device of the GPU.
#[wasm_bindgen]
pub struct Gpu {
    device: Device,
}

#[wasm_bindgen]
impl Gpu {
    /// Opens a device.
    pub async fn open() -> Result<Gpu, JsValue> {
        Ok(Gpu { device: backend::gpu().await? })
    }

    /// Puts the weights of a model file on it.
    pub fn load(&self, bytes: &[u8]) -> Result<GpuModel, JsValue> {
        let file = ModelFile::from_bytes(bytes).map_err(Error::from)?;
        Ok(GpuModel { shared: Arc::new(BurnModel::from_file(&file, &self.device)?) })
    }
}

/// Weights on the GPU, shared by its streams.
#[wasm_bindgen]
pub struct GpuModel {
    shared: Arc<BurnModel>,
}

#[wasm_bindgen]
impl GpuModel {
    /// A stream at its beginning.
    pub fn stream(&self) -> GpuStream {
        GpuStream { state: self.shared.init_state(1), model: Arc::clone(&self.shared) }
    }
}

/// One stream; what it remembers stays on the GPU.
#[wasm_bindgen]
pub struct GpuStream {
    model: Arc<BurnModel>,
    state: BurnState,
}

#[wasm_bindgen]
impl GpuStream {
    /// Takes the next hops, 1 to 4096: normalised mels `[2, 2 x hops, 80]`, the user's before the agent's. The promise
    /// gives their logits, `[hops, 27]`, or `backend` when the GPU is lost.
    #[wasm_bindgen(unchecked_return_type = "Promise<Float32Array>")]
    pub fn step(&mut self, mels: Vec<f32>) -> Result<Promise, JsValue> {
        let logits = self.forward(mels)?;
        Ok(future_to_promise(async move { Ok(Float32Array::from(&read(logits).await?[..]).into()) }))
    }
}

impl GpuStream {
    fn forward(&mut self, mels: Vec<f32>) -> Result<Tensor<3>> {
        let hops = mels.len() / (2 * HOP_MELS);
        let (expected, found) = (hops.clamp(1, MOST_HOPS) * 2 * HOP_MELS, mels.len());
        if expected != found {
            let what = "mels of whole hops, 4096 at most";
            return Err(CoreError::Length { what, expected, found }.into());
        }
        let mels = TensorData::new(mels, [2, hops * MELS_A_FRAME, MEL_BANDS]);
        self.model.forward(Tensor::from_data(mels, self.model.device()), &mut self.state)
    }
}

async fn read(logits: Tensor<3>) -> Result<Vec<f32>> {
    let data = logits.into_data_async().await.map_err(|e| Error::Backend(e.to_string()))?;
    data.try_into_vec().map_err(|e| Error::Backend(e.to_string()))
}
