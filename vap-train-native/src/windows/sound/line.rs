//! The line that a call comes over: telephone band, G.711, lost packets.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use vap_core::g711::{self, Law};

use super::spectrum::band_pass;
use crate::windows::voices::samples;

/// Pass band of a telephone line, in Hz.
const BAND_HZ: [f32; 2] = [300.0, 3400.0];
/// Length of a packet, in seconds.
const PACKET_S: f32 = 0.02;
/// Chance that a packet behind a lost one is lost too: losses come in bursts (Gilbert 1960).
const BURST: f64 = 0.4;

/// Band-limits to a telephone line, at 8 kHz through G.711 and back to 16 kHz.
pub fn telephone(x: &[f32], law: Law) -> Vec<f32> {
    let mut narrow = band_pass(x, BAND_HZ);
    let levels = levels(law);
    for (i, s) in narrow.iter_mut().enumerate() {
        // Every second sample is kept: zero-stuffed, at twice the level, the band-pass makes the others.
        *s = if i % 2 == 0 { 2.0 * nearest(&levels, *s) } else { 0.0 };
    }
    band_pass(&narrow, [0.0, BAND_HZ[1]])
}

/// What the 256 codes of a law stand for, in order: those that are decoded live.
fn levels(law: Law) -> Vec<f32> {
    let mut levels = g711::decode(&(0..=u8::MAX).collect::<Vec<_>>(), law);
    levels.sort_by(f32::total_cmp);
    levels
}

/// A sample through 8 bits and back: G.711's decision values lie half way between its levels.
fn nearest(levels: &[f32], x: f32) -> f32 {
    let above = levels.partition_point(|level| *level < x).clamp(1, levels.len() - 1);
    let [below, above] = [levels[above - 1], levels[above]];
    if x - below <= above - x { below } else { above }
}

/// Loses this share of the packets; the receiver repeats the last one ever more softly.
pub fn lose_packets(x: &mut [f32], share: f64, rng: &mut ChaCha8Rng) {
    let packet = samples(PACKET_S);
    let begins = (share * (1.0 - BURST)).clamp(0.0, 1.0);
    let mut lost = 0;
    for at in (packet..x.len().saturating_sub(packet) + 1).step_by(packet) {
        lost = if rng.random_bool(if lost > 0 { BURST } else { begins }) { lost + 1 } else { 0 };
        if lost > 0 {
            let (before, here) = x.split_at_mut(at);
            let last = &before[at - packet..];
            here.iter_mut().zip(last).for_each(|(x, y)| *x = 0.6 * y);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::windows::sound::spectrum::tests::{rms, tone};
    use rand::SeedableRng;

    #[test]
    fn a_telephone_keeps_speech_band_and_nothing_else() {
        let middle = 2_000..14_000;
        for law in [Law::Mu, Law::A] {
            let kept = telephone(&tone(1_000.0), law);
            assert!((rms(&kept[middle.clone()]) / rms(&tone(1_000.0)) - 1.0).abs() < 0.05);
            for hz in [100.0, 5_000.0] {
                assert!(rms(&telephone(&tone(hz), law)[middle.clone()]) < 0.01, "{hz} Hz passes");
            }
        }
    }

    #[test]
    fn a_sample_comes_out_as_the_code_it_is_sent_as() {
        for law in [Law::Mu, Law::A] {
            let levels = levels(law);
            assert_eq!(levels.len(), 256);
            // What was decoded is coded as itself.
            assert!(levels.iter().all(|level| nearest(&levels, *level) == *level), "{law:?}");
            // Beyond the largest is the largest; steps grow with the level, by the recommendation at most 1 in 16.
            assert_eq!(nearest(&levels, 9.0), levels[255]);
            assert_eq!(nearest(&levels, -9.0), levels[0]);
            for x in [0.5, 0.1, 0.02, -0.3] {
                assert!((nearest(&levels, x) - x).abs() <= x.abs() / 32.0, "{law:?}: {x}");
            }
        }
    }

    #[test]
    fn about_the_share_of_packets_is_lost_in_bursts() {
        let clean: Vec<f32> = (0..320 * 5_000).map(|i| 1.0 + i as f32).collect();
        let mut x = clean.clone();
        lose_packets(&mut x, 0.05, &mut ChaCha8Rng::seed_from_u64(3));
        let lost: Vec<bool> = x.chunks(320).zip(clean.chunks(320)).map(|(a, b)| a[0] != b[0]).collect();
        let share = lost.iter().filter(|l| **l).count() as f64 / lost.len() as f64;
        let pairs = lost.windows(2).filter(|p| p[0] && p[1]).count() as f64;
        assert!((share - 0.05).abs() < 0.015, "{share}");
        assert!(pairs / (share * lost.len() as f64) > 0.3, "losses stand alone");
        assert!(x.iter().all(|s| s.is_finite()));
    }
}
