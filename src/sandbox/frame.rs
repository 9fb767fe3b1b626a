//! What parent and worker say to each other: one greeting, one request, one reply, each a JSON
//! text behind its length.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{CallContext, ConsoleLine, Layer, LimitKind, Limits, Loss, Probe, SchemaViolation};
use crate::program::EntryPoint;

/// Bytes of the length before each frame.
pub const HEADER_BYTES: usize = 4;

/// Most bytes of a greeting.
pub const GREETING_BYTES_MAX: usize = 4 << 10;

/// Most bytes a program may log; what goes beyond is cut.
pub const CONSOLE_BYTES_MAX: usize = 64 << 10;

/// Most lines a program may log.
pub const CONSOLE_LINES_MAX: usize = 1_000;

/// Most bytes of an error message.
pub const MESSAGE_BYTES_MAX: usize = 2 << 10;

/// Most losses of a result that are listed.
pub const LOSSES_MAX: usize = 16;

/// Most bytes of the path of a loss.
pub const LOSS_PATH_BYTES_MAX: usize = 256;

/// Most schema violations that are listed.
pub const VIOLATIONS_MAX: usize = 8;

/// The worker is confined and waits for its request.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Greeting {
    /// The layers that hold.
    pub layers: Vec<Layer>,
}

/// Everything a worker needs to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The program.
    pub code: String,
    /// Whether it is a module.
    pub module: bool,
    /// What to do with it.
    pub task: Task,
    /// The input schema's text.
    pub schema: Option<String>,
    /// The input's text.
    pub input: String,
    /// The injected constants.
    pub context: CallContext,
    /// The limits.
    pub limits: Limits,
}

/// What a worker does with a program.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Calls the function found here with the input.
    Call(EntryPoint),
    /// Runs it as a script for its completion value.
    Evaluate,
    /// Only reads it.
    Parse,
    /// Reviews it as the author wrote it, without a word about what it found.
    Review(Review),
    /// Tries something else altogether.
    Probe {
        /// What.
        probe: Probe,
        /// The parent's namespaces.
        namespaces: Vec<String>,
    },
}

/// What a review depends on beside the source.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// The source's name: its end says the language.
    pub name: String,
    /// The entry's name.
    pub entry: String,
    /// Extra sensitive names.
    pub sensitive: Vec<String>,
    /// Extra globals that reach the host.
    pub globals_host: Vec<String>,
    /// Extra globals that are harmless.
    pub globals_allowed: Vec<String>,
    /// Whether the schema is believed.
    pub enforce_schema: bool,
    /// Bytes of the source.
    pub source_bytes: u64,
    /// Nesting of the source.
    pub nesting: u64,
}

/// What a worker says in the end.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// How it ended.
    pub verdict: Verdict,
    /// Instructions used.
    pub statements: u64,
    /// Most heap bytes in use.
    pub heap_bytes: u64,
    /// The log.
    pub console: Vec<ConsoleLine>,
    /// What the result lost.
    pub losses: Vec<Loss>,
}

/// How a worker's work ended.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Verdict {
    /// The result as JSON text.
    Returned(String),
    /// See [`super::Thrown`]; positions are those of the printed program.
    Threw { name: String, message: String, by_engine: bool, position: Option<(u32, u32)> },
    /// See [`super::Outcome::InputRejected`].
    InputRejected(Vec<SchemaViolation>),
    /// See [`super::Outcome::Unserializable`].
    Unserializable(String),
    /// See [`super::Outcome::Unsettled`].
    Unsettled,
    /// See [`super::Outcome::Limit`].
    Limit(LimitKind),
    /// The engine gave up on itself.
    EnginePanic(String),
}

/// Most bytes of a reply under `limits`. A result is JSON inside JSON: escaping at most doubles it.
pub fn reply_bytes_max(limits: &Limits) -> usize {
    let output = usize::try_from(limits.output_bytes_max).unwrap_or(usize::MAX);
    output.saturating_mul(2).saturating_add(CONSOLE_BYTES_MAX * 6 + CONSOLE_LINES_MAX * 64 + (128 << 10))
}

/// The message behind its length.
pub fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_BYTES];
    if serde_json::to_writer(&mut bytes, message).is_err() {
        bytes.truncate(HEADER_BYTES);
    }
    let length = u32::try_from(bytes.len() - HEADER_BYTES).unwrap_or(u32::MAX);
    bytes[..HEADER_BYTES].copy_from_slice(&length.to_le_bytes());
    bytes
}

/// The length that a header announces.
pub fn announced(header: [u8; HEADER_BYTES]) -> usize {
    u32::from_le_bytes(header) as usize
}

/// The message of a frame's body.
///
/// # Errors
/// Where the body is not such a message.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(body)
}
