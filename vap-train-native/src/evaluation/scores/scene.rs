//! All dialogues of a report: what is known of each, and what each model said.

use super::scored::Scored;
use super::thresholds::Thresholds;
use super::truth::Truth;
use crate::evaluation::metrics::table::Figure;
use crate::evaluation::recordings::baselines;
use crate::labels::reference_events::EventConfig;

/// Scores with labels.
pub type Pairs = Vec<(f32, bool)>;

/// All dialogues of a report.
pub struct Scene<'a> {
    /// What is known, `[dialogue]`.
    pub truths: &'a [Truth],
    /// What the models said, `[model][dialogue]`.
    pub models: &'a [Vec<Scored>],
    /// Thresholds of each model from other dialogues.
    pub thresholds: &'a [Thresholds],
    /// Event definitions.
    pub config: &'a EventConfig,
}

impl Scene<'_> {
    /// One figure a column.
    pub fn columns<'f>(
        &self,
        model: impl Fn(usize, &[Scored]) -> Option<Figure<'f>>,
        baseline: impl Fn(usize) -> Option<Figure<'f>>,
    ) -> Vec<Option<Figure<'f>>> {
        let models = self.models.iter().enumerate().map(|(at, scored)| model(at, scored));
        models.chain((0..baselines::NAMES.len()).map(baseline)).collect()
    }

    /// Pairs of each dialogue of a model.
    pub fn each(&self, scored: &[Scored], pairs: impl Fn(&Truth, &Scored) -> Pairs) -> Vec<Pairs> {
        self.truths.iter().zip(scored).map(|(truth, scored)| pairs(truth, scored)).collect()
    }

    /// What a row over frames is taken over.
    pub fn frames(&self, pairs: impl Fn(&Truth, &Scored) -> Pairs) -> String {
        format!("{} frames", self.each(&self.models[0], pairs).iter().map(Vec::len).sum::<usize>())
    }

    /// Events of all dialogues.
    pub fn count<T>(&self, of: impl Fn(&Truth) -> &[T]) -> usize {
        self.truths.iter().map(|truth| of(truth).len()).sum()
    }
}
