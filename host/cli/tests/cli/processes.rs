//! Looking at processes from outside.

use std::fs;

/// What `/proc` says of a process.
pub(crate) struct Seen {
    pub(crate) id: u32,
    pub(crate) parent: u32,
    /// Ended, and nobody has asked how yet.
    pub(crate) zombie: bool,
    /// CPU time, in ticks.
    pub(crate) ticks: u64,
}

/// A process, if there is one of this number.
pub(crate) fn seen(id: u32) -> Option<Seen> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name, in parentheses, may have spaces; fields are counted from behind it.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(Seen {
        id,
        parent: fields[1].parse().ok()?,
        zombie: fields[0] == "Z",
        ticks: fields[11].parse::<u64>().ok()? + fields[12].parse::<u64>().ok()?,
    })
}

/// What a process has started and what still runs.
pub(crate) fn children(of: u32) -> Vec<Seen> {
    let all =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    all.filter_map(seen).filter(|process| process.parent == of && !process.zombie).collect()
}
