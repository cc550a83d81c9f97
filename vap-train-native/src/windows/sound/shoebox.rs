//! Simulated rooms: the image method for a box with walls of one reflection (Allen and Berkley 1979, "Image method for
//! efficiently simulating small-room acoustics").

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use vap_core::SAMPLE_RATE_HZ;

const SOUND_M_S: f32 = 343.0;
/// Share of the reverberation time that is computed: it falls by 60 dB in all of it.
const COMPUTED: f32 = 0.7;

/// A box, a mouth and a microphone.
pub struct Shoebox {
    /// Length, width, height, in metres.
    size_m: [f32; 3],
    /// Where the mouth is, in metres from a corner.
    source_m: [f32; 3],
    /// Where the microphone is.
    microphone_m: [f32; 3],
    /// Reverberation time, in seconds.
    rt60_s: f32,
}

impl Shoebox {
    /// A small or middling room, the microphone up to some 2 m from the mouth.
    pub fn draw(rng: &mut ChaCha8Rng) -> Shoebox {
        let size_m = [rng.random_range(2.5..8.0), rng.random_range(2.5..6.0), rng.random_range(2.3..3.5)];
        let source_m = size_m.map(|m| rng.random_range(0.3..0.7) * m);
        let mut microphone_m = source_m;
        for (at, size) in microphone_m.iter_mut().zip(size_m) {
            *at = (*at + rng.random_range(-1.2f32..1.2)).clamp(0.2, size - 0.2);
        }
        Shoebox { size_m, source_m, microphone_m, rt60_s: rng.random_range(0.15..0.6) }
    }

    /// Impulse response at 16 kHz, direct path first, energy 1.
    pub fn response(&self) -> Vec<f32> {
        let [x, y, z] = self.size_m;
        let (volume, surface) = (x * y * z, 2.0 * (x * y + y * z + x * z));
        // Eyring's formula for the share of energy a wall keeps.
        let reflected = (-0.161 * volume / (surface * self.rt60_s)).exp().sqrt();
        let reach_m = SOUND_M_S * self.rt60_s * COMPUTED;
        let direct_m = distance(self.source_m, self.microphone_m).max(0.1);
        let rate = SAMPLE_RATE_HZ as f32 / SOUND_M_S;
        let mut out = vec![0.0f32; (reach_m * rate) as usize + 1];
        let images = [0, 1, 2].map(|axis| self.images(axis, reach_m));
        for &(x_m, x_hits) in &images[0] {
            for &(y_m, y_hits) in &images[1] {
                let flat = x_m * x_m + y_m * y_m;
                for &(z_m, z_hits) in &images[2] {
                    let path_m = (flat + z_m * z_m).sqrt().max(0.1);
                    if let Some(value) = out.get_mut(((path_m - direct_m).max(0.0) * rate) as usize) {
                        *value += reflected.powi(x_hits + y_hits + z_hits) / path_m;
                    }
                }
            }
        }
        let energy: f32 = out.iter().map(|v| v * v).sum();
        out.iter_mut().for_each(|v| *v /= energy.sqrt());
        out
    }

    /// Distances of the source's images from the microphone along an axis, in metres, and the walls each has met.
    fn images(&self, axis: usize, reach_m: f32) -> Vec<(f32, i32)> {
        let (size, source, microphone) = (self.size_m[axis], self.source_m[axis], self.microphone_m[axis]);
        let order = (reach_m / (2.0 * size)).ceil() as i32;
        let image = |n: i32, mirrored: bool| {
            let at = 2.0 * n as f32 * size + if mirrored { -source } else { source };
            let hits = if mirrored { (2 * n - 1).abs() } else { (2 * n).abs() };
            (at - microphone, hits)
        };
        let all = (-order..=order).flat_map(|n| [image(n, false), image(n, true)]);
        all.filter(|(m, _)| m.abs() <= reach_m).collect()
    }
}

fn distance(a: [f32; 3], b: [f32; 3]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    /// Reverberation time by Schroeder's backward integration, from -5 to -25 dB.
    fn rt60_s(response: &[f32]) -> f32 {
        let mut energy: Vec<f64> = response
            .iter()
            .rev()
            .scan(0.0, |sum, v| {
                *sum += f64::from(v * v);
                Some(*sum)
            })
            .collect();
        energy.reverse();
        let below = |db: f64| energy.iter().position(|e| *e < energy[0] * 10f64.powf(db / 10.0)).unwrap();
        3.0 * (below(-25.0) - below(-5.0)) as f32 / SAMPLE_RATE_HZ as f32
    }

    /// Box modes ring longer than the diffuse field that Eyring assumes.
    #[test]
    fn the_room_rings_about_as_long_as_asked() {
        for rt60 in [0.25, 0.5] {
            let room = Shoebox {
                size_m: [5.0, 4.0, 3.0],
                source_m: [2.0, 1.5, 1.5],
                microphone_m: [3.0, 2.5, 1.2],
                rt60_s: rt60,
            };
            let found = rt60_s(&room.response());
            assert!((found / rt60 - 1.0).abs() < 0.45, "asked {rt60} s, found {found} s");
        }
    }

    #[test]
    fn the_direct_path_comes_first_and_energy_is_one() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for _ in 0..5 {
            let response = Shoebox::draw(&mut rng).response();
            let energy: f32 = response.iter().map(|v| v * v).sum();
            assert!((energy - 1.0).abs() < 1e-4 && response[0] > 0.0);
            assert!(response.iter().all(|v| v.is_finite()));
        }
    }
}
