//! Placed sounds to channels: cutting with equal margins, one bed a channel, room, noise, leak, telephone, levels.
//! Labels never change here: a degraded channel keeps those of the clean dialogue.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use realfft::RealFftPlanner;
use vap_core::SAMPLE_RATE_HZ;

use crate::config::SimulationConfig;
use crate::prepared::Prepared;
use crate::simulate::Placed;
use crate::voices::samples;

/// Sound kept before and after every island, faded; the same at turn ends and inner pauses.
const MARGIN_S: [f32; 2] = [0.02, 0.04];
/// Utterances of one voice differ by this much in level, in dB.
const LEVEL_JITTER_DB: f32 = 2.0;
/// Pass band of a telephone line, in Hz.
const TELEPHONE_HZ: [f32; 2] = [300.0, 3400.0];

/// Renders both channels, `length` samples each.
pub fn render(
    data: &Prepared,
    config: &SimulationConfig,
    tracks: &[Vec<Placed>; 2],
    length: usize,
    rng: &mut ChaCha8Rng,
) -> [Vec<f32>; 2] {
    let mut channels = [0, 1].map(|c| channel(data, config, &tracks[c], length, rng));
    if rng.random_bool(config.leak) {
        leak(config, &mut channels, rng);
    }
    if rng.random_bool(config.telephone) {
        channels = channels.map(|c| telephone(&c));
    }
    if rng.random_bool(config.muted) {
        channels[rng.random_range(0..2)].fill(0.0);
    }
    for channel in &mut channels {
        channel.iter_mut().for_each(|x| *x = x.clamp(-1.0, 1.0));
    }
    channels
}

fn channel(
    data: &Prepared,
    config: &SimulationConfig,
    track: &[Placed],
    length: usize,
    rng: &mut ChaCha8Rng,
) -> Vec<f32> {
    let level_db = draw(rng, config.level_db);
    let mut out = vec![0.0; length];
    for placed in track {
        let jitter = rng.random_range(-LEVEL_JITTER_DB..=LEVEL_JITTER_DB);
        let own_db = data.utterances()[placed.utterance].speech_db;
        add_cut(data, placed, amplitude(level_db + jitter - own_db), &mut out);
    }
    if rng.random_bool(config.room) && !data.manifest.rooms.is_empty() {
        let room = data.room_response(rng.random_range(0..data.manifest.rooms.len()));
        out = filter(
            &out,
            room.len(),
            |spectrum, response| spectrum.iter_mut().zip(response).for_each(|(s, r)| *s *= r),
            room,
        );
    }
    if !rng.random_bool(config.silent_bed) {
        let (tilt, gain) = (rng.random_range(0.0..0.95f32), amplitude(draw(rng, config.bed_db)));
        // White noise through a one-pole low-pass, brought back to unit power.
        let unit = (1.0 - tilt * tilt).sqrt() * 3f32.sqrt();
        let mut last = 0.0;
        for x in &mut out {
            last = tilt * last + unit * rng.random_range(-1.0f32..1.0);
            *x += gain * last;
        }
    }
    if rng.random_bool(config.noise) && !data.manifest.noises.is_empty() {
        let clip = rng.random_range(0..data.manifest.noises.len());
        let gain = amplitude(level_db - draw(rng, config.noise_snr_db) - data.manifest.noises[clip].level_db);
        let audio = data.noise_audio(clip);
        let start = rng.random_range(0..audio.len().max(1));
        for (x, n) in out.iter_mut().zip(audio.iter().cycle().skip(start)) {
            *x += gain * f32::from(*n) / 32768.0;
        }
    }
    out
}

/// Adds one cut with its margins, faded in and out by raised cosines.
fn add_cut(data: &Prepared, placed: &Placed, gain: f32, out: &mut [f32]) {
    let audio = data.utterance_audio(placed.utterance);
    let [before, after] = MARGIN_S.map(samples);
    let [start, end] = placed.cut.map(|s| s as i64);
    let fade = |from_edge: i64, length: usize| {
        let x = (from_edge as f32 / length as f32).clamp(0.0, 1.0);
        0.5 - 0.5 * (std::f32::consts::PI * x).cos()
    };
    // Every sound of an utterance gets the margins its very ends have, else a recording cut close to its speech
    // would tell its end from its pauses. Where there is less than the fade, the fade lies inside the speech.
    let [speech_start, speech_end] = data.utterances()[placed.utterance].span().map(|s| s as i64);
    let first = start - speech_start.min(before as i64);
    let last = end + (audio.len() as i64 - speech_end).clamp(0, after as i64);
    for source in first..last {
        let target = placed.at as i64 + source - start;
        if let Some(x) = usize::try_from(target).ok().and_then(|t| out.get_mut(t)) {
            let shape = fade(source - first, before) * fade(last - source, after);
            *x += gain * shape * f32::from(audio[source as usize]) / 32768.0;
        }
    }
}

fn leak(config: &SimulationConfig, channels: &mut [Vec<f32>; 2], rng: &mut ChaCha8Rng) {
    let to = rng.random_range(0..2);
    let gain = amplitude(draw(rng, config.leak_db));
    let delay = samples(rng.random_range(0.0..=config.leak_delay_ms / 1000.0));
    let source = channels[1 - to].clone();
    for (x, s) in channels[to].iter_mut().skip(delay).zip(source) {
        *x += gain * s;
    }
}

/// Band-limits to a telephone line, at 8 kHz through G.711 mu-law and back.
fn telephone(x: &[f32]) -> Vec<f32> {
    let mut narrow = band_pass(x, TELEPHONE_HZ);
    for (i, s) in narrow.iter_mut().enumerate() {
        // Every second sample is kept: zero-stuffed, at twice the level, the band-pass makes the others.
        *s = if i % 2 == 0 { 2.0 * mu_law(*s) } else { 0.0 };
    }
    band_pass(&narrow, [0.0, TELEPHONE_HZ[1]])
}

/// One sample through 8-bit mu-law and back (ITU-T G.711, continuous form).
fn mu_law(x: f32) -> f32 {
    const MU: f32 = 255.0;
    let packed = (1.0 + MU * x.abs().min(1.0)).ln() / (1.0 + MU).ln();
    let coded = (packed * 127.0).round() / 127.0;
    x.signum() * ((1.0 + MU).powf(coded) - 1.0) / MU
}

fn band_pass(x: &[f32], [low_hz, high_hz]: [f32; 2]) -> Vec<f32> {
    filter(
        x,
        samples(0.05),
        |spectrum, _| {
            let bin_hz = SAMPLE_RATE_HZ as f32 / (2 * (spectrum.len() - 1)) as f32;
            for (i, s) in spectrum.iter_mut().enumerate() {
                let hz = i as f32 * bin_hz;
                // Edges of 100 Hz keep the ringing short.
                let rise = if low_hz > 0.0 { ((hz - low_hz) / 100.0 + 1.0).clamp(0.0, 1.0) } else { 1.0 };
                let fall = ((high_hz - hz) / 100.0 + 1.0).clamp(0.0, 1.0);
                *s *= rise * fall;
            }
        },
        &[],
    )
}

type Spectrum = [realfft::num_complex::Complex<f32>];

/// Runs `x` through one long FFT, padded by `tail` samples, where `change` works on its spectrum beside that of
/// `response`.
fn filter(x: &[f32], tail: usize, change: impl Fn(&mut Spectrum, &Spectrum), response: &[f32]) -> Vec<f32> {
    let points = (x.len() + tail).next_power_of_two();
    let mut planner = RealFftPlanner::<f32>::new();
    let (forward, back) = (planner.plan_fft_forward(points), planner.plan_fft_inverse(points));
    let transform = |x: &[f32]| {
        let (mut input, mut output) = (forward.make_input_vec(), forward.make_output_vec());
        input[..x.len()].copy_from_slice(x);
        // Buffers come from the plan itself.
        let done = forward.process(&mut input, &mut output);
        debug_assert!(done.is_ok());
        output
    };
    let mut spectrum = transform(x);
    let other = if response.is_empty() { Vec::new() } else { transform(response) };
    change(&mut spectrum, &other);
    let edge = spectrum.len() - 1;
    (spectrum[0].im, spectrum[edge].im) = (0.0, 0.0);
    let mut out = back.make_output_vec();
    let done = back.process(&mut spectrum, &mut out);
    debug_assert!(done.is_ok());
    out.truncate(x.len());
    out.iter_mut().for_each(|s| *s /= points as f32);
    out
}

fn amplitude(db: f32) -> f32 {
    10f32.powf(db / 20.0)
}

fn draw(rng: &mut ChaCha8Rng, [low, high]: [f32; 2]) -> f32 {
    rng.random_range(low..=high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f32) -> Vec<f32> {
        (0..16_000).map(|i| 0.3 * (std::f32::consts::TAU * hz * i as f32 / 16_000.0).sin()).collect()
    }

    fn rms(x: &[f32]) -> f32 {
        (x.iter().map(|s| s * s).sum::<f32>() / x.len() as f32).sqrt()
    }

    #[test]
    fn a_telephone_keeps_speech_band_and_nothing_else() {
        let middle = 2_000..14_000;
        let kept = telephone(&tone(1_000.0));
        assert!((rms(&kept[middle.clone()]) / rms(&tone(1_000.0)) - 1.0).abs() < 0.05);
        for hz in [100.0, 5_000.0] {
            assert!(rms(&telephone(&tone(hz))[middle.clone()]) < 0.01, "{hz} Hz passes");
        }
    }

    #[test]
    fn mu_law_is_eight_bits() {
        let values: std::collections::BTreeSet<i64> =
            (-1000..=1000).map(|i| (mu_law(i as f32 / 1000.0) * 1e6) as i64).collect();
        assert!((200..=256).contains(&values.len()), "{}", values.len());
        assert!((mu_law(0.5) - 0.5).abs() < 0.02 && (mu_law(-0.01) + 0.01).abs() < 0.001);
    }

    #[test]
    fn an_impulse_response_of_one_impulse_changes_nothing() {
        let x = tone(440.0);
        let y = filter(&x, 10, |s, r| s.iter_mut().zip(r).for_each(|(s, r)| *s *= r), &[1.0]);
        assert!(x.iter().zip(&y).all(|(a, b)| (a - b).abs() < 1e-5));
    }
}
