//! Numbers to integers and a scale.

use super::lanes::{LANES, round_to_i16, sum};
use wide::f32x8;

/// Lists whose numbers are all smaller than this count as zeros.
const SMALLEST: f32 = 1e-30;

/// How large the integers may become.
#[derive(Clone, Copy)]
pub(super) enum Limit {
    /// At most this.
    Largest(f32),
    /// So large that a sum of products with other integers still fits 32 bits, each of those at most this.
    Against(f32),
}

/// `x` as integers, into `into`; gives what one of them is worth, which is not finite when a number of `x` is not.
#[inline(always)]
pub(super) fn quantise(x: &[f32], limit: Limit, into: &mut [i16]) -> f32 {
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
