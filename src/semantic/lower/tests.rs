//! Lowering read as listings, and what must hold for any source.

use crate::semantic::dump::dump_bare;
use crate::semantic::ir::Ir;
use crate::semantic::verify::verify;
use crate::source::SourceFile;
use crate::syntax::parse;

mod robustness;

/// The graph of a source, if it keeps its promises.
fn checked(path: &str, text: &str) -> Result<Ir, String> {
    let source = SourceFile::new(path, text);
    let parsed = parse(&source).map_err(|error| error.to_string())?;
    let ir = super::lower(&parsed, &source);
    verify(&ir).map_err(|problem| format!("{problem}\n{}", dump_bare(&ir)))?;
    Ok(ir)
}

/// The checked graph of a source.
fn lowered(path: &str, text: &str) -> Ir {
    checked(path, text).unwrap_or_else(|problem| panic!("{problem}\n{text}"))
}
