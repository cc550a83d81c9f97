//! A conversation whose model is computed elsewhere: the same frames and events, also when a session goes on in its
//! place.

use std::sync::Arc;
use vap_core::HOP_SAMPLES;
use vap_core::config::{CONV1_KERNEL, HOP_MELS, MEL_BANDS, MELS_A_FRAME};
use vap_core::projection::OUTPUTS;
use vap_tests::{Engine, Random, State, random_file, run, talk, tiny_model, tiny_models, worst_logit};
use vap_wasm::{Error, KernelModel, Output, RemoteSession, Session};

const BAR: f32 = 1e-4;

/// A model elsewhere.
struct Elsewhere {
    engine: Engine,
    state: State,
}

impl Elsewhere {
    fn new(engine: Engine) -> Self {
        Elsewhere { state: engine.init_state(), engine }
    }

    /// Works the next hops of a remote, at most `most`; how many there were.
    fn work(&mut self, remote: &mut RemoteSession, most: usize, output: &mut Output) -> usize {
        let mels = remote.next_mels(most).concat();
        if mels.is_empty() {
            return 0;
        }
        let logits = self.engine.forward(&mels, &mut self.state);
        remote.push_logits(&logits, output).unwrap();
        logits.len() / OUTPUTS
    }
}

/// Everything that is told when the computation is elsewhere for `away` hops, at most `most` at once, and `out` more
/// hops go out and are lost.
fn told(model: &Engine, sound: &[Vec<f32>; 2], [away, out, most]: [usize; 3]) -> Output {
    let mut output = Output::default();
    let mut remote = model.session(16_000).remote().unwrap();
    let mut elsewhere = Elsewhere::new(model.clone());
    let mut pieces = sound[0].chunks(1000).zip(sound[1].chunks(1000));
    while output.frames.len() < away {
        while remote.waiting() < most.min(away - output.frames.len()) {
            let (user, agent) = pieces.next().unwrap();
            remote.hear(Some(user), Some(agent)).unwrap();
        }
        elsewhere.work(&mut remote, most.min(away - output.frames.len()), &mut output);
    }
    while out > 0 && remote.waiting() < out {
        let (user, agent) = pieces.next().unwrap();
        remote.hear(Some(user), Some(agent)).unwrap();
    }
    assert_eq!(remote.next_mels(out)[0].len(), out * HOP_MELS);
    let mut session = remote.into_session(&mut output).unwrap();
    assert_eq!(output.frames.len(), away + out);
    for (user, agent) in pieces {
        session.push_into(Some(user), Some(agent), &mut output).unwrap();
    }
    session.finish_into(&mut output).unwrap();
    output
}

fn sound() -> [Vec<f32>; 2] {
    [talk(1, 16_000, 6.0), talk(2, 16_000, 6.0)]
}

#[test]
fn elsewhere_is_told_what_a_session_tells() {
    let [user, agent] = sound();
    for model in tiny_models() {
        let expected = run(&mut model.session(16_000), &user, &agent, 320);
        assert!(expected.events.len() > 10, "{} events prove little", expected.events.len());
        for most in [1, 7, 4096] {
            let mut remote = model.session(16_000).remote().unwrap();
            let mut elsewhere = Elsewhere::new(Engine::burn(&random_file(model.config().clone(), 7)));
            let mut output = Output::default();
            for (user, agent) in user.chunks(5000).zip(agent.chunks(5000)) {
                remote.hear(Some(user), Some(agent)).unwrap();
                while elsewhere.work(&mut remote, most, &mut output) > 0 {}
            }
            remote.end_sound();
            while elsewhere.work(&mut remote, most, &mut output) > 0 {}
            remote.finish(&mut output).unwrap();
            assert_eq!(types(&output), types(&expected));
            assert!(worst_logit(&output.frames, &expected.frames) <= BAR);
        }
    }
}

#[test]
fn a_session_in_its_place_goes_on_where_it_stood() {
    let sound = sound();
    for model in tiny_models() {
        let expected = run(&mut model.session(16_000), &sound[0], &sound[1], 320);
        let past = model.config().past_frames();
        for away in [0, 1, 5, past, past + 1, 60, 150, 299] {
            for (out, most) in [(0, 1), (1, 1), (1, 9)] {
                let output = told(&model, &sound, [away, out, most]);
                assert_eq!(types(&output), types(&expected), "{away} hops, {out} out");
                let off = worst_logit(&output.frames, &expected.frames);
                assert!(off <= BAR, "{away} hops, {out} out: off by {off}");
            }
        }
    }
}

#[test]
fn many_hops_that_are_out_are_told_once() {
    let sound = sound();
    for model in tiny_models() {
        let expected = run(&mut model.session(16_000), &sound[0], &sound[1], 320);
        let output = told(&model, &sound, [100, 130, 50]);
        assert_eq!(types(&output), types(&expected));
        assert!(worst_logit(&output.frames, &expected.frames) <= BAR);
    }
}

#[test]
fn a_session_behind_the_end_of_the_sound_decides_what_is_pending() {
    let model = tiny_model();
    let [user, agent] = sound();
    let expected = run(&mut model.session(16_000), &user, &agent, 320);
    for finished in [false, true] {
        let mut output = Output::default();
        let mut remote = model.session(16_000).remote().unwrap();
        let mut elsewhere = Elsewhere::new(model.clone());
        remote.hear(Some(&user), Some(&agent)).unwrap();
        remote.end_sound();
        while elsewhere.work(&mut remote, if finished { 4096 } else { 100 }, &mut output) > 100 {}
        if finished {
            remote.finish(&mut output).unwrap();
        }
        let mut session = moved(&model, &remote.into_session(&mut output).unwrap());
        session.finish_into(&mut output).unwrap();
        let mut session = moved(&model, &session);
        session.finish_into(&mut output).unwrap();
        assert_eq!(types(&output), types(&expected));
        assert!(worst_logit(&output.frames, &expected.frames) <= BAR);
    }
}

#[test]
fn a_session_in_its_place_is_saved_like_any() {
    let model = tiny_model();
    let sound = sound();
    let mut remote = model.session(16_000).remote().unwrap();
    let mut elsewhere = Elsewhere::new(model.clone());
    let (hops, mut output) = (60, Output::default());
    let [before, after] = [0..hops * HOP_SAMPLES, hops * HOP_SAMPLES..sound[0].len()];
    remote.hear(Some(&sound[0][before.clone()]), Some(&sound[1][before])).unwrap();
    assert_eq!(elsewhere.work(&mut remote, hops, &mut output), hops);
    let mut straight = remote.into_session(&mut output).unwrap();
    let mut restored = moved(&model, &straight);
    let [user, agent] = [0, 1].map(|s| &sound[s][after.clone()]);
    let [expected, found] =
        [&mut straight, &mut restored].map(|session| run(session, user, agent, HOP_SAMPLES));
    assert_eq!(expected.frames.len(), 300 - hops);
    assert_eq!(found, expected);
}

#[test]
fn the_past_ends_where_the_config_says() {
    for model in tiny_models() {
        let config = model.config();
        let past = config.past_frames();
        let windows = config.channel_layers + 2 * config.num_layers;
        let convolved_mels = CONV1_KERNEL - 1 + config.encoder.conv2_kernel() - MELS_A_FRAME;
        let frames = past + 3;
        let mels = Random::new(3).list(2 * frames * HOP_MELS, 1.7);
        let last = |mels: &[f32]| {
            let logits = model.logits(mels, frames);
            logits[logits.len() - OUTPUTS..].to_vec()
        };
        let expected = last(&mels);
        let oldest = 2 * (frames - 1 - windows * (config.context_frames - 1)) - convolved_mels;
        assert_eq!(oldest / 2, frames - 1 - past);
        for (mel, counts) in [(oldest, true), (oldest - 1, false)] {
            let mut changed = mels.clone();
            changed[mel * MEL_BANDS..][..MEL_BANDS].iter_mut().for_each(|value| *value += 100.0);
            assert_eq!(last(&changed) != expected, counts, "mel {mel} of {}", 2 * frames);
        }
    }
}

#[test]
fn logits_of_other_hops_and_a_hasty_end_are_refused() {
    let mut remote = tiny_model().session(16_000).remote().unwrap();
    let mut output = Output::default();
    remote.hear(Some(&[0.0; 960]), None).unwrap();
    let code = |result: Result<(), Error>| result.unwrap_err().code();
    assert_eq!(code(remote.push_logits(&[0.0; OUTPUTS], &mut output)), "length");
    assert_eq!(code(remote.finish(&mut output)), "behind");
    assert_eq!(remote.next_mels(2)[1].len(), 2 * HOP_MELS);
    assert_eq!(remote.next_mels(2)[0].len(), 0, "hops go out while others are");
    assert_eq!(code(remote.push_logits(&[0.0; OUTPUTS], &mut output)), "length");
    remote.push_logits(&[0.0; 2 * OUTPUTS], &mut output).unwrap();
    assert_eq!(output.frames.len(), 2);
    assert_eq!(code(remote.finish(&mut output)), "behind");
}

#[test]
fn logits_that_are_no_numbers_are_computed_here() {
    let model = tiny_model();
    let [user, agent] = sound();
    let expected = run(&mut model.session(16_000), &user, &agent, 320);
    let mut output = Output::default();
    let mut remote = model.session(16_000).remote().unwrap();
    let mut elsewhere = Elsewhere::new(model.clone());
    remote.hear(Some(&user), Some(&agent)).unwrap();
    assert_eq!(elsewhere.work(&mut remote, 100, &mut output), 100);
    let mels = remote.next_mels(3).concat();
    let mut logits = model.logits(&mels, 3);
    logits[2 * OUTPUTS] = f32::NAN;
    for _ in 0..2 {
        assert_eq!(remote.push_logits(&logits, &mut output).unwrap_err().code(), "not-finite");
        assert_eq!((output.frames.len(), remote.next_mels(3)[0].len()), (100, 0));
    }
    let mut session = remote.into_session(&mut output).unwrap();
    assert_eq!(output.frames.len(), 103);
    session.finish_into(&mut output).unwrap();
    assert_eq!(types(&output), types(&expected));
    assert!(worst_logit(&output.frames, &expected.frames) <= BAR);
}

fn moved(model: &Engine, session: &Session) -> Session {
    let Engine::Kernels(model) = model else { panic!("only kernels save") };
    Session::restore(Arc::<KernelModel>::clone(model), &session.save().unwrap()).unwrap()
}

fn types(output: &Output) -> Vec<String> {
    let line = |event| {
        let mut json = serde_json::to_value(event).unwrap();
        // Probabilities are compared as logits.
        json.as_object_mut().unwrap().remove("probability");
        json.to_string()
    };
    output.events.iter().map(line).collect()
}
