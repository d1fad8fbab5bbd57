//! The event stream of an environment: server-sent events, read from a connection that stays open.
//!
//! See <https://html.spec.whatwg.org/multipage/server-sent-events.html>. Of its fields, the server writes `id`, `event` and `data`.

use std::io::{self, BufRead, BufReader, Read};

/// The longest line that is taken, in bytes: an event is one line of JSON.
const LINE: u64 = 16 << 20;

/// An event as it came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Came {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) data: String,
}

/// Events as they come.
pub(crate) struct Events<R> {
    from: BufReader<R>,
}

impl<R: Read> Events<R> {
    pub(crate) fn new(from: R) -> Self {
        Self { from: BufReader::new(from) }
    }

    /// The next one; none when the stream has ended.
    pub(crate) fn next(&mut self) -> io::Result<Option<Came>> {
        let mut came = Came::default();
        let mut line = String::new();
        loop {
            line.clear();
            if (&mut self.from).take(LINE).read_line(&mut line)? == 0 {
                return Ok(None);
            }
            if !line.ends_with('\n') {
                // The end of the stream in the middle of an event, or a line that is too long: either way no whole event.
                return Ok(None);
            }
            let text = line.trim_end_matches(['\r', '\n']);
            if text.is_empty() {
                if !came.name.is_empty() {
                    return Ok(Some(came));
                }
                continue;
            }
            // A line that begins with a colon is a comment, which keeps the connection.
            let (field, value) = text.split_once(':').unwrap_or((text, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "id" => value.clone_into(&mut came.id),
                "event" => value.clone_into(&mut came.name),
                "data" if came.data.is_empty() => value.clone_into(&mut came.data),
                "data" => {
                    came.data.push('\n');
                    came.data.push_str(value);
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_events_are_read_and_comments_are_not() {
        let text = ":\n\nid: a-1\nevent: progress\ndata: {\"x\": \"a: b\"}\n\nevent:paused\r\ndata:1\r\ndata: 2\r\n\r\nevent: half";
        let mut events = Events::new(text.as_bytes());
        let came =
            |id: &str, name: &str, data: &str| Came { id: id.into(), name: name.into(), data: data.into() };
        assert_eq!(events.next().unwrap(), Some(came("a-1", "progress", "{\"x\": \"a: b\"}")));
        assert_eq!(events.next().unwrap(), Some(came("", "paused", "1\n2")));
        assert_eq!(events.next().unwrap(), None);
    }
}
