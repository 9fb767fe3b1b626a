//! What the pass remembers of each open bracket.

/// One level of nesting. Levels are counted in sixteenths, so that chains can count for less.
pub(super) const LEVEL: u32 = 16;
/// A link of a chain that makes the tree deeper but the parser no more than loop.
pub(super) const LINK: u32 = 2;

/// How often constructs may nest that are read twice, each level doubling the time: swc's resolver
/// visits the heritage of a class expression and decorators twice, and in TypeScript its parser
/// reads what follows a `<` first as types, then as an operand, and what follows `a ? (b) :` first
/// as the return type of an arrow function.
pub(super) const DOUBLINGS_MAX: u32 = 8;
/// How many `<` may be open at once in TypeScript: the parser reads the rest again for each.
pub(super) const ANGLES_MAX: u32 = 300;

/// What the previous token was, as far as the next one depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prev {
    /// Nothing yet.
    Start,
    /// The end of an operand: a name, a literal, `)`, `]`, the `}` of an expression.
    Operand,
    /// The `}` of an arrow function: an operand that no operator can follow.
    ArrowBody,
    /// The `)` of `if (…)` and the like.
    ControlParen,
    /// The end of a statement: `;`, the `}` of a block.
    StatementEnd,
    /// A punctuator, or a keyword that takes an operand.
    Operator,
    /// A colon.
    Colon,
    /// `=>`
    Arrow,
    /// A dot: a property name follows.
    Dot,
    /// What may be an operand or take one: `await`, a `}` of unknown kind, the `>` of a type.
    Unclear,
    /// A name written with an escape, which a lenient parser may take for a keyword.
    Escaped,
    /// `return`: a line break after it ends the statement.
    Return,
    /// `break`, `continue`, `debugger`: a label may follow, nothing else.
    Jump,
}

impl Prev {
    pub fn is_operand(self) -> bool {
        matches!(self, Prev::Operand | Prev::ArrowBody)
    }

    /// Whether an operator that may be prefix or not is not.
    pub fn may_be_operand(self) -> bool {
        matches!(self, Prev::Operand | Prev::ArrowBody | Prev::Unclear | Prev::Escaped)
    }
}

/// What the inside of a bracket holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Statements,
    ClassMembers,
    /// An object literal, a pattern, a type, a list of names.
    Properties,
    Parens,
    Brackets,
    /// The text of a template between substitutions.
    Template,
    Substitution,
}

/// What the closing bracket is to what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    Operand,
    ArrowBody,
    Control,
    Statement,
    Unclear,
}

/// What the next `{` belongs to, from what stood before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pending {
    None,
    Function(Ends),
    Class(Ends),
    /// The `)` of what may be a method.
    Member,
}

/// The first word of a statement, where it matters later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    None,
    /// Only words that may stand before a declaration so far (`export`, `async`, …).
    Modifier,
    /// `case` or `default`
    Case,
    /// `interface`, `enum`, `namespace`, …
    TypeDeclaration,
    Other,
}

/// Whether an operator may follow the operands of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binds {
    /// An expression.
    Expression,
    /// `let`, `var`, `const`: only behind `=`.
    Variables,
    /// `import`, `type`, …: never, as far as this pass knows.
    Names,
}

/// An open bracket; the outermost is the file.
pub(super) struct Frame {
    /// Where it opens.
    pub open: u32,
    pub content: Content,
    pub ends: Ends,
    /// Sixteenths of levels outside this bracket, and the bracket's own.
    pub below: u32,
    /// Of expressions that nest to the right, up to the next comma.
    pub expression: u32,
    /// Of prefix operators, up to the next binary operator.
    pub prefix: u32,
    /// Of statements within statements.
    pub statement: u32,
    /// Of open `<` in TypeScript.
    pub angle: u32,
    /// How often a visitor may visit what is in this bracket: twice for each level.
    pub doublings: u32,
    /// `extends` of class headings that are not over.
    pub heritages: u32,
    /// A decorator is being read.
    pub decorates: bool,
    /// `<` before an operand in TypeScript.
    pub assertions: u32,
    /// The colon of `a ? (b) :` was read, and may be that of a return type.
    pub guesses_return: bool,
    /// Arrows behind such a colon.
    pub guessed_arrows: u32,
    /// Conditional operators whose colon is to come.
    pub conditionals: u32,
    /// `do`s whose `while` is to come.
    pub dos: u32,
    /// Tokens of the statement so far.
    pub length: u32,
    /// The next token begins a statement.
    pub at_start: bool,
    /// A statement has ended; an `else` may still continue it.
    pub ended: bool,
    pub pending: Pending,
    pub head: Head,
    pub binds: Binds,
    /// There was a `=` since the last comma.
    pub initialized: bool,
    /// A decorator stands inside an expression: line breaks end nothing.
    pub decorated: bool,
    /// A `<` is open around this bracket.
    pub in_types: bool,
    /// Whether this is a block or an object is not known: no `/` can be told in it.
    pub murky: bool,
}

impl Frame {
    pub fn new(open: u32, content: Content, ends: Ends, below: u32) -> Self {
        Frame {
            open,
            content,
            ends,
            below,
            expression: 0,
            prefix: 0,
            statement: 0,
            angle: 0,
            doublings: 0,
            heritages: 0,
            decorates: false,
            assertions: 0,
            guesses_return: false,
            guessed_arrows: 0,
            conditionals: 0,
            dos: 0,
            length: 0,
            at_start: content == Content::Statements,
            ended: false,
            pending: Pending::None,
            head: Head::None,
            binds: Binds::Expression,
            initialized: false,
            decorated: false,
            murky: false,
            in_types: false,
        }
    }

    pub fn depth(&self) -> u32 {
        self.below + self.expression + self.prefix + self.statement + self.angle
    }

    /// A new statement, class member or the like begins.
    pub fn restart(&mut self) {
        self.end_statement();
        (self.statement, self.dos, self.ended) = (0, 0, false);
    }

    /// A statement ends; its expressions are read, but an `else` may follow.
    pub fn end_statement(&mut self) {
        (self.angle, self.length) = (0, 0);
        self.end_expression();
        (self.pending, self.head, self.binds) = (Pending::None, Head::None, Binds::Expression);
        (self.initialized, self.decorated, self.decorates, self.heritages) = (false, false, false, 0);
        (self.at_start, self.ended) = (self.content == Content::Statements, true);
    }

    /// An expression ends at a comma, unless the comma stands between types.
    pub fn end_expression(&mut self) {
        if self.angle == 0 {
            (self.expression, self.assertions, self.guessed_arrows, self.guesses_return) = (0, 0, 0, false);
        }
        (self.prefix, self.conditionals, self.initialized) = (0, 0, false);
        // A comma between the type arguments of a return type: the body is still to come.
        if !matches!(self.pending, Pending::Class(_)) && self.angle == 0 {
            self.pending = Pending::None;
        }
    }

    /// The statement is none of those that its first word would tell.
    pub fn goes_on(&mut self) {
        if matches!(self.head, Head::None | Head::Modifier) {
            self.head = Head::Other;
        }
    }

    /// Whether the next word may be the keyword of a declaration.
    pub fn begins_declaration(&self) -> bool {
        self.content == Content::Statements && (self.at_start || self.ended || self.head == Head::Modifier)
    }

    /// How often a visitor or parser may read what comes next, as a power of 2.
    pub fn doublings_here(&self) -> u32 {
        self.doublings + self.heritages + self.guessed_arrows + self.assertions
    }

    /// The same for what is in a bracket that opens here. Open type arguments are each read again
    /// with what follows, but all at once; within others they are read more than twice.
    pub fn doublings_inside(&self) -> u32 {
        let open = (self.angle / LEVEL + 1).next_power_of_two().trailing_zeros();
        let again = u32::from(open > 0 && self.in_types);
        self.doublings_here() + u32::from(self.decorates) + u32::from(self.guesses_return) + open + again
    }

    /// A bracket that opens within this one.
    pub fn inner(&self, open: u32, content: Content, ends: Ends) -> Frame {
        Frame {
            doublings: self.doublings_inside(),
            in_types: self.in_types || self.angle > 0,
            murky: self.murky || content == Content::Statements && ends == Ends::Unclear,
            ..Frame::new(open, content, ends, self.depth())
        }
    }

    /// Whether `/` cannot follow an operand here.
    pub fn refuses_division(&self) -> bool {
        let listed = matches!(self.content, Content::Statements | Content::ClassMembers);
        let bound = match self.binds {
            Binds::Expression => false,
            Binds::Variables => !self.initialized,
            Binds::Names => true,
        };
        self.murky || listed && (bound || self.pending != Pending::None)
    }
}
