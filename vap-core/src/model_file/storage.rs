//! Weights to tensors and back: 32-bit floats, 16-bit floats, or 8-bit integers with one scale an output row.

use super::Weight;
use crate::error::{Error, Result};
use crate::params::Param;
use half::f16;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

/// How the weights are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// 32-bit floats.
    F32,
    /// 16-bit floats (IEEE half).
    F16,
    /// Matrices and kernels as integers of -127 to 127 times a scale an output row (absolute maximum over 127,
    /// symmetric, no zero point); norms, biases, those by distance too, and the position as 16-bit floats.
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

/// Whether [`Storage::I8`] holds this weight as integers. A bias by distance is added, not multiplied, and a far
/// frame's would set the scale of all.
fn is_matrix(name: &str, shape: &[usize]) -> bool {
    shape.len() >= 2 && !name.ends_with(".distance_bias")
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
pub(super) fn misfit(name: &str, weight: &Weight, storage: Storage) -> Option<usize> {
    let place = |fits: fn(f32) -> bool| weight.values.iter().position(|v| !fits(*v));
    match storage {
        Storage::F32 => place(f32::is_finite),
        Storage::I8 if is_matrix(name, &weight.shape) => {
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
        Storage::I8 if is_matrix(name, shape) => {
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

/// A weight as it lies in the file, checked.
#[derive(Debug, Clone, PartialEq)]
pub enum StoredWeight<'a> {
    /// 32-bit floats, little-endian.
    F32(&'a [[u8; 4]]),
    /// 16-bit floats, little-endian.
    F16(&'a [[u8; 2]]),
    /// Integers of -127 to 127 in two's complement, and the scale of each output row.
    I8 {
        /// `[out, ...]`, row-major.
        integers: &'a [u8],
        /// `[out]`, finite and above 0.
        scales: Vec<f32>,
    },
}

impl StoredWeight<'_> {
    /// The values as 32-bit floats; exact but for integers whose scale has more than 17 significant bits.
    pub fn to_f32(&self) -> Vec<f32> {
        match self {
            StoredWeight::F32(values) => values.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            StoredWeight::F16(values) => values.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect(),
            StoredWeight::I8 { integers, scales } => {
                let rows = integers.chunks(integers.len() / scales.len().max(1)).zip(scales);
                rows.flat_map(|(row, scale)| row.iter().map(move |q| f32::from(*q as i8) * scale)).collect()
            }
        }
    }
}

/// The weight `wanted` of a file, of a type that it may have, and finite.
pub(super) fn stored<'a>(wanted: &Param, tensors: &SafeTensors<'a>) -> Result<StoredWeight<'a>> {
    let Param { name, shape } = wanted;
    let view = tensor(tensors, name, shape)?;
    let not_finite = |index: Option<usize>| match index {
        Some(index) => Err(Error::NotFinite { place: format!("weight {name}"), index }),
        None => Ok(()),
    };
    match view.dtype() {
        Dtype::F32 => {
            let values = view.data().as_chunks::<4>().0;
            not_finite(values.iter().position(|b| !f32::from_le_bytes(*b).is_finite()))?;
            Ok(StoredWeight::F32(values))
        }
        Dtype::F16 => {
            let values = view.data().as_chunks::<2>().0;
            not_finite(values.iter().position(|b| !f16::from_le_bytes(*b).is_finite()))?;
            Ok(StoredWeight::F16(values))
        }
        Dtype::I8 if is_matrix(name, shape) => {
            let scales = scales(name, shape, tensors)?;
            let integers = view.data();
            if let Some(index) = integers.iter().position(|q| *q as i8 == i8::MIN) {
                return Err(Error::ModelFile(format!(
                    "weight {name}: expected integers of -127 to 127, found -128 at {index}"
                )));
            }
            let large = scales.iter().position(|scale| !(LARGEST * scale).is_finite());
            not_finite(large.map(|row| row * row_length(shape)))?;
            Ok(StoredWeight::I8 { integers, scales })
        }
        found => {
            let expected = if is_matrix(name, shape) { "F32, F16 or I8" } else { "F32 or F16" };
            Err(Error::ModelFile(format!("weight {name}: expected type {expected}, found {found:?}")))
        }
    }
}

/// Checks that the file holds nothing beside the weights of `wanted`.
pub(super) fn nothing_else(wanted: &[Param], tensors: &SafeTensors) -> Result<()> {
    let integers = |name: &str| tensors.tensor(name).is_ok_and(|view| view.dtype() == Dtype::I8);
    let known = |name: &str| {
        let of = |p: &Param| p.name == name || (scale_name(&p.name) == name && integers(&p.name));
        wanted.iter().any(of)
    };
    match tensors.names().into_iter().find(|name| !known(name)) {
        Some(name) => Err(Error::WeightUnknown { name: name.into() }),
        None => Ok(()),
    }
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

/// The scales beside the integers of a weight.
fn scales(name: &str, shape: &[usize], tensors: &SafeTensors) -> Result<Vec<f32>> {
    let scale_name = scale_name(name);
    let view = tensor(tensors, &scale_name, &shape[..1])?;
    if view.dtype() != Dtype::F32 {
        let found = view.dtype();
        return Err(Error::ModelFile(format!("weight {scale_name}: expected type F32, found {found:?}")));
    }
    let scales: Vec<f32> = view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    if let Some(index) = scales.iter().position(|s| !(s.is_finite() && *s > 0.0)) {
        return Err(Error::ModelFile(format!(
            "weight {scale_name}: expected finite scales above 0, found {} at {index}",
            scales[index]
        )));
    }
    Ok(scales)
}
