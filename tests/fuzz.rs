//! Model files damaged at random, in each form of storage: an error that says so, or a model whose every number is a
//! probability; never a panic. `VAP_FUZZ_CASES=200000 cargo test -p vap-tests fuzz` for a long run.

use std::panic::catch_unwind;
use std::sync::Arc;
use vap_core::model_file::Storage;
use vap_tests::{Random, numbers, random_file, talk, tiny_configs};
use vap_wasm::{KernelModel, Session, SessionOptions};

const CASES: u64 = 3_000;

/// What a whole number below `limit` is drawn from.
fn below(random: &mut Random, limit: usize) -> usize {
    (((random.draw() + 1.0) / 2.0 * limit as f32) as usize).min(limit.saturating_sub(1))
}

fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    // The header is small beside the weights, and most of what can go wrong is in it.
    let reach = if below(random, 3) > 0 { header } else { bytes.len() };
    for _ in 0..=below(random, 4) {
        let at = below(random, reach.min(bytes.len()));
        match below(random, 6) {
            0 => bytes[at] ^= 1 << below(random, 8),
            1 => bytes[at] = b"0123456789-.eE,:[]{}\"\\ "[below(random, 23)],
            2 => bytes.truncate(at.max(8)),
            3 => bytes.insert(at, below(random, 256) as u8),
            4 => drop(bytes.remove(at)),
            _ => {
                let end = (at + 4).min(bytes.len());
                bytes[at..end].fill([0x00, 0x7f, 0x80, 0xff][below(random, 4)]);
            }
        }
        if bytes.len() <= 8 {
            return;
        }
    }
}

/// Opens the file and listens to a moment of sound: true when it was taken.
fn listen(bytes: &[u8], user: &[f32], agent: &[f32]) -> bool {
    let Ok(model) = KernelModel::from_bytes(bytes) else { return false };
    let options = SessionOptions { user_rate_hz: 16_000, agent_rate_hz: 16_000, policy: None };
    let mut session = Session::new(Arc::new(model), options).unwrap();
    match session.push(Some(user), Some(agent)) {
        Ok(output) => {
            assert_eq!(output.frames.len(), user.len() / 320);
            for frame in &output.frames {
                assert!(numbers(frame).into_iter().all(|p| (0.0..=1.0).contains(&p)), "{frame:?}");
            }
        }
        Err(error) => assert_eq!(error.code(), "not-finite"),
    }
    true
}

#[test]
fn damaged_model_files_are_refused_or_work() {
    let cases = std::env::var("VAP_FUZZ_CASES").map_or(CASES, |text| text.parse().unwrap());
    let files = tiny_configs().map(|config| random_file(config, 7));
    let storages = [Storage::F32, Storage::F16, Storage::I8];
    let stored: Vec<_> =
        files.iter().flat_map(|file| storages.map(|storage| file.to_bytes(storage).unwrap())).collect();
    let (user, agent) = (talk(1, 16_000, 0.1), talk(2, 16_000, 0.1));
    let mut taken = 0;
    for case in 0..cases {
        let mut random = Random::new(case);
        let mut bytes = stored[case as usize % stored.len()].clone();
        damage(&mut bytes, &mut random);
        let outcome = catch_unwind(|| listen(&bytes, &user, &agent));
        taken += u64::from(outcome.unwrap_or_else(|_| panic!("case {case} panics")));
    }
    // Damage to a weight or to the provenance may pass; most of the rest must not.
    assert!(taken > cases / 50 && taken < cases / 2, "{taken} of {cases} were taken");
}
