//! The only file that knows swc's parser: text in, one tree out.
//!
//! Every identifier of the tree carries the syntax context that swc's `resolver` gave it: two
//! identifiers are the same binding exactly if name and context agree, and one whose context is
//! `unresolved` is declared nowhere in the file.

use swc_common::comments::SingleThreadedComments;
use swc_common::{BytePos, GLOBALS, Globals, Mark, Span, Spanned, SyntaxContext};
use swc_ecma_ast::{EsVersion, ModuleItem, Pass, Program};
use swc_ecma_parser::lexer::Lexer;
use swc_ecma_parser::{EsSyntax, Parser, StringInput, Syntax, TsSyntax};
use swc_ecma_transforms_base::resolver;

use crate::source::{Goal, Language, SourceFile, TextRange};

mod early;
mod precheck;

pub use precheck::{PrecheckError, PrecheckLimits, Shape, precheck};

/// A source that was read without error.
pub struct Parsed {
    /// The tree, resolved.
    pub program: Program,
    /// The goal it was parsed with.
    pub goal: Goal,
    /// All comments in order of position.
    pub comments: Vec<Comment>,
    /// The context of identifiers that no binding of the file declares.
    pub unresolved: SyntaxContext,
    /// The mark of top-level bindings, as transforms want it.
    pub top_level_mark: Mark,
    /// The mark behind `unresolved`.
    pub unresolved_mark: Mark,
    /// swc's interning tables: enter them with [`swc_common::GLOBALS`] before any transform.
    pub globals: Globals,
}

/// A comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// With its delimiters.
    pub range: TextRange,
    /// Without its delimiters.
    pub text: String,
    /// `/* … */`
    pub block: bool,
}

/// Why a source could not be read: the first error, in the parser's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// Where.
    pub range: TextRange,
    /// What.
    pub message: String,
}

/// The first byte of a file in swc's positions; 0 is its "no position".
const FIRST: u32 = 1;

/// The bytes a span covers.
pub fn range_of(span: Span) -> TextRange {
    TextRange::new(span.lo.0.saturating_sub(FIRST), span.hi.0.saturating_sub(FIRST))
}

/// Parses `source`. The goal is the extension's; where that is silent, a file with `import` or
/// `export` declarations is a module and any other a script.
///
/// # Errors
/// The first syntax error, early errors included.
pub fn parse(source: &SourceFile) -> Result<Parsed, SyntaxError> {
    let comments = SingleThreadedComments::default();
    let input = StringInput::new(&source.text, BytePos(FIRST), BytePos(FIRST + source.text.len() as u32));
    let syntax = match source.language {
        Language::JavaScript => Syntax::Es(EsSyntax { import_attributes: true, decorators: true, ..EsSyntax::default() }),
        Language::TypeScript => Syntax::Typescript(TsSyntax { decorators: true, ..TsSyntax::default() }),
    };
    let lexer = Lexer::new(syntax, EsVersion::EsNext, input, Some(&comments));
    let mut parser = Parser::new_from(lexer);
    let globals = Globals::new();
    GLOBALS
        .set(&globals, || {
            let parsed = match source.goal_by_extension {
                Some(Goal::Module) => parser.parse_module().map(Program::Module),
                Some(Goal::Script) => parser.parse_script().map(Program::Script),
                None => parser.parse_program(),
            };
            let error = |error: swc_ecma_parser::error::Error| SyntaxError {
                range: range_of(error.span()),
                message: error.kind().msg().into_owned(),
            };
            let mut program = parsed.map_err(error)?;
            if let Some(first) = parser.take_errors().into_iter().min_by_key(|e| e.span().lo) {
                return Err(error(first));
            }
            let goal = if program.is_module() { Goal::Module } else { Goal::Script };
            // The parser takes `await` and `import.meta` for a sign of a module; here only declarations are one.
            let is_module = source.goal_by_extension == Some(Goal::Module) || has_module_declaration(&program);
            if let Some(first) = early::first_early_error(&program, if is_module { goal } else { Goal::Script }) {
                return Err(first);
            }
            let (unresolved_mark, top_level_mark) = (Mark::new(), Mark::new());
            resolver(unresolved_mark, top_level_mark, source.language == Language::TypeScript).process(&mut program);
            Ok(Parsed {
                program,
                goal,
                comments: collect_comments(&comments),
                unresolved: SyntaxContext::empty().apply_mark(unresolved_mark),
                top_level_mark,
                unresolved_mark,
                globals: Globals::new(),
            })
        })
        .map(|parsed| Parsed { globals, ..parsed })
}

fn has_module_declaration(program: &Program) -> bool {
    program.as_module().is_some_and(|module| module.body.iter().any(ModuleItem::is_module_decl))
}

fn collect_comments(comments: &SingleThreadedComments) -> Vec<Comment> {
    let (leading, trailing) = comments.borrow_all();
    let mut all: Vec<Comment> = [leading, trailing]
        .into_iter()
        .flat_map(|map| map.values().flatten().cloned().collect::<Vec<_>>())
        .map(|comment| Comment {
            range: range_of(comment.span),
            text: comment.text.to_string(),
            block: comment.kind == swc_common::comments::CommentKind::Block,
        })
        .collect();
    all.sort_by_key(|comment| comment.range);
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_goal_follows_extension_then_content() {
        let goal = |path: &str, text: &str| parse(&SourceFile::new(path, text)).unwrap().goal;
        assert_eq!(goal("a.js", "function execute(input) {}"), Goal::Script);
        assert_eq!(goal("a.js", "export const execute = 1"), Goal::Module);
        assert_eq!(goal("a.mjs", "function execute(input) {}"), Goal::Module);
    }

    #[test]
    fn the_first_error_is_reported_with_its_place() {
        let error = parse(&SourceFile::new("a.js", "let x = ;")).err().unwrap();
        assert_eq!(error.range.start, 8);
    }
}
