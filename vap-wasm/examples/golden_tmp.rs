#[path = "../../tests/tiny.rs"]
mod tiny;
use std::sync::Arc;
use vap_wasm::*;
fn main() {
    let bytes = tiny::random_file(tiny::tiny_config(), 7).to_bytes(vap_core::model_file::Storage::F32).unwrap();
    let model = Arc::new(KernelModel::from_bytes(&bytes).unwrap());
    let mut s = Session::new(model, SessionOptions { user_rate_hz: 48000, agent_rate_hz: 48000, policy: None }).unwrap();
    let (u, a) = (tiny::talk(1, 48_000, 2.0), tiny::talk(2, 48_000, 2.0));
    let mut o = Output::default();
    for (u, a) in u.chunks(1000).zip(a.chunks(1000)) { s.push_into(Some(u), Some(a), &mut o).unwrap(); }
    s.finish_into(&mut o).unwrap();
    let v: Vec<u8> = o.frames.iter().flat_map(|f| { let p = [f.eot, f.backchannel, f.vad].into_iter().flatten(); f.bins.into_iter().flatten().chain(p).chain([f.overlap]).collect::<Vec<f32>>() }).flat_map(|v| v.to_le_bytes()).collect();
    std::fs::write("/tmp/brx/gold/session.f32", v).unwrap();
    println!("{} frames", o.frames.len());
}
