//! Networks of others: as start weights and as a teacher in tch ([`import`]), and asked beforehand about prepared
//! speech ([`label`]).

pub mod import;
pub mod label;
