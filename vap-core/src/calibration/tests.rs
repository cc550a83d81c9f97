//! A calibration of three points: what is asked of it, and what is wrong with files that hold another.

use super::*;
use serde_json::json;

fn figures(false_cutoff: f64, mean_latency_ms: f64) -> Figures {
    Figures { false_cutoff, false_cutoff_bound: false_cutoff + 0.02, mean_latency_ms }
}

fn point(end_threshold: f64, min_silence_ms: u32, expected: Figures) -> CalibrationPoint {
    CalibrationPoint {
        end_threshold,
        eager_threshold: end_threshold / 2.0,
        min_silence_ms,
        max_silence_ms: 3000,
        expected,
    }
}

pub(crate) fn calibration() -> Calibration {
    let silence = [(300, 0.6), (900, 0.2)];
    let silence = silence.map(|(timeout_ms, rate)| TimeoutPoint {
        timeout_ms,
        expected: figures(rate, f64::from(timeout_ms) + 20.0),
    });
    Calibration {
        ends: 200,
        pauses: 300,
        points: vec![
            point(0.3, 200, figures(0.3, 250.0)),
            point(0.6, 200, figures(0.08, 420.0)),
            point(0.8, 400, figures(0.03, 900.0)),
        ],
        silence: silence.to_vec(),
    }
}

fn asked(options: Value) -> Result<Solution> {
    resolve(&Policy::default(), Some(&calibration()), options.as_object().unwrap())
}

fn refusal(result: Result<Solution>) -> (&'static str, String, String) {
    match result {
        Err(Error::Option { option, expected, found }) => (option, expected, found),
        other => panic!("{other:?}"),
    }
}

#[test]
fn cutoffs_are_held_by_their_bound_and_the_fastest_point_wins() {
    let end = |most: f64| asked(json!({ "maxFalseCutoff": most })).unwrap().policy.end_threshold;
    assert_eq!([0.05, 0.099, 0.1, 0.31, 0.32, 1.0].map(end), [0.8, 0.8, 0.6, 0.6, 0.3, 0.3]);
    let solution = asked(json!({ "maxFalseCutoff": 0.1 })).unwrap();
    assert_eq!(solution.expected, Some(figures(0.08, 420.0)));
    let expected = Policy {
        end_threshold: 0.6,
        eager_threshold: 0.3,
        min_silence_ms: 200,
        max_silence_ms: 3000,
        ..Policy::default()
    };
    assert_eq!(solution.policy, expected);
}

#[test]
fn latency_is_met_and_the_most_cautious_point_wins() {
    let end = |most: f64| asked(json!({ "meanLatencyMs": most })).unwrap().policy.end_threshold;
    assert_eq!([250.0, 419.9, 420.0, 60_000.0].map(end), [0.3, 0.3, 0.6, 0.8]);
}

#[test]
fn a_preset_is_the_cheapest_point_by_its_price() {
    let end = |name: &str| asked(json!({ "preset": name })).unwrap().policy.end_threshold;
    // Costs by price 1200: 610, 516, 936; by 3000: 1150, 660, 990; by 6000: 2050, 900, 1080.
    assert_eq!(["fast", "balanced", "patient"].map(end), [0.6, 0.6, 0.6]);
    let solution = asked(json!({ "preset": "patient" })).unwrap();
    assert_eq!((solution.expected, solution.policy.max_silence_ms), (Some(figures(0.08, 420.0)), 3000));

    let steep = |fast: f64, slow: f64| {
        let points = vec![point(0.3, 200, figures(fast, 250.0)), point(0.6, 200, figures(slow, 1450.0))];
        Preset::ALL.map(|preset| {
            let calibration = Calibration { points: points.clone(), ..calibration() };
            calibration.solve(&Policy::default(), Ask::Preset(preset)).unwrap().policy.end_threshold
        })
    };
    // 1200 ms are lost by waiting, and a share of the price is won.
    assert_eq!(steep(0.5, 0.4), [0.3, 0.3, 0.3]);
    assert_eq!(steep(0.5, 0.25), [0.3, 0.3, 0.6]);
    assert_eq!(steep(0.75, 0.25), [0.3, 0.6, 0.6]);
    // What costs the same is taken the faster way.
    assert_eq!(steep(1.0, 0.0)[0], 0.3);
}

#[test]
fn a_higher_price_is_never_faster() {
    let mut state = 7_u64;
    let mut unit = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f64 / (1_u64 << 24) as f64
    };
    for _ in 0..300 {
        let (mut rate, mut latency) = (0.9, 200.0);
        let mut curve = Calibration { points: vec![], ..calibration() };
        for _ in 0..20 {
            curve.points.push(point(0.5, 200, figures(rate, latency)));
            (rate, latency) = (rate - 0.04 * unit() - 1e-6, latency + 150.0 * unit() + 1e-6);
        }
        curve.validate().unwrap();
        let latencies = Preset::ALL.map(|preset| {
            let solution = curve.solve(&Policy::default(), Ask::Preset(preset)).unwrap();
            solution.expected.unwrap().mean_latency_ms
        });
        assert!(latencies.is_sorted(), "{latencies:?}");
    }
}

#[test]
fn what_cannot_be_had_names_the_best_that_can() {
    let (option, expected, found) = refusal(asked(json!({ "maxFalseCutoff": 0.04 })));
    assert_eq!((option, found.as_str()), ("maxFalseCutoff", "0.04"));
    assert!(expected.contains("at least 0.05") && expected.contains("900 ms"), "{expected}");
    let (option, expected, found) = refusal(asked(json!({ "meanLatencyMs": 249 })));
    assert_eq!((option, found.as_str()), ("meanLatencyMs", "249"));
    assert!(expected.contains("at least 250 ms") && expected.contains("0.3"), "{expected}");
}

#[test]
fn asks_are_strict() {
    let cases = [
        (json!({ "maxFalseCutoff": 0.1, "meanLatencyMs": 400 }), "meanLatencyMs"),
        (json!({ "maxFalseCutoff": 1.01 }), "maxFalseCutoff"),
        (json!({ "maxFalseCutoff": -0.1 }), "maxFalseCutoff"),
        (json!({ "maxFalseCutoff": "0.1" }), "maxFalseCutoff"),
        (json!({ "maxFalseCutoff": null }), "maxFalseCutoff"),
        (json!({ "meanLatencyMs": 60_001 }), "meanLatencyMs"),
        (json!({ "maxFalseCutoff": 0.1, "endThreshold": 0.5 }), "endThreshold"),
        (json!({ "meanLatencyMs": 500, "minSilenceMs": 100 }), "minSilenceMs"),
        (json!({ "meanLatencyMs": 500, "maxSilenceMs": 100 }), "maxSilenceMs"),
        (json!({ "maxFalseCutof": 0.1 }), "policy"),
        (json!({ "preset": "quick" }), "preset"),
        (json!({ "preset": 1 }), "preset"),
        (json!({ "preset": null }), "preset"),
        (json!({ "preset": "fast", "maxFalseCutoff": 0.1 }), "preset"),
        (json!({ "preset": "fast", "meanLatencyMs": 400 }), "preset"),
        (json!({ "preset": "fast", "endThreshold": 0.5 }), "endThreshold"),
        (json!({ "preset": "fast", "vadOnset": 2 }), "vadOnset"),
        (json!({ "maxFalseCutoff": 0.1, "vadOnset": 2 }), "vadOnset"),
        (json!({ "maxFalseCutoff": 0.1, "eagerThreshold": 0.7 }), "eagerThreshold"),
    ];
    for (options, option) in cases {
        assert_eq!(refusal(asked(options.clone())).0, option, "{options}");
    }
    assert!(refusal(asked(json!({ "maxFalseCutof": 0.1 }))).1.contains("maxFalseCutoff"));
    let (_, expected, found) = refusal(asked(json!({ "preset": "quick" })));
    assert_eq!((expected.as_str(), found.as_str()), ("one of fast, balanced, patient", "quick"));
    for nan in [Ask::MaxFalseCutoff(f64::NAN), Ask::MeanLatencyMs(f64::INFINITY)] {
        assert!(calibration().solve(&Policy::default(), nan).is_err());
    }
}

#[test]
fn other_options_stand_beside_an_ask() {
    let options =
        json!({ "maxFalseCutoff": 0.1, "vadOnset": 0.6, "eagerThreshold": 0.5, "minOverlapMs": 200 });
    let policy = asked(options).unwrap().policy;
    assert_eq!((policy.end_threshold, policy.eager_threshold), (0.6, 0.5));
    assert_eq!((policy.vad_onset, policy.min_overlap_ms), (0.6, 200));
}

#[test]
fn thresholds_alone_need_no_calibration() {
    let options = |value: Value| value.as_object().unwrap().clone();
    let plain = resolve(&Policy::default(), None, &options(json!({ "endThreshold": 0.9 }))).unwrap();
    assert_eq!((plain.policy.end_threshold, plain.expected), (0.9, None));
    let (option, expected, found) =
        refusal(resolve(&Policy::default(), None, &options(json!({ "meanLatencyMs": 400 }))));
    assert_eq!((option, found.as_str()), ("meanLatencyMs", "one without"));
    assert!(expected.contains("calibration"), "{expected}");
    let (option, expected, _) =
        refusal(resolve(&Policy::default(), None, &options(json!({ "preset": "fast" }))));
    assert_eq!((option, expected.as_str()), ("preset", "a model file with a calibration"));
}

#[test]
fn silence_is_asked_the_same_way() {
    assert_eq!(calibration().solve_silence(Ask::MaxFalseCutoff(0.3)).unwrap().timeout_ms, 900);
    assert_eq!(calibration().solve_silence(Ask::MeanLatencyMs(400.0)).unwrap().timeout_ms, 300);
    assert!(calibration().solve_silence(Ask::MaxFalseCutoff(0.1)).is_err());
    let none = Calibration { silence: vec![], ..calibration() };
    none.validate().unwrap();
    assert!(none.solve_silence(Ask::MaxFalseCutoff(0.1)).is_err());
}

#[test]
fn it_survives_json_and_what_is_wrong_is_named() {
    let text = serde_json::to_string(&calibration()).unwrap();
    assert!(text.contains("\"falseCutoffBound\":") && text.contains("\"timeoutMs\":300"), "{text}");
    assert_eq!(Calibration::from_json(&text).unwrap(), calibration());
    assert!(matches!(Calibration::from_json(&text.replace("ends", "end")), Err(Error::ConfigSyntax(_))));

    type Change = fn(&mut Calibration);
    let changes: [(&str, Change); 14] = [
        ("points", |c| c.points.clear()),
        ("points", |c| c.points = vec![c.points[0]; 65]),
        ("silence", |c| c.silence = vec![c.silence[0]; 65]),
        ("points[1]", |c| c.points[1].end_threshold = f64::NAN),
        ("points[1]", |c| c.points[1].eager_threshold = 0.7),
        ("points[2]", |c| c.points[2].min_silence_ms = 3000),
        ("points[2]", |c| c.points[2].max_silence_ms = u32::MAX),
        ("silence[0].timeoutMs", |c| c.silence[0].timeout_ms = 0),
        ("points[0].expected.falseCutoff", |c| c.points[0].expected.false_cutoff = f64::NAN),
        ("points[0].expected.falseCutoffBound", |c| c.points[0].expected.false_cutoff_bound = 0.29),
        ("points[0].expected.meanLatencyMs", |c| c.points[0].expected.mean_latency_ms = f64::INFINITY),
        ("points[1].expected.meanLatencyMs", |c| c.points[1].expected.mean_latency_ms = 250.0),
        ("points[1].expected.falseCutoff", |c| c.points[1].expected = figures(0.3, 420.0)),
        ("silence[1].expected.falseCutoffBound", |c| c.silence[1].expected.false_cutoff_bound = 0.9),
    ];
    for (place, change) in changes {
        let mut wrong = calibration();
        change(&mut wrong);
        let error = wrong.validate().unwrap_err();
        assert!(error.to_string().contains(&format!("have {place} ")), "{place}: {error}");
    }
}
