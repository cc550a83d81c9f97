//! What the processor does at once: lanes of numbers, and the few operations on them that no library has ready.

use wide::{f32x8, i16x8, i32x4, i32x8};

/// Floats worked at once.
pub(in crate::kernels) const LANES: usize = 8;
/// Rows of activations and weights are padded with zeros to a multiple of this.
pub(in crate::kernels) const PADDING: usize = 16;

/// `length` with its padding.
pub(in crate::kernels) const fn padded(length: usize) -> usize {
    length.next_multiple_of(PADDING)
}

/// Whole groups of [`LANES`] floats.
pub(in crate::kernels) fn lanes(values: &[f32]) -> &[[f32; LANES]] {
    values.as_chunks().0
}

/// Whole groups of [`LANES`] floats.
pub(in crate::kernels) fn lanes_mut(values: &mut [f32]) -> &mut [[f32; LANES]] {
    values.as_chunks_mut().0
}

/// Sum of all lanes, in the same order on every target.
#[inline(always)]
pub(in crate::kernels) fn sum(x: f32x8) -> f32 {
    let [a, b, c, d, e, f, g, h] = x.to_array();
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

/// A pair of numbers beside itself in all lanes.
#[inline(always)]
pub(in crate::kernels) fn splat_pair(pair: [i16; 2]) -> i16x8 {
    let pair: i32 = bytemuck::must_cast(pair);
    bytemuck::must_cast(i32x4::splat(pair))
}

/// The high byte of each number, with its sign.
#[inline(always)]
pub(in crate::kernels) fn high_bytes(x: i16x8) -> i16x8 {
    // On x86-64 `wide` hands a shift its count through memory, and each waits for it. Of a product with a constant
    // the compiler makes a shift by a constant.
    if cfg!(target_arch = "x86_64") { x.mul_keep_high(i16x8::splat(256)) } else { x >> 8 }
}

/// 256 times each number, wrapping around.
#[inline(always)]
pub(in crate::kernels) fn times_256(x: i32x4) -> i32x4 {
    if cfg!(target_arch = "x86_64") { (0..8).fold(x, |x, _| x + x) } else { x << 8 }
}

/// Adding and taking away this number leaves an f32 below 2^22 rounded to a whole number, ties to even; in between,
/// its low bits are that whole number.
const ROUNDER: f32 = 12_582_912.0;

/// `e^x` for `x <= 0`, within 2 units in the last place; `e^-60` below -60, so that products of it with what it weighs
/// stay clear of denormal numbers, which are slow.
#[inline(always)]
pub(in crate::kernels) fn exp_of_negative(x: f32x8) -> f32x8 {
    let splat = f32x8::splat;
    // Cephes' expf: x = n ln 2 + r, e^r by a polynomial, 2^n by the exponent's bits.
    let x = x.fast_max(splat(-60.0));
    let shifted = x * splat(std::f32::consts::LOG2_E) + splat(ROUNDER);
    let n = shifted - splat(ROUNDER);
    let r = (x - n * splat(0.693_359_4)) - n * splat(-2.121_944_4e-4);
    let p = splat(1.987_569_1e-4);
    let p = p * r + splat(1.398_199_9e-3);
    let p = p * r + splat(8.333_452e-3);
    let p = p * r + splat(4.166_579_6e-2);
    let p = p * r + splat(0.166_666_65);
    let p = p * r + splat(0.5);
    let e = p * (r * r) + r + splat(1.0);
    let bits: i32x8 = bytemuck::must_cast(shifted);
    let power: f32x8 = bytemuck::must_cast((bits + i32x8::splat(127)) << 23);
    e * power
}

/// `x` of `[-32767, 32767]` rounded to whole numbers, ties to even.
#[inline(always)]
pub(in crate::kernels) fn round_to_i16(x: f32x8) -> i16x8 {
    let bits: i32x8 = bytemuck::must_cast(x + f32x8::splat(ROUNDER));
    i16x8::from_i32x8_saturate(bits - i32x8::splat(ROUNDER.to_bits() as i32))
}

/// `x += y`, lane by lane.
pub(in crate::kernels) fn add(x: &mut [f32], y: &[f32]) {
    for (x, y) in lanes_mut(x).iter_mut().zip(lanes(y)) {
        *x = (f32x8::new(*x) + f32x8::new(*y)).to_array();
    }
}

/// `e^(score - greatest score)` in place; gives their sum.
pub(in crate::kernels) fn softmax(scores: &mut [f32]) -> f32 {
    let scores = lanes_mut(scores);
    let most = scores.iter().fold(f32x8::splat(f32::MIN), |most, s| most.fast_max(f32x8::new(*s)));
    let most = f32x8::splat(most.to_array().into_iter().fold(f32::MIN, |a, b| if b > a { b } else { a }));
    let mut total = f32x8::ZERO;
    for score in scores {
        let below = f32x8::new(*score) - most;
        let share = exp_of_negative(below);
        // The clamp inside would hide a score that is not finite.
        total += share + below * f32x8::ZERO;
        *score = share.to_array();
    }
    sum(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_within_two_units_of_the_last_place() {
        for step in 0..60_000 {
            let x = -(step as f32) / 1000.0;
            let [y, ..] = exp_of_negative(f32x8::splat(x)).to_array();
            let exact = f64::from(x).exp();
            let unit = f64::from(f32::EPSILON) * exact;
            assert!((f64::from(y) - exact).abs() <= 2.0 * unit, "e^{x} is {y}");
        }
        assert_eq!(exp_of_negative(f32x8::ZERO), f32x8::splat(1.0));
        for far in [-61.0, -1e30, f32::MIN] {
            let [y, ..] = exp_of_negative(f32x8::splat(far)).to_array();
            assert!((0.0..1e-26).contains(&y), "e^{far} is {y}");
        }
    }

    #[test]
    fn bytes_move_up_and_down_with_their_sign() {
        let x = [0, 1, -1, 255, 256, -257, i16::MIN, i16::MAX];
        assert_eq!(high_bytes(i16x8::new(x)).to_array(), x.map(|x| x >> 8));
        let x = [3, -3, i32::MAX, i32::MIN + 1];
        assert_eq!(times_256(i32x4::new(x)).to_array(), x.map(|x| x << 8));
    }

    #[test]
    fn rounding_is_to_the_nearest_even_and_covers_16_bits() {
        let x = [0.5, 1.5, -0.5, -1.5, 32_767.0, -32_767.0, 0.49, -2.51];
        assert_eq!(round_to_i16(f32x8::new(x)).to_array(), [0, 2, 0, -2, 32_767, -32_767, 0, -3]);
    }

    #[test]
    fn shares_sum_to_their_total_and_what_is_never_seen_has_none() {
        let mut scores = [1.0, 2.0, 3.0, -1e27, 0.0, -50.0, 3.0, -1e30];
        let total = softmax(&mut scores);
        assert!((scores.iter().sum::<f32>() - total).abs() < 1e-6);
        assert_eq!((scores[2], scores[6]), (1.0, 1.0));
        assert!(scores[3] < 1e-26 && scores[7] < 1e-26);
        for wild in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(!softmax(&mut [wild, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]).is_finite());
        }
    }
}
