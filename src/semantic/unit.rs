//! The analysis of one file: the top level as it is loaded, then the entry with untrusted input,
//! then, for what is wrong wherever it stands, the code that neither reaches.

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use super::SemanticSettings;
use super::calls::Callee;
use super::capture::{self, Environment};
use super::facts::{Facts, Types};
use super::flow::{Analyzer, Args, Frame};
use super::graph::Graph;
use super::ir::{BlockId, FuncId, Ir, OpKind, SlotKind};
use super::limits;
use super::model::{Kept, Model};
use super::names::SensitiveNames;
use super::observe::{ContextOverride, Observations};
use super::schema::InputSchema;
use super::state::{Field, State};
use super::symbol::{Ctx, PropKey, Sym, Symbols, Value};
use crate::finding::Level;
use crate::source::TextRange;

/// Analyses a lowered file. Gives what was seen, and which bounds were reached.
pub fn analyse(ir: Rc<Ir>, settings: &SemanticSettings, has_entry: bool) -> (Observations, BTreeMap<&'static str, u64>) {
    let names = SensitiveNames::new(&settings.sensitive);
    let graphs = ir.bodies.iter().map(|body| Rc::new(Graph::new(body))).collect();
    let model = Model {
        ir: ir.clone(),
        symbols: Symbols::default(),
        schema: InputSchema::new(settings.schema.clone()),
        opaque: Default::default(),
        checked_for_nan: Default::default(),
        parsed: Default::default(),
        limited: Default::default(),
        created_globals: HashSet::new(),
        kept: Kept::default(),
        constants: constants(&ir),
        stored_once: Default::default(),
        absence: Default::default(),
        in_progress: Vec::new(),
        answered: Default::default(),
        is_asked_of_all_states: false,
        work: 0,
        learning: Vec::new(),
    };
    let mut analyzer = Analyzer::new(model, graphs, &names);
    let operations: usize = ir.bodies.iter().map(|body| body.ops.len()).sum();
    let work_max = settings.work_max + limits::WORK_PER_OPERATION * operations as u64;
    if !has_entry {
        analyzer.call_depth_max = limits::LIBRARY_CALL_DEPTH_MAX;
    }
    shadowed_context(&mut analyzer);
    analyzer.work_max = work_max / 2;
    let loaded = load(&mut analyzer);
    analyzer.kept_variables = loaded.slots.keys().copied().collect();
    analyzer.work_max = work_max;
    let entry = if has_entry { entry_value(&mut analyzer, &loaded, &settings.entry) } else { None };
    match entry {
        Some(callee) => enter(&mut analyzer, &loaded, callee),
        None => library(&mut analyzer, &loaded, work_max),
    }
    analyzer.settle_demands();
    analyzer.settle_recursions();
    analyzer.settle_costs();
    analyzer.settle_leaks();
    // What is left is looked at where it stands: it needs no calls, and never too much work.
    analyzer.work_max = work_max.min(analyzer.model.work + work_max / 8);
    sweep(&mut analyzer, &loaded);
    analyzer.settle_strings();
    (analyzer.seen, analyzer.bounds)
}

/// Runs the top level.
fn load(analyzer: &mut Analyzer<'_>) -> State {
    let mut state = State::default();
    for import in &analyzer.model.ir.clone().imports {
        let module = analyzer.model.symbols.builtin(&format!("import:{}", import.specifier));
        for &slot in &import.slots {
            state.slots.insert(slot, module);
        }
    }
    let is_module = analyzer.model.ir.bodies[0].strict;
    let undefined = analyzer.model.symbols.undefined();
    let this = if is_module { undefined } else { analyzer.model.symbols.builtin("globalThis") };
    let frame = Frame {
        func: FuncId(0),
        ctx: Ctx(0),
        this,
        captured: Environment::default(),
        args: Args::default(),
        call_range: TextRange::default(),
        in_loop: false,
        turns: Vec::new(),
        iterator: None,
        reached: Default::default(),
    };
    analyzer.reporting = true;
    let outcome = analyzer.activate(frame, state);
    analyzer.reporting = false;
    outcome.normal.map(|(state, _)| state).or(outcome.thrown.map(|(state, _)| state)).unwrap_or_default()
}

/// The numbers that a file names, in order.
fn constants(ir: &Ir) -> Rc<[f64]> {
    let ops = ir.bodies.iter().flat_map(|body| &body.ops);
    let mut numbers: Vec<f64> = ops.filter_map(|op| if let OpKind::Number(n) = op.kind { Some(n) } else { None }).collect();
    numbers.retain(|n| n.is_finite());
    numbers.sort_by(f64::total_cmp);
    numbers.dedup();
    numbers.truncate(limits::CONSTANTS_MAX);
    numbers.into()
}

/// The function that the file offers as its entry, and the `this` it is called with.
fn entry_value(analyzer: &mut Analyzer<'_>, loaded: &State, name: &str) -> Option<Callee> {
    let ir = analyzer.model.ir.clone();
    let undefined = analyzer.model.symbols.undefined();
    let mut candidates = Vec::new();
    for export in ir.exports.iter().filter(|e| e.name == name).chain(ir.exports.iter().filter(|e| e.name == "default")) {
        candidates.extend(loaded.slots.get(&export.slot).copied());
    }
    for object in ["module", "exports"] {
        let holder = analyzer.model.symbols.builtin(object);
        let mut values = vec![holder];
        if let Some(Field::Value(exported)) = loaded.object(holder).and_then(|o| o.fields.get("exports").copied()) {
            values.push(exported);
        }
        let exported = analyzer.model.symbols.builtin("module.exports");
        values.push(exported);
        candidates.extend(values);
    }
    let own = ir.slots.iter().position(|s| s.name == name && s.owner == FuncId(0) && s.kind != SlotKind::Temporary);
    candidates.extend(own.and_then(|i| loaded.slots.get(&super::ir::SlotId(i as u32)).copied()));
    for candidate in candidates {
        for leaf in analyzer.model.symbols.leaves(candidate) {
            if let Value::Closure(func, this, kept) = analyzer.model.symbols.value(leaf) {
                return Some(Callee { captured: kept.clone(), ..Callee::of(*func, this.unwrap_or(undefined)) });
            }
            if let Some(Field::Value(member)) = loaded.object(leaf).and_then(|o| o.fields.get(name).copied())
                && let Value::Closure(func, captured, kept) = analyzer.model.symbols.value(member)
            {
                return Some(Callee { captured: kept.clone(), ..Callee::of(*func, captured.unwrap_or(leaf)) });
            }
        }
    }
    None
}

/// Calls the entry with `input`.
fn enter(analyzer: &mut Analyzer<'_>, loaded: &State, callee: Callee) {
    let (ir, func) = (analyzer.model.ir.clone(), callee.func);
    let name = ir.body(func).params.first().and_then(|p| p.name.clone()).unwrap_or_else(|| "input".into());
    let input = analyzer.model.symbols.intern(Value::Input { name: name.as_str().into(), index: 0, func });
    judge(analyzer, loaded, callee, vec![input]);
}

fn judge(analyzer: &mut Analyzer<'_>, loaded: &State, callee: Callee, args: Vec<Sym>) {
    let Callee { func, this, captured, .. } = callee;
    let mut state = loaded.clone();
    capture::bind(&mut state, &captured);
    analyzer.entry = Some(func);
    analyzer.reporting = true;
    let frame = Frame {
        func,
        ctx: Ctx(0),
        this,
        captured,
        args: Args::of(args),
        call_range: TextRange::default(),
        in_loop: false,
        turns: Vec::new(),
        iterator: None,
        reached: Default::default(),
    };
    analyzer.activate(frame, state);
    analyzer.reporting = false;
}

/// A file without an entry: parameters of exported functions, or of top-level ones, are untrusted.
fn library(analyzer: &mut Analyzer<'_>, loaded: &State, work_max: u64) {
    let ir = analyzer.model.ir.clone();
    let mut functions: Vec<FuncId> = Vec::new();
    for export in &ir.exports {
        functions.extend(loaded.slots.get(&export.slot).and_then(|&s| analyzer.function_of(s)));
    }
    for object in ["module", "exports", "module.exports"] {
        let holder = analyzer.model.symbols.builtin(object);
        let mut open = vec![holder];
        for _ in 0..2 {
            for sym in std::mem::take(&mut open) {
                functions.extend(analyzer.function_of(sym));
                if let Some(known) = loaded.object(sym) {
                    open.extend(known.fields.values().filter_map(|f| if let Field::Value(v) = f { Some(*v) } else { None }));
                }
            }
        }
        functions.extend(open.into_iter().filter_map(|s| analyzer.function_of(s)));
    }
    if functions.is_empty() {
        functions = ir
            .bodies
            .iter()
            .filter(|b| {
                b.parent == Some(FuncId(0)) && !b.kind.is_initializer && !b.kind.is_method && is_declared(&ir, b.id, loaded, analyzer)
            })
            .map(|b| b.id)
            .collect();
    }
    functions.dedup();
    let undefined = analyzer.model.symbols.undefined();
    let count = functions.len() as u64;
    for (judged, func) in (0..).zip(functions) {
        let left = work_max.saturating_sub(analyzer.model.work);
        let share = (left / (count - judged)).max(limits::WORK_PER_ROOT);
        analyzer.work_max = analyzer.model.work + share.min(left);
        let params = &ir.body(func).params;
        let args: Vec<Sym> = params
            .iter()
            .enumerate()
            .map(|(i, p)| {
                let name = p.name.clone().unwrap_or_else(|| format!("argument {}", i + 1));
                analyzer.model.symbols.intern(Value::Input { name: name.as_str().into(), index: i as u32 + 1, func })
            })
            .collect();
        judge(analyzer, loaded, Callee::of(func, undefined), args);
    }
}

/// Whether a top-level variable holds the function.
fn is_declared(ir: &Ir, func: FuncId, loaded: &State, analyzer: &Analyzer<'_>) -> bool {
    loaded.slots.iter().any(|(slot, sym)| {
        ir.slots.get(slot.index()).is_some_and(|s| s.owner == FuncId(0))
            && matches!(*analyzer.model.symbols.value(*sym), Value::Closure(f, ..) if f == func)
    })
}

/// Code that nothing above reached: dynamic code, prototypes and host access are wrong anywhere.
fn sweep(analyzer: &mut Analyzer<'_>, loaded: &State) {
    analyzer.sweeping = true;
    analyzer.entry = None;
    let ir = analyzer.model.ir.clone();
    for body in &ir.bodies {
        let reachable = analyzer.graphs[body.id.index()].reachable();
        let missed: Vec<BlockId> = reachable.into_iter().filter(|b| !analyzer.visited.contains(&(body.id, *b))).collect();
        if missed.is_empty() {
            continue;
        }
        let whole = missed.len() == analyzer.graphs[body.id.index()].order().len();
        let mut args = Vec::new();
        for (i, param) in body.params.iter().enumerate() {
            let site =
                super::symbol::Site { ctx: Ctx(u32::MAX), func: body.id, what: super::symbol::SiteKind::Op(super::ir::Reg(i as u32), 0) };
            let _ = param;
            args.push(analyzer.opaque_at(Rc::new(site), Facts::of(Types::ANY), &[]));
        }
        let undefined = analyzer.model.symbols.undefined();
        let frame = Frame {
            func: body.id,
            ctx: Ctx(u32::MAX),
            this: undefined,
            captured: Environment::default(),
            args: Args::of(args),
            call_range: TextRange::default(),
            in_loop: false,
            turns: Vec::new(),
            iterator: None,
            reached: Default::default(),
        };
        if whole {
            analyzer.reporting = true;
            analyzer.activate(frame, loaded.clone());
            analyzer.reporting = false;
        } else {
            analyzer.glance(frame, loaded.clone(), &missed);
        }
    }
    analyzer.sweeping = false;
}

/// A declaration with the name of one of the host's context globals.
fn shadowed_context(analyzer: &mut Analyzer<'_>) {
    let ir = analyzer.model.ir.clone();
    for slot in &ir.slots {
        if matches!(slot.name.as_str(), "__tenantId" | "__agentId" | "__userId" | "__env") && slot.kind != SlotKind::Temporary {
            analyzer.seen.context_overrides.insert(ContextOverride {
                range: slot.range,
                level: Level::Error,
                message: format!("`{}` is declared here and hides the host's: the call's context comes from the host", slot.name),
            });
        }
    }
}

/// The key of a property, by name.
pub fn named(name: &str) -> PropKey {
    PropKey::Name(name.into())
}
