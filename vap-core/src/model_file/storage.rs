//! Weights to tensors and back: 32-bit floats, 16-bit floats, or 8-bit integers with one scale an output row.

use super::Weight;
use crate::error::{Error, Result};
use crate::params::Param;
use half::f16;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::BTreeMap;

/// How the weights are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// 32-bit floats.
    F32,
    /// 16-bit floats (IEEE half).
    F16,
    /// Matrices and kernels as integers of -127 to 127 times a scale an output row (absolute maximum over 127,
    /// symmetric, no zero point); norms and biases as 16-bit floats.
    ///
    /// A weight `name` of shape `[out, ...]` is the tensor `name` (I8, same shape) and the tensor `name.scale`
    /// (F32, `[out]`, above 0). Scales keep 17 significant bits, so that a product with an integer is exact in f32.
    I8,
}

/// A tensor as it lies in the file.
pub(super) struct Stored {
    pub name: String,
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub data: Vec<u8>,
}

/// Largest integer of [`Storage::I8`].
const LARGEST: f32 = 127.0;
/// Low bits of an f32 that a scale leaves 0.
const SPARE_BITS: u32 = 0x7f;

fn scale_name(name: &str) -> String {
    format!("{name}.scale")
}

/// Whether [`Storage::I8`] holds a weight of this shape as integers.
fn is_matrix(shape: &[usize]) -> bool {
    shape.len() >= 2
}

/// Values an output row.
fn row_length(shape: &[usize]) -> usize {
    shape[1..].iter().product::<usize>().max(1)
}

/// The scale of a row: its absolute maximum over 127, rounded up to 17 significant bits; 1 for a row of zeros
/// or of numbers below what an f32 holds in full.
fn scale(row: &[f32]) -> f32 {
    let largest = row.iter().fold(0.0f32, |most, v| most.max(v.abs()));
    let exact = largest / LARGEST;
    if exact < f32::MIN_POSITIVE {
        return 1.0;
    }
    f32::from_bits(exact.to_bits().saturating_add(SPARE_BITS) & !SPARE_BITS)
}

/// Index of the first value that is not finite, or would not be once stored so.
pub(super) fn misfit(weight: &Weight, storage: Storage) -> Option<usize> {
    let place = |fits: fn(f32) -> bool| weight.values.iter().position(|v| !fits(*v));
    match storage {
        Storage::F32 => place(f32::is_finite),
        Storage::I8 if is_matrix(&weight.shape) => {
            let length = row_length(&weight.shape);
            place(f32::is_finite).or_else(|| {
                let row = weight.values.chunks(length).position(|row| !(LARGEST * scale(row)).is_finite());
                row.map(|row| row * length)
            })
        }
        Storage::F16 | Storage::I8 => place(|v| f16::from_f32(v).is_finite()),
    }
}

/// The tensors of a weight.
pub(super) fn pack(name: &str, weight: &Weight, storage: Storage) -> Vec<Stored> {
    let stored =
        |name: String, dtype, shape: &[usize], data| Stored { name, dtype, shape: shape.into(), data };
    let floats = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let shape = &weight.shape;
    match storage {
        Storage::F32 => vec![stored(name.into(), Dtype::F32, shape, floats(&weight.values))],
        Storage::I8 if is_matrix(shape) => {
            let rows = weight.values.chunks(row_length(shape));
            let scales: Vec<f32> = rows.clone().map(scale).collect();
            let integers = rows.zip(&scales).flat_map(|(row, scale)| {
                row.iter().map(move |v| (v / scale).round().clamp(-LARGEST, LARGEST) as i8 as u8)
            });
            vec![
                stored(name.into(), Dtype::I8, shape, integers.collect()),
                stored(scale_name(name), Dtype::F32, &[scales.len()], floats(&scales)),
            ]
        }
        Storage::F16 | Storage::I8 => {
            let halves = weight.values.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect();
            vec![stored(name.into(), Dtype::F16, shape, halves)]
        }
    }
}

/// The weights of `wanted`, complete, finite and nothing beside them.
pub(super) fn read(wanted: &[Param], tensors: &SafeTensors) -> Result<BTreeMap<String, Weight>> {
    let integers = |name: &str| tensors.tensor(name).is_ok_and(|view| view.dtype() == Dtype::I8);
    let known = |name: &str| {
        let of = |p: &Param| p.name == name || (scale_name(&p.name) == name && integers(&p.name));
        wanted.iter().any(of)
    };
    if let Some(name) = tensors.names().into_iter().find(|name| !known(name)) {
        return Err(Error::WeightUnknown { name: name.into() });
    }
    let mut weights = BTreeMap::new();
    for Param { name, shape } in wanted {
        let view = tensor(tensors, name, shape)?;
        let values = match view.dtype() {
            Dtype::F32 => floats(&view),
            Dtype::F16 => {
                let halves = view.data().as_chunks::<2>().0;
                halves.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect()
            }
            Dtype::I8 if is_matrix(shape) => scaled(name, shape, &view, tensors)?,
            found => {
                let expected = if is_matrix(shape) { "F32, F16 or I8" } else { "F32 or F16" };
                return Err(Error::ModelFile(format!(
                    "weight {name}: expected type {expected}, found {found:?}"
                )));
            }
        };
        if let Some(index) = values.iter().position(|v| !v.is_finite()) {
            return Err(Error::NotFinite { place: format!("weight {name}"), index });
        }
        weights.insert(name.clone(), Weight { shape: shape.clone(), values });
    }
    Ok(weights)
}

fn tensor<'a>(tensors: &SafeTensors<'a>, name: &str, shape: &[usize]) -> Result<TensorView<'a>> {
    let Ok(view) = tensors.tensor(name) else {
        return Err(Error::WeightMissing { name: name.into(), expected: shape.into() });
    };
    if view.shape() != shape {
        let found = view.shape().to_vec();
        return Err(Error::WeightShape { name: name.into(), expected: shape.into(), found });
    }
    Ok(view)
}

fn floats(view: &TensorView) -> Vec<f32> {
    view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

/// Integers of a weight times the scales beside it.
fn scaled(name: &str, shape: &[usize], view: &TensorView, tensors: &SafeTensors) -> Result<Vec<f32>> {
    let scale_name = scale_name(name);
    let scales = tensor(tensors, &scale_name, &shape[..1])?;
    if scales.dtype() != Dtype::F32 {
        let found = scales.dtype();
        return Err(Error::ModelFile(format!("weight {scale_name}: expected type F32, found {found:?}")));
    }
    let scales = floats(&scales);
    if let Some(index) = scales.iter().position(|s| !(s.is_finite() && *s > 0.0)) {
        return Err(Error::ModelFile(format!(
            "weight {scale_name}: expected finite scales above 0, found {} at {index}",
            scales[index]
        )));
    }
    let integers: Vec<i8> = view.data().iter().map(|b| *b as i8).collect();
    if let Some(index) = integers.iter().position(|q| *q == i8::MIN) {
        return Err(Error::ModelFile(format!(
            "weight {name}: expected integers of -127 to 127, found -128 at {index}"
        )));
    }
    let rows = integers.chunks(row_length(shape)).zip(&scales);
    Ok(rows.flat_map(|(row, scale)| row.iter().map(move |q| f32::from(*q) * scale)).collect())
}
