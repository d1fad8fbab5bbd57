//! What a worker and the process that started it say to each other: frames, each its length in four bytes and then postcard;
//! behind some of them the bytes of files, as many as the frame said.
//!
//! The worker may be hostile, so whoever reads says how long a frame may be, and checks what it says elsewhere.

use std::io::{self, Read, Write};

use prefab_model::{Compilation, Descriptor, Diagnostic, Limit, Limits, ModulePath, Usage};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The variable of the environment that makes a program a worker: the memory that it may write to, in bytes.
pub(crate) const MARK: &str = "PREFAB_WORKER";

/// How a worker greets once it has given up its rights; then comes a byte, which says what walls stand.
pub(super) const GREETING: [u8; 8] = *b"worker 1";

/// What a worker is told first, while it has its rights.
#[derive(Serialize, Deserialize)]
pub(super) struct Load {
    /// The digest of the compiler.
    pub(super) compiler: [u8; 32],
    /// The bytes of its native image, which follow.
    pub(super) image: u64,
    /// What it is besides, if it is a command-line program: its recipe, and the bytes of the files that ship with it, which follow then.
    pub(super) program: Option<(Vec<u8>, Vec<u64>)>,
    /// Whether it uses exceptions.
    pub(super) exceptions: bool,
}

/// What is told to a worker afterwards.
#[derive(Serialize, Deserialize)]
pub(super) enum Word<W> {
    /// Something to do.
    Work(W),
    /// Let the guest wait.
    Pause,
    /// Let it go on.
    Resume,
}

/// A call of the guest. The bytes of the files and then of the signatures follow, in this order.
#[derive(Serialize, Deserialize)]
pub(super) struct Work<J, P, N> {
    pub(super) job: J,
    /// The files and how many bytes each has.
    pub(super) files: Vec<(P, u64)>,
    /// The signatures of dependencies, and how many bytes each has.
    pub(super) signatures: Vec<(N, u64)>,
}

/// What is to be called.
#[derive(Deserialize)]
pub(super) enum Job {
    Compile(Box<Compilation>),
    Describe(Limits),
}

/// The same, as it is sent.
#[derive(Clone, Copy, Serialize)]
pub(super) enum JobRef<'a> {
    Compile(&'a Compilation),
    Describe(&'a Limits),
}

/// Work as a worker reads it.
pub(super) type ReadWork = Work<Job, ModulePath, String>;

/// A part of an answer. The last one is [`Item::End`].
#[derive(Serialize, Deserialize)]
pub(super) enum Item {
    /// An artifact; its bytes follow.
    Artifact { path: String, media_type: String, size: u64 },
    /// A finding.
    Diagnostic(Diagnostic),
    /// How it ended.
    End { kind: Kind, usage: Usage, log: String },
}

/// How it ended: the kinds of outcomes, in a form that postcard can write.
#[derive(Serialize, Deserialize)]
pub(super) enum Kind {
    /// With the artifacts that came before.
    Artifacts,
    /// With a signature of so many bytes, which follow.
    Signature(u64),
    Description(Descriptor),
    Rejected,
    OutOfFuel,
    OutOfMemory(Limit),
    Deadline,
    OutputCap(Limit),
    Trapped(String),
    Refused(String),
    HostError(String),
    Cancelled,
}

/// Sends a frame.
pub(super) fn send(to: &mut impl Write, frame: &impl Serialize) -> io::Result<()> {
    let frame = postcard::to_allocvec(frame).map_err(io::Error::other)?;
    let length = u32::try_from(frame.len()).map_err(io::Error::other)?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(&frame)
}

/// Reads a frame of at most so many bytes.
pub(super) fn receive<T: DeserializeOwned>(from: &mut impl Read, most: u64) -> io::Result<T> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let frame = receive_bytes(from, u32::from_le_bytes(length).into(), most)?;
    postcard::from_bytes(&frame).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Reads exactly so many bytes, if that is no more than there may be.
pub(super) fn receive_bytes(from: &mut impl Read, length: u64, most: u64) -> io::Result<Vec<u8>> {
    if length > most {
        let text = format!("it announced {length} bytes where {most} are the most");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).map_err(io::Error::other)?);
    if from.take(length).read_to_end(&mut bytes)? as u64 == length {
        return Ok(bytes);
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_take_more_than_there_may_be(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = receive::<Item>(&mut bytes.as_slice(), 64);
            let _ = receive::<Word<ReadWork>>(&mut bytes.as_slice(), 1 << 20);
        }
    }

    #[test]
    fn a_frame_that_is_too_long_is_not_read() {
        let mut bytes = Vec::new();
        send(&mut bytes, &Item::Artifact { path: "p".repeat(100), media_type: String::new(), size: 1 })
            .unwrap();
        assert!(receive::<Item>(&mut bytes.as_slice(), 1000).is_ok());
        let error = receive::<Item>(&mut bytes.as_slice(), 50).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
