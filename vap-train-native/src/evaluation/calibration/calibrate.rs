//! The calibration grid: every policy of a grid through the shipped event machine on dev dialogues, each speaker
//! heard alone; for each budget of false cut-offs the fastest policy, with figures of dialogues its choice did not see.

use vap_core::calibration::{Calibration, CalibrationPoint, Figures, TimeoutPoint};
use vap_core::{EventMachine, Frame, HOP_MS, Policy};

use crate::error::{Error, Result};
use crate::evaluation::metrics::{SilenceCounts, SilenceRules, bootstrap};
use crate::evaluation::recordings::spans::{Silence, answers};

/// Budgets of false cut-offs the grid is solved for, spread evenly on a log scale from [`LEAST_BUDGET`] to 1.
const BUDGETS: usize = 40;
const LEAST_BUDGET: f64 = 0.01;
const THRESHOLDS: usize = 31;
const MIN_SILENCES_MS: [u32; 7] = [200, 300, 400, 500, 600, 800, 1000];
const MAX_SILENCES_MS: [u32; 8] = [500, 700, 1000, 1500, 2000, 2500, 3000, 3500];
/// The silence timeouts, in tenths of a second.
const TIMEOUTS_DS: std::ops::RangeInclusive<u32> = 2..=35;
/// Parts of the dialogues; each is measured with policies chosen on the others.
const FOLDS: usize = 5;
/// The quantile of the normal distribution for a one-sided confidence of 90 %.
const Z_90: f64 = 1.2816;
/// The cut-off rate at which the spread between dialogues is measured.
const SPREAD_AT: f64 = 0.1;
const DRAWS: usize = 500;
const SEED: u64 = 0xCA11;

/// A speaker of a dialogue, heard with the other channel silent.
pub struct Heard {
    /// Channel.
    pub speaker: usize,
    /// What the model says.
    pub frames: Vec<Frame>,
    /// The speaker's silences.
    pub silences: Vec<Silence>,
}

impl Heard {
    /// What the event machine does with a policy. An end that it did not find counts as `maxSilenceMs`.
    pub fn counts(&self, policy: Policy) -> Result<SilenceCounts> {
        let rules = SilenceRules::default();
        let mut machine = EventMachine::new(policy)?;
        let mut events = Vec::new();
        self.frames.iter().for_each(|frame| machine.step(frame, &mut events));
        let mut counts = SilenceCounts::default();
        for answer in answers(&self.silences, &events, self.speaker) {
            if answer.end {
                counts.ends += 1;
                counts.found += u32::from(answer.latency_s.is_some_and(|s| s <= rules.recall_within_s));
                counts.latency_s += answer.latency_s.unwrap_or(f64::from(policy.max_silence_ms) / 1000.0);
            } else if (rules.min_pause_s..=rules.max_pause_s).contains(&answer.until_speech_s) {
                counts.pauses += 1;
                counts.cut += u32::from(answer.latency_s.is_some());
            }
        }
        Ok(counts)
    }
}

/// What a policy does in all of a dialogue.
pub fn dialogue_counts(heard: &[Heard], policy: Policy) -> Result<SilenceCounts> {
    let mut all = SilenceCounts::default();
    for speaker in heard {
        all.add(&speaker.counts(policy)?, 1);
    }
    Ok(all)
}

/// A policy that ends turns after this much silence, whatever the model says of them.
pub fn timeout_policy(base: &Policy, timeout_ms: u32) -> Policy {
    let min_silence_ms = timeout_ms.saturating_sub(HOP_MS);
    Policy { end_threshold: 1.0, eager_threshold: 0.5, min_silence_ms, max_silence_ms: timeout_ms, ..*base }
}

/// Calibration of `base` on dialogues, each the speakers heard in it.
///
/// # Errors
/// [`Error::Data`] without both pauses and ends of turns in at least two dialogues.
pub fn calibrate(dialogues: &[Vec<Heard>], base: &Policy) -> Result<Calibration> {
    if dialogues.len() < 2 {
        let found = dialogues.len();
        return Err(Error::Data(format!("expected 2 dialogues or more, found {found}")));
    }
    // The timeouts are among the policies: what is asked for is never met worse than by silence alone.
    let timeouts: Vec<Policy> = TIMEOUTS_DS.map(|tenths| timeout_policy(base, tenths * 100)).collect();
    let count = timeouts.len();
    from_measured(&measure(dialogues, [timeouts, policies(base)].concat())?, count)
}

fn measure(dialogues: &[Vec<Heard>], policies: Vec<Policy>) -> Result<Vec<Measured>> {
    let measured = |policy| {
        let each = dialogues.iter().map(|heard| dialogue_counts(heard, policy));
        Ok(Measured::new(policy, each.collect::<Result<_>>()?))
    };
    policies.into_iter().map(measured).collect()
}

/// Calibration from a grid whose first `timeouts` policies are the silence timeouts.
fn from_measured(grid: &[Measured], timeouts: usize) -> Result<Calibration> {
    let Some(all) = grid.first().map(|m| m.all).filter(|c| c.ends > 0 && c.pauses > 0) else {
        return Err(Error::Data("expected dialogues with both pauses and ends of turns".into()));
    };
    let pauses = f64::from(all.pauses) / design_effect(grid);
    let figures = |(rate, latency_ms): (f64, f64)| Figures {
        false_cutoff: rounded(rate),
        false_cutoff_bound: rounded(upper_bound(rate, pauses)).max(rounded(rate)),
        mean_latency_ms: latency_ms.round(),
    };
    let points = front(
        curve(grid).into_iter().map(|(policy, rate, latency_ms)| CalibrationPoint {
            end_threshold: policy.end_threshold,
            eager_threshold: policy.eager_threshold,
            min_silence_ms: policy.min_silence_ms,
            max_silence_ms: policy.max_silence_ms,
            expected: figures((rate, latency_ms)),
        }),
        |point| point.expected,
    );
    // A timeout is one number: nothing is chosen that could be chosen too well.
    let silence = front(
        grid[..timeouts].iter().filter_map(|m| {
            let expected = figures(m.all_figures()?);
            Some(TimeoutPoint { timeout_ms: m.policy.max_silence_ms, expected })
        }),
        |point| point.expected,
    );
    let found = Calibration { ends: all.ends as usize, pauses: all.pauses as usize, points, silence };
    found.validate()?;
    Ok(found)
}

/// Counts of a policy: of all dialogues, of each fold, of each dialogue.
struct Measured {
    policy: Policy,
    all: SilenceCounts,
    folds: [SilenceCounts; FOLDS],
    each: Vec<SilenceCounts>,
}

impl Measured {
    fn new(policy: Policy, each: Vec<SilenceCounts>) -> Self {
        let (mut all, mut folds) = (SilenceCounts::default(), [SilenceCounts::default(); FOLDS]);
        for (i, counts) in each.iter().enumerate() {
            all.add(counts, 1);
            folds[i % FOLDS].add(counts, 1);
        }
        Measured { policy, all, folds, each }
    }

    fn all_figures(&self) -> Option<(f64, f64)> {
        figures(&self.all)
    }

    /// Figures of all folds but one.
    fn without(&self, fold: usize) -> Option<(f64, f64)> {
        let mut rest = SilenceCounts::default();
        self.folds.iter().enumerate().filter(|(k, _)| *k != fold).for_each(|(_, c)| rest.add(c, 1));
        figures(&rest)
    }
}

/// Share of the pauses cut, and mean latency at the ends in ms.
fn figures(counts: &SilenceCounts) -> Option<(f64, f64)> {
    let ratio = |part: f64, of: u32| (of > 0).then(|| part / f64::from(of));
    Some((ratio(f64::from(counts.cut), counts.pauses)?, 1000.0 * ratio(counts.latency_s, counts.ends)?))
}

fn policies(base: &Policy) -> Vec<Policy> {
    let mut all = Vec::new();
    for i in 0..THRESHOLDS {
        // Even in log odds, from 0.01 to 0.99: nets are often sure.
        let logit = 99f64.ln() * (2.0 * i as f64 / (THRESHOLDS - 1) as f64 - 1.0);
        let end_threshold = rounded(1.0 / (1.0 + (-logit).exp()));
        for min_silence_ms in MIN_SILENCES_MS {
            let longer = MAX_SILENCES_MS.into_iter().filter(|max| *max > min_silence_ms);
            all.extend(longer.map(|max_silence_ms| Policy {
                end_threshold,
                eager_threshold: rounded(end_threshold / 2.0),
                min_silence_ms,
                max_silence_ms,
                ..*base
            }));
        }
    }
    all
}

/// The fastest policy within a budget of false cut-offs; among equals the one that cuts less.
fn fastest(
    grid: &[Measured],
    budget: f64,
    figures: impl Fn(&Measured) -> Option<(f64, f64)>,
) -> Option<&Measured> {
    let known = grid.iter().filter_map(|m| Some((m, figures(m)?))).filter(|(_, f)| f.0 <= budget + 1e-9);
    known.min_by(|(_, a), (_, b)| a.1.total_cmp(&b.1).then(a.0.total_cmp(&b.0))).map(|(m, _)| m)
}

/// For each budget the fastest policy on all dialogues, with what the same choice on the other folds did on each fold:
/// the best of a thousand policies is partly luck, and luck does not carry over. Rising from fast to cautious, with
/// figures made monotone (pool adjacent violators).
fn curve(grid: &[Measured]) -> Vec<(Policy, f64, f64)> {
    let mut found: Vec<(Policy, f64, f64)> = Vec::new();
    for step in 0..BUDGETS {
        let budget = LEAST_BUDGET.powf(1.0 - step as f64 / (BUDGETS - 1) as f64);
        let Some(chosen) = fastest(grid, budget, Measured::all_figures) else { continue };
        let mut unseen = SilenceCounts::default();
        for fold in 0..FOLDS {
            // A fold whose others cannot meet the budget leaves the choice made on all.
            let other = fastest(grid, budget, |m| m.without(fold)).unwrap_or(chosen);
            unseen.add(&other.folds[fold], 1);
        }
        let Some((rate, latency_ms)) = self::figures(&unseen) else { continue };
        // One policy for several budgets stands for the last, at which it does worst.
        found.pop_if(|last| last.0 == chosen.policy);
        found.push((chosen.policy, rate, latency_ms));
    }
    let rates = rising(&found.iter().map(|f| f.1).collect::<Vec<_>>());
    let speeds = rising(&found.iter().map(|f| -f.2).collect::<Vec<_>>());
    let smooth = found.iter().zip(rates).zip(speeds).map(|((f, rate), speed)| (f.0, rate, -speed));
    smooth.rev().collect()
}

/// The closest values (least squares) that never fall.
fn rising(values: &[f64]) -> Vec<f64> {
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for value in values {
        let mut pool = (*value, 1);
        while let Some(last) = pools.pop_if(|last| last.0 > pool.0) {
            let count = last.1 + pool.1;
            pool = ((last.0 * last.1 as f64 + pool.0 * pool.1 as f64) / count as f64, count);
        }
        pools.push(pool);
    }
    pools.into_iter().flat_map(|(value, count)| std::iter::repeat_n(value, count)).collect()
}

/// Points in order of latency, without those that another beats in one figure and equals in the other.
fn front<P>(points: impl Iterator<Item = P>, expected: impl Fn(&P) -> Figures) -> Vec<P> {
    let mut kept: Vec<P> = Vec::new();
    for point in points {
        let Figures { false_cutoff, mean_latency_ms, .. } = expected(&point);
        if kept.last().is_some_and(|last| expected(last).false_cutoff <= false_cutoff) {
            continue;
        }
        while kept.pop_if(|last| expected(last).mean_latency_ms >= mean_latency_ms).is_some() {}
        kept.push(point);
    }
    kept
}

/// How many times wider cut-off rates spread than if each pause were drawn alone: pauses of a dialogue are alike.
fn design_effect(grid: &[Measured]) -> f64 {
    let off = |m: &&Measured| m.all_figures().map_or(f64::INFINITY, |f| (f.0 - SPREAD_AT).abs());
    let Some(near) = grid.iter().min_by(|a, b| off(a).total_cmp(&off(b))) else { return 1.0 };
    let rate = |drawn: &[&SilenceCounts]| {
        let mut all = SilenceCounts::default();
        drawn.iter().for_each(|counts| all.add(counts, 1));
        (all.pauses > 0).then(|| f64::from(all.cut) / f64::from(all.pauses))
    };
    let (Some(interval), Some((p, _))) = (bootstrap(&near.each, rate, DRAWS, SEED), near.all_figures())
    else {
        return 1.0;
    };
    let error = (interval.high - interval.low) / (2.0 * 1.96);
    let alone = p * (1.0 - p) / f64::from(near.all.pauses);
    if alone > 0.0 { (error * error / alone).max(1.0) } else { 1.0 }
}

/// Upper bound of a share seen on `count` cases, with a confidence of 90 % (Wilson 1927).
fn upper_bound(share: f64, count: f64) -> f64 {
    let z2 = Z_90 * Z_90 / count;
    let spread = Z_90 * (share * (1.0 - share) / count + z2 / (4.0 * count)).sqrt();
    ((share + z2 / 2.0 + spread) / (1.0 + z2)).min(1.0)
}

fn rounded(share: f64) -> f64 {
    (share * 1e4).round() / 1e4
}

#[cfg(test)]
#[path = "calibrate_tests.rs"]
mod tests;
