//! The contract between the binary and the package, as TypeScript: names, limits, layouts and types that both sides
//! know, each declared once, in Rust. `npm/src/common/contract.ts` is this text; a test holds it to that. The classes
//! of the binary are declared by wasm-bindgen itself.

mod print;

use crate::model_info::ModelInfo;
use crate::session::INPUT_SAMPLES;
use print::{Field, Text, fields};
use vap_core::calibration::{CalibrationPoint, DECIDED, Figures, TimeoutPoint};
use vap_core::config::HOP_MELS;
use vap_core::events::{EndReason, EventKind};
use vap_core::policy::{ASKS, Limit, ORDERED};
use vap_core::projection::{BACKCHANNEL_AT, BINS, EOT_AT, OVERLAP_AT, P_FUTURE_AT, P_NOW_AT, PACKED, VAD_AT};
use vap_core::{BargeIn, Calibration, ErrorCode, Event, Expectation, Frame, HOP_MS, Policy, Preset, Speaker};

/// All of `contract.ts`.
pub fn typescript() -> String {
    let mut text = Text::default();
    text.line("// What the binary and the package agree on. Made from Rust by");
    text.line("// `cargo run -p vap-wasm --features contract --example contract`: change it there.");
    numbers(&mut text);
    names(&mut text);
    policies(&mut text);
    events(&mut text);
    text.finish()
}

fn numbers(text: &mut Text) {
    let layout = [
        ("bins", 0),
        ("eot", EOT_AT),
        ("backchannel", BACKCHANNEL_AT),
        ("vad", VAD_AT),
        ("overlap", OVERLAP_AT),
        ("pNow", P_NOW_AT),
        ("pFuture", P_FUTURE_AT),
    ];
    text.constant("HOP_MS", "Length of a hop, in ms.", HOP_MS);
    text.constant("BINS", "Bins of the projection of each speaker, 0.2 s each.", BINS);
    text.constant("HOP_MELS", "Mels of a hop of one channel.", HOP_MELS);
    text.constant(
        "INPUT_SAMPLES",
        "Samples of a channel that are written into a session's memory at once.",
        INPUT_SAMPLES,
    );
    text.constant("FRAME_NUMBERS", "Numbers of a packed frame.", PACKED);
    let places: Vec<_> = layout.iter().map(|(name, at)| format!("{name}: {at}")).collect();
    text.doc("Where the numbers of each field begin in a packed frame; bins of the user, then of the agent; pairs elsewhere.");
    text.line(&format!("export const FRAME_LAYOUT = {{ {} }} as const;", places.join(", ")));
    text.list(
        "BARGE_IN_LAYOUT",
        "Numbers of a packed sound that is not judged yet, in order.",
        &BargeIn::PACKED,
    );
}

fn names(text: &mut Text) {
    let speakers = Speaker::BOTH.map(|speaker| print::name(&speaker));
    text.list("SPEAKERS", "Both speakers, in channel order.", &speakers.each_ref().map(String::as_str));
    text.doc("One of the two channels: the person at the microphone, and the other party.");
    text.line("export type Speaker = (typeof SPEAKERS)[number];");
    text.doc("A number of each speaker, `[user, agent]`.");
    text.line("export type Pair = [user: number, agent: number];");
    text.names::<ErrorCode>("ERROR_CODES", &ErrorCode::ALL.map(|code| (code.name(), code.meaning())));
    text.names::<Preset>("PRESETS", &Preset::ALL.map(|preset| (preset.name(), preset.meaning())));
    text.names::<Expectation>("EXPECTATIONS", &Expectation::ALL.map(|known| (known.name(), known.meaning())));
    text.names::<EndReason>("END_REASONS", &EndReason::ALL.map(|reason| (reason.name(), reason.meaning())));
}

fn policies(text: &mut Text) {
    text.interface::<Policy>();
    text.doc("What each option of a policy may be by itself: from `least` (where `above`, more than it) to `most`.");
    text.line("export const POLICY_LIMITS = {");
    for Limit { option, least, above, most } in Policy::limits() {
        text.line(&format!("  {option}: {{ least: {least}, most: {most}, above: {above} }},"));
    }
    text.line("} as const satisfies Record<keyof Policy, { least: number; most: number; above: boolean }>;");
    text.doc("Pairs of options of which the first is at most the second; where `less`, less than it.");
    text.line("export const POLICY_ORDER = [");
    for (low, high, less) in ORDERED {
        text.line(&format!("  {{ low: {low:?}, high: {high:?}, less: {less} }},"));
    }
    text.line("] as const satisfies readonly { low: keyof Policy; high: keyof Policy; less: boolean }[];");
    text.doc("What can be asked of a policy, one at a time.");
    text.line("export interface PolicyAsks {");
    for (name, meaning) in ASKS {
        text.inner_doc(meaning);
        text.line(&format!("  {name}: {};", if name == "preset" { "Preset" } else { "number" }));
    }
    text.line("}");
    text.list("ASKS", "Their names.", &ASKS.map(|(name, _)| name));
    text.list("DECIDED", "Options that an ask decides, and that may not stand beside one.", &DECIDED);
    text.interface::<Figures>();
    text.interface::<CalibrationPoint>();
    text.interface::<TimeoutPoint>();
    text.interface::<Calibration>();
    text.interface::<ModelInfo>();
}

fn events(text: &mut Text) {
    let all = fields::<Event>();
    let named = |names: &[&str]| -> Vec<Field> {
        let of = all.iter().filter(|field| names.contains(&&field.name[..]));
        // What is not there is left out of the JSON.
        of.map(|field| Field { kind: field.kind.replace(" | null", ""), ..field.clone() }).collect()
    };
    text.doc("What every event has.");
    text.line("interface EventOf<Type extends string> {");
    text.line("  type: Type;");
    named(&["speaker", "timeMs", "sample"]).iter().for_each(|field| text.field(field, ""));
    text.line("}");
    for kind in EventKind::ALL {
        let (always, sometimes) = kind.fields();
        let (name, base) = (event_name(kind), format!("EventOf<{:?}>", kind.name()));
        text.doc(kind.meaning());
        // Several that come together or not at all are no matter of an interface.
        let together = sometimes.len() > 1;
        text.line(&match together {
            true => format!("export type {name} = {base} & {{"),
            false => format!("export interface {name} extends {base} {{"),
        });
        named(always).iter().for_each(|field| text.field(field, ""));
        if together {
            text.line("} & ({");
            named(sometimes).iter().for_each(|field| text.field(field, ""));
            let missing: Vec<_> = sometimes.iter().map(|name| format!("{name}?: undefined")).collect();
            text.line(&format!("}} | {{ {} }});", missing.join("; ")));
        } else {
            named(sometimes).iter().for_each(|field| text.field(field, "?"));
            text.line("}");
        }
    }
    text.doc("What happened in the conversation.");
    let names = EventKind::ALL.map(|kind| format!("  | {}", event_name(kind)));
    text.line(&format!("export type TurnEvent =\n{};", names.join("\n")));
    text.interface::<BargeIn>();
    text.interface::<Frame>();
}

fn event_name(kind: EventKind) -> String {
    let (first, rest) = kind.name().split_at(1);
    format!("{}{rest}Event", first.to_uppercase())
}
