//! Soft end-of-turn targets: a teacher is asked about each channel of a batch, in its silences and in its speech, and
//! its answers take the place of the dialogue's end-of-turn targets.
//!
//! A silence is asked about once, [`INTO_SILENCE_FRAMES`] in, and keeps the answer while it lasts: the teacher takes
//! long silence itself for an end. In speech the question is "were this the end, would it sound like one?". Frames
//! without an answer are masked, but where no turn could end (an absent channel, nobody has spoken, or not for long)
//! the dialogue's zeros stand.

use std::path::Path;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use tch::{Device, Kind, Tensor};
use vap_core::ModelConfig;
use vap_core::config::{MEL_BANDS, MELS_A_FRAME};
use vap_core::features::{FLOOR, FeatureStatistics};
use vap_core::projection::{EOT_AT, OUTPUTS, VAD_AT};

use crate::config::RunConfig;
use crate::error::Result;
use crate::model::readout::Readout;
use crate::model::teacher::{QUESTION_FRAMES, Teacher};
use crate::windows::dataset::Batch;
use crate::windows::targets::NO_TURN_WEIGHT;

/// Frames into a silence at which it is asked about: the fifth, 80 to 100 ms in.
const INTO_SILENCE_FRAMES: usize = 4;
/// Frames of a silence that keep its answer: 2 s.
const KEPT_FRAMES: usize = 100;
/// Frames of a silence that count in full; the answer matters most while a turn may end.
const DECISIVE_FRAMES: usize = 30;
/// What a later frame of a silence counts.
const LATER: f32 = 0.3;
/// What a frame of speech counts that was asked about: few are.
const SPEECH: f32 = 5.0;
/// Frames on each side of one in speech that take its answer.
const AROUND_FRAMES: usize = 1;
/// Frames of speech among its last [`QUESTION_FRAMES`] that a question needs: the teacher calls silence finished.
const LEAST_SPEECH_FRAMES: usize = 20;
/// Questions that are asked at once, so that memory stays small.
const TOGETHER: usize = 32;
/// Power of a frame of speech at the level the teacher is used to (RMS 0.05): by Parseval 256 x 400 x 0.375 x 0.05^2
/// for a 512-point transform of 400 samples under a Hann window.
const TEACHER_POWER: f64 = 96.0;
/// Share of the loudest frame's power below which a frame is not speech.
const QUIET: f64 = 0.01;

/// One question: a channel of a window, the newest frame it may hear, and the frames that take the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Question {
    window: usize,
    channel: usize,
    newest: usize,
    first: usize,
    end: usize,
}

/// A teacher and what it is asked.
pub struct Asker {
    teacher: Teacher,
    statistics: FeatureStatistics,
    in_speech: usize,
}

impl Asker {
    /// The teacher of a run.
    ///
    /// # Errors
    /// As [`Teacher::read`].
    pub fn read(
        path: &Path,
        config: &RunConfig,
        statistics: &FeatureStatistics,
        at: Device,
    ) -> Result<Asker> {
        let (teacher, in_speech) = (Teacher::read(path, at)?, config.training.speech_questions);
        Ok(Asker { teacher, statistics: statistics.clone(), in_speech })
    }

    /// The teacher's head, to be trained on the encoder's frames below `path`; none where the encoder is not as wide as
    /// the teacher.
    ///
    /// # Errors
    /// As [`Readout::new`].
    pub fn readout(&self, path: &tch::nn::Path, model: &ModelConfig) -> Result<Option<Readout>> {
        let fits = self.teacher.dim() == model.dim;
        fits.then(|| Readout::new(path, &self.teacher, model.context_frames)).transpose()
    }

    /// Puts the teacher's answers in the place of a batch's end-of-turn targets; `seed` draws the frames of speech that
    /// are asked about.
    ///
    /// # Errors
    /// [`crate::error::Error::Torch`] when a tensor cannot be read.
    pub fn answer(&self, batch: &mut Batch, seed: u64) -> Result<()> {
        answer(&self.teacher, batch, &self.statistics, self.in_speech, seed)
    }
}

fn answer(
    teacher: &Teacher,
    batch: &mut Batch,
    statistics: &FeatureStatistics,
    in_speech: usize,
    seed: u64,
) -> Result<()> {
    let size = batch.values.size();
    let (windows, frames) = (size[0] as usize, size[1] as usize);
    let flat = |x: &Tensor| Vec::<f32>::try_from(x.flatten(0, -1).to_device(Device::Cpu).contiguous());
    let mut values = flat(&batch.values)?;
    let mut mask = flat(&batch.mask)?;
    let speaks = |window: usize, channel: usize| -> Vec<bool> {
        (0..frames).map(|t| values[(window * frames + t) * OUTPUTS + VAD_AT + channel] > 0.5).collect()
    };
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut questions = Vec::new();
    for window in 0..windows {
        for channel in 0..2 {
            let found = choose(&speaks(window, channel), in_speech, &mut rng);
            questions.extend(found.into_iter().map(|q| Question { window, channel, ..q }));
        }
    }
    for weights in mask.chunks_mut(OUTPUTS) {
        mask_unknown(&mut weights[EOT_AT..][..2]);
    }
    let heard = Heard::new(&batch.mels, statistics, teacher.statistics().unwrap_or(statistics));
    for some in questions.chunks(TOGETHER) {
        let mels: Vec<Tensor> = some.iter().map(|q| heard.until(q)).collect();
        let answers = Vec::<f32>::try_from(teacher.answer(&heard.at_level(&Tensor::stack(&mels, 0))))?;
        for (question, answer) in some.iter().zip(answers) {
            for t in question.first..question.end {
                let frame = (question.window * frames + t) * OUTPUTS;
                let at = frame + EOT_AT + question.channel;
                (values[at], mask[at]) = match values[frame + VAD_AT + question.channel] > 0.5 {
                    true => (answer, SPEECH),
                    false if t < question.first + DECISIVE_FRAMES => (answer, 1.0),
                    false => (answer, LATER),
                };
            }
        }
    }
    let tensor =
        |data: &[f32], like: &Tensor| Tensor::from_slice(data).reshape(like.size()).to_device(like.device());
    (batch.values, batch.mask) = (tensor(&values, &batch.values), tensor(&mask, &batch.mask));
    Ok(())
}

/// Masks a frame's end-of-turn targets but for those of [`NO_TURN_WEIGHT`].
fn mask_unknown(weights: &mut [f32]) {
    weights.iter_mut().filter(|weight| **weight > NO_TURN_WEIGHT).for_each(|weight| *weight = 0.0);
}

/// Questions about one channel (their window and channel are 0): each silence after enough speech, and `in_speech`
/// frames of speech.
fn choose(speaks: &[bool], in_speech: usize, rng: &mut ChaCha8Rng) -> Vec<Question> {
    let heard_enough = |t: usize| {
        let first = (t + 1).saturating_sub(QUESTION_FRAMES);
        speaks[first..=t].iter().filter(|s| **s).count() >= LEAST_SPEECH_FRAMES
    };
    let question = |newest, first, end| Question { window: 0, channel: 0, newest, first, end };
    let mut found = Vec::new();
    let mut silent = 0;
    for (t, speaking) in speaks.iter().enumerate() {
        silent = if *speaking { 0 } else { silent + 1 };
        let began_here = silent == INTO_SILENCE_FRAMES + 1 && t > INTO_SILENCE_FRAMES;
        if began_here && heard_enough(t) {
            let lasts = speaks[t..].iter().take_while(|s| !**s).count();
            found.push(question(t, t - INTO_SILENCE_FRAMES + 1, t + lasts.min(KEPT_FRAMES)));
        }
    }
    let mut spoken: Vec<usize> = (0..speaks.len()).filter(|t| speaks[*t] && heard_enough(*t)).collect();
    let (drawn, _) = spoken.partial_shuffle(rng, in_speech);
    for t in drawn {
        let around = t.saturating_sub(AROUND_FRAMES)..(*t + AROUND_FRAMES + 1).min(speaks.len());
        // An answer about a silence next to it stands.
        let (first, end) = (around.start, around.end);
        let first = (first..=*t).rev().take_while(|f| speaks[*f]).last().unwrap_or(*t);
        let end = (*t..end).take_while(|f| speaks[*f]).last().map_or(*t + 1, |last| last + 1);
        found.push(question(*t, first, end));
    }
    found
}

/// The mels of a batch as they were measured, with silence before them.
struct Heard {
    /// `[batch, 2, padding + 2 * frames, 80]`, not normalised.
    mels: Tensor,
    /// What the teacher takes them under.
    mean: Tensor,
    deviation: Tensor,
}

impl Heard {
    /// Mels that were normalised by `statistics`, for a teacher that takes them by statistics of its own.
    fn new(normalised: &Tensor, statistics: &FeatureStatistics, of_teacher: &FeatureStatistics) -> Heard {
        let row = |values: &[f32]| Tensor::from_slice(values).to_device(normalised.device());
        let raw = normalised * row(&statistics.deviation) + row(&statistics.mean);
        let (mean, deviation) = (row(&of_teacher.mean), row(&of_teacher.deviation));
        let padding = (QUESTION_FRAMES - 1) * MELS_A_FRAME;
        let mels = raw.constant_pad_nd([0, 0, padding as i64, 0]);
        let _ = mels.narrow(2, 0, padding as i64).fill_(f64::from(FLOOR.ln()));
        Heard { mels, mean, deviation }
    }

    /// What a question is about, `[2 * QUESTION_FRAMES, 80]`.
    fn until(&self, question: &Question) -> Tensor {
        let first = question.newest * MELS_A_FRAME;
        let window = self.mels.get(question.window as i64).get(question.channel as i64);
        window.narrow(0, first as i64, (QUESTION_FRAMES * MELS_A_FRAME) as i64)
    }

    /// Windows `[questions, 2 * QUESTION_FRAMES, 80]` brought to the level the teacher is used to, normalised.
    fn at_level(&self, mels: &Tensor) -> Tensor {
        debug_assert_eq!(mels.size().last(), Some(&(MEL_BANDS as i64)));
        let power = mels.exp().sum_dim_intlist(-1, false, Kind::Float);
        let loud = power.greater_tensor(&(power.amax([1i64], true) * QUIET)).to_kind(Kind::Float);
        let mean = (&power * &loud).sum_dim_intlist(1, false, Kind::Float)
            / loud.sum_dim_intlist(1, false, Kind::Float).clamp_min(1.0);
        let gain = (mean.clamp_min(f64::from(FLOOR)).log() * -1.0 + TEACHER_POWER.ln()).reshape([-1, 1, 1]);
        ((mels + gain).clamp_min(f64::from(FLOOR.ln())) - &self.mean) / &self.deviation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(frames: usize, speech: &[[usize; 2]]) -> Vec<bool> {
        (0..frames).map(|t| speech.iter().any(|[first, end]| (*first..*end).contains(&t))).collect()
    }

    fn asked(speaks: &[bool], in_speech: usize) -> Vec<Question> {
        choose(speaks, in_speech, &mut ChaCha8Rng::seed_from_u64(1))
    }

    #[test]
    fn a_silence_is_asked_about_once_and_keeps_the_answer() {
        let questions = asked(&spans(400, &[[10, 60], [63, 120], [150, 200]]), 0);
        // The silence of three frames at 60 is too short.
        let ranges: Vec<_> = questions.iter().map(|q| (q.newest, q.first, q.end)).collect();
        assert_eq!(ranges, [(124, 121, 150), (204, 201, 304)]);
    }

    #[test]
    fn nothing_is_asked_where_hardly_anything_was_said() {
        assert_eq!(asked(&spans(400, &[]), 8), []);
        assert_eq!(asked(&spans(400, &[[10, 25], [200, 215]]), 8), []);
    }

    #[test]
    fn what_the_dialogue_knows_to_be_no_end_stands() {
        let mut weights = [1.0, NO_TURN_WEIGHT, 0.0];
        mask_unknown(&mut weights);
        assert_eq!(weights, [0.0, NO_TURN_WEIGHT, 0.0]);
    }

    #[test]
    fn questions_in_speech_stay_in_speech() {
        let speaks = spans(300, &[[0, 100], [110, 200]]);
        let questions: Vec<_> = asked(&speaks, 30).into_iter().filter(|q| speaks[q.newest]).collect();
        assert_eq!(questions.len(), 30);
        for q in questions {
            assert!((q.first..q.end).contains(&q.newest) && q.end - q.first <= 3, "{q:?}");
            assert!((q.first..q.end).all(|t| speaks[t]), "{q:?}");
        }
    }

    #[test]
    fn the_level_is_brought_to_the_teachers() {
        let statistics = FeatureStatistics { mean: vec![0.0; MEL_BANDS], deviation: vec![1.0; MEL_BANDS] };
        let mels = Tensor::full([1, 2, 400, MEL_BANDS as i64], -3.0, (Kind::Float, Device::Cpu));
        let of_teacher = FeatureStatistics { deviation: vec![2.0; MEL_BANDS], ..statistics.clone() };
        let heard = Heard::new(&mels, &statistics, &of_teacher);
        let question = Question { window: 0, channel: 1, newest: 150, first: 0, end: 0 };
        let window = heard.at_level(&heard.until(&question).unsqueeze(0));
        let power = (window.get(0).get(199) * 2.0).exp().sum(Kind::Float).double_value(&[]);
        assert!((power - TEACHER_POWER).abs() < 0.1, "{power}");
        // Sound before the window began is silence.
        let early = heard.until(&Question { newest: 10, ..question });
        assert_eq!(early.double_value(&[0, 0]), f64::from(FLOOR.ln()));
        assert_eq!(early.double_value(&[199, 0]), -3.0);
    }
}
