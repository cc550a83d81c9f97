//! The model as it is defined: the whole stream at once, one number after the other, in 64 bits.

use vap_core::config::{CONV1_KERNEL, EncoderKind, MEL_BANDS, MELS_A_FRAME};
use vap_core::projection::OUTPUTS;
use vap_core::{ModelConfig, ModelFile};

type Frames = Vec<Vec<f64>>;

/// Logits `[frames, 27]` of mels `[2, 2 * frames, 80]` from the beginning of a stream.
pub fn logits(file: &ModelFile, mels: &[f32]) -> Vec<f32> {
    let model = Definition { file, epsilon: file.config.norm_epsilon };
    let stereo = file.config.stereo();
    let mut channels = [0, 1].map(|channel| {
        let own = &mels[channel * mels.len() / 2..][..mels.len() / 2];
        let own = own.chunks(MEL_BANDS).map(|mel| mel.iter().map(|v| f64::from(*v)).collect()).collect();
        model.encode(own)
    });
    for i in 0..stereo.num_layers {
        let at = format!("transformer.layers.{i}");
        for (kind, across) in [("self_attention", false), ("cross_attention", true)] {
            let at = format!("{at}.{kind}");
            let own = channels.each_ref().map(|x| model.norm(&format!("{at}.norm"), x));
            for (channel, x) in channels.iter_mut().enumerate() {
                let source = &own[if across { 1 - channel } else { channel }];
                add(x, &model.attention(&at, &stereo, &own[channel], source));
            }
        }
        channels.iter_mut().for_each(|x| model.feed_forward(&at, x));
    }
    let [user, agent] = channels.each_ref().map(|x| model.norm("transformer.norm", x));
    let mut logits = Vec::new();
    for (user, agent) in user.iter().zip(&agent) {
        let answers = [[user, agent], [agent, user]].map(|pair| {
            let pair = vec![pair.map(|x| x.as_slice()).concat()];
            ["projection", "eot", "backchannel", "vad"]
                .map(|head| model.linear(&format!("heads.{head}"), &pair)[0].clone())
        });
        for head in 0..4 {
            answers.iter().for_each(|channel| logits.extend(channel[head].iter().map(|v| *v as f32)));
        }
        let sum = vec![user.iter().zip(agent).map(|(a, b)| a + b).collect()];
        logits.push(model.linear("heads.overlap", &sum)[0][0] as f32);
    }
    assert_eq!(logits.len(), user.len() * OUTPUTS);
    logits
}

struct Definition<'a> {
    file: &'a ModelFile,
    epsilon: f64,
}

impl Definition<'_> {
    fn encode(&self, mels: Frames) -> Frames {
        let config = &self.file.config;
        let x = self.conv("encoder.conv1", &mels, CONV1_KERNEL, 1);
        let mut x = self.conv("encoder.conv2", &x, config.encoder.conv2_kernel(), MELS_A_FRAME);
        let whisper = config.encoder == EncoderKind::Whisper;
        if whisper {
            let position = vec![self.weight("encoder.position"); x.len()];
            add(&mut x, &position);
        } else {
            x = self.norm("encoder.norm", &x);
        }
        for i in 0..config.channel_layers {
            let at = format!("encoder.layers.{i}");
            let own = self.norm(&format!("{at}.self_attention.norm"), &x);
            add(&mut x, &self.attention(&format!("{at}.self_attention"), config, &own, &own));
            self.feed_forward(&at, &mut x);
        }
        if whisper {
            x = self.norm("encoder.norm", &x);
        }
        if config.has_bridge() { self.linear("bridge", &x) } else { x }
    }

    fn weight(&self, name: &str) -> Vec<f64> {
        self.file.weights[name].values.iter().map(|v| f64::from(*v)).collect()
    }

    fn linear(&self, at: &str, x: &Frames) -> Frames {
        let (weight, bias) = (self.weight(&format!("{at}.weight")), self.weight(&format!("{at}.bias")));
        let rows =
            |x: &Vec<f64>| weight.chunks(x.len()).zip(&bias).map(|(row, bias)| dot(row, x) + bias).collect();
        x.iter().map(rows).collect()
    }

    fn norm(&self, at: &str, x: &Frames) -> Frames {
        let (scale, shift) = (self.weight(&format!("{at}.weight")), self.weight(&format!("{at}.bias")));
        let row = |x: &Vec<f64>| {
            let mean = x.iter().sum::<f64>() / x.len() as f64;
            let variance = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / x.len() as f64;
            let factor = 1.0 / (variance + self.epsilon).sqrt();
            x.iter().zip(&scale).zip(&shift).map(|((v, a), b)| (v - mean) * factor * a + b).collect()
        };
        x.iter().map(row).collect()
    }

    /// Convolution of what came before, zeros before the beginning, and GELU.
    fn conv(&self, at: &str, x: &Frames, kernel: usize, stride: usize) -> Frames {
        let (weight, bias) = (self.weight(&format!("{at}.weight")), self.weight(&format!("{at}.bias")));
        let inputs = x[0].len();
        let frame = |last: usize| {
            let output = |(weight, bias): (&[f64], &f64)| {
                let taps = (0..kernel).filter(|tap| last + tap + 1 >= kernel);
                let sums = taps.map(|tap| {
                    let x = &x[last + tap + 1 - kernel];
                    (0..inputs).map(|i| weight[i * kernel + tap] * x[i]).sum::<f64>()
                });
                gelu(sums.sum::<f64>() + bias)
            };
            weight.chunks(inputs * kernel).zip(&bias).map(output).collect()
        };
        (stride - 1..x.len()).step_by(stride).map(frame).collect()
    }

    fn attention(&self, at: &str, config: &ModelConfig, own: &Frames, source: &Frames) -> Frames {
        let [q, k, v] = [("query", own), ("key", source), ("value", source)]
            .map(|(name, x)| self.linear(&format!("{at}.{name}"), x));
        let (width, context) = (config.head_dim(), config.context_frames);
        let slopes = config.alibi_slopes();
        let learned =
            (config.encoder == EncoderKind::Whisper).then(|| self.weight(&format!("{at}.distance_bias")));
        let mut seen = vec![vec![0.0; config.dim]; own.len()];
        for (t, seen) in seen.iter_mut().enumerate() {
            for head in 0..config.heads {
                let part = head * width..(head + 1) * width;
                let window = (t + 1).saturating_sub(context)..t + 1;
                let scores = window.clone().map(|s| {
                    let bias = match &learned {
                        Some(bias) => bias[head * context + t - s],
                        None => -f64::from(slopes[head]) * (t - s) as f64,
                    };
                    dot(&q[t][part.clone()], &k[s][part.clone()]) / (width as f64).sqrt() + bias
                });
                let scores: Vec<f64> = scores.collect();
                let most = scores.iter().copied().fold(f64::MIN, f64::max);
                let shares: Vec<f64> = scores.iter().map(|s| (s - most).exp()).collect();
                let total: f64 = shares.iter().sum();
                for (share, s) in shares.iter().zip(window) {
                    for i in part.clone() {
                        seen[i] += share / total * v[s][i];
                    }
                }
            }
        }
        self.linear(&format!("{at}.output"), &seen)
    }

    fn feed_forward(&self, at: &str, x: &mut Frames) {
        let at = format!("{at}.feed_forward");
        let mut wide = self.linear(&format!("{at}.expand"), &self.norm(&format!("{at}.norm"), x));
        wide.iter_mut().flatten().for_each(|v| *v = gelu(*v));
        add(x, &self.linear(&format!("{at}.contract"), &wide));
    }
}

fn add(x: &mut Frames, y: &Frames) {
    x.iter_mut().flatten().zip(y.iter().flatten()).for_each(|(x, y)| *x += y);
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// By the series of the error function.
fn gelu(x: f64) -> f64 {
    let z = x / 2f64.sqrt();
    if z.abs() > 5.0 {
        return x.max(0.0);
    }
    let (mut term, mut sum) = (z, z);
    for n in 1..120 {
        term *= -z * z / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    0.5 * x * (1.0 + sum * 2.0 / std::f64::consts::PI.sqrt())
}
