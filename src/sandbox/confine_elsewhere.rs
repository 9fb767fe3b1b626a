//! Where there is no Linux there are no layers but the process itself and its heap counter: every
//! execution says so.

use super::worker::Plan;
use super::{LayerSet, Probe};

/// Ends the process.
pub fn exit(status: i32) -> ! {
    std::process::exit(status)
}

/// No layer.
pub fn process(_: &Plan) -> Option<LayerSet> {
    Some(LayerSet::default())
}

/// No further layer.
pub fn thread(_: &Plan, layers: LayerSet) -> LayerSet {
    layers
}

/// There is nothing to compare with.
pub struct Bait {
    /// None.
    pub namespaces: Vec<String>,
}

impl Bait {
    /// Lays nothing.
    ///
    /// # Errors
    /// Never.
    pub fn lay() -> std::io::Result<Self> {
        Ok(Bait { namespaces: Vec::new() })
    }
}

/// Nothing is stopped, so nothing is tried.
///
/// # Errors
/// Always.
pub fn probe(_: Probe, _: &[String]) -> Result<(), String> {
    Err("this system has no such layer".into())
}

/// A system call's number.
pub fn system_call_name(number: i64) -> String {
    format!("number {number}")
}
