//! Model files written, read back, cut short and tampered with.

use super::*;
use crate::config::MEL_BANDS;
use safetensors::tensor::Dtype;

fn tiny() -> ModelFile {
    let config = ModelConfig {
        name: "tiny".into(),
        dim: 4,
        channel_layers: 1,
        num_layers: 1,
        heads: 2,
        context_frames: 3,
        feed_forward_factor: 2,
        norm_epsilon: 1e-5,
        encoder: Default::default(),
        stereo_dim: None,
        stereo_heads: None,
    };
    let weights = params::params(&config)
        .into_iter()
        .map(|p| {
            let values = (0..p.len()).map(|i| (i % 7) as f32 / 8.0 - 0.375).collect();
            (p.name, Weight { shape: p.shape, values })
        })
        .collect();
    ModelFile {
        config,
        statistics: FeatureStatistics { mean: vec![-5.0; MEL_BANDS], deviation: vec![2.0; MEL_BANDS] },
        policy: Policy::default(),
        calibration: None,
        provenance: serde_json::json!({ "data": "none", "seed": 1 }),
        weights,
    }
}

/// The file with its JSON header rewritten by `change`.
fn with_header(bytes: &[u8], change: impl Fn(&mut serde_json::Value)) -> Vec<u8> {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    change(&mut header);
    let mut text = serde_json::to_vec(&header).unwrap();
    text.resize(text.len().next_multiple_of(8), b' ');
    [&(text.len() as u64).to_le_bytes()[..], &text, &bytes[8 + length..]].concat()
}

#[test]
fn round_trip_in_both_storages_and_the_same_bytes_every_time() {
    let model = tiny();
    for storage in [Storage::F32, Storage::F16] {
        let bytes = model.to_bytes(storage).unwrap();
        // Eighths are exact in f16.
        assert_eq!(ModelFile::from_bytes(&bytes).unwrap(), model);
        assert_eq!(model.to_bytes(storage).unwrap(), bytes);
    }
}

#[test]
fn a_file_cut_short_anywhere_is_an_error() {
    for storage in [Storage::F16, Storage::I8] {
        let bytes = tiny().to_bytes(storage).unwrap();
        for cut in (0..bytes.len()).step_by(13).chain([bytes.len() - 1]) {
            assert!(ModelFile::from_bytes(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }
}

#[test]
fn calibration_travels_and_is_checked_both_ways() {
    let calibration = crate::calibration::tests::calibration();
    let model = ModelFile { calibration: Some(calibration), ..tiny() };
    let bytes = model.to_bytes(Storage::F32).unwrap();
    assert_eq!(ModelFile::from_bytes(&bytes).unwrap(), model);
    for (from, to) in [("\"falseCutoff\":0.08", "\"falseCutoff\":0.99"), ("pauses", "paused")] {
        let wrong = with_header(&bytes, |h| {
            let text = h["__metadata__"]["calibration"].as_str().unwrap().replace(from, to);
            h["__metadata__"]["calibration"] = text.into();
        });
        let error = ModelFile::from_bytes(&wrong).unwrap_err();
        assert!(error.to_string().contains("calibration"), "{error}");
    }
    let mut wrong = model;
    wrong.calibration.as_mut().unwrap().points.clear();
    assert!(matches!(wrong.to_bytes(Storage::F32), Err(Error::ConfigValue { .. })));
}

#[test]
fn integers_are_within_half_a_step_of_their_row() {
    let mut model = tiny();
    let name = "transformer.layers.0.feed_forward.expand.weight";
    let weight = model.weights.get_mut(name).unwrap();
    let width = weight.shape[1];
    for (at, value) in weight.values.iter_mut().enumerate() {
        // Rows of very different size, one of zeros, one of the smallest numbers there are.
        let row = [1e-3, 0.7, 0.0, 1e4, 1e-42][at / width % 5];
        *value = row * ((at as f32 * 0.37).sin() - 0.2);
    }
    let values = weight.values.clone();
    let bytes = model.to_bytes(Storage::I8).unwrap();
    let read = ModelFile::from_bytes(&bytes).unwrap();
    let found = &read.weights[name].values;
    for (row, (found, values)) in found.chunks(width).zip(values.chunks(width)).enumerate() {
        let largest = values.iter().fold(0.0f32, |most, v| most.max(v.abs()));
        let step = (largest / 127.0 * (1.0 + 1e-4)).max(f32::MIN_POSITIVE);
        for (a, b) in found.iter().zip(values) {
            assert!((a - b).abs() <= step / 2.0 * (1.0 + 1e-5), "row {row}: {a} for {b}");
        }
    }
    // Vectors stay 16-bit floats.
    assert_eq!(read.weights["heads.eot.bias"], tiny().weights["heads.eot.bias"]);
    assert!(read.to_bytes(Storage::I8).unwrap() == bytes, "what was read is written to the same bytes");
    let floats = model.to_bytes(Storage::F32).unwrap();
    assert!(bytes.len() < floats.len());
}

#[test]
fn a_bias_by_distance_and_the_position_stay_floats() {
    use crate::config::EncoderKind;
    let mut model = tiny();
    model.config = ModelConfig { encoder: EncoderKind::Whisper, stereo_dim: Some(6), ..model.config };
    // One far frame of much weight: as an integer of its scale, 0.125 would be lost.
    let weights = params::params(&model.config).into_iter().map(|p| {
        let mut values = vec![0.125; p.len()];
        values[0] = -90.0;
        (p.name, Weight { shape: p.shape, values })
    });
    model.weights = weights.collect();
    let bytes = model.to_bytes(Storage::I8).unwrap();
    let view = ModelView::read(&bytes).unwrap();
    for param in params::params(&model.config) {
        let stored = view.weight(&param).unwrap();
        let float = param.shape.len() == 1 || param.name.ends_with("distance_bias");
        assert_eq!(matches!(stored, StoredWeight::F16(_)), float, "{}", param.name);
        assert_eq!(stored.to_f32() == model.weights[&param.name].values, float, "{}", param.name);
    }
    let name = "encoder.layers.0.self_attention.distance_bias";
    model.weights.get_mut(name).unwrap().values[1] = 1e6;
    let error = model.to_bytes(Storage::I8).unwrap_err();
    assert!(matches!(error, Error::NotFinite { place, index: 1 } if place.contains(name)));
}

/// Offset of a tensor's data in the file.
fn data_at(bytes: &[u8], name: &str) -> usize {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    8 + length + header[name]["data_offsets"][0].as_u64().unwrap() as usize
}

#[test]
fn hostile_scales_and_integers_are_refused() {
    let bytes = tiny().to_bytes(Storage::I8).unwrap();
    let (matrix, scales) = ("heads.eot.weight", "heads.eot.weight.scale");
    for wrong in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        let mut tampered = bytes.clone();
        let at = data_at(&bytes, scales);
        tampered[at..at + 4].copy_from_slice(&wrong.to_le_bytes());
        let error = ModelFile::from_bytes(&tampered).unwrap_err();
        assert!(matches!(&error, Error::ModelFile(m) if m.contains(scales)), "{wrong}: {error}");
    }
    let mut huge = bytes.clone();
    let at = data_at(&bytes, scales);
    huge[at..at + 4].copy_from_slice(&f32::MAX.to_le_bytes());
    assert!(matches!(ModelFile::from_bytes(&huge), Err(Error::NotFinite { .. })));
    let mut lowest = bytes.clone();
    lowest[data_at(&bytes, matrix)] = 0x80;
    assert!(matches!(ModelFile::from_bytes(&lowest), Err(Error::ModelFile(m)) if m.contains("-128")));

    let named = |from: &str, to: &str| {
        let renamed = with_header(&bytes, |h| {
            let moved = h.as_object_mut().unwrap().remove(from).unwrap();
            h[to] = moved;
        });
        ModelFile::from_bytes(&renamed)
    };
    assert!(matches!(named(scales, "heads.eot.weight.skale"), Err(Error::WeightUnknown { .. })));
    assert!(matches!(named(scales, "heads.eot.bias.scale"), Err(Error::WeightUnknown { .. })));
    let mut model = tiny();
    let rows = model.weights["encoder.conv1.weight"].shape[0] as u64;
    let shape = with_header(&bytes, |h| {
        h["encoder.conv1.weight.scale"]["shape"] = serde_json::json!([1, rows]);
    });
    assert!(matches!(ModelFile::from_bytes(&shape), Err(Error::WeightShape { .. })));
    // Too large for what a scale times 127 can be.
    model.weights.get_mut(matrix).unwrap().values[1] = f32::MAX;
    assert!(matches!(model.to_bytes(Storage::I8), Err(Error::NotFinite { index: 0, .. })));
}

#[test]
fn a_scale_missing_too_much_or_of_another_type_is_refused() {
    let model = tiny();
    let bytes = model.to_bytes(Storage::I8).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let wanted = params::params(&model.config);
    let (matrix, scales) = ("heads.eot.weight", "heads.eot.weight.scale");
    type Change<'a> = &'a dyn Fn(&str, TensorView) -> Option<(Dtype, Vec<u8>)>;
    let rewritten = |change: Change| {
        let kept: Vec<_> = tensors
            .tensors()
            .into_iter()
            .filter_map(|(name, view)| {
                let (dtype, data) = change(&name, view.clone())?;
                Some((name, dtype, view.shape().to_vec(), data))
            })
            .collect();
        let views = kept.iter().map(|(n, d, s, b)| (n, TensorView::new(*d, s.clone(), b).unwrap()));
        let bytes = safetensors::serialize(views, None).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        storage::nothing_else(&wanted, &tensors)?;
        wanted.iter().try_for_each(|param| storage::stored(param, &tensors).map(|_| ()))
    };
    let same = |view: &TensorView| Some((view.dtype(), view.data().to_vec()));
    assert_eq!(rewritten(&|_, view| same(&view)), Ok(()));
    let missing = rewritten(&|name, view| if name == scales { None } else { same(&view) });
    assert!(matches!(missing, Err(Error::WeightMissing { name, .. }) if name == scales));
    let halves = rewritten(&|name, view| match name == scales {
        true => Some((Dtype::F16, vec![0; view.data().len() / 2])),
        false => same(&view),
    });
    assert!(matches!(halves, Err(Error::ModelFile(m)) if m.contains(scales)));
    let idle = rewritten(&|name, view| match name == matrix {
        true => Some((Dtype::F16, vec![0; view.data().len() * 2])),
        false => same(&view),
    });
    assert!(
        matches!(idle, Err(Error::WeightUnknown { name }) if name == scales),
        "a scale that scales nothing"
    );
    let bias = rewritten(&|name, view| match name == "heads.eot.bias" {
        true => Some((Dtype::I8, vec![0; view.data().len() / 2])),
        false => same(&view),
    });
    assert!(matches!(bias, Err(Error::ModelFile(m)) if m.contains("F32 or F16")));
}

#[test]
fn a_lying_header_is_an_error() {
    let bytes = tiny().to_bytes(Storage::F32).unwrap();
    let mut huge = bytes.clone();
    huge[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(matches!(ModelFile::from_bytes(&huge), Err(Error::ModelFile(_))));
    let shape = with_header(&bytes, |h| h["encoder.conv1.bias"]["shape"] = serde_json::json!([1u64 << 40]));
    assert!(ModelFile::from_bytes(&shape).is_err());
    let offsets =
        with_header(&bytes, |h| h["encoder.conv1.bias"]["data_offsets"] = serde_json::json!([0, 1u64 << 40]));
    assert!(ModelFile::from_bytes(&offsets).is_err());
    let version = with_header(&bytes, |h| h["__metadata__"]["format_version"] = "9".into());
    assert!(
        matches!(ModelFile::from_bytes(&version), Err(Error::ModelVersion { found, .. }) if found == "9")
    );
    let missing = with_header(&bytes, |h| {
        h["__metadata__"].as_object_mut().unwrap().remove("config");
    });
    assert!(matches!(ModelFile::from_bytes(&missing), Err(Error::ModelFile(m)) if m.contains("config")));
}

#[test]
fn config_and_weights_must_agree() {
    let bytes = tiny().to_bytes(Storage::F32).unwrap();
    let config = |change: fn(&mut ModelConfig)| {
        let mut other = tiny().config;
        change(&mut other);
        let text = other.to_json();
        ModelFile::from_bytes(&with_header(&bytes, |h| h["__metadata__"]["config"] = text.clone().into()))
    };
    assert!(matches!(config(|c| c.dim = 8), Err(Error::WeightShape { .. })));
    assert!(matches!(config(|c| c.num_layers = 2), Err(Error::WeightMissing { .. })));
    assert!(matches!(config(|c| c.channel_layers = 0), Err(Error::WeightUnknown { .. })));
    assert!(matches!(config(|c| c.dim = 5), Err(Error::ConfigValue { key: "heads", .. })));
    let unknown = with_header(&bytes, |h| {
        h["__metadata__"]["config"] = tiny().config.to_json().replace("\"dim\"", "\"dims\"").into();
    });
    assert!(matches!(ModelFile::from_bytes(&unknown), Err(Error::ConfigSyntax(m)) if m.contains("dims")));
}

#[test]
fn weights_that_are_not_finite_are_refused_both_ways() {
    let mut model = tiny();
    let bytes = model.to_bytes(Storage::F32).unwrap();
    let mut poisoned = bytes.clone();
    let end = poisoned.len();
    poisoned[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    assert!(matches!(ModelFile::from_bytes(&poisoned), Err(Error::NotFinite { .. })));
    model.weights.get_mut("heads.eot.bias").unwrap().values[0] = 1e6;
    assert!(model.to_bytes(Storage::F32).is_ok());
    assert!(matches!(model.to_bytes(Storage::F16), Err(Error::NotFinite { .. })), "1e6 is beyond f16");
}
