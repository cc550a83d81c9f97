//! Hand-made dialogues.
