//! Log-mel against librosa's values (`golden/make_mel.py`).

use vap_core::config::MEL_BANDS;
use vap_core::features::LogMel;
use vap_tests::{golden, worst};

#[test]
fn log_mel_equals_librosa() {
    let golden = golden("mel");
    let mut mel = Vec::new();
    LogMel::new().push(&golden["samples"], &mut mel);
    assert_eq!(mel.len(), 30 * MEL_BANDS);
    let off = worst(&mel, &golden["mel"]);
    assert!(off < 1e-3, "off by {off}");
}
