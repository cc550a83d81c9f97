//! Whisper's own encoder file: safetensors with the names of the Transformers library (`model.encoder.*` or
//! `encoder.*`).

use safetensors::{Dtype, SafeTensors};
use vap_core::model_file::Weight;

use super::source::{Affine, Layer, Norm, SourceEncoder};

/// Width of Whisper's heads in every size.
const HEAD_DIM: usize = 64;

/// Reads the encoder of a file's bytes.
///
/// # Errors
/// The weight that is missing or of the wrong shape.
pub fn encoder(bytes: &[u8]) -> Result<SourceEncoder, String> {
    let file = SafeTensors::deserialize(bytes).map_err(|e| format!("not a safetensors file: {e:?}"))?;
    let prefix = ["model.encoder.", "encoder.", ""]
        .into_iter()
        .find(|prefix| file.tensor(&format!("{prefix}conv1.weight")).is_ok())
        .ok_or("expected weights named model.encoder.*, found none")?;
    let weight = |name: &str| tensor(&file, &format!("{prefix}{name}"));
    let affine = |name: &str| {
        let weight_here = weight(&format!("{name}.weight"))?;
        let out = weight_here.shape.first().copied().unwrap_or(0);
        // Keys have no bias.
        let bias = weight(&format!("{name}.bias"));
        let bias = bias.unwrap_or_else(|_| Weight { shape: vec![out], values: vec![0.0; out] });
        Ok::<_, String>(Affine { weight: weight_here, bias })
    };
    let norm = |name: &str| {
        let part = |part: &str| weight(&format!("{name}.{part}"));
        Ok::<_, String>(Norm { weight: part("weight")?, bias: part("bias")? })
    };
    let mut layers = Vec::new();
    while file.tensor(&format!("{prefix}layers.{}.fc1.weight", layers.len())).is_ok() {
        let i = layers.len();
        let at = |part: &str| format!("layers.{i}.{part}");
        layers.push(Layer {
            attention_norm: norm(&at("self_attn_layer_norm"))?,
            query: affine(&at("self_attn.q_proj"))?,
            key: affine(&at("self_attn.k_proj"))?,
            value: affine(&at("self_attn.v_proj"))?,
            output: affine(&at("self_attn.out_proj"))?,
            feed_forward_norm: norm(&at("final_layer_norm"))?,
            expand: affine(&at("fc1"))?,
            contract: affine(&at("fc2"))?,
        });
    }
    let norm = norm("layer_norm")?;
    let found = SourceEncoder {
        conv1: affine("conv1")?,
        conv2: affine("conv2")?,
        positions: weight("embed_positions.weight")?,
        layers,
        heads: norm.weight.values.len() / HEAD_DIM,
        norm,
        norm_epsilon: 1e-5,
        head: None,
    };
    found.check()?;
    Ok(found)
}

fn tensor(file: &SafeTensors, name: &str) -> Result<Weight, String> {
    let view = file.tensor(name).map_err(|_| format!("{name} is missing"))?;
    let data = view.data();
    let values = match view.dtype() {
        Dtype::F32 => data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        Dtype::F16 => {
            data.as_chunks::<2>().0.iter().map(|b| super::onnx::half(u16::from_le_bytes(*b)) as f32).collect()
        }
        Dtype::BF16 => {
            let wide = |b: &[u8; 2]| f32::from_bits(u32::from(u16::from_le_bytes(*b)) << 16);
            data.as_chunks::<2>().0.iter().map(wide).collect()
        }
        other => return Err(format!("{name}: expected floats, found {other:?}")),
    };
    Ok(Weight { shape: view.shape().into(), values })
}
