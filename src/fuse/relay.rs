//! How the background process tells the one that started it what came of it.
//!
//! One message over a pipe: ready, or an error with everything that makes its text and its exit code. A
//! pipe that ends without a message means the process died.

use std::ffi::OsString;
use std::io;
use std::io::PipeReader;
use std::io::PipeWriter;
use std::io::Read;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;

use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;

/// All kinds; a message has the position.
const KINDS: [ErrorKind; 9] = [
    ErrorKind::NotFound,
    ErrorKind::NotACheckpoint,
    ErrorKind::Corrupt,
    ErrorKind::Unsupported,
    ErrorKind::Io,
    ErrorKind::Changed,
    ErrorKind::TooLarge,
    ErrorKind::Usage,
    ErrorKind::Mount,
];

#[derive(Serialize, Deserialize)]
enum Message {
    Ready,
    Failed {
        kind: usize,
        what: String,
        path: Option<Vec<u8>>,
        offset: Option<u64>,
        hint: Option<String>,
    },
}

/// Sends the one message; fails where nobody waits for it any more.
pub(super) fn send(mut to: PipeWriter, outcome: &Result<()>) -> io::Result<()> {
    let message = match outcome {
        Ok(()) => Message::Ready,
        Err(e) => Message::Failed {
            kind: KINDS.iter().position(|kind| *kind == e.kind()).unwrap_or(4),
            what: e.what().to_owned(),
            path: e.path().map(|path| path.as_os_str().as_bytes().to_vec()),
            offset: e.at_offset(),
            hint: e.hint_text().map(str::to_owned),
        },
    };
    let text = serde_json::to_vec(&message).map_err(io::Error::other)?;
    to.write_all(&text)
}

/// Waits for the message: `None` where the process ended without one.
pub(super) fn receive(mut from: PipeReader) -> Option<Result<()>> {
    let mut text = Vec::new();
    from.read_to_end(&mut text).ok()?;
    match serde_json::from_slice(&text).ok()? {
        Message::Ready => Some(Ok(())),
        Message::Failed {
            kind,
            what,
            path,
            offset,
            hint,
        } => {
            let mut error = Error::new(KINDS.get(kind).copied().unwrap_or(ErrorKind::Io), what);
            if let Some(path) = path {
                error = error.at(PathBuf::from(OsString::from_vec(path)));
            }
            if let Some(offset) = offset {
                error = error.offset(offset);
            }
            if let Some(hint) = hint {
                error = error.hint(hint);
            }
            Some(Err(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_arrive_whole() {
        let (reader, writer) = io::pipe().unwrap();
        let sent = Error::corrupt("bad")
            .at(OsString::from_vec(b"a\xff".to_vec()))
            .offset(3)
            .hint("h");
        send(writer, &Err(sent.clone())).unwrap();
        let got = receive(reader).unwrap().unwrap_err();
        assert_eq!((got.kind(), got.to_string()), (sent.kind(), sent.to_string()));
        assert_eq!(got.path(), sent.path());
    }

    #[test]
    fn silence_is_death() {
        let (reader, writer) = io::pipe().unwrap();
        drop(writer);
        assert!(receive(reader).is_none());
        let (reader, writer) = io::pipe().unwrap();
        send(writer, &Ok(())).unwrap();
        assert!(receive(reader).unwrap().is_ok());
    }
}
