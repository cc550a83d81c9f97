//! An encoder of Whisper's form as it was found elsewhere: two convolutions, positions, pre-norm layers, a last norm.
//! Shapes are checked here, so that what follows need not.

use vap_core::config::{CONV1_KERNEL, MEL_BANDS, ModelConfig};
use vap_core::model_file::Weight;

use super::graph::Linear;
use super::onnx::Numbers;

/// A matrix product or convolution with its bias; zeros where the source has none.
#[derive(Debug, Clone, PartialEq)]
pub struct Affine {
    /// `[out, in]` or `[out, in, kernel]`.
    pub weight: Weight,
    /// `[out]`.
    pub bias: Weight,
}

/// LayerNorm.
#[derive(Debug, Clone, PartialEq)]
pub struct Norm {
    /// `[dim]`.
    pub weight: Weight,
    /// `[dim]`.
    pub bias: Weight,
}

/// One pre-norm layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Norm before the attention.
    pub attention_norm: Norm,
    /// `[dim, dim]`.
    pub query: Affine,
    /// `[dim, dim]`.
    pub key: Affine,
    /// `[dim, dim]`.
    pub value: Affine,
    /// `[dim, dim]`.
    pub output: Affine,
    /// Norm before the feed-forward part.
    pub feed_forward_norm: Norm,
    /// `[wide, dim]`.
    pub expand: Affine,
    /// `[dim, wide]`.
    pub contract: Affine,
}

/// What a teacher of turns has behind its encoder: frames weighted by a small net and summed, then a classifier.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// `[hidden, dim]`, a tanh behind it.
    pub pool_hidden: Affine,
    /// `[1, hidden]`: a frame's weight, before a softmax over frames.
    pub pool_score: Affine,
    /// `[a, dim]`, a norm and a GELU behind it.
    pub first: Affine,
    /// `[a]`.
    pub first_norm: Norm,
    /// `[b, a]`, a GELU behind it.
    pub second: Affine,
    /// `[1, b]`, a sigmoid behind it.
    pub third: Affine,
}

impl Head {
    fn check(&self, d: usize) -> Result<(), String> {
        let [p, a, b] = [&self.pool_hidden, &self.first, &self.second].map(|part| part.bias.values.len());
        affine_fits("hidden part of the pooling", &self.pool_hidden, &[p, d])?;
        affine_fits("score of the pooling", &self.pool_score, &[1, p])?;
        affine_fits("first product of the classifier", &self.first, &[a, d])?;
        norm_fits("norm of the classifier", &self.first_norm, a)?;
        affine_fits("second product of the classifier", &self.second, &[b, a])?;
        affine_fits("third product of the classifier", &self.third, &[1, b])
    }
}

/// The whole encoder.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceEncoder {
    /// `[dim, 80, 3]`, stride 1, centred.
    pub conv1: Affine,
    /// `[dim, dim, 3]`, stride 2, centred.
    pub conv2: Affine,
    /// Added to each frame by its place, `[frames, dim]`.
    pub positions: Weight,
    /// Layers.
    pub layers: Vec<Layer>,
    /// Norm behind the layers.
    pub norm: Norm,
    /// Attention heads. Scores are scaled by the root of the width of one.
    pub heads: usize,
    /// Epsilon of the norms.
    pub norm_epsilon: f64,
    /// A teacher's head, where there is one.
    pub head: Option<Head>,
}

impl SourceEncoder {
    /// Width.
    pub fn dim(&self) -> usize {
        self.norm.weight.values.len()
    }

    /// Checks shapes against each other and numbers for being finite.
    ///
    /// # Errors
    /// Which weight has which shape, and what was expected.
    pub fn check(&self) -> Result<(), String> {
        let d = self.dim();
        let wide = self.layers.first().map_or(0, |layer| layer.expand.bias.values.len());
        let affine = affine_fits;
        let norm = |name: &str, norm: &Norm| norm_fits(name, norm, d);
        affine("first convolution", &self.conv1, &[d, MEL_BANDS, CONV1_KERNEL])?;
        affine("second convolution", &self.conv2, &[d, d, 3])?;
        let frames = self.positions.shape.first().copied().unwrap_or(0);
        fits("positions", &self.positions, &[frames.max(1), d])?;
        for (i, layer) in self.layers.iter().enumerate() {
            let name = |part: &str| format!("layer {i}, {part}");
            norm(&name("norm of the attention"), &layer.attention_norm)?;
            affine(&name("query"), &layer.query, &[d, d])?;
            affine(&name("key"), &layer.key, &[d, d])?;
            affine(&name("value"), &layer.value, &[d, d])?;
            affine(&name("output"), &layer.output, &[d, d])?;
            norm(&name("norm of the feed-forward part"), &layer.feed_forward_norm)?;
            affine(&name("expanding product"), &layer.expand, &[wide, d])?;
            affine(&name("contracting product"), &layer.contract, &[d, wide])?;
        }
        norm("last norm", &self.norm)?;
        self.head.as_ref().map_or(Ok(()), |head| head.check(d))
    }

    /// Whether a config describes this encoder.
    ///
    /// # Errors
    /// The key, what the encoder has and what the config says.
    pub fn fits(&self, config: &ModelConfig) -> Result<(), String> {
        let wide = self.layers.first().map_or(0, |layer| layer.expand.bias.values.len());
        for (key, here, there) in [
            ("dim", self.dim(), config.dim),
            ("channel_layers", self.layers.len(), config.channel_layers),
            ("heads", self.heads, config.heads),
            ("dim x feed_forward_factor", wide, config.feed_forward_dim()),
        ] {
            if here != there {
                return Err(format!("expected a config with {key} = {here}, found {there}"));
            }
        }
        // A file holds it as f32.
        if (self.norm_epsilon - config.norm_epsilon).abs() > 1e-3 * self.norm_epsilon {
            let (here, there) = (self.norm_epsilon, config.norm_epsilon);
            return Err(format!("expected a config with norm_epsilon = {here:e}, found {there:e}"));
        }
        Ok(())
    }
}

fn affine_fits(name: &str, affine: &Affine, shape: &[usize]) -> Result<(), String> {
    fits(&format!("{name} weight"), &affine.weight, shape)?;
    fits(&format!("{name} bias"), &affine.bias, &shape[..1])
}

fn norm_fits(name: &str, norm: &Norm, dim: usize) -> Result<(), String> {
    fits(&format!("{name} weight"), &norm.weight, &[dim])?;
    fits(&format!("{name} bias"), &norm.bias, &[dim])
}

fn fits(name: &str, weight: &Weight, shape: &[usize]) -> Result<(), String> {
    if weight.shape != shape || weight.values.len() != shape.iter().product::<usize>() {
        return Err(format!("{name}: expected shape {shape:?}, found {:?}", weight.shape));
    }
    match weight.values.iter().position(|v| !v.is_finite()) {
        Some(index) => Err(format!("{name}: value {index} is not finite")),
        None => Ok(()),
    }
}

/// As the model file holds numbers.
pub fn weight(numbers: &Numbers) -> Weight {
    Weight { shape: numbers.shape.clone(), values: numbers.values.iter().map(|v| *v as f32).collect() }
}

/// As the model file holds a product; a bias of zeros where there is none.
pub fn affine(linear: &Linear) -> Affine {
    let weight = weight(&linear.weight);
    let out = weight.shape.first().copied().unwrap_or(0);
    let zeros = || Weight { shape: vec![out], values: vec![0.0; out] };
    Affine { bias: linear.bias.as_ref().map_or_else(zeros, self::weight), weight }
}
