//! One turn: which utterances it is made of, where it pauses, where it ends.
//!
//! Without a teacher a turn ends where an utterance does, and its pauses are those inside. With one it ends where the
//! teacher hears an end, drawn by its probability, be it a pause inside an utterance, and goes on where it does not,
//! be it with another utterance. Beside that some turns are of several utterances, and some phrases break off and are
//! taken up again. Every silence inside a turn is as long as one of the others, whatever made it.

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use vap_core::SAMPLE_RATE_HZ;

use super::{SHORTEST_PAUSE_S, Simulator};
use crate::windows::placed::{Edges, Placed};
use crate::windows::voices::samples;

/// Most utterances of one turn.
const MOST_UTTERANCES: usize = 4;
/// A turn ends with its utterance once it is this long, in seconds.
const LONG_TURN_S: f32 = 25.0;
/// Speech before a pause that may end a turn, in seconds.
const SHORTEST_TURN_S: f32 = 0.5;
/// Share of turns ended by the teacher's ear whose rest is said later.
const SAID_LATER: f64 = 0.5;
/// Chance that a phrase breaks off in a turn that hesitates and has not yet.
const BREAKS: f64 = 0.6;
/// A phrase breaks off this far from its beginning and its end, in seconds.
const FROM_EDGES_S: f32 = 0.3;
/// Length of what is said again, in seconds.
const AGAIN_S: [f32; 2] = [0.18, 0.5];
/// Share of broken phrases whose last word is said again.
const AGAIN: f64 = 0.35;
/// Softest place is looked for this far to each side, in samples.
const AROUND: usize = 2_400;
/// Steps in which it is looked for, in samples.
const STEP: usize = 160;
/// Places that a phrase may break at, of which the one that sounds least finished is most likely taken.
const PLACES: usize = 4;

/// One speaker of a dialogue.
pub(super) struct Speaker {
    /// Its voice.
    pub voice: usize,
    /// How much faster than recorded it speaks.
    pub speed: f32,
    /// Whether it hesitates; an agent's voice does not.
    pub hesitates: bool,
    /// What a turn left unsaid: an utterance from one of its islands on.
    pub rest: Option<(usize, usize)>,
}

impl Speaker {
    /// A speaker who has not said anything yet.
    pub fn new(voice: usize, speed: f32, hesitates: bool) -> Speaker {
        Speaker { voice, speed, hesitates, rest: None }
    }
}

/// How long a turn should be and where its pauses take their lengths from.
pub(super) struct TurnPlan<'p> {
    /// Length of speech wanted, in seconds.
    pub spoken_s: f32,
    /// First sample on the timeline.
    pub start: usize,
    /// Pauses annotated for this turn, in seconds.
    pub pauses_s: &'p [f32],
    /// Chance that a pause is one of the annotated.
    pub annotated: f64,
    /// Chance that another pause is as long as a gap between speakers, else about as recorded.
    pub matched: f64,
}

/// A turn in the making.
struct Turn<'t, 'p> {
    rng: &'t mut ChaCha8Rng,
    plan: &'t TurnPlan<'p>,
    /// Annotated pauses taken so far.
    taken: usize,
    speed: f32,
    track: &'t mut Vec<Placed>,
    at: usize,
    end: usize,
}

impl Turn<'_, '_> {
    fn say(&mut self, utterance: usize, cut: [u32; 2], inner: Edges) {
        let placed = Placed { utterance, cut, at: self.at, speed: self.speed, backchannel: false, inner };
        self.track.push(placed);
        self.end = placed.end();
    }

    /// Waits before the next sound; `natural_s` is the pause of the recording where there is one.
    fn wait(&mut self, simulator: &Simulator, natural_s: Option<f32>) {
        let pause_s = match natural_s {
            Some(natural_s) if natural_s < SHORTEST_PAUSE_S => natural_s,
            _ if self.rng.random_bool(self.plan.annotated) => {
                let annotated = self.plan.pauses_s.get(self.taken).copied();
                self.taken += 1;
                let drawn = annotated.or_else(|| simulator.pauses_s.choose(self.rng).copied());
                drawn.map_or(SHORTEST_PAUSE_S, |s| s.max(SHORTEST_PAUSE_S))
            }
            _ if self.rng.random_bool(self.plan.matched) => simulator.silent_gap_s(self.rng),
            Some(natural_s) => natural_s * self.rng.random_range(0.8..1.8),
            // As recorded pauses are, by chance of the annotated ones.
            None => simulator.pauses_s.choose(self.rng).map_or(SHORTEST_PAUSE_S, |s| s.max(SHORTEST_PAUSE_S)),
        };
        self.at = self.end + samples(pause_s);
    }

    fn spoken_s(&self) -> f32 {
        (self.end - self.plan.start) as f32 / SAMPLE_RATE_HZ as f32
    }
}

impl Simulator<'_> {
    /// Places one turn and returns its end.
    pub(super) fn turn(
        &self,
        rng: &mut ChaCha8Rng,
        plan: &TurnPlan,
        speaker: &mut Speaker,
        track: &mut Vec<Placed>,
    ) -> usize {
        let mut turn =
            Turn { rng, plan, taken: 0, speed: speaker.speed, track, at: plan.start, end: plan.start };
        let mut hesitates = speaker.hesitates && turn.rng.random_bool(self.config.hesitations);
        for said in 1..=MOST_UTTERANCES {
            let (utterance, first) =
                speaker.rest.take().unwrap_or_else(|| self.choose(&mut turn, speaker.voice));
            if let Some(rest) = self.utterance(&mut turn, utterance, first, &mut hesitates) {
                speaker.rest = Some((utterance, rest)).filter(|_| turn.rng.random_bool(SAID_LATER));
                break;
            }
            let [_, end] = self.data.utterances()[utterance].span();
            let finished = self.finished(utterance, end as usize).map_or(1.0, |p| p.clamp(0.0, 1.0));
            let ends =
                turn.rng.random_bool(f64::from(finished)) && !turn.rng.random_bool(self.config.long_turns);
            if ends || said == MOST_UTTERANCES || turn.spoken_s() > LONG_TURN_S {
                break;
            }
            turn.wait(self, None);
        }
        turn.end
    }

    fn choose(&self, turn: &mut Turn, voice: usize) -> (usize, usize) {
        let phrases = turn.rng.random_bool(self.config.phrase_start);
        let used: Vec<usize> = turn.track.iter().map(|placed| placed.utterance).collect();
        self.voices.turn(turn.rng, self.data, voice, turn.plan.spoken_s * turn.speed, phrases, &used)
    }

    /// Says an utterance from island `first` on; returns the island before which the turn ended, if it did.
    fn utterance(
        &self,
        turn: &mut Turn,
        utterance: usize,
        first: usize,
        hesitates: &mut bool,
    ) -> Option<usize> {
        let islands = &self.data.utterances()[utterance].islands;
        for (i, island) in islands.iter().enumerate().skip(first) {
            let here = *hesitates && turn.rng.random_bool(BREAKS);
            match here.then(|| self.breaks_at(turn, utterance, *island)).flatten() {
                Some((place, again)) => {
                    *hesitates = false;
                    turn.say(utterance, [island[0], place], Edges { start: false, end: true });
                    turn.wait(self, None);
                    turn.say(utterance, [again, island[1]], Edges { start: true, end: false });
                }
                None => turn.say(utterance, *island, Edges::default()),
            }
            let Some(next) = islands.get(i + 1) else { break };
            let natural_s = (next[0] - island[1]) as f32 / turn.speed / SAMPLE_RATE_HZ as f32;
            if natural_s >= SHORTEST_PAUSE_S && turn.spoken_s() >= SHORTEST_TURN_S {
                let finished = self.finished(utterance, island[1] as usize).unwrap_or(0.0).clamp(0.0, 1.0);
                if turn.rng.random_bool(f64::from(finished)) {
                    return Some(i + 1);
                }
            }
            turn.wait(self, Some(natural_s));
        }
        None
    }

    /// Where a phrase breaks off and where it is taken up, if it is long enough.
    fn breaks_at(&self, turn: &mut Turn, utterance: usize, island: [u32; 2]) -> Option<(u32, u32)> {
        let from_edges = samples(FROM_EDGES_S) as u32;
        let [first, last] = [island[0] + from_edges, island[1].saturating_sub(from_edges)];
        if first >= last {
            return None;
        }
        let audio = self.data.utterance_audio(utterance);
        let mut places = [0; PLACES].map(|_| softest(audio, turn.rng.random_range(first..last), island));
        places.sort_unstable();
        let unfinished =
            |place: &u32| 1.01 - self.finished(utterance, *place as usize).unwrap_or(0.5).clamp(0.0, 1.0);
        let place = *places.choose_weighted(turn.rng, unfinished).ok()?;
        let back = samples(turn.rng.random_range(AGAIN_S[0]..AGAIN_S[1])) as u32;
        let again = if turn.rng.random_bool(AGAIN) {
            softest(audio, place.saturating_sub(back).max(island[0]), island).min(place)
        } else {
            place
        };
        Some((place, again))
    }

    /// The teacher's answer at a place of an utterance.
    pub(super) fn finished(&self, utterance: usize, sample: usize) -> Option<f32> {
        self.answers.and_then(|answers| answers.at(utterance, sample)).filter(|p| p.is_finite())
    }
}

/// The softest place near `place` inside an island: between two words, or between the sounds of one.
fn softest(audio: &[i16], place: u32, [start, end]: [u32; 2]) -> u32 {
    let around = AROUND as u32;
    let first = place.saturating_sub(around).max(start);
    let last = (place + around).min(end);
    let power = |at: usize| -> f32 {
        let window = &audio[at.saturating_sub(STEP).min(audio.len())..(at + STEP).min(audio.len())];
        window.iter().map(|x| f32::from(*x).powi(2)).sum()
    };
    let steps = (first..last).step_by(STEP).map(|at| (at, power(at as usize)));
    steps.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(place, |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SimulationConfig;
    use crate::data::Split;
    use crate::windows::simulation::Answers;
    use rand::SeedableRng;

    /// The same answer everywhere.
    struct Always(f32);

    impl Answers for Always {
        fn at(&self, _: usize, _: usize) -> Option<f32> {
            Some(self.0)
        }
    }

    /// Two turns of one speaker, twenty times.
    fn turns(config: SimulationConfig, answers: Option<&dyn Answers>) -> Vec<[Vec<Placed>; 2]> {
        let data = crate::tests::data();
        let simulator = Simulator::new(&data, Split::Train, &config).unwrap();
        let simulator = match answers {
            Some(answers) => simulator.hearing(answers),
            None => simulator,
        };
        let mut out = Vec::new();
        for seed in 0..20 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut speaker = Speaker::new(0, 1.0, true);
            let mut start = 0;
            out.push([0, 1].map(|_| {
                let plan = TurnPlan { spoken_s: 2.0, start, pauses_s: &[], annotated: 0.2, matched: 0.8 };
                let mut track = Vec::new();
                start = simulator.turn(&mut rng, &plan, &mut speaker, &mut track) + 8_000;
                assert!(track.windows(2).all(|pair| pair[0].end() <= pair[1].at), "seed {seed}: in order");
                track
            }));
        }
        out
    }

    fn plain() -> SimulationConfig {
        SimulationConfig {
            long_turns: 0.0,
            hesitations: 0.0,
            phrase_start: 0.0,
            ..SimulationConfig::default()
        }
    }

    fn utterances(turn: &[Placed]) -> usize {
        1 + turn.windows(2).filter(|pair| pair[0].utterance != pair[1].utterance).count()
    }

    #[test]
    fn a_turn_is_one_utterance_unless_it_is_long() {
        assert!(turns(plain(), None).iter().flatten().all(|turn| turn.len() == 2 && utterances(turn) == 1));
        let long = SimulationConfig { long_turns: 1.0, ..plain() };
        let lengths: Vec<usize> = turns(long, None).iter().flatten().map(Vec::len).collect();
        assert!(lengths.iter().all(|length| *length == 2 * MOST_UTTERANCES), "{lengths:?}");
    }

    #[test]
    fn a_turn_ends_where_an_end_is_heard_and_the_rest_may_follow() {
        let (mut ended, mut later) = (0, 0);
        for [first, second] in turns(plain(), Some(&Always(1.0))) {
            let data = crate::tests::data();
            let islands = &data.utterances()[first[0].utterance].islands;
            if first.len() == 1 && first[0].cut == islands[0] {
                ended += 1;
                later +=
                    usize::from(second[0].utterance == first[0].utterance && second[0].cut == islands[1]);
            }
        }
        assert!(ended > 10 && later > 2 && later < ended, "{ended} ended at a pause, {later} went on later");
        let goes_on = turns(plain(), Some(&Always(0.0)));
        assert!(goes_on.iter().flatten().all(|turn| turn.len() == 2 * MOST_UTTERANCES));
    }

    #[test]
    fn a_broken_phrase_is_taken_up_again() {
        let hesitant = SimulationConfig { hesitations: 1.0, ..plain() };
        let (mut broken, mut again) = (0, 0);
        for turn in turns(hesitant, None).iter().flatten() {
            for pair in turn.windows(2).filter(|pair| pair[0].inner.end) {
                let silence = pair[1].at - pair[0].end();
                assert!(pair[1].inner.start && pair[1].utterance == pair[0].utterance);
                assert!(pair[1].cut[0] <= pair[0].cut[1] && silence >= samples(SHORTEST_PAUSE_S));
                broken += 1;
                again += usize::from(pair[1].cut[0] < pair[0].cut[1]);
            }
            assert!(turn.iter().filter(|placed| placed.inner.end).count() <= 1, "once a turn");
        }
        assert!(broken > 10 && again > 2 && again < broken, "{broken} broken, {again} say something again");
    }

    #[test]
    fn a_phrase_breaks_where_it_is_softest() {
        let mut audio = vec![1_000i16; 16_000];
        audio[7_900..8_300].fill(3);
        let place = softest(&audio, 7_000, [1_000, 15_000]);
        assert!((7_900..8_300).contains(&place), "{place}");
    }
}
