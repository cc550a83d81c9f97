//! A tiny network of the teacher's layout, and what onnxruntime hears with it (`golden/make_tiny.py`).

use std::collections::BTreeMap;

use prost::Message;
use safetensors::SafeTensors;
use tch::nn::{Module, VarStore};
use tch::{Device, Kind, Tensor};
use vap_core::config::{EncoderKind, MEL_BANDS, ModelConfig};
use vap_core::features::FeatureStatistics;
use vap_core::model_file::Weight;

use super::distance::Distances;
use super::front_end::FrontEnd;
use super::graph::Graph;
use super::net::{self, Form};
use super::onnx::{Model, Node};
use super::source::SourceEncoder;
use super::{distance, teacher_file, walk, weights, whisper};
use crate::model::Mode;
use crate::model::attention::{Attention, Band, layer_norm};
use crate::model::encoder::Encoder;
use crate::model::transformer::FeedForward;

const TINY: &[u8] = include_bytes!("golden/tiny.onnx");

fn golden(name: &str) -> Tensor {
    let file = SafeTensors::deserialize(include_bytes!("golden/tiny.safetensors")).unwrap();
    let view = file.tensor(name).unwrap();
    let shape: Vec<i64> = view.shape().iter().map(|d| *d as i64).collect();
    Tensor::from_data_size(view.data(), &shape, Kind::Float)
}

fn tiny() -> SourceEncoder {
    walk::encoder(&Graph::read(TINY).unwrap()).unwrap()
}

/// The tiny file after a change to its nodes.
fn changed(change: impl Fn(&mut Node)) -> String {
    let mut model = Model::decode(TINY).unwrap();
    model.graph.as_mut().unwrap().nodes.iter_mut().for_each(change);
    walk::encoder(&Graph::read(&model.encode_to_vec()).unwrap()).unwrap_err()
}

fn worst(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

#[test]
fn onnxruntime_hears_the_same_frames() {
    let source = tiny();
    assert_eq!((source.dim(), source.heads, source.layers.len()), (16, 2, 2));
    assert!(source.layers.iter().all(|layer| layer.key.bias.values.iter().all(|b| *b == 0.0)));
    let found = net::pass(&source, &golden("features"), Form::AsTrained).frames;
    let error = worst(&found, &golden("frames"));
    assert!(error < 2e-5, "{error}");
    // What a product stands for matters: queries for keys are another network.
    let mut other = source;
    let layer = &mut other.layers[0];
    std::mem::swap(&mut layer.query, &mut layer.value);
    assert!(worst(&net::pass(&other, &golden("features"), Form::AsTrained).frames, &golden("frames")) > 0.05);
}

/// Our weights of the tiny encoder, on the source's own features and without a bias by distance.
fn ours(source: &SourceEncoder, config: &ModelConfig) -> VarStore {
    let mut map = vec![0.0; MEL_BANDS * MEL_BANDS];
    map.iter_mut().step_by(MEL_BANDS + 1).for_each(|diagonal| *diagonal = 1.0);
    let statistics = FeatureStatistics { mean: vec![0.0; MEL_BANDS], deviation: vec![1.0; MEL_BANDS] };
    let (offset, r2) = (vec![0.0; MEL_BANDS], vec![1.0; MEL_BANDS]);
    let front_end = FrontEnd { map, offset, statistics, r2, frames: 1 };
    let shape = vec![config.heads, config.context_frames];
    let bias = Weight { values: vec![0.0; shape.iter().product()], shape };
    let distances = Distances { bias: vec![bias; config.channel_layers], told: Vec::new() };
    let store = VarStore::new(Device::Cpu);
    let _ = Encoder::new(&(store.root() / "encoder"), config);
    let mut places = store.variables();
    for (name, weight) in weights::encoder(source, &front_end, &distances, config.context_frames).unwrap() {
        let mut place = places.remove(&name).unwrap_or_else(|| panic!("{name}"));
        tch::no_grad(|| place.copy_(&net::tensor(&weight)));
    }
    assert!(places.is_empty(), "{:?}", places.keys());
    store
}

fn config(context_frames: usize) -> ModelConfig {
    ModelConfig {
        name: "tiny".into(),
        dim: 16,
        channel_layers: 2,
        num_layers: 1,
        heads: 2,
        context_frames,
        feed_forward_factor: 2,
        norm_epsilon: 1e-5,
        encoder: EncoderKind::Whisper,
        stereo_dim: None,
        stereo_heads: None,
    }
}

#[test]
fn our_layers_hear_the_same_frames() {
    let (source, config) = (tiny(), config(12));
    let store = ours(&source, &config);
    let all = store.variables();
    let conv = |x: &Tensor, name: &str, stride: i64| {
        let part = |part: &str| &all[&format!("encoder.{name}.{part}")];
        x.conv1d(part("weight"), Some(part("bias")), [stride], [1], [1], 1).gelu("none")
    };
    let x = conv(&conv(&golden("features"), "conv1", 1), "conv2", 2).transpose(1, 2);
    let mut x = x + net::tensor(&source.positions);
    // Layers of the same names in a store of their own, then the weights.
    let layers = VarStore::new(Device::Cpu);
    let root = layers.root() / "encoder";
    let parts: Vec<_> = (0..2)
        .map(|i| {
            let at = &root / "layers" / i;
            let attention = Attention::new(&(&at / "self_attention"), &config, EncoderKind::Whisper);
            (attention, FeedForward::new(&(&at / "feed_forward"), &config))
        })
        .collect();
    let norm = layer_norm(&(&root / "norm"), &config);
    layers.variables().iter_mut().for_each(|(name, place)| tch::no_grad(|| place.copy_(&all[name])));
    let band = Band::open(12);
    for (attention, feed_forward) in &parts {
        x = &x + attention.forward(&x, &band, false, Mode::EVALUATE);
        x = &x + feed_forward.forward(&x, Mode::EVALUATE);
    }
    let error = worst(&norm.forward(&x), &golden("frames"));
    assert!(error < 2e-5, "{error}");
}

#[test]
fn our_stream_is_the_source_a_mel_later() {
    let (source, config) = (tiny(), config(5));
    let store = ours(&source, &config);
    let encoder = {
        let copy = VarStore::new(Device::Cpu);
        let encoder = Encoder::new(&(copy.root() / "encoder"), &config);
        let all = store.variables();
        copy.variables().iter_mut().for_each(|(name, place)| tch::no_grad(|| place.copy_(&all[name])));
        encoder
    };
    // The first mel is silent, so that what lies before the start is the same for both.
    let mels = golden("features");
    let _ = mels.narrow(2, 0, 1).zero_();
    let expected = net::pass(&source, &mels, Form::Stream(5)).frames;
    let later = mels.narrow(2, 1, 23).constant_pad_nd([0, 1]).transpose(1, 2);
    let band = Band::new(&config, 12, Device::Cpu);
    let error = worst(&encoder.forward(&later, &band, Mode::EVALUATE), &expected);
    assert!(error < 2e-5, "{error}");
}

#[test]
fn the_teacher_tells_the_same() {
    let all: BTreeMap<String, Weight> = teacher_file::head(&tiny()).unwrap().into_iter().collect();
    let part = |name: &str| ["weight", "bias"].map(|part| net::tensor(&all[&format!("{name}.{part}")]));
    let linear = |x: &Tensor, name: &str| {
        let [weight, bias] = part(name);
        x.linear(&weight, Some(&bias))
    };
    let frames = golden("frames");
    let weights = linear(&linear(&frames, "pool.0").tanh(), "pool.2").softmax(1, Kind::Float);
    let pooled = (&frames * weights).sum_dim_intlist([1i64].as_slice(), false, Kind::Float);
    let [weight, bias] = part("classifier.1");
    let x = linear(&pooled, "classifier.0").layer_norm([8], Some(&weight), Some(&bias), 1e-5, false);
    let x = linear(&x.gelu("none"), "classifier.4").gelu("none");
    let error = worst(&linear(&x, "classifier.6").sigmoid(), &golden("ended"));
    assert!(error < 1e-5, "{error}");
}

#[test]
fn the_present_hears_the_past_alone() {
    let source = tiny();
    let features = golden("features");
    let later = features.shallow_clone();
    let changed = later.copy();
    let _ = changed.narrow(2, 16, 8).zero_();
    for form in [Form::Causal, Form::Stream(5)] {
        let [a, b] = [&later, &changed].map(|x| net::pass(&source, x, form).frames);
        // The convolutions look one mel ahead each.
        assert!(worst(&a.narrow(1, 0, 7), &b.narrow(1, 0, 7)) < 1e-5);
        assert!(worst(&a.narrow(1, 9, 3), &b.narrow(1, 9, 3)) > 1e-2);
    }
}

#[test]
fn a_bias_stands_for_positions() {
    let source = tiny();
    let features = golden("features").transpose(1, 2).contiguous().to_kind(Kind::Double);
    let window = Vec::<f64>::try_from(&features.get(0).flatten(0, -1)).unwrap();
    let found = distance::fit(&source, std::slice::from_ref(&window), 4).unwrap();
    assert_eq!(found.bias.len(), 2);
    assert!(found.bias.iter().all(|bias| bias.shape == [2, 4] && bias.values.iter().any(|v| v.abs() > 1e-3)));
    assert!(found.told.iter().all(|told| (0.0..=1.0).contains(told)), "{:?}", found.told);
    // With the same position everywhere there is nothing to tell.
    let mut even = source;
    let row = even.positions.values[..16].to_vec();
    even.positions.values.chunks_exact_mut(16).for_each(|place| place.copy_from_slice(&row));
    let found = distance::fit(&even, &[window], 4).unwrap();
    assert!(found.bias[0].values.iter().all(|v| v.abs() < 1e-4), "{:?}", found.bias[0]);
    assert!(distance::fit(&even, &[], 4).is_err());
}

#[test]
fn what_is_no_such_encoder_is_named() {
    let kind = |from: &'static str, to: &'static str| {
        changed(move |node| {
            if node.kind == from {
                node.kind = to.into();
            }
        })
    };
    for (from, to, word) in [
        ("Conv", "ConvInteger", "two convolutions"),
        ("Softmax", "Hardmax", "attention layers"),
        ("LayerNormalization", "RMSNormalization", "LayerNormalization"),
        ("Erf", "Tanh", "GELU"),
    ] {
        let error = kind(from, to);
        assert!(error.contains(word), "{from}: {error}");
    }
    let error = changed(|node| {
        let pads = node.attributes.iter_mut().filter(|a| a.name == "pads");
        pads.for_each(|pads| pads.ints = vec![2, 0]);
    });
    assert!(error.contains("pads"), "{error}");
    // A circle must end, too.
    let error = changed(|node| {
        if node.kind == "DequantizeLinear" {
            node.inputs[0] = node.outputs[0].clone();
        }
    });
    assert!(!error.is_empty());
}

#[test]
fn whisper_names_give_the_same_encoder() {
    let source = wide();
    let mut all: Vec<(String, Weight)> = vec![("embed_positions.weight".into(), source.positions.clone())];
    let mut add = |name: &str, weight: &Weight, bias: Option<&Weight>| {
        all.push((format!("{name}.weight"), weight.clone()));
        all.extend(bias.map(|bias| (format!("{name}.bias"), bias.clone())));
    };
    add("conv1", &source.conv1.weight, Some(&source.conv1.bias));
    add("conv2", &source.conv2.weight, Some(&source.conv2.bias));
    add("layer_norm", &source.norm.weight, Some(&source.norm.bias));
    for (i, layer) in source.layers.iter().enumerate() {
        let at = format!("layers.{i}");
        add(&format!("{at}.self_attn.k_proj"), &layer.key.weight, None);
        for (name, part) in [
            ("self_attn.q_proj", &layer.query),
            ("self_attn.v_proj", &layer.value),
            ("self_attn.out_proj", &layer.output),
            ("fc1", &layer.expand),
            ("fc2", &layer.contract),
        ] {
            add(&format!("{at}.{name}"), &part.weight, Some(&part.bias));
        }
        for (name, part) in
            [("self_attn_layer_norm", &layer.attention_norm), ("final_layer_norm", &layer.feed_forward_norm)]
        {
            add(&format!("{at}.{name}"), &part.weight, Some(&part.bias));
        }
    }
    let file = |all: &[(String, Weight)]| {
        let bytes: Vec<Vec<u8>> =
            all.iter().map(|(_, w)| w.values.iter().flat_map(|v| v.to_le_bytes()).collect()).collect();
        let views = all.iter().zip(&bytes).map(|((name, weight), bytes)| {
            let view =
                safetensors::tensor::TensorView::new(safetensors::Dtype::F32, weight.shape.clone(), bytes);
            (format!("model.encoder.{name}"), view.unwrap())
        });
        safetensors::serialize(views, None).unwrap()
    };
    assert_eq!(whisper::encoder(&file(&all)).unwrap(), source);
    let error = whisper::encoder(&file(&all[1..])).unwrap_err();
    assert!(error.contains("embed_positions"), "{error}");
    let error = whisper::encoder(&file(&all[..3])).unwrap_err();
    assert!(error.contains("layer_norm"), "{error}");
    assert!(whisper::encoder(b"no").is_err());
}

/// An encoder as wide as one of Whisper's heads.
fn wide() -> SourceEncoder {
    use super::source::{Affine, Layer, Norm};
    let mut next = 0u32;
    let mut draw = |shape: &[usize]| {
        let value = |_| {
            next = next.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (next >> 8) as f32 / (1 << 24) as f32 - 0.5
        };
        Weight { shape: shape.into(), values: (0..shape.iter().product()).map(value).collect() }
    };
    let mut affine = |shape: &[usize]| Affine { weight: draw(shape), bias: draw(&shape[..1]) };
    let (conv1, conv2) = (affine(&[64, 80, 3]), affine(&[64, 64, 3]));
    let parts: Vec<Affine> = (0..6)
        .map(|i| affine([[64, 64], [128, 64], [64, 128]][i / 4 + usize::from(i == 5)].as_slice()))
        .collect();
    let mut key = parts[1].clone();
    key.bias.values.fill(0.0);
    let mut norm = || {
        let part = affine(&[64, 1]);
        Norm { weight: Weight { shape: vec![64], values: part.weight.values }, bias: part.bias }
    };
    let layer = Layer {
        attention_norm: norm(),
        query: parts[0].clone(),
        key,
        value: parts[2].clone(),
        output: parts[3].clone(),
        feed_forward_norm: norm(),
        expand: parts[4].clone(),
        contract: parts[5].clone(),
    };
    let norm = norm();
    let positions = affine(&[7, 64]).weight;
    SourceEncoder {
        conv1,
        conv2,
        positions,
        layers: vec![layer],
        norm,
        heads: 1,
        norm_epsilon: 1e-5,
        head: None,
    }
}
