use tch::nn::VarStore;
use vap_core::params;

use crate::config::RunConfig;
use crate::device::Device;
use crate::model::VapModel;

#[test]
fn every_run_file_parses_and_builds_its_model() {
    let _turn = super::alone();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let config = RunConfig::read(&path).unwrap().model;
        assert_eq!(path.file_stem().unwrap().to_str().unwrap(), config.name);
        let store = VarStore::new(Device::Cpu);
        let _ = VapModel::new(&store.root(), &config);
        let mut built: Vec<(String, Vec<usize>)> = store
            .variables()
            .into_iter()
            .map(|(name, tensor)| (name, tensor.size().iter().map(|s| *s as usize).collect()))
            .collect();
        let mut listed: Vec<_> = params::params(&config).into_iter().map(|p| (p.name, p.shape)).collect();
        built.sort();
        listed.sort();
        assert_eq!(built, listed, "{}", config.name);
        println!("{}: {} parameters", config.name, params::count(&config));
        names.push(config.name);
    }
    names.sort();
    assert_eq!(names, ["baseline", "light", "optimized", "standard"]);
}
