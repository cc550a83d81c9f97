//! The source with its head as plain safetensors, for the teacher in tch that hears 2 s ([`crate::model::teacher`]):
//! its first convolution on our features, centred as it was, and its last positions.

use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};
use vap_core::model_file::Weight;

use super::front_end::FrontEnd;
use super::source::{Affine, Norm, SourceEncoder};
use crate::model::teacher::{QUESTION_FRAMES, STATISTICS};
use crate::teachers::label::card::Card;

/// Weights by name, as pairs of weight and bias.
struct Named(Vec<(String, Weight)>);

impl Named {
    fn add(&mut self, name: &str, weight: &Weight, bias: &Weight) {
        self.0.push((format!("{name}.weight"), weight.clone()));
        self.0.push((format!("{name}.bias"), bias.clone()));
    }

    fn affine(&mut self, name: &str, part: &Affine) {
        self.add(name, &part.weight, &part.bias);
    }

    fn norm(&mut self, name: &str, part: &Norm) {
        self.add(name, &part.weight, &part.bias);
    }
}

/// What lies behind the encoder.
pub fn head(source: &SourceEncoder) -> Result<Vec<(String, Weight)>, String> {
    let head = source.head.as_ref().ok_or("expected a pooled head behind the encoder, found none")?;
    let mut all = Named(Vec::new());
    all.affine("pool.0", &head.pool_hidden);
    all.affine("pool.2", &head.pool_score);
    all.affine("classifier.0", &head.first);
    all.norm("classifier.1", &head.first_norm);
    all.affine("classifier.4", &head.second);
    all.affine("classifier.6", &head.third);
    Ok(all.0)
}

/// The encoder on our features, its positions cut to the last.
fn encoder(source: &SourceEncoder, front_end: &FrontEnd) -> Result<Vec<(String, Weight)>, String> {
    let (frames, d) = (source.positions.shape[0], source.dim());
    let first = frames
        .checked_sub(QUESTION_FRAMES)
        .ok_or_else(|| format!("expected {QUESTION_FRAMES} positions, found {frames}"))?;
    let positions =
        Weight { shape: vec![QUESTION_FRAMES, d], values: source.positions.values[first * d..].to_vec() };
    let mut all = Named(vec![("positions".to_string(), positions)]);
    all.affine("conv1", &front_end.fold(&source.conv1));
    all.affine("conv2", &source.conv2);
    for (i, layer) in source.layers.iter().enumerate() {
        let at = |name: &str| format!("layers.{i}.{name}");
        all.norm(&at("norm1"), &layer.attention_norm);
        all.affine(&at("query"), &layer.query);
        all.affine(&at("key"), &layer.key);
        all.affine(&at("value"), &layer.value);
        all.affine(&at("output"), &layer.output);
        all.norm(&at("norm2"), &layer.feed_forward_norm);
        all.affine(&at("expand"), &layer.expand);
        all.affine(&at("contract"), &layer.contract);
    }
    all.norm("norm", &source.norm);
    Ok(all.0)
}

/// Writes the teacher.
///
/// # Errors
/// What the source lacks, or why the file cannot be written.
pub fn write(path: &Path, source: &SourceEncoder, front_end: &FrontEnd, card: &Card) -> Result<(), String> {
    let mut all = encoder(source, front_end)?;
    all.extend(head(source)?);
    let bytes: Vec<Vec<u8>> =
        all.iter().map(|(_, weight)| weight.values.iter().flat_map(|v| v.to_le_bytes()).collect()).collect();
    let views = all.iter().zip(&bytes).map(|((name, weight), bytes)| {
        TensorView::new(Dtype::F32, weight.shape.clone(), bytes).map(|view| (name.as_str(), view))
    });
    let views = views.collect::<Result<Vec<_>, _>>().map_err(|e| e.to_string())?;
    let statistics = serde_json::to_string(&front_end.statistics).map_err(|e| e.to_string())?;
    let said = [
        ("format", "vap-turn-teacher"),
        ("format_version", "1"),
        ("source", &card.name),
        ("version", &card.version),
        ("licence", &card.licence),
        ("sha256", &card.sha256),
        (STATISTICS, &statistics),
        ("heads", &source.heads.to_string()),
        ("norm_epsilon", &source.norm_epsilon.to_string()),
    ];
    let header: HashMap<String, String> = said.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    let file = safetensors::serialize(views, Some(header)).map_err(|e| e.to_string())?;
    let part = path.with_extension("part");
    std::fs::write(&part, file).and_then(|()| std::fs::rename(&part, path)).map_err(|e| e.to_string())
}
