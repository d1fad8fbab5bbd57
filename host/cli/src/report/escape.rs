//! Making texts safe to show in a terminal and in reports: the same as in the console, from `prefab-model`.

pub(crate) use prefab_model::escape::{line, lines, source};
