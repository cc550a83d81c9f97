//! The source's weights under our names, everything else freshly drawn.

use std::collections::BTreeMap;

use tch::nn::VarStore;
use tch::{Device, Tensor};
use vap_core::model_file::Weight;

use super::distance::Distances;
use super::front_end::FrontEnd;
use super::net::constant_position;
use super::source::{Affine, Norm, SourceEncoder};
use crate::config::RunConfig;
use crate::error::{Error, Result};
use crate::model::{self, VapModel};

/// All weights of the config's model.
///
/// # Errors
/// [`Error::Weights`] when the model has no place for one of them, [`Error::Torch`].
pub fn start(
    source: &SourceEncoder,
    front_end: &FrontEnd,
    distances: &Distances,
    config: &RunConfig,
) -> Result<BTreeMap<String, Weight>> {
    tch::manual_seed(config.training.seed as i64);
    let store = VarStore::new(Device::Cpu);
    let _model = VapModel::new(&store.root(), &config.model);
    let mut all = model::weights(&store)?;
    for (name, weight) in encoder(source, front_end, distances, config.model.context_frames)? {
        let place = all.get_mut(&name).filter(|old| old.shape == weight.shape);
        let place = place.ok_or_else(|| {
            Error::Weights(format!("the config's model has no {name} of shape {:?}", weight.shape))
        })?;
        *place = weight;
    }
    Ok(all)
}

/// The encoder's weights by our names.
pub fn encoder(
    source: &SourceEncoder,
    front_end: &FrontEnd,
    distances: &Distances,
    context: usize,
) -> Result<Vec<(String, Weight)>> {
    let position: Tensor = constant_position(source, context as i64);
    let position = Weight { shape: vec![source.dim()], values: Vec::try_from(&position)? };
    let mut all = vec![("encoder.position".to_string(), position)];
    let mut add = |name: &str, weight: &Weight, bias: &Weight| {
        all.push((format!("encoder.{name}.weight"), weight.clone()));
        all.push((format!("encoder.{name}.bias"), bias.clone()));
    };
    let mut affine = |name: &str, part: &Affine| add(name, &part.weight, &part.bias);
    affine("conv1", &front_end.fold(&source.conv1));
    affine("conv2", &source.conv2);
    for (i, layer) in source.layers.iter().enumerate() {
        let (attention, feed_forward) =
            (format!("layers.{i}.self_attention"), format!("layers.{i}.feed_forward"));
        affine(&format!("{attention}.query"), &layer.query);
        affine(&format!("{attention}.key"), &layer.key);
        affine(&format!("{attention}.value"), &layer.value);
        affine(&format!("{attention}.output"), &layer.output);
        affine(&format!("{feed_forward}.expand"), &layer.expand);
        affine(&format!("{feed_forward}.contract"), &layer.contract);
    }
    let mut norm = |name: &str, part: &Norm| add(name, &part.weight, &part.bias);
    for (i, layer) in source.layers.iter().enumerate() {
        norm(&format!("layers.{i}.self_attention.norm"), &layer.attention_norm);
        norm(&format!("layers.{i}.feed_forward.norm"), &layer.feed_forward_norm);
    }
    norm("norm", &source.norm);
    for (i, bias) in distances.bias.iter().enumerate() {
        all.push((format!("encoder.layers.{i}.self_attention.distance_bias"), bias.clone()));
    }
    Ok(all)
}
