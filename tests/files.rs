//! Files the tests read: goldens, the shipped model, the real call.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::compare::tensors;
use safetensors::tensor::{Dtype, TensorView};
use vap_core::audio::Resampler;
use vap_core::{ModelFile, wav};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn golden_path(name: &str) -> PathBuf {
    path(&format!("golden/{name}.safetensors"))
}

/// Tensors of a golden, flat, by name.
pub fn golden(name: &str) -> BTreeMap<String, Vec<f32>> {
    tensors(&std::fs::read(golden_path(name)).unwrap())
}

/// Writes a golden of one tensor.
pub fn write_golden(name: &str, tensor: &str, values: &[f32]) {
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let view = TensorView::new(Dtype::F32, vec![values.len()], &bytes).unwrap();
    std::fs::write(golden_path(name), safetensors::serialize([(tensor, view)], None).unwrap()).unwrap();
}

/// The weights that ship with the package.
pub fn shipped_model() -> ModelFile {
    ModelFile::from_bytes(&std::fs::read(path("../npm/models/optimized.safetensors")).unwrap()).unwrap()
}

/// The real call at 16 kHz, user and agent.
pub fn call() -> [Vec<f32>; 2] {
    let wav = wav::decode(&std::fs::read(path("fixtures/call.wav")).unwrap()).unwrap();
    [0, 1].map(|channel| {
        let mut resampler = Resampler::new(wav.rate_hz).unwrap();
        let mut out = Vec::new();
        resampler.push(&wav.channels[channel], &mut out);
        resampler.finish(&mut out);
        out
    })
}
