//! What is too large for memory is received into a file, with a cap, a bound on how slowly it may come, and on how many come at a time.

use std::fs::File;
use std::io::{self, Read, Seek as _, Write as _};
use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use http_body_util::BodyExt as _;
use tokio::sync::SemaphorePermit;
use tokio::time::timeout;

use crate::input::too_slow;
use crate::problem::Problem;
use crate::server::App;

/// The most that a tree may have as it is sent, in bytes.
const MOST: u64 = 256 << 20;
/// So many are received at a time.
pub(crate) const AT_A_TIME: usize = 16;
/// How long the sender may be silent.
const SILENCE: Duration = Duration::from_secs(30);
/// What is collected in memory before it is written, in bytes.
const CHUNK: usize = 1 << 20;

/// A body that was received whole, in a file without a name.
pub(crate) struct Upload(File);

impl Upload {
    /// The body from its beginning. Reading blocks.
    pub(crate) fn into_reader(self) -> impl Read {
        self.0
    }
}

impl FromRequest<App> for Upload {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let _room = room(app)?;
        let mut body = request.into_body();
        let folder = app.data().incoming_folder();
        let mut file = app.blocking(move |_| Ok(tempfile::tempfile_in(folder)?)).await?;
        let (mut chunk, mut received) = (Vec::new(), 0_u64);
        loop {
            let frame = timeout(SILENCE, body.frame()).await.map_err(|_| too_slow())?;
            let data = match frame {
                None => break,
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
                Some(Err(_)) => return Err(broken()),
            };
            received = received.saturating_add(data.len() as u64);
            if received > MOST {
                return Err(too_large());
            }
            chunk.extend_from_slice(&data);
            if chunk.len() >= CHUNK {
                file = write(app, file, std::mem::take(&mut chunk)).await?;
            }
        }
        file = write(app, file, chunk).await?;
        Ok(Self(app.blocking(move |_| rewound(file).map_err(Problem::from)).await?))
    }
}

fn room(app: &App) -> Result<SemaphorePermit<'_>, Problem> {
    app.uploads().try_acquire().map_err(|_| {
        let detail = "the server receives as many trees as it can at a time: try again later";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).after(1)
    })
}

async fn write(app: &App, mut file: File, chunk: Vec<u8>) -> Result<File, Problem> {
    app.blocking(move |_| {
        file.write_all(&chunk)?;
        Ok(file)
    })
    .await
}

fn rewound(mut file: File) -> io::Result<File> {
    file.rewind()?;
    Ok(file)
}

fn broken() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "body-not-read", "the body broke off")
}

fn too_large() -> Problem {
    let detail = format!("the body has more than {MOST} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", detail)
}
