//! Numbers to integers and a scale.

use super::lanes::{LANES, round_to_i16, sum};
use wide::f32x8;

/// A list whose numbers are all smaller than this is scaled as if its largest were this.
const SMALLEST: f32 = 1e-30;

/// How large the integers may become.
#[derive(Clone, Copy)]
pub(in crate::kernels) enum Limit {
    /// At most this.
    Largest(f32),
    /// So large that a sum of products with other integers still fits 32 bits, each of those at most this.
    Against(f32),
}

/// `x` as integers, into `into`; gives what one of them is worth, which is not finite when a number of `x` is not.
#[inline(always)]
pub(in crate::kernels) fn quantise(x: &[f32], limit: Limit, into: &mut [i16]) -> f32 {
    let (whole, rest) = x.as_chunks::<LANES>();
    let (into, into_rest) = into[..x.len()].as_chunks_mut::<LANES>();
    let mut last = [0.0; LANES];
    last[..rest.len()].copy_from_slice(rest);

    let mut most = f32x8::splat(SMALLEST);
    let mut total = f32x8::ZERO;
    for x in whole.iter().chain([&last]) {
        let size = f32x8::new(*x).abs();
        most = most.fast_max(size);
        total += size;
    }
    // Without `f32::max`, which is a call in wasm; what is not a number is told by the total.
    let most = most.to_array().into_iter().fold(SMALLEST, |a, b| if b > a { b } else { a });
    let total = sum(total);
    let factor = match limit {
        Limit::Largest(largest) => largest / most,
        Limit::Against(other) => {
            // Rounding may add half to each, and the total is itself rounded.
            let room = 0.9999 * i32::MAX as f32 / other - 0.5 * x.len() as f32;
            let [factor, within] = [f32::from(i16::MAX) / most, room / total];
            if within < factor { within } else { factor }
        }
    };
    for (into, x) in into.iter_mut().zip(whole) {
        *into = round_to_i16(f32x8::new(*x) * f32x8::splat(factor)).to_array();
    }
    let last = round_to_i16(f32x8::new(last) * f32x8::splat(factor)).to_array();
    into_rest.copy_from_slice(&last[..into_rest.len()]);
    // Rounding makes a number of what is none; an infinite or absent number makes the total so.
    1.0 / factor + total * 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(seed: u32, count: usize, scale: f32) -> Vec<f32> {
        let mut x = seed;
        std::iter::repeat_with(|| {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((x >> 8) as f32 / (1 << 23) as f32 - 1.0) * scale
        })
        .take(count)
        .collect()
    }

    #[test]
    fn integers_times_their_worth_are_the_numbers() {
        for (count, scale) in [(1, 1.0), (7, 1e-12), (8, 1e12), (100, 3.0)] {
            let x = random(count as u32, count, scale);
            for limit in [Limit::Largest(8_191.0), Limit::Against(127.0)] {
                let mut integers = vec![0; count];
                let worth = quantise(&x, limit, &mut integers);
                for (x, q) in x.iter().zip(&integers) {
                    assert!((x - f32::from(*q) * worth).abs() <= 0.51 * worth, "{x} as {q} of {worth}");
                }
            }
        }
    }

    #[test]
    fn products_with_the_largest_integers_fit_32_bits_even_when_all_signs_agree() {
        for (other, count) in [(127, 8192), (127, 48), (8_191, 1024), (8_191, 3)] {
            for x in [vec![1.0; count], random(1, count, 1.0).iter().map(|x| x.abs()).collect()] {
                let mut integers = vec![0; count];
                quantise(&x, Limit::Against(other as f32), &mut integers);
                let sum: i64 = integers.iter().map(|q| i64::from(*q) * other).sum();
                assert!(sum <= i64::from(i32::MAX), "{other} x {count}");
                let full = integers.contains(&i16::MAX) || sum > i64::from(i32::MAX) / 10 * 9;
                assert!(full, "{other} x {count}: precision is left unused");
            }
        }
    }

    #[test]
    fn zeros_are_zeros_and_what_is_not_finite_is_told() {
        let mut integers = [7; 9];
        assert!(quantise(&[0.0; 9], Limit::Against(127.0), &mut integers).is_finite());
        assert_eq!(integers, [0; 9]);
        for wild in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for place in [0, 8] {
                let mut x = [1.0; 9];
                x[place] = wild;
                assert!(!quantise(&x, Limit::Against(127.0), &mut integers).is_finite());
                assert!(!quantise(&x, Limit::Largest(127.0), &mut integers).is_finite());
            }
        }
    }
}
