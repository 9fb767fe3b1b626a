//! The graph as text, in the manner of an assembly listing.
//!
//! One operation a line, `rN =` where it has a result, and after `;` the source it comes from.
//! Variables go by name; where several share one, and for temporaries, the slot's number follows.

use std::collections::HashMap;
use std::fmt::Write;

use super::ir::{
    Arg, BinaryOp, Block, Body, Class, ClassMember, FunctionKind, Ir, IterateKind, Key, LoopKind, MemberKind, Op, OpKind, PropertyInit,
    Reg, SlotId, Terminator, UnaryOp,
};
use crate::source::{SourceFile, TextRange};

/// How much of a source line a listing quotes.
const QUOTE_CHARS_MAX: usize = 32;

/// Lists all functions and classes of a file.
pub fn dump(ir: &Ir, source: &SourceFile) -> String {
    Listing::new(ir, Some(source)).run()
}

/// The same, without quotes from the source.
pub fn dump_bare(ir: &Ir) -> String {
    Listing::new(ir, None).run()
}

struct Listing<'a> {
    ir: &'a Ir,
    source: Option<&'a SourceFile>,
    names: Vec<String>,
    out: String,
}

/// Names of slots, told apart by number where they are not unique.
fn slot_names(ir: &Ir) -> Vec<String> {
    let mut seen: HashMap<&str, u32> = HashMap::new();
    for slot in &ir.slots {
        *seen.entry(&slot.name).or_default() += 1;
    }
    let name = |(number, slot): (usize, &super::ir::Slot)| match slot.name.as_str() {
        "" => format!("t{number}"),
        name if seen.get(name) == Some(&1) => name.to_owned(),
        name => format!("{name}'{number}"),
    };
    ir.slots.iter().enumerate().map(name).collect()
}

impl<'a> Listing<'a> {
    fn new(ir: &'a Ir, source: Option<&'a SourceFile>) -> Self {
        Listing { ir, source, names: slot_names(ir), out: String::new() }
    }

    fn run(mut self) -> String {
        for body in &self.ir.bodies {
            self.body(body);
        }
        for (number, class) in self.ir.classes.iter().enumerate() {
            self.class(number, class);
        }
        self.file();
        self.out
    }

    fn line(&mut self, indent: &str, text: &str, at: Option<TextRange>) {
        let quote = at.and_then(|at| self.quote(at));
        let _ = match quote {
            Some(quote) => writeln!(self.out, "{:<44} ; {quote}", format!("{indent}{text}")),
            None => writeln!(self.out, "{indent}{text}"),
        };
    }

    fn quote(&self, at: TextRange) -> Option<String> {
        let text = self.source?.slice(at);
        let line = text.lines().next().unwrap_or_default();
        let quote: String = line.chars().take(QUOTE_CHARS_MAX).collect();
        Some(if quote.len() < text.len() { format!("{quote}…") } else { quote })
    }

    fn body(&mut self, body: &Body) {
        let params: Vec<String> = body
            .params
            .iter()
            .map(|param| {
                let name = param.name.clone().unwrap_or_else(|| "_".to_owned());
                format!("{}{name}{}", if param.rest { "..." } else { "" }, if param.has_default { " = …" } else { "" })
            })
            .collect();
        let parent = body.parent.map(|parent| format!(" in f{}", parent.0)).unwrap_or_default();
        let asserts = body.asserts_param.map(|param| format!(" asserts {param}")).unwrap_or_default();
        let title = format!("f{} {}({}){}{parent}{asserts}", body.id.0, body.name, params.join(", "), flavour(body.kind, body.strict));
        self.line("", title.trim_end(), Some(body.head));
        for (number, block) in body.blocks.iter().enumerate() {
            self.block(body, number, block);
        }
        self.out.push('\n');
    }

    fn block(&mut self, body: &Body, number: usize, block: &Block) {
        let handler = block.handler.map(|handler| format!(" catch b{}", handler.0)).unwrap_or_default();
        let head = block.loop_head.map(|head| format!(" loop {}", loop_name(head.kind))).unwrap_or_default();
        self.line("  ", &format!("b{number}:{handler}{head}"), block.loop_head.map(|head| head.range));
        for &reg in &block.ops {
            let Some(op) = body.ops.get(reg.index()) else { continue };
            self.op(reg, op);
        }
        let quoted = !matches!(block.end, Terminator::Jump(_) | Terminator::Unreachable);
        self.line("    ", &terminator(block.end), quoted.then_some(block.end_range));
    }

    fn op(&mut self, reg: Reg, op: &Op) {
        let text = self.kind(&op.kind);
        let silent = matches!(op.kind, OpKind::Store { .. } | OpKind::StoreGlobal(..) | OpKind::Set { .. } | OpKind::RequireObject(_));
        let text = if silent { text } else { format!("r{} = {text}", reg.0) };
        self.line("    ", &text, Some(op.range));
    }

    fn slot(&self, slot: SlotId) -> &str {
        self.names.get(slot.index()).map_or("?", String::as_str)
    }

    fn kind(&self, kind: &OpKind) -> String {
        match kind {
            OpKind::Load(slot) => format!("load {}", self.slot(*slot)),
            OpKind::Store { slot, value, init } => format!("{} {}, {}", if *init { "init" } else { "store" }, self.slot(*slot), r(*value)),
            OpKind::Object(properties) => format!("object {{{}}}", list(properties, property)),
            OpKind::Array(elements) => format!("array [{}]", list(elements, |element| element.map_or(String::new(), |e| arg(&e)))),
            OpKind::Call { callee, this, args, optional, .. } => {
                let this = this.map(|this| format!(" this {}", r(this))).unwrap_or_default();
                format!("call{} {}{this} ({})", question(*optional), r(*callee), list(args, arg))
            }
            OpKind::New { callee, args, .. } => format!("new {} ({})", r(*callee), list(args, arg)),
            OpKind::SuperCall(args) => format!("supercall ({})", list(args, arg)),
            OpKind::Template { quasis, exprs } => format!("template {quasis:?} ({})", list(exprs, |reg| r(*reg))),
            OpKind::TemplateObject { raw, .. } => format!("strings {raw:?}"),
            OpKind::Class { class, superclass } => {
                format!("class c{}{}", class.0, superclass.map(|superclass| format!(" extends {}", r(superclass))).unwrap_or_default())
            }
            other => simple(other),
        }
    }

    fn class(&mut self, number: usize, class: &Class) {
        let constructor = class.constructor.map(|constructor| format!(" constructor f{}", constructor.0)).unwrap_or_default();
        self.line("", &format!("c{number} {}{constructor}", class.name), None);
        for each in &class.members {
            self.line("  ", &member(each), None);
        }
        self.out.push('\n');
    }

    fn file(&mut self) {
        for import in &self.ir.imports {
            let slots = list(&import.slots, |slot| self.slot(*slot).to_owned());
            self.line("", &format!("import {:?} ({slots})", import.specifier), None);
        }
        for export in &self.ir.exports {
            self.line("", &format!("export {} = {}", export.name, self.slot(export.slot)), None);
        }
        for (at, what) in &self.ir.unsupported {
            self.line("", &format!("unsupported {what}"), Some(*at));
        }
    }
}

fn flavour(kind: FunctionKind, strict: bool) -> String {
    let words = [
        (kind.is_async, " async"),
        (kind.is_generator, " generator"),
        (kind.is_arrow, " arrow"),
        (kind.is_method, " method"),
        (kind.is_constructor, " constructor"),
        (kind.is_initializer, " initializer"),
        (strict, " strict"),
    ];
    words.into_iter().filter(|(holds, _)| *holds).map(|(_, word)| word).collect()
}

fn loop_name(kind: LoopKind) -> &'static str {
    match kind {
        LoopKind::While => "while",
        LoopKind::DoWhile => "do",
        LoopKind::For => "for",
        LoopKind::ForIn => "for-in",
        LoopKind::ForOf => "for-of",
    }
}

fn terminator(end: Terminator) -> String {
    match end {
        Terminator::Jump(target) => format!("jump b{}", target.0),
        Terminator::Branch { cond, then, otherwise } => format!("branch {} ? b{} : b{}", r(cond), then.0, otherwise.0),
        Terminator::Next { iterator, body, done } => format!("next {} ? b{} : b{}", r(iterator), body.0, done.0),
        Terminator::Return(value) => format!("return {}", r(value)),
        Terminator::Throw(value) => format!("throw {}", r(value)),
        Terminator::Unreachable => "unreachable".to_owned(),
    }
}

fn r(reg: Reg) -> String {
    format!("r{}", reg.0)
}

fn list<T>(items: &[T], show: impl Fn(&T) -> String) -> String {
    items.iter().map(show).collect::<Vec<_>>().join(", ")
}

fn arg(arg: &Arg) -> String {
    format!("{}{}", if arg.spread { "..." } else { "" }, r(arg.reg))
}

fn question(optional: bool) -> &'static str {
    if optional { "?" } else { "" }
}

/// A key as it follows an object.
fn access(key: &Key) -> String {
    match key {
        Key::Name(name) => format!(".{name}"),
        Key::Computed(reg) => format!("[{}]", r(*reg)),
        Key::Private(name) => format!(".#{name}"),
    }
}

/// A key as it stands alone.
fn key(key: &Key) -> String {
    match key {
        Key::Name(name) => name.clone(),
        Key::Computed(reg) => format!("[{}]", r(*reg)),
        Key::Private(name) => format!("#{name}"),
    }
}

fn property(property: &PropertyInit) -> String {
    match property {
        PropertyInit::Value(name, value, _) => format!("{}: {}", key(name), r(*value)),
        PropertyInit::Getter(name, value, _) => format!("get {}: {}", key(name), r(*value)),
        PropertyInit::Setter(name, value, _) => format!("set {}: {}", key(name), r(*value)),
        PropertyInit::Spread(value, _) => format!("...{}", r(*value)),
        PropertyInit::Prototype(value, _) => format!("prototype: {}", r(*value)),
    }
}

fn member(member: &ClassMember) -> String {
    let is_static = if member.is_static { "static " } else { "" };
    let name = key(&member.key);
    match member.kind {
        MemberKind::Method(function) => format!("{is_static}{name} f{}", function.0),
        MemberKind::Getter(function) => format!("{is_static}get {name} f{}", function.0),
        MemberKind::Setter(function) => format!("{is_static}set {name} f{}", function.0),
        MemberKind::Field(Some(function)) => format!("{is_static}field {name} = f{}", function.0),
        MemberKind::Field(None) => format!("{is_static}field {name}"),
        MemberKind::StaticBlock(function) => format!("static block f{}", function.0),
    }
}

fn simple(kind: &OpKind) -> String {
    match kind {
        OpKind::Undefined => "undefined".to_owned(),
        OpKind::Null => "null".to_owned(),
        OpKind::Bool(value) => value.to_string(),
        OpKind::Number(value) => value.to_string(),
        OpKind::BigInt(value) => format!("{value}n"),
        OpKind::String(value) => format!("{value:?}"),
        OpKind::Regex { pattern, flags } => format!("/{pattern}/{flags}"),
        OpKind::Param(index) => format!("param {index}"),
        OpKind::RestParam(index) => format!("rest {index}"),
        OpKind::This => "this".to_owned(),
        OpKind::Arguments => "arguments".to_owned(),
        OpKind::NewTarget => "new.target".to_owned(),
        OpKind::ImportMeta => "import.meta".to_owned(),
        OpKind::Global(name) => format!("global {name}"),
        OpKind::TypeofGlobal(name) => format!("typeof global {name}"),
        OpKind::StoreGlobal(name, value) => format!("store global {name}, {}", r(*value)),
        OpKind::Get { object, key, optional } => format!("get{} {}{}", question(*optional), r(*object), access(key)),
        OpKind::Set { object, key, value } => format!("set {}{}, {}", r(*object), access(key), r(*value)),
        OpKind::Delete { object, key } => format!("delete {}{}", r(*object), access(key)),
        OpKind::SuperGet(key) => format!("get super{}", access(key)),
        OpKind::Element { iterator, index } => format!("element {} {index}", r(*iterator)),
        OpKind::ElementRest { iterator, from } => format!("elements {} {from}...", r(*iterator)),
        OpKind::ObjectRest { object, excluded } => format!("rest {} but {{{}}}", r(*object), list(excluded, key)),
        OpKind::RequireObject(value) => format!("require {}", r(*value)),
        OpKind::ImportCall(value) => format!("import {}", r(*value)),
        OpKind::Function(function) => format!("function f{}", function.0),
        OpKind::Unary(op, value) => format!("{} {}", unary(*op), r(*value)),
        OpKind::Binary(op, left, right) => format!("{} {} {}", r(*left), binary(*op), r(*right)),
        OpKind::Iterate { value, kind } => format!("iterate {} {}", iterate(*kind), r(*value)),
        OpKind::Next(iterator) => format!("value {}", r(*iterator)),
        OpKind::Await(value) => format!("await {}", r(*value)),
        OpKind::Yield { value, delegate } => format!("yield{} {}", if *delegate { "*" } else { "" }, r(*value)),
        OpKind::Catch => "catch".to_owned(),
        other => format!("{other:?}"),
    }
}

fn iterate(kind: IterateKind) -> &'static str {
    match kind {
        IterateKind::Of => "of",
        IterateKind::AsyncOf => "async of",
        IterateKind::In => "in",
        IterateKind::Pattern => "pattern",
    }
}

fn unary(op: UnaryOp) -> &'static str {
    match op {
        UnaryOp::Minus => "-",
        UnaryOp::Plus => "+",
        UnaryOp::Not => "!",
        UnaryOp::BitNot => "~",
        UnaryOp::Typeof => "typeof",
    }
}

fn binary(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::Mod => "%",
        BinaryOp::Exp => "**",
        BinaryOp::ShiftLeft => "<<",
        BinaryOp::ShiftRight => ">>",
        BinaryOp::ShiftRightZero => ">>>",
        BinaryOp::BitAnd => "&",
        BinaryOp::BitOr => "|",
        BinaryOp::BitXor => "^",
        BinaryOp::Equal => "==",
        BinaryOp::NotEqual => "!=",
        BinaryOp::StrictEqual => "===",
        BinaryOp::StrictNotEqual => "!==",
        BinaryOp::Less => "<",
        BinaryOp::LessEqual => "<=",
        BinaryOp::Greater => ">",
        BinaryOp::GreaterEqual => ">=",
        BinaryOp::In => "in",
        BinaryOp::InstanceOf => "instanceof",
        BinaryOp::PrivateIn => "private-in",
        BinaryOp::Increment => "increment",
    }
}
