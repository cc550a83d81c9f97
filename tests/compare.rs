//! Frames and goldens as lists of numbers. The tests in browsers read this file too.

use safetensors::SafeTensors;
use std::collections::BTreeMap;
use vap_core::Frame;
use vap_core::projection::OUTPUTS;

/// The 27 probabilities of a frame, in the order of `vap_core::projection`.
pub fn numbers(frame: &Frame) -> [f32; OUTPUTS] {
    let pairs = [frame.eot, frame.backchannel, frame.vad].into_iter().flatten();
    let all: Vec<f32> = frame.bins.into_iter().flatten().chain(pairs).chain([frame.overlap]).collect();
    all.try_into().unwrap()
}

/// Largest difference of two lists of numbers. Panics when their lengths differ or one is not finite.
pub fn worst(these: &[f32], those: &[f32]) -> f32 {
    assert_eq!(these.len(), those.len(), "number of values");
    these.iter().zip(those).fold(0.0, |worst: f32, (a, b)| {
        assert!(a.is_finite() && b.is_finite(), "{a} against {b}");
        worst.max((a - b).abs())
    })
}

/// Tensors of a file of 32-bit floats, flat, by name.
pub fn tensors(file: &[u8]) -> BTreeMap<String, Vec<f32>> {
    let values = |data: &[u8]| data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    let tensors = SafeTensors::deserialize(file).unwrap();
    tensors.tensors().into_iter().map(|(name, view)| (name, values(view.data()))).collect()
}
