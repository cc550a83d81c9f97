//! Rows of the end of turn with the agent silent: the sweep of eot-bench, and the event machine with its policy.

use vap_core::metrics::{
    OperatingPoint, SilenceCounts, SilencePolicy, SilenceRules, SilenceSpan, SweepGrid, SweepSummary,
    quantile, summarise,
};

use super::scored::Scored;
use super::spans::Answer;
use super::table::{Figure, Table};

/// Coarser than eot-bench's grid, for the sake of the bootstrap; the value is taken on the same grid.
fn grid() -> SweepGrid {
    SweepGrid {
        thresholds: (1..=49).map(|i| i as f32 / 50.0).collect(),
        action_delays_s: vec![0.2, 0.3, 0.4, 0.6, 0.8, 1.0],
        timeouts_s: vec![1.0, 1.5, 2.0, 2.5, 3.0],
    }
}

/// Policies and what each does in each dialogue, `[policy][dialogue]`.
pub struct Swept(Vec<(SilencePolicy, Vec<SilenceCounts>)>);

impl Swept {
    /// The grid on a model's scores.
    pub fn model(dialogues: &[&[SilenceSpan]]) -> Swept {
        let of = |policy| dialogues.iter().map(|s| SilenceCounts::of_policy(s, policy, &rules())).collect();
        Swept(grid().policies().into_iter().map(|policy| (policy, of(policy))).collect())
    }

    /// Timeouts of 0.1 to 3.5 s on the true silence.
    pub fn timeout(dialogues: &[&[SilenceSpan]]) -> Swept {
        let policies = (10..=350u16).map(|hundredths| {
            let timeout_s = f64::from(hundredths) / 100.0;
            SilencePolicy { threshold: None, action_delay_s: timeout_s, timeout_s }
        });
        let of = |policy| dialogues.iter().map(|s| SilenceCounts::of_policy(s, policy, &rules())).collect();
        Swept(policies.map(|policy| (policy, of(policy))).collect())
    }

    /// What every policy does in a draw of dialogues.
    pub fn points(&self, weights: &[u32]) -> Vec<OperatingPoint> {
        let point = |(policy, counts): &(SilencePolicy, Vec<SilenceCounts>)| {
            let mut all = SilenceCounts::default();
            counts.iter().zip(weights).for_each(|(counts, times)| all.add(counts, *times));
            all.point(*policy)
        };
        self.0.iter().filter_map(point).collect()
    }
}

fn rules() -> SilenceRules {
    SilenceRules::default()
}

/// Takes one figure from a summary.
pub type Pick = fn(&SweepSummary) -> Option<f64>;

/// The published operating points.
pub const PICKS: [(&str, Pick); 4] = [
    ("end of turn, false cut-offs at 300 ms mean latency", |s| Some(s.cutoff_at_300_ms?.false_cutoff_rate)),
    ("end of turn, false cut-offs at 600 ms mean latency", |s| Some(s.cutoff_at_600_ms?.false_cutoff_rate)),
    ("end of turn, mean latency at 5 % cut-offs, s", |s| Some(s.latency_at_5_percent?.mean_latency_s)),
    ("end of turn, mean latency at 10 % cut-offs, s", |s| Some(s.latency_at_10_percent?.mean_latency_s)),
];

/// Adds the rows.
pub fn add(table: &mut Table, scored: &[Vec<Scored>]) {
    let whole: Vec<&SilenceSpan> = scored[0].iter().flat_map(|s| &s.spans).collect();
    let ends = whole.iter().filter(|s| s.end).count();
    let counts = |s: &&&SilenceSpan| (rules().min_pause_s..=rules().max_pause_s).contains(&s.until_speech_s);
    let pauses = whole.iter().filter(|s| !s.end).filter(counts).count();
    let over = format!("{ends} ends, {pauses} pauses, agent silent");
    let spans =
        |scored: &'_ [Scored]| -> Vec<Vec<SilenceSpan>> { scored.iter().map(|s| s.spans.clone()).collect() };
    let mut swept: Vec<Swept> = Vec::new();
    for scored in scored {
        let spans = spans(scored);
        swept.push(Swept::model(&spans.iter().map(Vec::as_slice).collect::<Vec<_>>()));
    }
    let spans = spans(&scored[0]);
    swept.push(Swept::timeout(&spans.iter().map(Vec::as_slice).collect::<Vec<_>>()));
    for (name, pick) in PICKS {
        let figures: Vec<Option<Figure>> = swept
            .iter()
            .map(|swept| -> Option<Figure> {
                Some(Box::new(move |weights| pick(&summarise(&swept.points(weights)))))
            })
            .collect();
        table.add(name, over.clone(), &figures);
    }
    machine(table, scored, &over);
}

fn machine(table: &mut Table, scored: &[Vec<Scored>], over: &str) {
    let bounds = rules().min_pause_s..=rules().max_pause_s;
    let counts = |a: &&Answer, end: bool| a.end == end && (end || bounds.contains(&a.until_speech_s));
    let share = |scored: &[Scored], end: bool| -> Option<Figure<'static>> {
        let of = |s: &Scored| {
            let answers = s.machine.iter().filter(|a| counts(a, end));
            answers.fold((0u32, 0u32), |(fired, all), a| (fired + u32::from(a.latency_s.is_some()), all + 1))
        };
        let each: Vec<(u32, u32)> = scored.iter().map(of).collect();
        Some(Box::new(move |weights| {
            let sum = |part: fn(&(u32, u32)) -> u32| -> u32 {
                each.iter().zip(weights).map(|(counts, times)| part(counts) * times).sum()
            };
            let all = sum(|c| c.1);
            (all > 0).then(|| f64::from(sum(|c| c.0)) / f64::from(all))
        }))
    };
    let shares = |end| scored.iter().map(|s| share(s, end)).chain([None]).collect::<Vec<_>>();
    table.add("event machine, false cut-offs", over, &shares(false));
    table.add("event machine, ends found", over, &shares(true));
    let median = |scored: &[Scored]| -> Option<Figure<'static>> {
        let of = |s: &Scored| s.machine.iter().filter(|a| a.end).filter_map(|a| a.latency_s).collect();
        let each: Vec<Vec<f64>> = scored.iter().map(of).collect();
        Some(Box::new(move |weights| {
            let drawn = each.iter().zip(weights).flat_map(|(values, times)| values.repeat(*times as usize));
            quantile(&drawn.collect::<Vec<f64>>(), 0.5)
        }))
    };
    let medians: Vec<_> = scored.iter().map(|s| median(s)).chain([None]).collect();
    table.add("event machine, median latency, s", over, &medians);
}
