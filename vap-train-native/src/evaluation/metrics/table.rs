//! Rows of figures: each figure is asked for every draw of dialogues, so that intervals, and the differences between
//! models, rest on the same draws.

use serde::{Deserialize, Serialize};

use super::{Confusion, Ranked, bootstrap};

/// Draws behind every interval.
const DRAWS: usize = 500;
const SEED: u64 = 0xB007;

/// A figure and its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// On all dialogues.
    pub value: f64,
    /// 2.5 % quantile over draws of dialogues.
    pub low: f64,
    /// 97.5 % quantile.
    pub high: f64,
}

/// One row of a report.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    /// What is measured.
    pub name: String,
    /// What the figure is taken over.
    pub over: String,
    /// One a column of the report; none where the column has no answer.
    pub scores: Vec<Option<Score>>,
    /// Each further model minus the first one, on the same draws; empty for one model.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub differences: Vec<Option<Score>>,
}

/// A figure of a draw: how often each dialogue is in it comes in.
pub type Figure<'a> = Box<dyn Fn(&[u32]) -> Option<f64> + 'a>;

/// Rows over the same dialogues.
pub struct Table<'a> {
    dialogues: Vec<usize>,
    models: usize,
    only: Option<&'a [&'a str]>,
    /// The rows so far.
    pub rows: Vec<Row>,
}

impl<'a> Table<'a> {
    /// A table over `dialogues` whose first `models` columns are models.
    pub fn new(dialogues: usize, models: usize) -> Self {
        Table { dialogues: (0..dialogues).collect(), models, only: None, rows: Vec::new() }
    }

    /// Takes `only` these rows, if given.
    pub fn only(self, only: Option<&'a [&'a str]>) -> Self {
        Table { only, ..self }
    }

    /// Adds a row with one figure a column.
    pub fn add(&mut self, name: impl Into<String>, over: impl Into<String>, figures: &[Option<Figure>]) {
        let name = name.into();
        if self.only.is_some_and(|only| !only.contains(&name.as_str())) {
            return;
        }
        let scores = figures.iter().map(|figure| self.score(figure.as_ref()?)).collect();
        let models = &figures[..self.models.min(figures.len())];
        let differences = models.iter().skip(1).map(|figure| {
            let (first, other) = (models[0].as_ref()?, figure.as_ref()?);
            self.score(&|weights: &[u32]| Some(other(weights)? - first(weights)?))
        });
        let differences = differences.collect();
        self.rows.push(Row { name, over: over.into(), scores, differences });
    }

    fn score(&self, figure: &dyn Fn(&[u32]) -> Option<f64>) -> Option<Score> {
        let value = figure(&vec![1; self.dialogues.len()])?;
        let drawn = |drawn: &[&usize]| {
            let mut weights = vec![0; self.dialogues.len()];
            drawn.iter().for_each(|at| weights[**at] += 1);
            figure(&weights)
        };
        let interval = bootstrap(&self.dialogues, drawn, DRAWS, SEED)?;
        Some(Score { value, low: interval.low, high: interval.high })
    }
}

/// Figure of decisions at a threshold; `pairs` are those of each dialogue.
pub fn at_threshold<'a>(
    pairs: &[Vec<(f32, bool)>],
    threshold: f32,
    of: fn(&Confusion) -> Option<f64>,
) -> Option<Figure<'a>> {
    let counts: Vec<Confusion> = pairs.iter().map(|pairs| Confusion::at(threshold, pairs)).collect();
    Some(Box::new(move |weights| {
        let mut all = Confusion::default();
        counts.iter().zip(weights).for_each(|(counts, times)| all.add(counts, *times as usize));
        of(&all)
    }))
}

/// Figure of a ranking: AUC or average precision; `pairs` are those of each dialogue.
pub fn ranked<'a>(pairs: &[Vec<(f32, bool)>], of: fn(&Ranked, &[u32]) -> Option<f64>) -> Option<Figure<'a>> {
    let ranked = Ranked::new(pairs)?;
    Some(Box::new(move |weights| of(&ranked, weights)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_intervals_and_paired_differences() {
        // The second model is better by the same in every dialogue: the difference is certain, the level is not.
        let values = [0.1, 0.3, 0.5, 0.7];
        let mean = |shift: f64| -> Option<Figure> {
            Some(Box::new(move |weights: &[u32]| {
                let sum: f64 = values.iter().zip(weights).map(|(v, w)| (v + shift) * f64::from(*w)).sum();
                Some(sum / f64::from(weights.iter().sum::<u32>()))
            }))
        };
        let mut table = Table::new(4, 2);
        table.add("mean", "4 dialogues", &[mean(0.0), mean(0.1), None]);
        let row = &table.rows[0];
        let (first, second) = (row.scores[0].unwrap(), row.scores[1].unwrap());
        assert!((first.value - 0.4).abs() < 1e-9 && (second.value - 0.5).abs() < 1e-9);
        assert!(first.low < 0.25 && first.high > 0.55, "{first:?}");
        let difference = row.differences[0].unwrap();
        assert!((difference.low - 0.1).abs() < 1e-9 && (difference.high - 0.1).abs() < 1e-9);
        assert!(row.scores[2].is_none() && row.differences.len() == 1);
    }

    #[test]
    fn figures_weigh_dialogues() {
        let pairs = [vec![(0.9, true), (0.1, false)], vec![(0.2, true), (0.8, false)]];
        let auc = ranked(&pairs, Ranked::roc_auc).unwrap();
        assert_eq!((auc(&[1, 0]), auc(&[0, 1]), auc(&[0, 0])), (Some(1.0), Some(0.0), None));
        let accuracy = at_threshold(&pairs, 0.5, Confusion::accuracy).unwrap();
        assert_eq!((accuracy(&[3, 1]), accuracy(&[1, 1])), (Some(0.75), Some(0.5)));
    }
}
