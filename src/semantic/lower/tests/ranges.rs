//! Where operations, terminators, functions and slots say they stand.

use super::lowered;
use crate::semantic::ir::{OpKind, Terminator};

const TEXT: &str = "\
const helper = async (value: string, { a = 1 }: Opts = {}) => {
  for (let i /* ) */ = 0; i < n; i++ /* ( */) { if (a.b.c(i)) return value; }
  while (/x\\)/.test(value)) { o.p = (q as any).r?.(s); }
  do { return; } while (value);
  throw new Error(`no ${value}`);
};
class Box<T> { method(x?: T) { return this[x]; } }
export default function run() {}
";

fn at(range: crate::source::TextRange) -> &'static str {
    &TEXT[range.start as usize..range.end as usize]
}

#[test]
fn loop_heads_end_at_their_parenthesis() {
    let ir = lowered("a.ts", TEXT);
    let heads = ir.bodies.iter().flat_map(|body| &body.blocks).filter_map(|block| block.loop_head).map(|head| at(head.range));
    assert_eq!(heads.collect::<Vec<_>>(), ["for (let i /* ) */ = 0; i < n; i++ /* ( */)", "while (/x\\)/.test(value))", "do"]);
}

#[test]
fn calls_know_their_callee() {
    let ir = lowered("a.ts", TEXT);
    let calls = ir.bodies.iter().flat_map(|body| &body.ops).filter_map(|op| match &op.kind {
        OpKind::Call { callee_range, .. } | OpKind::New { callee_range, .. } => Some((at(op.range), at(*callee_range))),
        _ => None,
    });
    assert_eq!(
        calls.collect::<Vec<_>>(),
        [
            ("a.b.c(i)", "a.b.c"),
            ("/x\\)/.test(value)", "/x\\)/.test"),
            ("(q as any).r?.(s)", "(q as any).r"),
            ("new Error(`no ${value}`)", "Error")
        ]
    );
}

#[test]
fn properties_span_the_member_expression() {
    let ir = lowered("a.ts", TEXT);
    let members = ir.bodies.iter().flat_map(|body| &body.ops).filter_map(|op| match &op.kind {
        OpKind::Get { .. } | OpKind::Set { .. } => Some(at(op.range)),
        _ => None,
    });
    assert_eq!(members.collect::<Vec<_>>(), ["a", "a.b", "a.b.c", "/x\\)/.test", "(q as any).r", "o.p", "this[x]"]);
}

#[test]
fn terminators_point_at_what_decides() {
    let ir = lowered("a.ts", TEXT);
    let ends = ir.bodies.iter().flat_map(|body| &body.blocks).filter_map(|block| match block.end {
        Terminator::Branch { .. } => Some(("branch", at(block.end_range))),
        Terminator::Return(_) => Some(("return", at(block.end_range))),
        Terminator::Throw(_) => Some(("throw", at(block.end_range))),
        _ => None,
    });
    let ends: Vec<_> = ends.filter(|(_, text)| !text.is_empty()).collect();
    assert_eq!(
        ends,
        [
            ("return", "}"),
            ("branch", "{ a = 1 }"),
            ("branch", "a"),
            ("branch", "i < n"),
            ("branch", "a.b.c(i)"),
            ("return", "value"),
            ("branch", "/x\\)/.test(value)"),
            ("branch", "(q as any).r"),
            ("return", "return;"),
            ("branch", "value"),
            ("throw", "new Error(`no ${value}`)"),
            ("return", "this[x]"),
        ]
    );
}

#[test]
fn functions_and_slots_point_at_their_names() {
    let ir = lowered("a.ts", TEXT);
    let heads: Vec<_> = ir.bodies.iter().skip(1).map(|body| (body.name.as_str(), at(body.head))).collect();
    assert_eq!(heads, [("run", "run"), ("helper", "async"), ("method", "method")]);
    let slots: Vec<_> = ir.slots.iter().filter(|slot| !slot.name.is_empty()).map(|slot| at(slot.range)).collect();
    assert_eq!(slots, ["helper", "Box", "run", "value", "a", "i", "x"]);
    let whole: Vec<_> = ir.bodies.iter().skip(2).map(|body| &at(body.range)[..6]).collect();
    assert_eq!(whole, ["async ", "method"]);
}
