//! The graph every function is lowered to: basic blocks of operations in ECMAScript's evaluation
//! order, each with one terminator.
//!
//! - An operation's result is the register of the same number; a register is defined once and used
//!   only in the block that defines it, or in blocks that block dominates. Whatever must survive a
//!   merge (`&&`, `??`, `?:`, defaults) goes through a slot.
//! - A variable is a [`Slot`]: one per binding of the file, from scope analysis, whether it lives in
//!   one function or is captured by others. Temporaries of the lowering are slots too.
//! - Inside `try`, blocks name the block that receives what they throw. `finally` bodies are
//!   duplicated, one copy for each way out.
//! - Types are erased; every operation keeps the byte range it came from.

use crate::source::TextRange;

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);
        impl $name {
            /// The number as an index.
            pub fn index(self) -> usize { self.0 as usize }
        }
    };
}

index!(/** A register, and the operation that defines it, within one [`Body`]. */ Reg);
index!(/** A basic block of one [`Body`]. */ BlockId);
index!(/** A function of the file; `FuncId(0)` is the top level. */ FuncId);
index!(/** A variable or temporary of the file. */ SlotId);
index!(/** A class of the file. */ ClassId);

/// All functions, variables and classes of one file.
#[derive(Debug, Default)]
pub struct Ir {
    /// Functions; the first is the top level of the file.
    pub bodies: Vec<Body>,
    /// Variables and temporaries.
    pub slots: Vec<Slot>,
    /// Classes.
    pub classes: Vec<Class>,
    /// What the file exports, in any of the module systems.
    pub exports: Vec<Export>,
    /// `import` declarations (types only are left out).
    pub imports: Vec<Import>,
    /// Constructs that the sandbox cannot run: decorators, `import =`, `export =`, `with`.
    pub unsupported: Vec<(TextRange, &'static str)>,
}

impl Ir {
    /// The body of `id`.
    pub fn body(&self, id: FuncId) -> &Body {
        &self.bodies[id.index()]
    }

    /// The slot `id`.
    pub fn slot(&self, id: SlotId) -> &Slot {
        &self.slots[id.index()]
    }
}

/// An `import` declaration.
#[derive(Debug)]
pub struct Import {
    /// The module specifier.
    pub specifier: String,
    /// The whole declaration.
    pub range: TextRange,
    /// The local bindings it makes.
    pub slots: Vec<SlotId>,
}

/// An ES module export. CommonJS exports are ordinary writes to `module.exports`, found by analysis.
#[derive(Debug)]
pub struct Export {
    /// The exported name; `default` for the default export.
    pub name: String,
    /// The variable that holds the exported value. `export default EXPR` stores into a temporary.
    pub slot: SlotId,
    /// The exported name or expression.
    pub range: TextRange,
}

/// What kind of variable a slot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SlotKind {
    /// `var`.
    Var,
    /// `let`.
    Let,
    /// `const`.
    Const,
    /// A parameter, or a name inside a parameter's pattern.
    Param,
    /// A function declaration's name, or a function expression's own name.
    Function,
    /// A class's name.
    Class,
    /// The parameter of a `catch` clause.
    Catch,
    /// An imported name.
    Import,
    /// A TypeScript enum or namespace.
    TypeScript,
    /// Made by the lowering; has no name in the source.
    Temporary,
}

/// One variable of the file.
#[derive(Debug)]
pub struct Slot {
    /// The name as written; empty for temporaries.
    pub name: String,
    /// How it was declared.
    pub kind: SlotKind,
    /// The function whose scope holds it; `FuncId(0)` for the top level.
    pub owner: FuncId,
    /// Where it is declared.
    pub range: TextRange,
    /// Whether some other function than the owner reads or writes it.
    pub captured: bool,
    /// How many operations store into it (a declaration without initialiser counts none).
    pub stores: u32,
}

/// A function, method, accessor, class initialiser, or the top level.
#[derive(Debug)]
pub struct Body {
    /// Its number.
    pub id: FuncId,
    /// The function it stands in; `None` for the top level.
    pub parent: Option<FuncId>,
    /// The name it has, or the variable or property it is first bound to; empty if none.
    pub name: String,
    /// The whole function.
    pub range: TextRange,
    /// Where to point when the function as such is meant: its name, or its first token.
    pub head: TextRange,
    /// The flavour.
    pub kind: FunctionKind,
    /// The parameters, in order. Their patterns and defaults are operations at the start of the body.
    pub params: Vec<ParamDecl>,
    /// `"use strict"`, a class body, or a module.
    pub strict: bool,
    /// Operations; the index is the register.
    pub ops: Vec<Op>,
    /// Blocks; the first is the entry.
    pub blocks: Vec<Block>,
    /// For TypeScript `asserts x is T`: which parameter; the flow analysis still trusts only the body.
    pub asserts_param: Option<u32>,
}

/// How a function is called and what it returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FunctionKind {
    /// `async`.
    pub is_async: bool,
    /// `function*`.
    pub is_generator: bool,
    /// `=>`: no own `this`, `arguments`.
    pub is_arrow: bool,
    /// A method, accessor or constructor of a class or object literal.
    pub is_method: bool,
    /// A class constructor.
    pub is_constructor: bool,
    /// The top level, a class static block, or a field initialiser: not callable by the program.
    pub is_initializer: bool,
}

/// A declared parameter.
#[derive(Debug)]
pub struct ParamDecl {
    /// The name, where it is a plain name.
    pub name: Option<String>,
    /// The parameter's whole text, without its default.
    pub range: TextRange,
    /// `...rest`.
    pub rest: bool,
    /// It has a default.
    pub has_default: bool,
}

/// A class; its constructor, methods and initialisers are bodies.
#[derive(Debug)]
pub struct Class {
    /// The name; empty if none.
    pub name: String,
    /// The whole class.
    pub range: TextRange,
    /// Own constructor, if written.
    pub constructor: Option<FuncId>,
    /// Members in order.
    pub members: Vec<ClassMember>,
}

/// A member of a class.
#[derive(Debug)]
pub struct ClassMember {
    /// `static`.
    pub is_static: bool,
    /// What it is called. A computed key's register is in the body that holds the class.
    pub key: Key,
    /// What it is.
    pub kind: MemberKind,
}

/// What a class member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberKind {
    /// A method.
    Method(FuncId),
    /// `get`.
    Getter(FuncId),
    /// `set`.
    Setter(FuncId),
    /// A field; the body computes and returns its initial value with `this` bound.
    Field(Option<FuncId>),
    /// `static { … }`.
    StaticBlock(FuncId),
}

/// A basic block.
#[derive(Debug)]
pub struct Block {
    /// Operations in evaluation order.
    pub ops: Vec<Reg>,
    /// How it ends.
    pub end: Terminator,
    /// Where the terminator stands: the condition, the `return` statement's argument, the loop header.
    pub end_range: TextRange,
    /// The block that receives an exception raised here. It begins with [`OpKind::Catch`].
    pub handler: Option<BlockId>,
    /// Set on a block that is the header of a source loop: the loop's keyword and head
    /// (`while (…)`, `for (…;…;…)`, `do`), as findings point at it.
    pub loop_head: Option<LoopHead>,
}

/// A source loop, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopHead {
    /// From the keyword to the closing parenthesis of the head (`do` alone for `do … while`).
    pub range: TextRange,
    /// Which statement it is.
    pub kind: LoopKind,
}

/// Which loop statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoopKind {
    /// `while`
    While,
    /// `do … while`
    DoWhile,
    /// `for (;;)`
    For,
    /// `for … in`
    ForIn,
    /// `for … of`, `for await … of`
    ForOf,
}

/// How a block ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminator {
    /// Goes on there.
    Jump(BlockId),
    /// Two ways, by truthiness of `cond`.
    Branch {
        /// The condition.
        cond: Reg,
        /// If truthy.
        then: BlockId,
        /// If falsy.
        otherwise: BlockId,
    },
    /// Asks an iterator made by [`OpKind::Iterate`] for its next value. `body` begins with
    /// [`OpKind::Next`] of the same iterator.
    Next {
        /// The iterator.
        iterator: Reg,
        /// If there is a value.
        body: BlockId,
        /// If it is done.
        done: BlockId,
    },
    /// Leaves the function with a value.
    Return(Reg),
    /// Raises a value; goes to the block's handler, if it has one.
    Throw(Reg),
    /// The end of code that cannot be reached.
    Unreachable,
}

/// One operation.
#[derive(Debug)]
pub struct Op {
    /// What it does.
    pub kind: OpKind,
    /// Where it comes from. For a call the whole call; for a property the whole member expression.
    pub range: TextRange,
}

/// A property's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// `o.name`, `{ name: … }`, and literal keys (`o["x"]`, `o[0]`) after conversion to a string.
    Name(String),
    /// `o[expr]`.
    Computed(Reg),
    /// `o.#name`.
    Private(String),
}

/// An argument or array element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arg {
    /// The value.
    pub reg: Reg,
    /// `...value`.
    pub spread: bool,
}

/// A property of an object literal.
#[derive(Clone, Debug)]
pub enum PropertyInit {
    /// `key: value`, shorthand and methods (whose value is a function).
    Value(Key, Reg, TextRange),
    /// `get key() {…}`: the function.
    Getter(Key, Reg, TextRange),
    /// `set key(v) {…}`: the function.
    Setter(Key, Reg, TextRange),
    /// `...value`.
    Spread(Reg, TextRange),
    /// `__proto__: value` (not shorthand, not computed, not a method): sets the prototype.
    Prototype(Reg, TextRange),
}

/// Which iteration protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IterateKind {
    /// Values of an iterable: `for … of`.
    Of,
    /// The same, asynchronously.
    AsyncOf,
    /// Keys: `for … in`.
    In,
    /// An array pattern: `const [a, b] = value`. Elements are read with [`OpKind::Element`].
    Pattern,
}

/// Unary operators of the language. `void` and `delete` are other operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum UnaryOp {
    /// `-x`
    Minus,
    /// `+x`
    Plus,
    /// `!x`
    Not,
    /// `~x`
    BitNot,
    /// `typeof x`
    Typeof,
}

/// Binary operators of the language; short-circuit ones are control flow. `++x` is
/// [`UnaryOp::Plus`]-converted `x` + 1, that is [`BinaryOp::Increment`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each is the operator of the same name in ECMA-262")]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Exp,
    ShiftLeft,
    ShiftRight,
    ShiftRightZero,
    BitAnd,
    BitOr,
    BitXor,
    Equal,
    NotEqual,
    StrictEqual,
    StrictNotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    InstanceOf,
    /// `#name in x`: the left side is a constant string.
    PrivateIn,
    /// `x++`, `++x`, `x--`, `--x`: numeric conversion of the left side, then addition of the
    /// right side, the constant 1 or -1.
    Increment,
}

/// What an operation does.
#[derive(Clone, Debug)]
pub enum OpKind {
    /// `undefined` (also an absent initialiser), `null`, booleans, numbers, strings.
    Undefined,
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A numeric literal.
    Number(f64),
    /// A BigInt literal, in decimal.
    BigInt(String),
    /// A string literal, or a template without expressions.
    String(String),
    /// `/pattern/flags`
    Regex {
        /** As written. */
        pattern: String,
        /** As written. */
        flags: String,
    },
    /// A template with expressions: `quasis` has one more element than `exprs`.
    Template {
        /** Cooked text. */
        quasis: Vec<String>,
        /** Values between. */
        exprs: Vec<Reg>,
    },
    /// The strings object that a tagged template passes as first argument.
    TemplateObject {
        /** Cooked text. */
        quasis: Vec<String>,
        /** Raw text. */
        raw: Vec<String>,
    },
    /// The i-th argument of the call.
    Param(u32),
    /// All arguments from the i-th, as an array.
    RestParam(u32),
    /// `this`
    This,
    /// `arguments`
    Arguments,
    /// `new.target`
    NewTarget,
    /// `import.meta`
    ImportMeta,
    /// An identifier that no binding of the file declares.
    Global(String),
    /// `typeof name` of such an identifier: reaches nothing.
    TypeofGlobal(String),
    /// Assignment to such an identifier.
    StoreGlobal(String, Reg),
    /// Reads a variable.
    Load(SlotId),
    /// Writes a variable. `init` where it is the declaration's own initialiser.
    Store {
        /** Which. */
        slot: SlotId,
        /** What. */
        value: Reg,
        /** A declaration. */
        init: bool,
    },
    /// Reads a property. `optional` for `?.` (the test for null is a branch before it).
    Get {
        /** Of what. */
        object: Reg,
        /** Which. */
        key: Key,
        /** `?.` */
        optional: bool,
    },
    /// Writes a property.
    Set {
        /** Of what. */
        object: Reg,
        /** Which. */
        key: Key,
        /** What. */
        value: Reg,
    },
    /// `delete o.k`
    Delete {
        /** Of what. */
        object: Reg,
        /** Which. */
        key: Key,
    },
    /// `super.key`
    SuperGet(Key),
    /// The i-th element of an array pattern over [`OpKind::Iterate`] with `Pattern`.
    Element {
        /** The iterator. */
        iterator: Reg,
        /** Which, from 0. */
        index: u32,
    },
    /// The rest of an array pattern, from the i-th, as an array.
    ElementRest {
        /** The iterator. */
        iterator: Reg,
        /** From which. */
        from: u32,
    },
    /// `{ a, [k]: b, ...rest }`: all own properties of `object` but `excluded`.
    ObjectRest {
        /** Of what. */
        object: Reg,
        /** The others. */
        excluded: Vec<Key>,
    },
    /// An object pattern's demand that its value is not null or undefined.
    RequireObject(Reg),
    /// A call. `this` is the object for a method call, whose property read is `callee`.
    Call {
        /** The function. */
        callee: Reg,
        /** The receiver. */
        this: Option<Reg>,
        /** Arguments. */
        args: Vec<Arg>,
        /** `?.()` */
        optional: bool,
        /** Where the callee stands. */
        callee_range: TextRange,
    },
    /// `new F(…)`
    New {
        /** The constructor. */
        callee: Reg,
        /** Arguments. */
        args: Vec<Arg>,
        /** Where the callee stands. */
        callee_range: TextRange,
    },
    /// `super(…)`
    SuperCall(Vec<Arg>),
    /// `import(x)`
    ImportCall(Reg),
    /// An object literal.
    Object(Vec<PropertyInit>),
    /// An array literal; `None` is a hole.
    Array(Vec<Option<Arg>>),
    /// Makes a closure of a function of the file.
    Function(FuncId),
    /// Makes a class of the file. Field initialisers and static blocks run at construction and here.
    Class {
        /** Which. */
        class: ClassId,
        /** `extends`. */
        superclass: Option<Reg>,
    },
    /// A unary operator.
    Unary(UnaryOp, Reg),
    /// A binary operator.
    Binary(BinaryOp, Reg, Reg),
    /// Starts an iteration.
    Iterate {
        /** Over what. */
        value: Reg,
        /** How. */
        kind: IterateKind,
    },
    /// The value an iteration is at.
    Next(Reg),
    /// `await x`
    Await(Reg),
    /// `yield x`, `yield* x`
    Yield {
        /** What. */
        value: Reg,
        /** `yield*` */
        delegate: bool,
    },
    /// The exception that a handler received.
    Catch,
}
