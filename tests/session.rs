//! What a session promises: time, unequal and missing channels, swapping, end, reset, and memory that stays flat.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use vap_core::Frame;
use vap_core::model_file::Storage;
use vap_tests::{
    Engine, append, golden, numbers, random_file, restless, run, session, talk, tiny_configs, tiny_model,
    tiny_models, worst, worst_logit, write_golden,
};
use vap_wasm::{Output, SessionOptions};

#[test]
fn one_frame_every_20_ms_of_both_channels() {
    let mut session = session(&tiny_model(), 16_000);
    let sound = talk(1, 16_000, 1.0);
    let mut frames = 0;
    for (at, sample) in sound.iter().enumerate() {
        frames += session.push(Some(&[*sample]), Some(&[*sample])).unwrap().frames.len();
        assert_eq!(frames, (at + 1) / 320);
    }
    assert_eq!(session.frames(), 50);
    assert_eq!(session.delay_ms(), 0.0);
}

/// The tests in browsers hold their sessions to the same golden; `VAP_WRITE_GOLDENS=1` makes it anew.
#[test]
fn a_session_still_gives_its_golden() {
    for (name, model) in ["session", "session-whisper"].into_iter().zip(tiny_models()) {
        let (user, agent) = (talk(1, 48_000, 2.0), talk(2, 48_000, 2.0));
        let frames = run(&mut session(&model, 48_000), &user, &agent, 1000).frames;
        let given: Vec<f32> = frames.iter().flat_map(numbers).collect();
        if std::env::var_os("VAP_WRITE_GOLDENS").is_some() {
            write_golden(name, "probabilities", &given);
        }
        assert_eq!(frames.len(), 100);
        assert!(worst(&given, &golden(name)["probabilities"]) < 1e-5, "{name}");
    }
}

#[test]
fn swapping_the_channels_swaps_the_outputs_exactly() {
    for model in tiny_models() {
        let (user, agent) = (talk(1, 16_000, 1.0), talk(2, 16_000, 1.0));
        for chunk in [320, usize::MAX] {
            let straight = run(&mut session(&model, 16_000), &user, &agent, chunk).frames;
            let crossed = run(&mut session(&model, 16_000), &agent, &user, chunk).frames;
            let back: Vec<Frame> = crossed
                .iter()
                .map(|f| {
                    let swap = |pair: [f32; 2]| [pair[1], pair[0]];
                    Frame {
                        bins: [f.bins[1], f.bins[0]],
                        p_now: swap(f.p_now),
                        p_future: swap(f.p_future),
                        eot: swap(f.eot),
                        backchannel: swap(f.backchannel),
                        vad: swap(f.vad),
                        ..*f
                    }
                })
                .collect();
            assert_eq!(straight, back);
            assert_ne!(straight, crossed, "both channels give the same output");
        }
    }
}

#[test]
fn the_channel_ahead_waits_for_the_other() {
    let model = tiny_model();
    let (user, agent) = (talk(1, 16_000, 4.0), talk(2, 16_000, 4.0));
    let expected = run(&mut session(&model, 16_000), &user, &agent, 320).frames;

    let mut apart = session(&model, 16_000);
    let mut output = Output::default();
    let (mut user_at, mut agent_at, mut hops) = (0, 0, Vec::new());
    let ends = [(16_000, 320), (16_000, 30_000), (40_000, 30_000), (40_000, 64_000), (64_000, 64_000)];
    for (user_to, agent_to) in ends {
        append(
            &mut output,
            apart.push(Some(&user[user_at..user_to]), Some(&agent[agent_at..agent_to])).unwrap(),
        );
        (user_at, agent_at) = (user_to, agent_to);
        hops.push(output.frames.len());
    }
    assert_eq!(hops, [1, 50, 93, 125, 200]);
    assert!(worst_logit(&output.frames, &expected) <= 1e-4);
}

#[test]
fn channels_pushed_in_turns_give_what_one_push_gives() {
    let model = tiny_model();
    let options = SessionOptions { user_rate_hz: 44_100, agent_rate_hz: 16_000, policy: None };
    let (user, agent) = (talk(1, 44_100, 2.0), talk(2, 16_000, 2.0));
    let expected = {
        let mut session = model.session_with(options.clone());
        let mut output = session.push(Some(&user), Some(&agent)).unwrap();
        append(&mut output, session.finish().unwrap());
        output
    };
    assert_eq!(expected.frames.len(), 100);
    for (user_chunk, agent_chunk) in [(441, 160), (1000, 363), (88_200, 32_000)] {
        let mut session = model.session_with(options.clone());
        let mut output = Output::default();
        for (user, agent) in user.chunks(user_chunk).zip(agent.chunks(agent_chunk)) {
            append(&mut output, session.push(Some(user), Some(&[])).unwrap());
            append(&mut output, session.push(Some(&[]), Some(agent)).unwrap());
        }
        append(&mut output, session.finish().unwrap());
        assert!(worst_logit(&output.frames, &expected.frames) <= 1e-4, "by {user_chunk}");
        assert_eq!(output.events.len(), expected.events.len(), "by {user_chunk}");
    }
}

#[test]
fn an_empty_channel_is_waited_for_no_longer_than_the_limit() {
    let mut session = session(&tiny_model(), 16_000);
    let second = talk(1, 16_000, 1.0);
    for _ in 0..5 {
        assert_eq!(session.push(Some(&[]), Some(&second)).unwrap(), Output::default());
    }
    assert_eq!(session.push(Some(&[]), Some(&second)).unwrap_err().code(), "channels-apart");
    assert_eq!(session.push(Some(&second), Some(&[])).unwrap().frames.len(), 50);
}

#[test]
fn channels_too_far_apart_are_refused_before_anything_is_lost() {
    let model = tiny_model();
    let (user, agent) = (talk(1, 16_000, 6.0), talk(2, 48_000, 6.0));
    let options = SessionOptions { user_rate_hz: 16_000, agent_rate_hz: 48_000, policy: None };
    let whole = {
        let mut session = model.session_with(options.clone());
        session.push(Some(&user), Some(&agent)).unwrap().frames
    };

    let mut session = model.session_with(options);
    let error = session.push(Some(&user[..80_400]), Some(&agent[..48])).unwrap_err();
    assert_eq!(error.code(), "channels-apart");
    assert!(error.to_string().contains("user is ahead by 5024 ms"), "{error}");
    let error = session.push(Some(&user[..16]), Some(&agent[..241_200])).unwrap_err();
    assert!(error.to_string().contains("agent is ahead by 5024 ms"), "{error}");

    let mut frames = session.push(Some(&user[..80_016]), Some(&agent[..48])).unwrap().frames;
    assert!(session.push(Some(&user[80_016..80_032]), Some(&agent[48..49])).is_err());
    frames.extend(session.push(Some(&user[80_016..]), Some(&agent[48..])).unwrap().frames);
    assert!(worst_logit(&frames, &whole) <= 1e-4);
}

#[test]
fn a_missing_channel_is_silent_for_the_same_time() {
    let model = tiny_model();
    let options = SessionOptions { user_rate_hz: 44_100, agent_rate_hz: 16_000, policy: None };
    let user = talk(3, 44_100, 1.0);
    let silence = vec![0.0; 16_000];
    let expected = {
        let mut session = model.session_with(options.clone());
        let mut output = session.push(Some(&user), Some(&silence)).unwrap();
        append(&mut output, session.finish().unwrap());
        output.frames
    };
    assert_eq!(expected.len(), 50);
    for chunk in [1, 441, 1000, 44_100] {
        let mut session = model.session_with(options.clone());
        let mut output = Output::default();
        for part in user.chunks(chunk) {
            append(&mut output, session.push(Some(part), None).unwrap());
        }
        append(&mut output, session.finish().unwrap());
        assert!(worst_logit(&output.frames, &expected) <= 1e-4, "by {chunk}");
    }
}

#[test]
fn nothing_in_gives_nothing_out() {
    let mut session = session(&tiny_model(), 48_000);
    assert_eq!(session.push(None, None).unwrap(), Output::default());
    assert_eq!(session.push(Some(&[]), Some(&[])).unwrap(), Output::default());
    assert_eq!(session.finish().unwrap(), Output::default());
}

#[test]
fn finishing_fills_the_last_hop_and_the_channel_behind_with_silence() {
    let model = tiny_model();
    let (user, agent) = (talk(1, 16_000, 0.5), talk(2, 16_000, 0.5));
    let mut short = session(&model, 16_000);
    let mut frames = short.push(Some(&user[..3300]), Some(&agent[..1000])).unwrap().frames;
    assert_eq!(frames.len(), 3);
    frames.extend(short.finish().unwrap().frames);

    let mut user = user[..3300].to_vec();
    let mut agent = agent[..1000].to_vec();
    user.resize(3520, 0.0);
    agent.resize(3520, 0.0);
    let filled = session(&model, 16_000).push(Some(&user), Some(&agent)).unwrap().frames;
    assert_eq!(filled.len(), 11);
    assert!(worst_logit(&frames, &filled) <= 1e-4);
}

#[test]
fn a_finished_session_takes_no_sound_until_it_is_reset() {
    let mut session = session(&tiny_model(), 16_000);
    let sound = talk(1, 16_000, 0.2);
    let first = run(&mut session, &sound, &sound, 320);
    assert_eq!(session.finish().unwrap(), Output::default());
    assert_eq!(session.push(Some(&sound), None).unwrap_err().code(), "finished");
    session.reset().unwrap();
    assert_eq!(run(&mut session, &sound, &sound, 320), first);
}

#[test]
fn a_reset_session_is_a_new_one() {
    for model in tiny_models() {
        for rate_hz in [16_000, 44_100, 48_000] {
            let (user, agent) = (talk(1, rate_hz, 1.0), talk(2, rate_hz, 1.0));
            let expected = run(&mut session(&model, rate_hz), &user, &agent, 1000);
            let mut used = session(&model, rate_hz);
            // Leaves half hops, unequal channels, a replaced sample and open speech behind.
            used.push(Some(&agent[..7777]), Some(&user[..5555])).unwrap();
            used.push(Some(&[f32::NAN]), None).unwrap();
            assert_eq!(used.replaced(), 1);
            used.reset().unwrap();
            assert_eq!((used.replaced(), used.frames()), (0, 0));
            assert_eq!(run(&mut used, &user, &agent, 1000), expected, "{rate_hz} Hz");
        }
    }
}

#[test]
fn memory_stays_flat_over_a_long_stream() {
    for model in tiny_models() {
        let mut session = session(&model, 48_000);
        let (user, agent) = (talk(1, 48_000, 1.0), talk(2, 48_000, 1.0));
        let mut second = || {
            for (user, agent) in user.chunks(960).zip(agent.chunks(960)) {
                let output = session.push(Some(user), Some(agent)).unwrap();
                assert!(output.frames.iter().all(|f| f.overlap.is_finite()));
            }
            session.state_bytes()
        };
        let values = (0..5).map(|_| second()).max();
        let live = LIVE_BYTES.get();
        for _ in 0..120 {
            assert_eq!(Some(second()), values);
        }
        assert!(LIVE_BYTES.get() - live <= 0, "grew by {} bytes", LIVE_BYTES.get() - live);
    }
}

#[test]
fn after_start_up_nothing_is_allocated() {
    // Seeds with which either form tells barge-ins.
    let [usual, whisper] = tiny_configs();
    let files = [random_file(usual, 7), random_file(whisper, 8)];
    let cases = [(Storage::F32, 16_000), (Storage::I8, 48_000), (Storage::I8, 44_100), (Storage::I8, 44_099)];
    for (file, (storage, rate_hz)) in files.iter().flat_map(|file| cases.map(|case| (file, case))) {
        let policy = Some(restless());
        let options = SessionOptions { user_rate_hz: rate_hz, agent_rate_hz: rate_hz, policy };
        let mut session = Engine::kernels(file, storage).session_with(options);
        let mut barge_ins = 0;
        let (user, agent) = (talk(1, rate_hz, 3.0), talk(2, rate_hz, 3.0));
        let mut output = Output::default();
        let mut hear = |times: usize| {
            let before = ALLOCATIONS.get();
            for _ in 0..times {
                // As an AudioWorklet hears it: a render quantum at a time, the user's channel or both.
                for (user, agent) in user.chunks(128).zip(agent.chunks(128)) {
                    session.push_into(Some(user), Some(agent), &mut output).unwrap();
                    barge_ins += output.barge_ins.len();
                    output.clear();
                }
            }
            ALLOCATIONS.get() - before
        };
        assert!(hear(1) > 0, "buffers grow to their size");
        assert_eq!(hear(5), 0, "{rate_hz} Hz");
        assert!(barge_ins > 0, "{rate_hz} Hz: nothing told before its verdict");
    }
}

thread_local! {
    static LIVE_BYTES: Cell<isize> = const { Cell::new(0) };
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, counting the bytes each thread holds and how often it asked for some.
struct Counting;

// Only the counting is ours; every promise of the trait is kept by the system's allocator.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = LIVE_BYTES.try_with(|live| live.set(live.get() + layout.size() as isize));
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        let _ = LIVE_BYTES.try_with(|live| live.set(live.get() - layout.size() as isize));
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
