//! Name and shape of every weight, from the config: the contract between both models and the model file.
//!
//! Linear weights are `[out, in]`, convolutions `[out, in, kernel]`, as PyTorch stores them.

use crate::config::{CONV1_KERNEL, EncoderKind, MEL_BANDS, ModelConfig};
use crate::projection::BINS;

/// One weight: its name and its shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param {
    /// Dotted path, the same in both models.
    pub name: String,
    /// Shape, outermost first.
    pub shape: Vec<usize>,
}

impl Param {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// True when the shape holds no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Every weight of the model, in the order sound flows through them.
pub fn params(config: &ModelConfig) -> Vec<Param> {
    let (d, f) = (config.dim, config.feed_forward_dim());
    let whisper = config.encoder == EncoderKind::Whisper;
    let mut list = List(Vec::new());
    list.add("encoder.conv1.weight", &[d, MEL_BANDS, CONV1_KERNEL]);
    list.add("encoder.conv1.bias", &[d]);
    list.add("encoder.conv2.weight", &[d, d, config.encoder.conv2_kernel()]);
    list.add("encoder.conv2.bias", &[d]);
    if whisper {
        list.add("encoder.position", &[d]);
    } else {
        list.norm("encoder.norm", d);
    }
    for i in 0..config.channel_layers {
        let at = format!("encoder.layers.{i}");
        list.attention(&at, "self_attention", d);
        if whisper {
            let shape = [config.heads, config.context_frames];
            list.add(&format!("{at}.self_attention.distance_bias"), &shape);
        }
        list.feed_forward(&at, d, f);
    }
    if whisper {
        list.norm("encoder.norm", d);
    }
    let stereo = config.stereo();
    if config.has_bridge() {
        list.linear("bridge", stereo.dim, d);
    }
    let (d, f) = (stereo.dim, stereo.feed_forward_dim());
    for i in 0..config.num_layers {
        let at = format!("transformer.layers.{i}");
        list.attention(&at, "self_attention", d);
        list.attention(&at, "cross_attention", d);
        list.feed_forward(&at, d, f);
    }
    list.norm("transformer.norm", d);
    list.linear("heads.projection", BINS, 2 * d);
    list.linear("heads.eot", 1, 2 * d);
    list.linear("heads.backchannel", 1, 2 * d);
    list.linear("heads.vad", 1, 2 * d);
    list.linear("heads.overlap", 1, d);
    list.0
}

/// Number of trained values.
pub fn count(config: &ModelConfig) -> usize {
    params(config).iter().map(Param::len).sum()
}

struct List(Vec<Param>);

impl List {
    fn add(&mut self, name: &str, shape: &[usize]) {
        self.0.push(Param { name: name.into(), shape: shape.into() });
    }

    fn linear(&mut self, at: &str, out: usize, input: usize) {
        self.add(&format!("{at}.weight"), &[out, input]);
        self.add(&format!("{at}.bias"), &[out]);
    }

    fn norm(&mut self, at: &str, d: usize) {
        self.add(&format!("{at}.weight"), &[d]);
        self.add(&format!("{at}.bias"), &[d]);
    }

    fn attention(&mut self, at: &str, kind: &str, d: usize) {
        self.norm(&format!("{at}.{kind}.norm"), d);
        for part in ["query", "key", "value", "output"] {
            self.linear(&format!("{at}.{kind}.{part}"), d, d);
        }
    }

    fn feed_forward(&mut self, at: &str, d: usize, f: usize) {
        self.norm(&format!("{at}.feed_forward.norm"), d);
        self.linear(&format!("{at}.feed_forward.expand"), f, d);
        self.linear(&format!("{at}.feed_forward.contract"), d, f);
    }
}
