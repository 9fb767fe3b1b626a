//! Which paths of its input, and which members of `__env`, a program reads, as far as names show it:
//! through locals, destructuring, loops, callbacks of array methods and the file's own functions; and
//! which words and numbers it knows.
//!
//! It guides the trial's inputs and proves nothing: a path that is missed is merely tried less.

use std::collections::{BTreeMap, BTreeSet};

use swc_ecma_ast::{
    ArrowExpr, ArrowFunctionBody, Callee, Expr, ExprOrSpread, ForHead, ForOfStmt, Function, Id, MemberExpr, MemberProp, ObjectPatProp,
    OptChainBase, Pat, PropName, VarDeclarator,
};
use swc_ecma_visit::{Visit, VisitWith};

use crate::semantic::Entry;
use crate::source::TextRange;
use crate::syntax::{Parsed, range_of};

/// Most paths that are kept.
const PATHS_MAX: usize = 200;

/// Most segments of a path.
const SEGMENTS_MAX: usize = 6;

/// Most paths that one name may stand for.
const ALIASES_MAX: usize = 8;

/// Most words, and most numbers, that are kept.
const LITERALS_MAX: usize = 40;

/// Most bytes of a word.
const WORD_BYTES_MAX: usize = 30;

/// Rounds over the tree: a name may be used before what it stands for is seen.
const ROUNDS_MAX: usize = 8;

/// Methods whose result has the elements of the array they are called on.
const KEEPS_ELEMENTS: &[&str] =
    &["slice", "filter", "sort", "toSorted", "reverse", "toReversed", "concat", "values", "flat", "splice", "toSpliced", "with"];

/// Methods that hand an element to their callback, and as which argument.
const HANDS_ELEMENTS: &[(&str, usize)] = &[
    ("map", 0),
    ("forEach", 0),
    ("filter", 0),
    ("find", 0),
    ("findIndex", 0),
    ("findLast", 0),
    ("some", 0),
    ("every", 0),
    ("flatMap", 0),
    ("sort", 0),
    ("toSorted", 0),
    ("reduce", 1),
    ("reduceRight", 1),
];

/// A step into a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The member of that name.
    Key(String),
    /// Any element, or a member whose name is computed.
    Element,
}

/// What a program reads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reads {
    /// Paths into the input, as they come in the source.
    pub input: Vec<Vec<Step>>,
    /// Names read from `__env`.
    pub env: Vec<String>,
    /// Short texts and names of members that the source spells out.
    pub words: Vec<String>,
    /// Numbers that the source spells out.
    pub numbers: Vec<f64>,
}

impl Reads {
    /// What the file reads when its entry is called.
    pub fn of(parsed: &Parsed, entry: &Entry) -> Reads {
        let mut reader = Reader { unresolved: parsed.unresolved, entry: entry.function, ..Reader::default() };
        for _ in 0..ROUNDS_MAX {
            let before = (reader.names.clone(), reader.seen.len());
            parsed.program.visit_with(&mut reader);
            if before == (reader.names.clone(), reader.seen.len()) {
                break;
            }
        }
        let mut reads = Reads { words: reader.words, numbers: reader.numbers, ..Reads::default() };
        for path in reader.seen {
            match (path.root, path.steps.first()) {
                (Root::Input, _) => reads.input.push(path.steps),
                (Root::Env, Some(Step::Key(name))) if path.steps.len() == 1 => reads.env.push(name.clone()),
                (Root::Env, _) => {}
            }
        }
        reads
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Root {
    Input,
    Env,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Path {
    root: Root,
    steps: Vec<Step>,
}

impl Path {
    fn then(&self, step: Step) -> Option<Path> {
        let mut steps = self.steps.clone();
        steps.push(step);
        (steps.len() <= SEGMENTS_MAX).then_some(Path { root: self.root, steps })
    }
}

#[derive(Default)]
struct Reader {
    unresolved: swc_common::SyntaxContext,
    entry: Option<TextRange>,
    /// What names stand for.
    names: BTreeMap<Id, BTreeSet<Path>>,
    /// Parameters of the file's functions, by the name they are called by.
    functions: BTreeMap<Id, Vec<Pat>>,
    seen: Vec<Path>,
    words: Vec<String>,
    numbers: Vec<f64>,
}

impl Reader {
    fn note(&mut self, paths: &BTreeSet<Path>) {
        for path in paths.iter().filter(|path| !path.steps.is_empty()) {
            if self.seen.len() < PATHS_MAX && !self.seen.contains(path) {
                self.seen.push(path.clone());
            }
        }
    }

    fn know(&mut self, word: &str) {
        let is_word = !word.is_empty() && word.len() <= WORD_BYTES_MAX && !word.contains(char::is_whitespace);
        if is_word && self.words.len() < LITERALS_MAX && !self.words.iter().any(|known| known == word) {
            self.words.push(word.to_owned());
        }
    }

    /// What an expression may stand for.
    fn paths(&self, expr: &Expr) -> BTreeSet<Path> {
        match expr {
            Expr::Ident(name) if &*name.sym == "__env" && name.ctxt == self.unresolved => {
                BTreeSet::from([Path { root: Root::Env, steps: Vec::new() }])
            }
            Expr::Ident(name) => self.names.get(&name.to_id()).cloned().unwrap_or_default(),
            Expr::Member(member) => self.member(member),
            Expr::OptChain(chain) => match &*chain.base {
                OptChainBase::Member(member) => self.member(member),
                OptChainBase::Call(call) => self.called(&call.callee),
            },
            Expr::Call(call) => match &call.callee {
                Callee::Expr(callee) => self.called(callee),
                Callee::Super(_) | Callee::Import(_) => BTreeSet::new(),
            },
            Expr::Paren(inner) => self.paths(&inner.expr),
            Expr::Await(inner) => self.paths(&inner.arg),
            Expr::TsAs(inner) => self.paths(&inner.expr),
            Expr::TsNonNull(inner) => self.paths(&inner.expr),
            Expr::TsSatisfies(inner) => self.paths(&inner.expr),
            Expr::TsTypeAssertion(inner) => self.paths(&inner.expr),
            Expr::Bin(both) => self.either(&both.left, &both.right),
            Expr::Cond(both) => self.either(&both.cons, &both.alt),
            Expr::Array(list) => {
                let spread = list.elems.iter().flatten().filter(|item| item.spread.is_some());
                spread.flat_map(|item| self.paths(&item.expr)).take(ALIASES_MAX).collect()
            }
            _ => BTreeSet::new(),
        }
    }

    /// `a ?? b`, `a || b`, `c ? a : b`. What arithmetic yields is read no further, so it does no harm here.
    fn either(&self, left: &Expr, right: &Expr) -> BTreeSet<Path> {
        self.paths(left).into_iter().chain(self.paths(right)).take(ALIASES_MAX).collect()
    }

    fn member(&self, member: &MemberExpr) -> BTreeSet<Path> {
        let step = match &member.prop {
            MemberProp::Ident(name) => Step::Key(name.sym.to_string()),
            MemberProp::Computed(computed) => match &*computed.expr {
                Expr::Lit(swc_ecma_ast::Lit::Str(text)) => Step::Key(text.value.to_string_lossy().into_owned()),
                _ => Step::Element,
            },
            MemberProp::PrivateName(_) => return BTreeSet::new(),
        };
        self.paths(&member.obj).iter().filter_map(|path| path.then(step.clone())).collect()
    }

    /// The result of a method that keeps the elements of what it is called on.
    fn called(&self, callee: &Expr) -> BTreeSet<Path> {
        match method(callee) {
            Some((object, name)) if KEEPS_ELEMENTS.contains(&name) => self.paths(object),
            _ => BTreeSet::new(),
        }
    }

    /// Makes the names of a pattern stand for `paths` and what is below them.
    fn bind(&mut self, pattern: &Pat, paths: &BTreeSet<Path>) {
        if paths.is_empty() {
            return;
        }
        match pattern {
            Pat::Ident(name) => {
                let known = self.names.entry(name.to_id()).or_default();
                known.extend(paths.iter().take(ALIASES_MAX.saturating_sub(known.len())).cloned());
            }
            Pat::Assign(default) => self.bind(&default.left, paths),
            Pat::Array(list) => {
                let elements = below(paths, &Step::Element);
                for item in list.elems.iter().flatten() {
                    match item {
                        Pat::Rest(rest) => self.bind(&rest.arg, paths),
                        item => self.bind(item, &elements),
                    }
                }
            }
            Pat::Object(object) => {
                for property in &object.props {
                    match property {
                        ObjectPatProp::KeyValue(pair) => {
                            let inner = below(paths, &key_of(&pair.key));
                            self.note(&inner);
                            self.bind(&pair.value, &inner);
                        }
                        ObjectPatProp::Assign(short) => {
                            let inner = below(paths, &Step::Key(short.key.sym.to_string()));
                            self.note(&inner);
                            self.bind(&Pat::Ident(short.key.clone()), &inner);
                        }
                        ObjectPatProp::Rest(rest) => self.bind(&rest.arg, paths),
                    }
                }
            }
            Pat::Rest(_) | Pat::Invalid(_) | Pat::Expr(_) => {}
        }
    }

    fn call(&mut self, callee: &Expr, arguments: &[ExprOrSpread]) {
        if let Expr::Ident(name) = callee
            && let Some(parameters) = self.functions.get(&name.to_id()).cloned()
        {
            for (parameter, argument) in parameters.iter().zip(arguments).filter(|(_, argument)| argument.spread.is_none()) {
                let paths = self.paths(&argument.expr);
                self.bind(parameter, &paths);
            }
        }
        let Some((object, name)) = method(callee) else { return };
        let Some((_, at)) = HANDS_ELEMENTS.iter().find(|(hands, _)| *hands == name) else { return };
        let paths = self.paths(object);
        let elements = below(&paths, &Step::Element);
        let parameters: Vec<Pat> = match arguments.first().map(|argument| &*argument.expr) {
            Some(Expr::Arrow(arrow)) => arrow.params.clone(),
            Some(Expr::Fn(function)) => parameters(&function.function),
            Some(Expr::Ident(name)) => self.functions.get(&name.to_id()).cloned().unwrap_or_default(),
            _ => return,
        };
        if !elements.is_empty() {
            self.note(&elements);
        }
        let both = matches!(name, "sort" | "toSorted");
        for parameter in parameters.iter().skip(*at).take(if both { 2 } else { 1 }) {
            self.bind(parameter, &elements);
        }
    }

    /// JSON has no methods: what is called is not read, what it is called on is.
    fn visit_callee_of(&mut self, callee: &Expr) {
        match method(callee) {
            Some((object, _)) => {
                let read = self.paths(object);
                self.note(&read);
                object.visit_with(self);
            }
            None => callee.visit_with(self),
        }
    }

    fn enter(&mut self, range: TextRange, parameters: &[Pat]) {
        let is_entry = self.entry.is_some_and(|entry| entry == range || (entry.contains(range) && entry.end == range.end));
        if is_entry && let Some(first) = parameters.first() {
            self.bind(first, &BTreeSet::from([Path { root: Root::Input, steps: Vec::new() }]));
        }
    }

    fn define(&mut self, name: Id, parameters: Vec<Pat>) {
        self.functions.insert(name, parameters);
    }
}

impl Visit for Reader {
    fn visit_lit(&mut self, literal: &swc_ecma_ast::Lit) {
        match literal {
            swc_ecma_ast::Lit::Str(text) => self.know(&text.value.to_string_lossy()),
            swc_ecma_ast::Lit::Num(number) if self.numbers.len() < LITERALS_MAX && !self.numbers.contains(&number.value) => {
                self.numbers.push(number.value);
            }
            _ => {}
        }
    }

    fn visit_prop_name(&mut self, name: &PropName) {
        if let Step::Key(key) = key_of(name) {
            self.know(&key);
        }
        name.visit_children_with(self);
    }

    fn visit_fn_decl(&mut self, declaration: &swc_ecma_ast::FnDecl) {
        self.define(declaration.ident.to_id(), parameters(&declaration.function));
        declaration.visit_children_with(self);
    }

    fn visit_function(&mut self, function: &Function) {
        self.enter(range_of(function.span), &parameters(function));
        function.visit_children_with(self);
    }

    fn visit_arrow_expr(&mut self, arrow: &ArrowExpr) {
        self.enter(range_of(arrow.span), &arrow.params);
        if let ArrowFunctionBody::Expr(result) = &*arrow.body {
            let read = self.paths(result);
            self.note(&read);
        }
        arrow.visit_children_with(self);
    }

    fn visit_var_declarator(&mut self, declarator: &VarDeclarator) {
        if let Some(value) = &declarator.init {
            if let Pat::Ident(name) = &declarator.name {
                match &**value {
                    Expr::Arrow(arrow) => self.define(name.to_id(), arrow.params.clone()),
                    Expr::Fn(function) => self.define(name.to_id(), parameters(&function.function)),
                    _ => {}
                }
            }
            let paths = self.paths(value);
            self.bind(&declarator.name, &paths);
        }
        declarator.visit_children_with(self);
    }

    fn visit_for_of_stmt(&mut self, statement: &ForOfStmt) {
        let (paths, entries) = match method_call(&statement.right) {
            Some((object, "entries")) => (self.paths(object), true),
            _ => (self.paths(&statement.right), false),
        };
        let elements = below(&paths, &Step::Element);
        self.note(&elements);
        if let ForHead::VarDecl(declaration) = &statement.left {
            for declarator in &declaration.decls {
                match &declarator.name {
                    Pat::Array(pair) if entries => {
                        if let Some(Some(item)) = pair.elems.get(1) {
                            self.bind(item, &elements);
                        }
                    }
                    name => self.bind(name, &elements),
                }
            }
        }
        statement.visit_children_with(self);
    }

    fn visit_member_expr(&mut self, member: &MemberExpr) {
        let read = self.member(member);
        self.note(&read);
        member.visit_children_with(self);
    }

    fn visit_call_expr(&mut self, call: &swc_ecma_ast::CallExpr) {
        if let Callee::Expr(callee) = &call.callee {
            self.call(callee, &call.args);
            self.visit_callee_of(callee);
        }
        call.args.visit_with(self);
    }

    fn visit_opt_call(&mut self, call: &swc_ecma_ast::OptCall) {
        self.call(&call.callee, &call.args);
        self.visit_callee_of(&call.callee);
        call.args.visit_with(self);
    }
}

fn parameters(function: &Function) -> Vec<Pat> {
    function.params.iter().map(|parameter| parameter.pat.clone()).collect()
}

fn below(paths: &BTreeSet<Path>, step: &Step) -> BTreeSet<Path> {
    paths.iter().filter_map(|path| path.then(step.clone())).collect()
}

fn key_of(name: &PropName) -> Step {
    match name {
        PropName::Ident(name) => Step::Key(name.sym.to_string()),
        PropName::Str(text) => Step::Key(text.value.to_string_lossy().into_owned()),
        PropName::Num(number) => Step::Key(number.value.to_string()),
        PropName::Computed(_) | PropName::BigInt(_) => Step::Element,
    }
}

/// The object and the name of a method that is called.
fn method(callee: &Expr) -> Option<(&Expr, &str)> {
    let member = match callee {
        Expr::Member(member) => member,
        Expr::OptChain(chain) => match &*chain.base {
            OptChainBase::Member(member) => member,
            OptChainBase::Call(_) => return None,
        },
        Expr::Paren(inner) => return method(&inner.expr),
        _ => return None,
    };
    match &member.prop {
        MemberProp::Ident(name) => Some((&member.obj, &name.sym)),
        _ => None,
    }
}

fn method_call(expr: &Expr) -> Option<(&Expr, &str)> {
    match expr {
        Expr::Call(call) => match &call.callee {
            Callee::Expr(callee) => method(callee),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantic::entry::find_entry;
    use crate::source::SourceFile;

    fn reads(text: &str) -> (String, String) {
        let parsed = crate::syntax::parse(&SourceFile::new("a.ts", text)).unwrap();
        let entry = find_entry(&parsed, "execute").unwrap();
        let reads = Reads::of(&parsed, &entry);
        let spell = |path: &Vec<Step>| {
            path.iter().fold(String::new(), |text, step| match step {
                Step::Key(name) if text.is_empty() => name.clone(),
                Step::Key(name) => format!("{text}.{name}"),
                Step::Element => format!("{text}[*]"),
            })
        };
        (reads.input.iter().map(spell).collect::<Vec<_>>().join(" "), reads.env.join(" "))
    }

    #[test]
    fn paths_are_followed_through_locals_loops_callbacks_and_helpers() {
        let (input, env) = reads(
            "const sum = (list) => list.reduce((all, one) => all + one.price, 0);
             export function execute({ items = [], who: { name } }) {
               const { RATE } = __env;
               for (const [at, item] of items.entries()) at + item.count;
               return sum(items.filter((i) => i.ok)) * RATE * __env['VAT'] + name.length;
             }",
        );
        for path in ["items", "who", "who.name", "items[*].price", "items[*].count", "items[*].ok", "who.name.length"] {
            assert!(input.split(' ').any(|known| known == path), "{path}: {input}");
        }
        assert_eq!(env, "RATE VAT");
    }

    #[test]
    fn what_merely_shares_a_name_is_no_input() {
        let (input, _) = reads("function other(input) { return input.a } export const execute = (input) => other({ a: input.b })");
        assert_eq!(input, "b");
    }
}
