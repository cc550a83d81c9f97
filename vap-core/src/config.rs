//! Sizes of a model: what a config file says, checked, and every number derived from it.
//!
//! Unknown keys are refused. The resolved config travels in the model file's header as JSON; the trainer reads
//! the same struct from TOML.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Mel bands of a feature frame.
pub const MEL_BANDS: usize = 80;
/// Mel frames the encoder turns into one output frame.
pub const MELS_A_FRAME: usize = 2;
/// Mel values of one hop of a channel.
pub const HOP_MELS: usize = MELS_A_FRAME * MEL_BANDS;
/// Kernel of the encoder's first convolution (stride 1).
pub const CONV1_KERNEL: usize = 3;

/// How the encoder is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EncoderKind {
    /// Second convolution of kernel 4, LayerNorm, then layers with ALiBi distance bias.
    #[default]
    Vap,
    /// As Whisper's (Radford et al. 2022, arXiv 2212.04356), so that its weights can be imported: second convolution of
    /// kernel 3, a constant position, layers whose distance bias is learned a head, then LayerNorm.
    Whisper,
}

impl EncoderKind {
    fn is_default(&self) -> bool {
        *self == EncoderKind::Vap
    }

    /// Kernel of the second convolution (stride [`MELS_A_FRAME`]).
    pub fn conv2_kernel(self) -> usize {
        match self {
            EncoderKind::Vap => 4,
            EncoderKind::Whisper => 3,
        }
    }
}

/// Sizes of one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Name of the variant: `baseline`, `optimized`, `light`, `standard` or one's own.
    pub name: String,
    /// Width of every layer.
    pub dim: usize,
    /// Self-attention layers on each channel alone.
    pub channel_layers: usize,
    /// Stereo layers: self-attention, cross-attention, feed-forward.
    pub num_layers: usize,
    /// Attention heads; divides `dim`.
    pub heads: usize,
    /// Attention window of every layer, in 20 ms frames, the current one included.
    pub context_frames: usize,
    /// Width of the feed-forward part, in multiples of `dim`.
    pub feed_forward_factor: usize,
    /// Epsilon of every LayerNorm.
    pub norm_epsilon: f64,
    /// How the encoder is built.
    #[serde(default, skip_serializing_if = "EncoderKind::is_default")]
    pub encoder: EncoderKind,
    /// Width of the stereo layers and heads; `dim` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stereo_dim: Option<usize>,
    /// Attention heads of the stereo layers; `heads` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stereo_heads: Option<usize>,
}

impl ModelConfig {
    /// Reads and checks a config from JSON.
    ///
    /// # Errors
    /// [`Error::ConfigSyntax`] for unknown or missing keys, [`Error::ConfigValue`] for values out of range.
    pub fn from_json(json: &str) -> Result<Self> {
        let config: Self = serde_json::from_str(json).map_err(|e| Error::ConfigSyntax(e.to_string()))?;
        config.validate()?;
        Ok(config)
    }

    /// The config as JSON.
    pub fn to_json(&self) -> String {
        // A struct of numbers and one string always serialises.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Checks every value.
    ///
    /// # Errors
    /// [`Error::ConfigValue`] naming the key, what is allowed and what was found.
    pub fn validate(&self) -> Result<()> {
        let range = |key, value: usize, min: usize, max: usize| {
            if (min..=max).contains(&value) {
                return Ok(());
            }
            let (expected, found) = (format!("{min} to {max}"), value.to_string());
            Err(Error::ConfigValue { key, expected, found })
        };
        range("name", self.name.len(), 1, 64)?;
        range("dim", self.dim, 1, 1024)?;
        range("channel_layers", self.channel_layers, 0, 16)?;
        range("num_layers", self.num_layers, 1, 16)?;
        range("heads", self.heads, 1, 32)?;
        range("context_frames", self.context_frames, 1, 1024)?;
        range("feed_forward_factor", self.feed_forward_factor, 1, 8)?;
        let stereo = self.stereo();
        range("stereo_dim", stereo.dim, 1, 1024)?;
        range("stereo_heads", stereo.heads, 1, 32)?;
        for (key, width, dim, heads) in
            [("heads", "dim", self.dim, self.heads), ("stereo_heads", "stereo_dim", stereo.dim, stereo.heads)]
        {
            if !dim.is_multiple_of(heads) {
                let (expected, found) = (format!("a divisor of {width} ({dim})"), heads.to_string());
                return Err(Error::ConfigValue { key, expected, found });
            }
        }
        if !(self.norm_epsilon > 0.0 && self.norm_epsilon < 0.1) {
            return Err(Error::ConfigValue {
                key: "norm_epsilon",
                expected: "above 0 and below 0.1".into(),
                found: self.norm_epsilon.to_string(),
            });
        }
        Ok(())
    }

    /// The config as the stereo layers and heads see it: their width and attention heads in the place of the encoder's.
    pub fn stereo(&self) -> ModelConfig {
        ModelConfig {
            dim: self.stereo_dim.unwrap_or(self.dim),
            heads: self.stereo_heads.unwrap_or(self.heads),
            encoder: EncoderKind::Vap,
            stereo_dim: None,
            stereo_heads: None,
            ..self.clone()
        }
    }

    /// Whether a linear layer brings the encoder's width to that of the stereo layers.
    pub fn has_bridge(&self) -> bool {
        self.stereo().dim != self.dim
    }

    /// Width of one attention head.
    pub fn head_dim(&self) -> usize {
        self.dim / self.heads
    }

    /// Width of the feed-forward part.
    pub fn feed_forward_dim(&self) -> usize {
        self.dim * self.feed_forward_factor
    }

    /// Frames before the one at hand that can have any influence on it, through all windows of all layers and the two
    /// convolutions.
    pub fn past_frames(&self) -> usize {
        let windows = self.channel_layers + 2 * self.num_layers;
        let convolved_mels = (CONV1_KERNEL - 1) + (self.encoder.conv2_kernel() - MELS_A_FRAME);
        windows * (self.context_frames - 1) + convolved_mels.div_ceil(MELS_A_FRAME)
    }

    /// ALiBi slope of each head, `[heads]`: 2^(-8 i / heads) for i = 1..=heads (Press et al. 2022, arXiv 2108.12409).
    pub fn alibi_slopes(&self) -> Vec<f32> {
        (1..=self.heads).map(|i| 2f32.powf(-8.0 * i as f32 / self.heads as f32)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn light() -> ModelConfig {
        ModelConfig {
            name: "light".into(),
            dim: 192,
            channel_layers: 4,
            num_layers: 2,
            heads: 4,
            context_frames: 128,
            feed_forward_factor: 4,
            norm_epsilon: 1e-5,
            encoder: EncoderKind::Vap,
            stereo_dim: None,
            stereo_heads: None,
        }
    }

    fn standard() -> ModelConfig {
        ModelConfig {
            name: "standard".into(),
            dim: 384,
            heads: 6,
            context_frames: 100,
            encoder: EncoderKind::Whisper,
            stereo_dim: Some(192),
            stereo_heads: Some(4),
            ..light()
        }
    }

    #[test]
    fn json_round_trip() {
        assert_eq!(ModelConfig::from_json(&light().to_json()).unwrap(), light());
        assert_eq!(ModelConfig::from_json(&standard().to_json()).unwrap(), standard());
        assert!(!light().to_json().contains("stereo") && !light().to_json().contains("encoder"));
    }

    #[test]
    fn unknown_key_is_refused() {
        let json = light().to_json().replace("\"dim\"", "\"dims\"");
        let error = ModelConfig::from_json(&json).unwrap_err();
        assert!(matches!(&error, Error::ConfigSyntax(m) if m.contains("dims")), "{error}");
    }

    #[test]
    fn values_out_of_range_are_named() {
        type Case = (&'static str, fn(&mut ModelConfig));
        let cases: [Case; 9] = [
            ("heads", |c| c.heads = 5),
            ("dim", |c| c.dim = 0),
            ("dim", |c| c.dim = usize::MAX),
            ("context_frames", |c| c.context_frames = 0),
            ("norm_epsilon", |c| c.norm_epsilon = f64::NAN),
            ("num_layers", |c| c.num_layers = 0),
            ("stereo_heads", |c| (c.stereo_dim, c.stereo_heads) = (Some(96), Some(5))),
            ("stereo_heads", |c| c.stereo_heads = Some(0)),
            ("stereo_dim", |c| c.stereo_dim = Some(0)),
        ];
        for (name, change) in cases {
            let mut config = light();
            change(&mut config);
            assert!(
                matches!(config.validate(), Err(Error::ConfigValue { key, .. }) if key == name),
                "{name}"
            );
        }
    }

    #[test]
    fn the_past_of_light_is_twenty_seconds() {
        assert_eq!(light().past_frames(), 8 * 127 + 2);
        // Three mels: two frames.
        assert_eq!(standard().past_frames(), 8 * 99 + 2);
    }

    #[test]
    fn slopes_of_four_heads() {
        assert_eq!(light().alibi_slopes(), [0.25, 0.0625, 0.015625, 0.00390625]);
    }
}
