//! A session saved and restored goes on as if nothing had happened; bytes of another kind are refused.

use std::sync::Arc;
use vap_core::model_file::Storage;
use vap_core::state;
use vap_tests::{
    Engine, Random, append, random_file, restless, session, talk, tiny_config, tiny_configs, tiny_model,
    tiny_models,
};
use vap_wasm::{KernelModel, Output, Session, SessionOptions};

/// The tiny models of both forms in one storage.
fn models(storage: Storage) -> [Arc<KernelModel>; 2] {
    tiny_configs().map(|config| {
        let bytes = random_file(config, 7).to_bytes(storage).unwrap();
        Arc::new(KernelModel::from_bytes(&bytes).unwrap())
    })
}

/// The tiny models of both forms, as floats and as integers.
fn all_models() -> Vec<Arc<KernelModel>> {
    [Storage::F32, Storage::I8].into_iter().flat_map(models).collect()
}

fn moved(model: &Arc<KernelModel>, session: &Session) -> Session {
    Session::restore(Arc::<KernelModel>::clone(model), &session.save().unwrap()).unwrap()
}

/// Everything a session gives in chunks of random length, unequal and missing channels among them; with `moves`, from
/// a session restored after many of the pushes.
fn told(model: &Arc<KernelModel>, rates_hz: [u32; 2], longest_ms: u32, moves: bool) -> Output {
    let [user_rate_hz, agent_rate_hz] = rates_hz;
    let options = SessionOptions { user_rate_hz, agent_rate_hz, policy: Some(restless()) };
    let mut session = Session::new(Arc::<KernelModel>::clone(model), options).unwrap();
    let (user, agent) = (talk(1, user_rate_hz, 4.0), talk(2, agent_rate_hz, 4.0));
    let mut random = Random::new(longest_ms.into());
    let (mut output, mut at) = (Output::default(), [0, 0]);
    while at[0] < user.len() || at[1] < agent.len() {
        let mut next = [0, 1].map(|s| {
            let most = f64::from(longest_ms * rates_hz[s]) / 1000.0;
            at[s] + (f64::from(random.draw() + 1.0) / 2.0 * most) as usize + 1
        });
        next[0] = next[0].min(user.len()).min(at[1] * user.len() / agent.len() + user_rate_hz as usize);
        next[1] = next[1].min(agent.len()).min(next[0] * agent.len() / user.len() + agent_rate_hz as usize);
        let (user, agent) = (&user[at[0]..next[0].max(at[0])], &agent[at[1]..next[1].max(at[1])]);
        append(&mut output, session.push(Some(user), Some(agent)).unwrap());
        at = [next[0].max(at[0]), next[1].max(at[1])];
        if random.draw() > 0.8 {
            append(&mut output, session.push(Some(&user[..user.len().min(77)]), None).unwrap());
        }
        // Restoring makes resamplers anew, which takes longer than a short piece.
        let due = random.draw() > if longest_ms < 20 { 0.8 } else { 0.0 };
        if moves && due {
            session = moved(model, &session);
        }
    }
    append(&mut output, session.push(Some(&[f32::NAN; 9]), None).unwrap());
    append(&mut output, session.finish().unwrap());
    if moves {
        let mut session = moved(model, &session);
        assert_eq!(session.finish().unwrap(), Output::default());
        assert_eq!(session.push(Some(&[0.0]), None).unwrap_err().code(), "finished");
        assert_eq!((session.rates_hz(), session.replaced()), (rates_hz, 9));
        session.reset().unwrap();
        assert_eq!(session.frames(), 0);
    }
    output
}

#[test]
fn a_restored_session_goes_on_to_the_bit() {
    for (case, model) in all_models().iter().enumerate() {
        for rates_hz in
            [[16_000, 16_000], [8_000, 8_000], [48_000, 24_000], [44_100, 8_000], [44_099, 12_345]]
        {
            for longest_ms in [5, 47, 900] {
                let straight = told(model, rates_hz, longest_ms, false);
                let moved = told(model, rates_hz, longest_ms, true);
                let counts = (straight.frames.len(), straight.events.len());
                assert!(counts.0 >= 200 && counts.1 > 10, "{counts:?}");
                assert_eq!(moved, straight, "model {case}, {rates_hz:?} Hz by {longest_ms} ms");
            }
        }
    }
}

#[test]
fn sound_that_waits_for_its_work_is_saved_with_the_rest() {
    for model in models(Storage::I8) {
        let options = SessionOptions { user_rate_hz: 8_000, agent_rate_hz: 16_000, policy: None };
        let mut straight = Session::new(Arc::<KernelModel>::clone(&model), options).unwrap();
        straight.hear(Some(&talk(1, 8_000, 1.0)), Some(&talk(2, 16_000, 1.3))).unwrap();
        let mut moved = moved(&model, &straight);
        assert_eq!((moved.waiting(), moved.waiting() > 40), (straight.waiting(), true));
        let (mut expected, mut found) = (Output::default(), Output::default());
        while straight.work(&mut expected).unwrap() {}
        while moved.work(&mut found).unwrap() {}
        assert_eq!(found, expected);

        straight.hear(Some(&[0.0; 800]), None).unwrap();
        assert!(straight.work(&mut expected).unwrap());
        assert_eq!(straight.save().unwrap_err().code(), "state", "within a hop");
    }
}

#[test]
fn the_state_is_small_and_does_not_grow() {
    for model in models(Storage::I8) {
        let options = SessionOptions { user_rate_hz: 48_000, agent_rate_hz: 48_000, policy: None };
        let mut session = Session::new(Arc::<KernelModel>::clone(&model), options).unwrap();
        let sound = talk(1, 48_000, 0.5);
        let sizes: Vec<_> = (0..100)
            .map(|_| {
                session.push(Some(&sound), Some(&sound)).unwrap();
                session.save().unwrap().len()
            })
            .collect();
        let around = session.state_bytes() + 2 * 4 * (480 + 480 + 400 + 320) + 1_000;
        assert!(sizes.iter().all(|size| *size < around), "{sizes:?} beside {around}");
    }
}

#[test]
fn a_state_of_another_model_is_refused() {
    let file = random_file(tiny_config(), 7);
    let bytes = session(&tiny_model(), 16_000).save().unwrap();
    let open = |engine: Engine| match engine {
        Engine::Kernels(model) => Session::restore(model, &bytes).err(),
        Engine::Burn(model) => Session::restore(model, &bytes).err(),
    };
    assert_eq!(open(Engine::kernels(&file, Storage::F32)), None);
    let [_, whisper] = tiny_models();
    let others = [
        whisper,
        Engine::kernels(&file, Storage::I8),
        Engine::kernels(&random_file(tiny_config(), 8), Storage::F32),
        Engine::kernels(
            &random_file(vap_core::ModelConfig { context_frames: 9, ..tiny_config() }, 7),
            Storage::F32,
        ),
        Engine::burn(&file),
    ];
    for other in others {
        let error = open(other).unwrap();
        assert_eq!(error.code(), "state");
        assert!(error.to_string().contains("of this model"), "{error}");
    }
    assert_eq!(Engine::burn(&file).session(16_000).save().unwrap_err().code(), "state");
}

#[test]
fn a_session_whose_model_failed_is_not_saved() {
    let mut file = random_file(tiny_config(), 7);
    for weight in file.weights.values_mut() {
        weight.values.iter_mut().for_each(|v| *v = f32::MAX.copysign(*v));
    }
    let mut session = Engine::kernels(&file, Storage::F32).session(16_000);
    session.push(Some(&[0.1; 320]), None).unwrap_err();
    assert_eq!(session.save().unwrap_err().code(), "not-finite");
}

/// Whatever the bytes: an error that says so, or a session whose every number is a probability; never a panic.
#[test]
fn damaged_states_are_refused_or_work() {
    let cases = std::env::var("VAP_FUZZ_CASES").map_or(3_000, |text| text.parse().unwrap());
    let mut taken = 0;
    let save = |model: Arc<KernelModel>| {
        let options = SessionOptions { user_rate_hz: 44_099, agent_rate_hz: 8_000, policy: Some(restless()) };
        let mut session = Session::new(Arc::<KernelModel>::clone(&model), options).unwrap();
        session.push(Some(&talk(1, 44_099, 1.5)), Some(&talk(2, 8_000, 1.6))).unwrap();
        let bytes = session.save().unwrap();
        (model, bytes)
    };
    let saved: Vec<_> = all_models().into_iter().map(save).collect();
    let (user, agent) = (talk(3, 44_099, 0.1), talk(4, 8_000, 0.1));
    for case in 0..cases {
        let mut random = Random::new(case);
        let mut below = |limit: usize| ((random.draw() + 1.0) / 2.0 * limit as f32) as usize % limit.max(1);
        let (model, bytes) = &saved[case as usize % saved.len()];
        let mut bytes = bytes.clone();
        // What is not sound or memory is short and comes first.
        let reach = if below(4) > 0 { 500 } else { bytes.len() };
        for _ in 0..=below(3) {
            let at = 24 + below(reach.min(bytes.len()) - 24);
            match below(5) {
                0 => bytes[at] ^= 1 << below(8),
                1 => bytes[at] = below(256) as u8,
                2 => bytes.truncate(at.max(32)),
                3 => bytes.insert(at, below(256) as u8),
                _ => {
                    let end = (at + 8).min(bytes.len());
                    bytes[at..end].fill([0x00, 0x01, 0x7f, 0xff][below(4)]);
                }
            }
        }
        // As one would write it who knows the format.
        let hash = state::hash(&[&bytes[24..]]);
        bytes[16..24].copy_from_slice(&hash.to_le_bytes());
        let heard = std::panic::catch_unwind(|| {
            let mut session = match Session::restore(Arc::<KernelModel>::clone(model), &bytes) {
                Ok(session) => session,
                Err(error) => {
                    assert_eq!(error.code(), "state", "{error}");
                    return false;
                }
            };
            let mut output = Output::default();
            match session.push_into(Some(&user), Some(&agent), &mut output) {
                Ok(()) => {
                    if let Err(error) = session.finish_into(&mut output) {
                        assert_eq!(error.code(), "not-finite", "{error}");
                    }
                }
                Err(error) => {
                    assert!(["not-finite", "channels-apart", "finished"].contains(&error.code()), "{error}");
                }
            }
            let frames = output.frames.iter().flat_map(vap_tests::numbers);
            let events = output.events.iter().filter_map(|event| event.probability);
            let barge_ins = output.barge_ins.iter().map(|evidence| evidence.probability);
            for probability in frames.chain(events).chain(barge_ins) {
                assert!((0.0..=1.0).contains(&probability), "{probability} in {output:?}");
            }
            true
        });
        taken += u64::from(heard.unwrap_or_else(|_| panic!("case {case} panics")));
    }
    assert!(taken > cases / 50 && taken < cases * 9 / 10, "{taken} of {cases} were taken");
}
