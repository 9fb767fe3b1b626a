//! Programs made by a grammar that likes what parsers disagree about: where lines end, where
//! semicolons are put in, what a slash begins, which words are names. Each comes twice, as
//! JavaScript and with types: erased they must mean the same.

/// A small deterministic generator: the programs a seed makes can be made again.
pub struct Chance(u64);

impl Chance {
    /// One that begins at `seed`.
    pub fn new(seed: u64) -> Self {
        Chance(seed | 1)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// One program in two languages.
pub struct Twins {
    /// Without types.
    pub js: String,
    /// With them.
    pub ts: String,
}

/// The program that `chance` makes.
pub fn program(chance: Chance) -> Twins {
    let mut writer = Writer { chance, twins: Twins { js: String::new(), ts: String::new() }, names: 0 };
    if writer.one_in(8) {
        writer.pick(&["'use strict';", "('use strict');", "'use\\x20strict';", "'use strict'\n+ '';"]);
    }
    writer.line("var log = [], a = 3, b = 'x', c = [1, [2], 'y'], d = { p: 1, q: { r: 2 }, f(n) { return this === d ? n : this } }, of = 7, async = 8, get = 9;");
    writer.line(
        "function note(x) { log.push(typeof x === 'function' ? 'f' : typeof x === 'object' ? JSON.stringify(x) : String(x)); return x }",
    );
    writer.line("function f(x, y) { note('f'); return y === undefined ? x : [x, y] }");
    for _ in 0..1 + writer.chance.below(3) {
        writer.item(3);
    }
    writer.line("\n;note(a); note(b); note(c); note(d); JSON.stringify(log)");
    writer.twins
}

struct Writer {
    chance: Chance,
    twins: Twins,
    names: usize,
}

/// What may stand between two tokens; the first ones are the usual.
const BETWEEN: [&str; 40] = [
    " ", " ", " ", " ", " ", " ", " ", " ", " ", " ", " ", " ", " ", " ", " ", " ", " ", " ", " ", " ", " ", " ", " ", " ", " ", " ", " ",
    " ", "  ", "\t", "/**/", "/* ; */", "\u{a0}", "\u{feff}", "\n", "\n", "/*\n*/", "// }\n", "\u{2028}", "\r\n",
];

const LITERALS: [&str; 34] = [
    "0",
    "1.5",
    "-1",
    "010",
    "08.5",
    "0x1F",
    "0b11",
    "0o17",
    "1_000",
    "1.e1",
    ".5",
    "2..toString()",
    "10n",
    "'s'",
    "\"\\x41\\u{1f600}\"",
    "'\\101'",
    "'\\\n'",
    "`t`",
    "`${a}${b}`",
    "note`r\\u0041w${a}\\n`",
    "/[/]\\/}/g.source",
    "/=a/.test('=a')",
    "null",
    "true",
    "undefined",
    "this === undefined",
    "NaN",
    "[,]",
    "[1, , 2]",
    "{}.x",
    "function () {}",
    "() => {}",
    "class {}",
    "typeof zz",
];

const NAMES: [&str; 16] = [
    "a",
    "b",
    "c",
    "d",
    "of",
    "async",
    "get",
    "d.p",
    "d.q.r",
    "c[0]",
    "\\u0061",
    "log.length",
    "(d?.q).r",
    "(d?.zz).y",
    "(d?.f)(1)",
    "new (f(f))(1)",
];

const BINARY: [&str; 20] =
    ["+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>", ">>>", "<=", ">=", "==", "===", "!=", "!==", "&&", "||", ","];

const ASSIGN: [&str; 10] = ["=", "+=", "-=", "*=", "/=", "**=", "&&=", "||=", "??=", ">>>="];

const TYPES: [&str; 12] = [
    "any",
    "number",
    "unknown[]",
    "{ a: 1, b?: string; [k: string]: any }",
    "(x: any) => void",
    "typeof d",
    "'x' | 1",
    "[any, ...any[]]",
    "keyof typeof d",
    "Array<Array<any>>",
    "(new () => any) | null",
    "`a${string}`",
];

impl Writer {
    fn one_in(&mut self, many: usize) -> bool {
        self.chance.below(many) == 0
    }

    /// Text for both.
    fn line(&mut self, text: &str) {
        self.twins.js.push_str(text);
        self.twins.ts.push_str(text);
    }

    /// A token for both, and what stands before it.
    fn put(&mut self, token: &str) {
        let between = BETWEEN[self.chance.below(BETWEEN.len())];
        self.line(between);
        self.line(token);
    }

    fn all(&mut self, tokens: &[&str]) {
        tokens.iter().for_each(|token| self.put(token));
    }

    fn pick(&mut self, tokens: &[&str]) {
        let token = tokens[self.chance.below(tokens.len())];
        self.put(token);
    }

    /// Text for TypeScript alone, now and then.
    fn typed(&mut self, before: &str, after: &str) {
        if self.one_in(3) {
            let kind = TYPES[self.chance.below(TYPES.len())];
            self.twins.ts.push_str(&format!("{before}{kind}{after}"));
        }
    }

    fn only_ts(&mut self, texts: &[&str]) {
        if self.one_in(4) {
            let text = texts[self.chance.below(texts.len())];
            self.twins.ts.push_str(text);
        }
    }

    fn fresh(&mut self) -> String {
        self.names += 1;
        format!("v{}", self.names)
    }

    fn statements(&mut self, depth: usize) {
        for _ in 0..self.chance.below(3) {
            self.item(depth);
        }
    }

    /// A statement where declarations may stand, too.
    fn item(&mut self, depth: usize) {
        // What stands before ends here in both languages.
        self.line(";");
        self.only_ts(&[
            "\ninterface I { a: string }\n",
            "\ntype T<U> = U extends any ? 1 : 2;\n",
            "\ndeclare const zzz: number;\n",
            "\ndeclare function g(): void;\n",
        ]);
        self.statement(depth);
    }

    /// Ends a statement by a semicolon, by a line, or not at all.
    fn end(&mut self) {
        self.pick(&[";", ";", ";", "\n", "\n", ""]);
    }

    fn statement(&mut self, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else { return self.expression_statement(0) };
        match self.chance.below(19) {
            0 | 1 => self.declaration(depth),
            2 => self.choice(depth),
            3 | 4 => self.repetition(depth),
            5 => self.switch(depth),
            6 => self.attempt(depth),
            7 => self.function_declaration(depth),
            8 | 9 => self.class(depth, true),
            10 => {
                self.put("{");
                self.statements(depth);
                self.put("}");
            }
            11 => {
                self.all(&["l:", "for", "(", ";", ";", ")", "{"]);
                self.statements(depth);
                self.all(&["break", "l", "}"]);
            }
            12 => self.pick(&[";", "{}", "debugger;", "if (a) ; else ;", "l: { break l }", "var let_ = 1;", "do ; while (0) "]),
            13 => self.immediately(depth),
            _ => self.expression_statement(depth),
        }
    }

    fn expression_statement(&mut self, depth: usize) {
        if self.one_in(2) {
            self.all(&["note", "("]);
            self.argument(depth);
            self.put(")");
        } else {
            self.expression(depth);
        }
        self.end();
    }

    fn declaration(&mut self, depth: usize) {
        self.pick(&["var", "let", "const", "let"]);
        let name = self.fresh();
        match self.chance.below(4) {
            0 => self.pattern(depth),
            _ => self.put(&name),
        }
        self.typed(": ", "");
        self.put("=");
        self.assignment(depth);
        self.end();
    }

    fn pattern(&mut self, depth: usize) {
        let (one, other, rest) = (self.fresh(), self.fresh(), self.fresh());
        if self.one_in(2) {
            self.all(&["[", &one, "=", "note", "(", "1", ")", ",", ",", "...", &other, "]"]);
        } else {
            self.all(&["{", "p", ":", &one, "=", "2", ",", "["]);
            self.expression(depth.saturating_sub(1));
            self.all(&["]", ":", &other, "=", "3", ",", "...", &rest, "}"]);
        }
    }

    fn choice(&mut self, depth: usize) {
        self.all(&["if", "("]);
        self.expression(depth);
        self.put(")");
        self.statement(depth);
        if self.one_in(2) {
            self.put("else");
            self.statement(depth);
        }
    }

    fn repetition(&mut self, depth: usize) {
        let name = self.fresh();
        match self.chance.below(6) {
            0 => self.all(&["for", "(", "var", &name, "=", "0", ";", &name, "<=", "1", ";", &name, "++", ")"]),
            1 => self.all(&["for", "(", "let", &name, "in", "d", ")"]),
            2 => self.all(&["for", "(", "const", &name, "of", "c", ")"]),
            3 => self.all(&["for", "(", "var", &name, "=", "(", "'p'", "in", "d", ")", ";", "!", "a", ";", ")"]),
            4 => self.all(&["for", "(", "d.p", "of", "[", "1", ",", "2", "]", ")"]),
            _ => {
                self.put("do");
                self.statement(depth);
                self.all(&["while", "(", "0", ")"]);
                return self.end();
            }
        }
        self.statement(depth);
    }

    fn switch(&mut self, depth: usize) {
        self.all(&["switch", "("]);
        self.expression(depth);
        self.all(&[")", "{"]);
        for _ in 0..1 + self.chance.below(3) {
            self.put("case");
            self.expression(depth);
            self.put(":");
            self.statements(depth);
            if self.one_in(2) {
                self.all(&["break", ";"]);
            }
        }
        if self.one_in(2) {
            self.all(&["default", ":"]);
            self.statements(depth);
        }
        self.put("}");
    }

    fn attempt(&mut self, depth: usize) {
        self.all(&["try", "{"]);
        self.statements(depth);
        if self.one_in(3) {
            self.all(&["throw", "note", "(", "'t'", ")"]);
            self.end();
        }
        self.put("}");
        self.pick(&[
            "catch { note('c') }",
            "catch (e) { note(typeof e) }",
            "catch ({ name, message = '' }) { note(name) }",
            "finally { note('n') }",
        ]);
        if self.one_in(4) {
            self.put("finally { a++ }");
        }
    }

    fn parameters(&mut self, depth: usize) {
        self.put("(");
        if self.one_in(6) {
            self.twins.ts.push_str("this: any, ");
        }
        for _ in 0..self.chance.below(3) {
            let name = self.fresh();
            self.put(&name);
            self.only_ts(&["?: any"]);
            if !self.twins.ts.ends_with("?: any") && self.one_in(3) {
                self.put("=");
                self.assignment(depth);
            }
            self.put(",");
        }
        self.put(")");
    }

    fn body(&mut self, depth: usize) {
        self.typed(": ", " ");
        self.put("{");
        self.statements(depth);
        if self.one_in(2) {
            self.put("return");
            self.expression(depth);
            self.end();
        }
        self.put("}");
    }

    fn function_declaration(&mut self, depth: usize) {
        let name = self.fresh();
        self.only_ts(&[&format!("\nfunction {name}(): any;\nfunction {name}(x: any): any;\n")]);
        self.pick(&["function", "function", "function*", "async function"]);
        self.put(&name);
        self.only_ts(&["<T>", "<const T extends any = any>"]);
        self.parameters(depth);
        self.body(depth);
        if self.one_in(2) {
            self.all(&["note", "(", &name, "(", "1", ")", ")", ";"]);
        }
    }

    /// A function that is called where it stands; generators run to their end.
    fn immediately(&mut self, depth: usize) {
        match self.chance.below(4) {
            0 => {
                self.all(&["note", "(", "[", "...", "(", "function*", "("]);
                self.all(&[")", "{", "note", "(", "yield"]);
                self.assignment(depth);
                self.all(&[")", ";", "yield", "*", "[", "1", "]", "}", ")", "(", ")", "]", ")", ";"]);
            }
            1 => {
                self.all(&["!", "function"]);
                self.parameters(depth);
                self.body(depth);
                self.all(&["(", "1", ")", ";"]);
            }
            2 => {
                self.all(&["(", "async", "("]);
                self.all(&[")", "=>", "{", "note", "(", "await"]);
                self.assignment(depth);
                self.all(&[")", "}", ")", "(", ")", ";"]);
            }
            _ => {
                self.all(&["note", "("]);
                self.put("(");
                self.parameters(depth);
                self.typed(": ", " ");
                // No line may end before an arrow.
                self.line("=>");
                self.assignment(depth);
                self.all(&[")", "(", "2", ")", ")", ";"]);
            }
        }
    }

    fn class(&mut self, depth: usize, named: bool) {
        let name = self.fresh();
        self.put("");
        self.only_ts(&["abstract "]);
        self.line("class");
        if named {
            self.put(&name);
            self.only_ts(&["<T>"]);
        }
        if self.one_in(3) {
            self.all(&["extends", "("]);
            self.pick(&["Object", "Array", "class { z = 1 }", "null, Object"]);
            self.put(")");
        }
        self.only_ts(&[" implements A.B<any>, C"]);
        self.put("{");
        for _ in 0..self.chance.below(4) {
            self.member(depth);
        }
        self.put("}");
        if named && self.one_in(2) {
            self.all(&["note", "(", "new", &name, ")", ";"]);
        }
    }

    fn member(&mut self, depth: usize) {
        self.only_ts(&["[k: string]: any;", "declare dd: number;", "private ", "public ", "protected readonly ", "override "]);
        if self.twins.ts.ends_with("readonly ") {
            return self.instance_field(depth);
        }
        match self.chance.below(7) {
            0 => self.field(depth),
            1 => {
                self.pick(&["get", "static get", "async", "*", "static async *"]);
                self.key(depth);
                self.put("(");
                self.put(")");
                self.body(depth);
            }
            2 if !self.twins.ts.ends_with("private ") && !self.twins.ts.ends_with("public ") && !self.twins.ts.ends_with("override ") => {
                self.all(&["static", "{", "note", "(", "typeof", "this", ")", "}"]);
            }
            3 => self.pick(&[
                "get;",
                "static;",
                "async\n",
                "get\n",
                "static = 1;",
                "'use strict';",
                "of() { return 1 }",
                ";",
                "'constructor_'() {}",
            ]),
            _ => {
                self.key(depth);
                self.parameters(depth);
                self.body(depth);
            }
        }
    }

    fn field(&mut self, depth: usize) {
        self.pick(&["", "static"]);
        self.instance_field(depth);
    }

    fn instance_field(&mut self, depth: usize) {
        self.key(depth);
        self.typed(": ", "");
        self.put("=");
        self.assignment(depth);
        self.pick(&[";", "\n"]);
    }

    fn key(&mut self, depth: usize) {
        match self.chance.below(8) {
            0 => {
                self.put("[");
                self.assignment(depth.min(1));
                self.put("]");
            }
            _ => self.pick(&["p", "'q'", "1", "0x2", "if", "get", "async", "static", "\\u0070", "'a-b'", "1e3", "yield", "'__proto__'"]),
        }
    }

    fn object(&mut self, depth: usize) {
        self.put("{");
        for _ in 0..self.chance.below(4) {
            match self.chance.below(7) {
                0 => self.pick(&["a", "b", "async", "of", "get"]),
                1 => {
                    self.put("...");
                    self.assignment(depth);
                }
                2 => {
                    self.pick(&["get", "async", "*", ""]);
                    self.key(depth);
                    self.all(&["(", ")"]);
                    self.body(depth);
                }
                3 => self.pick(&["__proto__: null", "'__proto__': c", "['__proto__']: 1", "__proto__() {}"]),
                _ => {
                    self.key(depth);
                    self.put(":");
                    self.assignment(depth);
                }
            }
            self.put(",");
        }
        self.put("}");
    }

    fn argument(&mut self, depth: usize) {
        if self.one_in(8) {
            self.all(&["...", "["]);
            self.assignment(depth);
            self.put("]");
        } else {
            self.assignment(depth);
        }
    }

    fn expression(&mut self, depth: usize) {
        self.assignment(depth);
        if self.one_in(10) {
            self.put(",");
            self.assignment(depth);
        }
    }

    fn assignment(&mut self, depth: usize) {
        if depth > 0 && self.one_in(6) {
            self.pick(&["a", "b", "d.p", "d['p']", "c[0]", "d.q.r"]);
            let operator = ASSIGN[self.chance.below(ASSIGN.len())];
            self.put(operator);
        }
        self.operand(depth);
    }

    fn grouped(&mut self, depth: usize) {
        self.put("(");
        self.expression(depth);
        self.typed(" as ", "");
        self.put(")");
        self.only_ts(&["!"]);
    }

    fn operand(&mut self, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else {
            return if self.one_in(2) { self.pick(&LITERALS) } else { self.pick(&NAMES) };
        };
        match self.chance.below(16) {
            0 | 1 => self.pick(&NAMES),
            2 => self.pick(&LITERALS),
            3 | 4 => {
                self.operand(depth);
                let operator = BINARY[self.chance.below(BINARY.len() - 1)];
                self.put(operator);
                self.operand(depth);
            }
            5 => {
                self.pick(&["!", "-", "+", "~", "typeof", "void", "delete", "- -", "+ +", "! -", "typeof void"]);
                self.operand(depth);
            }
            6 => {
                self.grouped(depth);
                self.pick(&["**", "??", "in", "instanceof", "/", "+"]);
                self.grouped(depth);
            }
            7 => {
                self.operand(depth);
                self.put("?");
                self.grouped(depth);
                self.put(":");
                self.grouped(depth);
            }
            8 => {
                self.pick(&["f", "note", "d.f", "d?.f", "d['f']", "d?.['f']?.", "(0, d.f)", "new f", "new Array", "(a, f)", "(d.f)"]);
                self.only_ts(&["<any>", "<Array<number>>"]);
                self.put("(");
                self.argument(depth);
                self.put(")");
            }
            9 => {
                self.put("[");
                self.argument(depth);
                self.put(",");
                self.argument(depth);
                self.put("]");
            }
            10 => {
                self.put("(");
                self.object(depth);
                self.put(")");
            }
            11 => {
                self.pick(&["a", "d.p", "c[0]"]);
                self.only_ts(&["!"]);
                // No line may end before these either.
                let operator = if self.one_in(2) { "++" } else { "--" };
                self.line(operator);
            }
            12 => {
                self.pick(&["++", "--"]);
                self.pick(&["a", "d.p", "c[0]", "d['p']"]);
            }
            13 => {
                self.put("(");
                self.class(depth.min(1), false);
                self.put(")");
                self.pick(&[".name", ".x", "", "?.y"]);
            }
            14 => {
                self.grouped(depth);
                self.pick(&[".length", "?.length", "?.[0]", "[0]", ".p?.q", "?.p.q", ".toString()", "`x`"]);
            }
            _ => self.grouped(depth),
        }
    }
}
