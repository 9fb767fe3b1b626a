//! Workers are ended as process groups and listened to by `poll`: without Unix nothing runs.

use super::frame::Request;
use super::{Execution, IsolationOptions, Outcome};

/// Refuses.
pub fn execute(request: Request, _: &IsolationOptions) -> Execution {
    Execution::without_worker(Outcome::Refused("the sandbox needs a Unix system".into()), &request.limits)
}
