//! Both at once: when an overlap begins and ends, and who came in second.

use super::{Event, EventKind, Sound, ms, restore_speaker, save_speaker};
use crate::state::{Reader, Writer};
use crate::{Policy, Result, Speaker};
use std::cmp::Ordering;

/// Stretch in which both are loud; times in hops since the stream began.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Stretch {
    start: u64,
    end: u64,
    hops: u64,
    /// Who came in second, once `overlapStart` was raised.
    second: Option<Speaker>,
}

/// The overlap there may be now.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Overlap(Option<Stretch>);

impl Overlap {
    pub fn save(&self, out: &mut Writer) {
        out.option(self.0, |Stretch { start, end, hops, second }, out| {
            [start, end, hops].into_iter().for_each(|count| out.count(count));
            out.option(second, save_speaker);
        });
    }

    /// Reads what [`Overlap::save`] wrote `now` hops into the stream.
    pub fn restore(reader: &mut Reader, now: u64) -> Result<Self> {
        let stretch = reader.option(|reader| {
            Ok(Stretch {
                start: reader.count("start", now)?,
                end: reader.count("end", now)?,
                hops: reader.count("hops", now)?,
                second: reader.option(restore_speaker)?,
            })
        })?;
        Ok(Overlap(stretch))
    }

    /// Hears one hop: whether both are loud, the sound of each, and who holds the floor.
    pub fn hear(
        &mut self,
        hop: u64,
        together: bool,
        sounds: [Option<Sound>; 2],
        floor: Speaker,
        policy: &Policy,
        out: &mut Vec<Event>,
    ) {
        let now = hop + 1;
        // A stretch belongs to one sound of each: what a blip had in common with the other does not count.
        let [Some(user), Some(agent)] = sounds else { return self.close(now, out) };
        if together {
            let fresh = Stretch { start: hop, end: now, hops: 0, second: None };
            let stretch = self.0.get_or_insert(fresh);
            stretch.end = now;
            stretch.hops += 1;
        }
        let Some(stretch) = &mut self.0 else { return };
        if ms(now.saturating_sub(stretch.end)) >= u64::from(policy.min_pause_ms) {
            return self.close(now, out);
        }
        let long = ms(stretch.hops) >= u64::from(policy.min_overlap_ms);
        if stretch.second.is_some() || !(long && user.speech && agent.speech) {
            return;
        }
        let second = match user.start.cmp(&agent.start) {
            Ordering::Less => Speaker::Agent,
            Ordering::Equal => floor.other(),
            Ordering::Greater => Speaker::User,
        };
        stretch.second = Some(second);
        out.push(Event::at(now, EventKind::OverlapStart, second).since(stretch.start));
    }

    /// Ends the overlap there may be.
    pub fn close(&mut self, now: u64, out: &mut Vec<Event>) {
        if let Some(Stretch { start, end, second: Some(second), .. }) = self.0.take() {
            out.push(Event::at(now, EventKind::OverlapEnd, second).over(start, end));
        }
    }
}
