use tch::nn::VarStore;
use vap_core::features::FeatureStatistics;
use vap_core::model_file::{ModelFile, Storage};
use vap_core::{ModelConfig, Policy};

use super::*;
use crate::data::fixture::Folder;
use crate::evaluation::{self, Options, score_predictions};
use crate::export;
use crate::model::{self, VapModel};

/// A net of random weights.
fn net() -> ModelFile {
    let config = ModelConfig {
        name: "tiny".into(),
        dim: 16,
        channel_layers: 1,
        num_layers: 1,
        heads: 2,
        context_frames: 8,
        feed_forward_factor: 2,
        norm_epsilon: 1e-5,
        encoder: Default::default(),
        stereo_dim: None,
        stereo_heads: None,
    };
    tch::manual_seed(3);
    let store = VarStore::new(tch::Device::Cpu);
    VapModel::new(&store.root(), &config);
    ModelFile {
        config,
        statistics: FeatureStatistics { mean: vec![-5.0; 80], deviation: vec![3.0; 80] },
        policy: Policy::default(),
        calibration: None,
        provenance: serde_json::Value::Null,
        weights: model::weights(&store).unwrap(),
    }
}

/// What the verb writes, on made-up voices: every file is there, and they agree.
#[test]
fn a_report_has_its_tables_pictures_and_files() {
    let _turn = alone();
    let folder = Folder::new();
    let path = |name: &str| folder.0.join(name);
    let file = net();
    export::write_file(&path("one.safetensors"), &file, Storage::F32).unwrap();
    export::write_file(&path("two.safetensors"), &file, Storage::F16).unwrap();
    let options = Options {
        models: vec![path("one.safetensors"), path("two.safetensors")],
        config: path("run.toml"),
        data: path("data"),
        out: path("out"),
        count: 2,
        condition_count: 0,
        seconds: 20.0,
        split: Split::Test,
    };
    evaluation::write(&options, &SimulationConfig::default(), &data()).unwrap();
    let text = |name: &str| std::fs::read_to_string(path("out").join(name)).unwrap();
    let report: serde_json::Value = serde_json::from_str(&text("report.json")).unwrap();
    let columns = &report["reports"][0]["columns"];
    assert_eq!(columns[0], "one");
    assert_eq!((&columns[1], &columns[2]), (&"two".into(), &"silence timeout".into()));
    assert_eq!(report["conditions"].as_array().unwrap().len(), 2);
    let markdown = text("report.md");
    assert!(markdown.contains("two minus one") && markdown.contains("| as trained, two | 2 |"), "{markdown}");
    // Every picture that is linked is there.
    let pictures: Vec<&str> =
        markdown.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(pictures.len() >= 8 && pictures.iter().all(|p| text(p).starts_with("<svg")), "{pictures:?}");
    // Half precision changes little; the same weights would change nothing.
    let rows = report["reports"][0]["rows"].as_array().unwrap();
    let vad = rows.iter().find(|row| row["name"] == "VAD, balanced accuracy").unwrap();
    assert!(vad["differences"][0]["value"].as_f64().unwrap().abs() < 0.05, "{vad}");
    // The prediction file scores to what the table says.
    let scores =
        score_predictions(&path("out").join("predictions.json"), &path("out").join("gold.json")).unwrap();
    let recall = rows.iter().find(|row| row["name"] == "TurnBench EOT, recall").unwrap();
    let recall = recall["scores"][0]["value"].as_f64().map_or("-".into(), |r| format!("{r:.3}"));
    assert!(scores.contains(&format!("| EOT | {recall} |")), "{scores} {recall}");
    let summary: serde_json::Value = serde_json::from_str(&text("summary.json")).unwrap();
    assert!(summary["clean"]["VAD, balanced accuracy"]["earshot VAD"].is_number(), "{summary}");
    assert!(!path("out").join("policy.json").exists(), "what test dialogues suggest is not for shipping");
}
