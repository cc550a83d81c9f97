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

fn asked(wishes: Value) -> Result<Solution> {
    resolve(&Policy::default(), Some(&calibration()), wishes.as_object().unwrap())
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
        (json!({ "maxFalseCutoff": 0.1, "vadOnset": 2 }), "vadOnset"),
        (json!({ "maxFalseCutoff": 0.1, "eagerThreshold": 0.7 }), "eagerThreshold"),
    ];
    for (wishes, option) in cases {
        assert_eq!(refusal(asked(wishes.clone())).0, option, "{wishes}");
    }
    assert!(refusal(asked(json!({ "maxFalseCutof": 0.1 }))).1.contains("maxFalseCutoff"));
    for nan in [Ask::MaxFalseCutoff(f64::NAN), Ask::MeanLatencyMs(f64::INFINITY)] {
        assert!(calibration().solve(&Policy::default(), nan).is_err());
    }
}

#[test]
fn other_options_stand_beside_an_ask() {
    let wishes =
        json!({ "maxFalseCutoff": 0.1, "vadOnset": 0.6, "eagerThreshold": 0.5, "minOverlapMs": 200 });
    let policy = asked(wishes).unwrap().policy;
    assert_eq!((policy.end_threshold, policy.eager_threshold), (0.6, 0.5));
    assert_eq!((policy.vad_onset, policy.min_overlap_ms), (0.6, 200));
}

#[test]
fn thresholds_alone_need_no_calibration() {
    let wishes = |value: Value| value.as_object().unwrap().clone();
    let plain = resolve(&Policy::default(), None, &wishes(json!({ "endThreshold": 0.9 }))).unwrap();
    assert_eq!((plain.policy.end_threshold, plain.expected), (0.9, None));
    let (option, expected, found) =
        refusal(resolve(&Policy::default(), None, &wishes(json!({ "meanLatencyMs": 400 }))));
    assert_eq!((option, found.as_str()), ("meanLatencyMs", "one without"));
    assert!(expected.contains("calibration"), "{expected}");
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
