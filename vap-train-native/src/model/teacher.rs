//! A teacher: a pretrained end-of-turn judge that answers, for the last two seconds of one channel, whether the sound
//! so far would be finished. The trainer asks it while it trains; nothing of it ships.
//!
//! The net is the encoder and the pooled head of Smart Turn v3 (Whisper-tiny's encoder, attention over the whole
//! window, attention pooling, a small classifier), as `vap-train import` writes it: its first convolution is folded
//! onto our normalised mels.

use std::collections::BTreeMap;
use std::path::Path;

use tch::{Device, Kind, Tensor};
use vap_core::config::{MEL_BANDS, MELS_A_FRAME};
use vap_core::features::FeatureStatistics;

use crate::error::{Error, Result};

/// Frames of 20 ms that a question is about.
pub const QUESTION_FRAMES: usize = 100;
/// Width of one attention head of Whisper's encoders.
const HEAD_DIM: i64 = 64;
/// Epsilon of the net's norms.
const NORM_EPSILON: f64 = 1e-5;

/// Header key of the statistics that the net's first convolution takes our features under.
pub const STATISTICS: &str = "statistics";

/// The net's weights on one device.
pub struct Teacher {
    weights: BTreeMap<String, Tensor>,
    statistics: Option<FeatureStatistics>,
    layers: usize,
    dim: i64,
}

/// What a teacher file says of its source: name, version, licence, hash.
///
/// # Errors
/// [`Error::Io`]; [`Error::Weights`] when it is no safetensors file.
pub fn source(path: &Path) -> Result<BTreeMap<String, String>> {
    let mut header = header(path)?;
    header.remove(STATISTICS);
    Ok(header)
}

fn header(path: &Path) -> Result<BTreeMap<String, String>> {
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes)
        .map_err(|e| Error::Weights(format!("{}: {e}", path.display())))?;
    Ok(header.metadata().clone().unwrap_or_default().into_iter().collect())
}

impl Teacher {
    /// Reads the file that `vap-train import --teacher-out` wrote.
    ///
    /// # Errors
    /// [`Error::Weights`] when the file cannot be read or a weight is missing or of another shape.
    pub fn read(path: &Path, device: Device) -> Result<Teacher> {
        let told = |e: &dyn std::fmt::Display| Error::Weights(format!("{}: {e}", path.display()));
        let read = Tensor::read_safetensors(path).map_err(|e| told(&e))?;
        let weights: BTreeMap<_, _> = read
            .into_iter()
            .map(|(name, tensor)| (name, tensor.to_device(device).to_kind(Kind::Float)))
            .collect();
        let layers = (0..).take_while(|i| weights.contains_key(&format!("layers.{i}.query.weight"))).count();
        let dim = weights.get("norm.weight").map_or(0, |norm| norm.size()[0]);
        let statistics: Option<FeatureStatistics> = header(path)?
            .get(STATISTICS)
            .map(|json| serde_json::from_str(json).map_err(|e| told(&e)))
            .transpose()?;
        statistics.as_ref().map_or(Ok(()), FeatureStatistics::validate)?;
        let teacher = Teacher { weights, statistics, layers, dim };
        teacher.check().map_err(|e| told(&e))?;
        Ok(teacher)
    }

    /// Every weight is there and of the shape that the others ask for.
    fn check(&self) -> Result<(), String> {
        let (dim, bands, frames) = (self.dim, MEL_BANDS as i64, QUESTION_FRAMES as i64);
        if self.layers == 0 || dim == 0 || dim % HEAD_DIM != 0 {
            return Err(format!(
                "expected layers of a width that {HEAD_DIM} divides, found {} of {dim}",
                self.layers
            ));
        }
        let mut shapes = vec![
            ("conv1.weight".to_string(), vec![dim, bands, 3]),
            ("conv1.bias".into(), vec![dim]),
            ("conv2.weight".into(), vec![dim, dim, 3]),
            ("conv2.bias".into(), vec![dim]),
            ("positions".into(), vec![frames, dim]),
            ("norm.weight".into(), vec![dim]),
            ("norm.bias".into(), vec![dim]),
        ];
        for i in 0..self.layers {
            for norm in ["norm1", "norm2"] {
                shapes
                    .extend(["weight", "bias"].map(|part| (format!("layers.{i}.{norm}.{part}"), vec![dim])));
            }
            for linear in ["query", "key", "value", "output"] {
                shapes.push((format!("layers.{i}.{linear}.weight"), vec![dim, dim]));
                shapes.push((format!("layers.{i}.{linear}.bias"), vec![dim]));
            }
        }
        for (name, shape) in shapes {
            match self.weights.get(&name).map(Tensor::size) {
                Some(found) if found == shape => {}
                Some(found) => return Err(format!("{name}: expected {shape:?}, found {found:?}")),
                None => return Err(format!("{name} is missing")),
            }
        }
        let mut rest =
            vec!["pool.0", "pool.2", "classifier.0", "classifier.1", "classifier.4", "classifier.6"]
                .into_iter()
                .map(String::from)
                .collect::<Vec<_>>();
        rest.extend((0..self.layers).flat_map(|i| ["expand", "contract"].map(|l| format!("layers.{i}.{l}"))));
        let missing = |name: &String| {
            ["weight", "bias"].iter().any(|p| !self.weights.contains_key(&format!("{name}.{p}")))
        };
        match rest.iter().find(|name| missing(name)) {
            Some(name) => Err(format!("{name} is missing")),
            None => Ok(()),
        }
    }

    /// Width of its encoder.
    pub fn dim(&self) -> usize {
        self.dim as usize
    }

    /// A weight by its name in the file.
    ///
    /// # Errors
    /// [`Error::Weights`] when there is none.
    pub fn weight(&self, name: &str) -> Result<&Tensor> {
        self.weights.get(name).ok_or_else(|| Error::Weights(format!("{name} is missing from the teacher")))
    }

    /// Mean and deviation that it takes our features under, where its file says so.
    pub fn statistics(&self) -> Option<&FeatureStatistics> {
        self.statistics.as_ref()
    }

    /// Probability that the sound so far is finished, `[questions]`, of normalised mels
    /// `[questions, 2 * QUESTION_FRAMES, 80]` whose last frame is the newest.
    pub fn answer(&self, mels: &Tensor) -> Tensor {
        tch::no_grad(|| {
            let hidden = self.encode(mels);
            let score = self.linear("pool.2", &self.linear("pool.0", &hidden).tanh());
            let pooled = (score.softmax(1, Kind::Float) * &hidden).sum_dim_intlist(1, false, Kind::Float);
            let x = self.norm("classifier.1", &self.linear("classifier.0", &pooled)).gelu("none");
            let x = self.linear("classifier.4", &x).gelu("none");
            self.linear("classifier.6", &x).squeeze_dim(-1).sigmoid()
        })
    }

    /// `[questions, 2 * frames, 80]` to `[questions, frames, dim]`: the whole window at once, no causal mask.
    fn encode(&self, mels: &Tensor) -> Tensor {
        let conv = |x: &Tensor, name: &str, stride: i64| {
            let (weight, bias) = (self.at(&format!("{name}.weight")), self.at(&format!("{name}.bias")));
            x.conv1d(weight, Some(bias), [stride], [1], [1], 1).gelu("none")
        };
        let x = conv(&conv(&mels.transpose(1, 2), "conv1", 1), "conv2", MELS_A_FRAME as i64).transpose(1, 2);
        let mut x = x + self.at("positions");
        let size = x.size();
        let heads = |x: Tensor| x.reshape([size[0], size[1], -1, HEAD_DIM]).transpose(1, 2);
        for i in 0..self.layers {
            let at = |name: &str| format!("layers.{i}.{name}");
            let own = self.norm(&at("norm1"), &x);
            let [q, k, v] = ["query", "key", "value"].map(|name| heads(self.linear(&at(name), &own)));
            let mixed =
                Tensor::scaled_dot_product_attention::<Tensor>(&q, &k, &v, None, 0.0, false, None, false);
            let mixed = mixed.transpose(1, 2).reshape(&size);
            x += self.linear(&at("output"), &mixed);
            let wide = self.linear(&at("expand"), &self.norm(&at("norm2"), &x)).gelu("none");
            x += self.linear(&at("contract"), &wide);
        }
        self.norm("norm", &x)
    }

    /// A weight that [`Teacher::check`] has seen.
    fn at(&self, name: &str) -> &Tensor {
        &self.weights[name]
    }

    fn linear(&self, name: &str, x: &Tensor) -> Tensor {
        x.linear(self.at(&format!("{name}.weight")), Some(self.at(&format!("{name}.bias"))))
    }

    fn norm(&self, name: &str, x: &Tensor) -> Tensor {
        let (weight, bias) = (self.at(&format!("{name}.weight")), self.at(&format!("{name}.bias")));
        x.layer_norm(weight.size(), Some(weight), Some(bias), NORM_EPSILON, false)
    }
}
