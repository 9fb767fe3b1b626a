//! The pass itself: tokens, a stack of brackets, and what nests without brackets.

use super::frame::{ANGLES_MAX, Binds, Content, DOUBLINGS_MAX, Ends, Frame, Head, LEVEL, LINK, Pending, Prev};
use super::{PrecheckError, Shape};
use crate::source::{Language, SourceFile, TextRange};

pub(super) fn scan(source: &SourceFile, limit: u32) -> Result<Shape, PrecheckError> {
    let mut scanner = Scanner {
        text: &source.text,
        bytes: source.text.as_bytes(),
        at: 0,
        is_typescript: source.language == Language::TypeScript,
        limit: limit.saturating_mul(LEVEL),
        frames: vec![Frame::new(0, Content::Statements, Ends::Statement, 0)],
        prev: Prev::Start,
        newline: true,
        control: false,
        suspended_at: 0,
        closed_at: 0,
        deepest: 0,
        tokens: 0,
        has_module_syntax: false,
    };
    scanner.run()?;
    Ok(Shape { depth: scanner.deepest.div_ceil(LEVEL), tokens: scanner.tokens, has_module_syntax: scanner.has_module_syntax })
}

struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    is_typescript: bool,
    limit: u32,
    /// The open brackets; the first frame is the file.
    frames: Vec<Frame>,
    prev: Prev,
    /// Whether a line ended since the previous token.
    newline: bool,
    /// Whether the next `(` opens the head of `if`, `for`, ….
    control: bool,
    /// The number of tokens when a `)` was the last.
    closed_at: u32,
    /// Where the last `await` or `yield` ends.
    suspended_at: usize,
    deepest: u32,
    tokens: u32,
    has_module_syntax: bool,
}

type Step = Result<(), PrecheckError>;

impl<'a> Scanner<'a> {
    fn run(&mut self) -> Step {
        if self.bytes.starts_with(b"#!") {
            self.line_comment();
        }
        loop {
            if self.top().content == Content::Template {
                self.template_text()?;
            }
            let Some(&byte) = self.bytes.get(self.at) else { break };
            self.token(byte)?;
        }
        match self.frames.last() {
            Some(frame) if self.frames.len() > 1 => {
                let open = frame.open as usize;
                Err(PrecheckError::Unbalanced { range: self.range(open, open + 1), bracket: self.bytes[open] as char })
            }
            _ => Ok(()),
        }
    }

    fn top(&mut self) -> &mut Frame {
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn char_here(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    /// The next byte that is no white space.
    fn next_significant(&self) -> u8 {
        let rest = &self.bytes[self.at..];
        rest.iter().copied().find(|b| !matches!(b, b' ' | b'\t' | b'\n' | b'\r')).unwrap_or(0)
    }

    fn range(&self, start: usize, end: usize) -> TextRange {
        TextRange::new(start as u32, end.min(self.bytes.len()) as u32)
    }

    fn token(&mut self, byte: u8) -> Step {
        match byte {
            b' ' | b'\t' | 0x0B | 0x0C => {
                self.at += 1;
                return Ok(());
            }
            b'\n' | b'\r' => {
                self.newline = true;
                self.at += 1;
                return Ok(());
            }
            b'/' if self.peek(1) == b'/' => {
                self.line_comment();
                return Ok(());
            }
            b'/' if self.peek(1) == b'*' => return self.block_comment(),
            0x80.. => {
                if let Some(c) = self.char_here().filter(|&c| is_space(c)) {
                    self.newline |= matches!(c, '\u{2028}' | '\u{2029}');
                    self.at += c.len_utf8();
                    return Ok(());
                }
            }
            _ => {}
        }
        if self.newline && matches!(self.prev, Prev::Return | Prev::Jump) {
            self.prev = Prev::StatementEnd;
            self.top().end_statement();
        }
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' | b'\\' | b'#' | 0x80.. => self.word(),
            b'0'..=b'9' => self.number(),
            b'"' | b'\'' => self.string(byte),
            b'`' => self.open_template(),
            b'/' => self.slash(),
            b'(' | b'[' | b'{' => self.open(byte),
            b')' | b']' | b'}' => self.close(byte),
            _ => self.punctuator(byte),
        }
    }

    /// Adds to one of the counts of the innermost bracket and checks the depth.
    fn count(&mut self, add: impl FnOnce(&mut Frame), start: usize) -> Step {
        let limit = self.limit;
        let frame = self.top();
        add(frame);
        let depth = frame.depth();
        self.deepest = self.deepest.max(depth);
        if depth > limit {
            let range = self.range(start, self.at.max(start + 1));
            return Err(PrecheckError::TooDeep { range, depth: depth.div_ceil(LEVEL), limit: limit / LEVEL });
        }
        Ok(())
    }

    /// Called before a token that begins an operand: where the previous one ended an operand on
    /// another line, a semicolon is inserted between them.
    fn begin_operand(&mut self) {
        let inserted = self.newline && self.prev.is_operand();
        let frame = self.top();
        let is_list = matches!(frame.content, Content::Statements | Content::ClassMembers | Content::Properties);
        if frame.ended || inserted && is_list && !frame.decorated {
            frame.restart();
        }
    }

    fn finish(&mut self, prev: Prev) {
        self.tokens += 1;
        self.prev = prev;
        self.newline = false;
        let frame = self.top();
        if frame.at_start {
            (frame.at_start, frame.length) = (false, 0);
        }
        frame.length += 1;
    }

    fn operand(&mut self) {
        self.begin_operand();
        self.top().goes_on();
        self.control = false;
        // Behind a label no operator can follow.
        self.finish(if self.prev == Prev::Jump { Prev::Unclear } else { Prev::Operand });
    }

    // ---- words ----

    fn word(&mut self) -> Step {
        let start = self.at;
        let is_private = self.bytes[start] == b'#';
        self.at += usize::from(is_private);
        let odd = self.read_name();
        if self.prev == Prev::Dot || is_private {
            self.operand();
        } else if odd {
            // To a lenient parser this may be any keyword.
            self.operand();
            self.prev = Prev::Escaped;
            return self.count(|frame| frame.statement += LEVEL, start);
        } else {
            return self.named(start);
        }
        Ok(())
    }

    /// Reads the characters of a name. Tells whether there were escapes or characters of which
    /// parsers may think differently.
    fn read_name(&mut self) -> bool {
        let mut odd = false;
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'$' => self.at += 1,
                b'\\' => {
                    odd = true;
                    self.at += self.escape_length();
                }
                0x80.. => match self.char_here() {
                    Some(c) if !is_space(c) => {
                        odd |= !c.is_alphanumeric();
                        self.at += c.len_utf8();
                    }
                    _ => break,
                },
                _ => break,
            }
        }
        odd
    }

    /// The length of `\u{61}` with its braces; of any other escape, what no bracket can be in.
    fn escape_length(&self) -> usize {
        if self.peek(1) != b'u' || self.peek(2) != b'{' {
            return 1;
        }
        let digits = self.bytes[self.at + 3..].iter().take_while(|b| b.is_ascii_hexdigit()).count();
        if self.peek(3 + digits) == b'}' { 4 + digits } else { 1 }
    }

    fn named(&mut self, start: usize) -> Step {
        let text = self.text;
        let word = &text[start..self.at];
        // All keywords are short and in lower case.
        if !(2..=10).contains(&word.len()) || !word.as_bytes()[0].is_ascii_lowercase() {
            self.operand();
            return Ok(());
        }
        match word {
            "if" | "for" | "while" | "with" | "do" | "else" | "try" | "catch" | "finally" | "switch" => {
                return self.statement_word(word, start);
            }
            "typeof" | "void" | "delete" | "new" => return self.prefix_word(word, start),
            "await" | "yield" => return self.suspending_word(word, start),
            "in" | "instanceof" => return self.binary(start, LINK),
            "of" | "extends" => return self.type_word(word, start),
            "as" | "satisfies" | "is" | "keyof" | "readonly" | "infer" | "unique" | "asserts" | "implements" if self.is_typescript => {
                return self.type_word(word, start);
            }
            "class" => return self.class_word(start),
            "case" | "default" | "return" | "throw" | "break" | "continue" | "debugger" => self.flow_word(word),
            "function" => self.function_word(),
            "import" | "export" => self.module_word(word),
            "const" | "let" | "var" => self.declaring_word(word, start),
            "async" | "abstract" | "declare" | "interface" | "enum" | "namespace" | "module" | "global" | "type" => {
                self.modifier_word(word)
            }
            _ => self.operand(),
        }
        Ok(())
    }

    /// `if`, `for`, … nest what follows in them.
    fn statement_word(&mut self, word: &str, start: usize) -> Step {
        let frame = self.top();
        if matches!(frame.content, Content::ClassMembers | Content::Properties) {
            // The name of a property; it counts all the same, lest a block hide as an object.
            self.operand();
            return self.count(|frame| frame.statement += LEVEL, start);
        }
        let ends_do = word == "while" && frame.dos > 0;
        if ends_do || matches!(word, "else" | "catch" | "finally") {
            frame.ended = false;
            frame.dos -= u32::from(ends_do);
        } else {
            self.begin_operand();
        }
        self.control = matches!(word, "if" | "for" | "while" | "with" | "switch" | "catch");
        self.finish(Prev::Operator);
        let frame = self.top();
        frame.end_statement();
        frame.ended = false;
        frame.dos += u32::from(word == "do");
        frame.pending = if ends_do { Pending::Function(Ends::Statement) } else { Pending::None };
        frame.at_start = !is_control(word);
        if matches!(word, "do" | "else" | "try" | "finally" | "catch") {
            self.prev = Prev::StatementEnd;
        }
        let nests = !matches!(word, "try" | "catch" | "finally" | "switch");
        if nests { self.count(|frame| frame.statement += LEVEL, start) } else { Ok(()) }
    }

    fn flow_word(&mut self, word: &str) {
        self.begin_operand();
        let frame = self.top();
        let exports = word == "default" && frame.head == Head::Modifier;
        if exports {
            frame.binds = Binds::Expression;
        } else if matches!(word, "case" | "default") && frame.head == Head::None {
            frame.head = Head::Case;
        } else {
            frame.goes_on();
        }
        self.finish(match word {
            "return" => Prev::Return,
            "break" | "continue" | "debugger" => Prev::Jump,
            _ => Prev::Operator,
        });
    }

    fn prefix_word(&mut self, word: &str, start: usize) -> Step {
        // The type `void` takes no operand.
        if word == "void" && matches!(self.next_significant(), b'{' | b'=' | b';' | b',' | b')' | b'|' | b'>' | b'}' | b']') {
            self.operand();
            return Ok(());
        }
        self.prefix(start, Prev::Operator)
    }

    fn prefix(&mut self, start: usize, prev: Prev) -> Step {
        self.begin_operand();
        self.top().goes_on();
        self.finish(prev);
        self.count(|frame| frame.prefix += LEVEL, start)
    }

    /// `await` and `yield` are names in some places, operators in others.
    fn suspending_word(&mut self, word: &str, start: usize) -> Step {
        self.suspended_at = self.at;
        if word == "await" {
            return self.prefix(start, Prev::Unclear);
        }
        // It binds weaker than any other operator.
        self.begin_operand();
        self.top().goes_on();
        self.finish(Prev::Unclear);
        self.count(|frame| frame.expression += LEVEL, start)
    }

    /// Words between operands, or before an operand of a type; names elsewhere.
    fn type_word(&mut self, word: &str, start: usize) -> Step {
        let reserved = matches!(word, "of" | "extends");
        if self.prev.may_be_operand() && (reserved || !self.newline) {
            self.finish(if word == "of" { Prev::Unclear } else { Prev::Operator });
            let weight = if matches!(word, "extends" | "is") { LEVEL } else { LINK };
            self.heritage(word, start)?;
            return self.count(|frame| frame.expression += weight, start);
        }
        self.heritage(word, start)?;
        self.prefix(start, if word == "extends" { Prev::Operator } else { Prev::Unclear })
    }

    fn heritage(&mut self, word: &str, start: usize) -> Step {
        let frame = self.top();
        if word == "extends" && matches!(frame.pending, Pending::Class(_)) {
            frame.heritages += 1;
        }
        self.check_doublings(start)
    }

    fn function_word(&mut self) {
        let next = self.next_significant();
        if !(is_name_start(next) || matches!(next, b'(' | b'*' | b'/' | b'<')) {
            return self.operand();
        }
        self.begin_operand();
        let frame = self.top();
        let ends = if frame.begins_declaration() { Ends::Statement } else { Ends::Operand };
        frame.goes_on();
        self.finish(Prev::Operator);
        self.top().pending = Pending::Function(ends);
    }

    fn class_word(&mut self, start: usize) -> Step {
        let next = self.next_significant();
        if !(is_name_start(next) || matches!(next, b'{' | b'/' | b'<')) {
            self.operand();
            return Ok(());
        }
        let decorated = self.prev.is_operand() && self.top().length > 0;
        self.begin_operand();
        let frame = self.top();
        let ends = match frame.begins_declaration() {
            true => Ends::Statement,
            // Perhaps a declaration behind a decorator.
            false if decorated => Ends::Unclear,
            false => Ends::Operand,
        };
        frame.goes_on();
        self.finish(Prev::Operator);
        let frame = self.top();
        (frame.pending, frame.decorates) = (Pending::Class(ends), false);
        self.count(|frame| frame.expression += LEVEL, start)
    }

    fn module_word(&mut self, word: &str) {
        if word == "import" && matches!(self.next_significant(), b'(' | b'.') {
            return self.operand();
        }
        self.begin_operand();
        let at_start = self.top().begins_declaration();
        self.has_module_syntax |= at_start && self.frames.len() == 1;
        self.finish(Prev::Operator);
        let frame = self.top();
        (frame.head, frame.at_start, frame.binds) = (Head::Modifier, at_start, Binds::Names);
    }

    fn declaring_word(&mut self, word: &str, start: usize) {
        if word == "const" && self.prev == Prev::Operator && self.text[..start].trim_end().ends_with("as") {
            // `x as const`
            return self.operand();
        }
        self.begin_operand();
        let is_name = word == "let" && matches!(self.next_significant(), b'/' | b'.' | b'=' | b';' | b')' | b',' | b':');
        let frame = self.top();
        // `const enum` is a declaration of another kind.
        let modifies = word == "const" && frame.begins_declaration();
        frame.head = if modifies { Head::Modifier } else { Head::Other };
        frame.binds = if is_name { frame.binds } else { Binds::Variables };
        self.finish(if is_name { Prev::Operand } else { Prev::Operator });
    }

    /// Words that may begin a declaration, or be names.
    fn modifier_word(&mut self, word: &str) {
        self.begin_operand();
        let names = is_name_start(self.next_significant()) || matches!(self.next_significant(), b'"' | b'\'');
        let frame = self.top();
        let begins = frame.begins_declaration();
        let head = match word {
            _ if !begins => frame.head,
            "interface" | "enum" | "namespace" | "module" | "global" => Head::TypeDeclaration,
            "type" => Head::Other,
            _ => Head::Modifier,
        };
        if begins && names && word != "async" {
            frame.binds = Binds::Names;
        }
        self.finish(if word == "abstract" { Prev::Unclear } else { Prev::Operand });
        let frame = self.top();
        (frame.head, frame.at_start) = (head, begins && head == Head::Modifier);
    }

    // ---- literals ----

    fn number(&mut self) -> Step {
        let radix = self.peek(0) == b'0' && matches!(self.peek(1) | 0x20, b'x' | b'o' | b'b');
        let mut point = radix;
        while let Some(&byte) = self.bytes.get(self.at) {
            let signed = !radix && matches!(byte, b'e' | b'E') && matches!(self.peek(1), b'+' | b'-') && self.peek(2).is_ascii_digit();
            match byte {
                _ if signed => self.at += 2,
                b'.' if point => break,
                b'.' => {
                    point = true;
                    self.at += 1;
                }
                b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.at += 1,
                _ => break,
            }
        }
        self.operand();
        Ok(())
    }

    fn string(&mut self, quote: u8) -> Step {
        let start = self.at;
        self.at += 1;
        loop {
            match self.bytes.get(self.at) {
                Some(b'\\') => {
                    // A backslash before CR LF takes both.
                    let length = if self.peek(1) == b'\r' && self.peek(2) == b'\n' { 3 } else { 2 };
                    self.at = (self.at + length).min(self.bytes.len());
                }
                Some(b'\n' | b'\r') | None => {
                    return Err(PrecheckError::Unterminated { range: self.range(start, self.at), what: "string" });
                }
                Some(&byte) => {
                    self.at += 1;
                    if byte == quote {
                        self.operand();
                        return Ok(());
                    }
                }
            }
        }
    }

    fn open_template(&mut self) -> Step {
        let start = self.at;
        self.at += 1;
        if self.prev.may_be_operand() {
            self.count(|frame| frame.expression += LINK, start)?;
        } else {
            self.begin_operand();
        }
        self.top().goes_on();
        self.push(start, Content::Template, Ends::Operand)
    }

    /// The text of a template up to its end or a substitution.
    fn template_text(&mut self) -> Step {
        loop {
            match self.bytes.get(self.at) {
                Some(b'\\') => self.at = (self.at + 2).min(self.bytes.len()),
                Some(b'`') => {
                    self.at += 1;
                    self.frames.pop();
                    self.finish(Prev::Operand);
                    return Ok(());
                }
                Some(b'$') if self.peek(1) == b'{' => {
                    let start = self.at + 1;
                    self.at += 2;
                    return self.push(start, Content::Substitution, Ends::Operand);
                }
                Some(_) => self.at += 1,
                None => {
                    let start = self.top().open as usize;
                    return Err(PrecheckError::Unterminated { range: self.range(start, start + 1), what: "template" });
                }
            }
        }
    }

    // ---- slashes ----

    fn slash(&mut self) -> Step {
        let start = self.at;
        let (prev, frame) = (self.prev, self.top());
        let unclear = match prev {
            Prev::Operand => frame.refuses_division(),
            Prev::ArrowBody | Prev::Unclear | Prev::Escaped | Prev::Dot | Prev::Jump => true,
            _ => frame.murky,
        };
        if unclear {
            return Err(PrecheckError::AmbiguousSlash { range: self.range(start, start + 1) });
        }
        if prev != Prev::Operand {
            return self.regex();
        }
        let assigns = self.peek(1) == b'=';
        self.at += if assigns { 2 } else { 1 };
        self.binary(start, if assigns { LEVEL } else { LINK })
    }

    fn line_comment(&mut self) {
        while let Some(&byte) = self.bytes.get(self.at) {
            if matches!(byte, b'\n' | b'\r') || byte == 0xE2 && self.at_line_separator() {
                return;
            }
            self.at += 1;
        }
    }

    fn at_line_separator(&self) -> bool {
        self.bytes[self.at..].starts_with("\u{2028}".as_bytes()) || self.bytes[self.at..].starts_with("\u{2029}".as_bytes())
    }

    fn block_comment(&mut self) -> Step {
        let start = self.at;
        self.at += 2;
        loop {
            match self.bytes.get(self.at) {
                Some(b'*') if self.peek(1) == b'/' => {
                    self.at += 2;
                    return Ok(());
                }
                Some(b'\n' | b'\r') => self.newline = true,
                Some(0xE2) => self.newline |= self.at_line_separator(),
                Some(_) => {}
                None => return Err(PrecheckError::Unterminated { range: self.range(start, start + 2), what: "comment" }),
            }
            self.at += 1;
        }
    }

    fn regex(&mut self) -> Step {
        let start = self.at;
        let mut in_class = false;
        self.at += 1;
        loop {
            match self.bytes.get(self.at) {
                None | Some(b'\n' | b'\r') => {
                    return Err(PrecheckError::Unterminated { range: self.range(start, self.at), what: "regular expression" });
                }
                Some(0xE2) if self.at_line_separator() => {
                    return Err(PrecheckError::Unterminated { range: self.range(start, self.at), what: "regular expression" });
                }
                // The character after a backslash counts only if it ends the line.
                Some(b'\\') if !matches!(self.peek(1), b'\n' | b'\r' | 0xE2) => self.at += 1,
                Some(b'[') => in_class = true,
                Some(b']') => in_class = false,
                Some(b'/') if !in_class => break,
                _ => {}
            }
            self.at += 1;
        }
        self.at += 1;
        self.read_name();
        self.operand();
        Ok(())
    }

    // ---- brackets ----

    fn push(&mut self, start: usize, content: Content, ends: Ends) -> Step {
        let frame = self.top();
        let inner = frame.inner(start as u32, content, ends);
        if content == Content::ClassMembers {
            frame.heritages = frame.heritages.saturating_sub(1);
        }
        self.tokens += 1;
        self.frames.push(inner);
        self.check_doublings(start)?;
        self.prev = if content == Content::Statements { Prev::StatementEnd } else { Prev::Operator };
        (self.newline, self.control) = (false, false);
        self.count(|frame| frame.below += LEVEL, start)
    }

    fn check_doublings(&mut self, start: usize) -> Step {
        let frame = self.top();
        if frame.doublings_here() <= DOUBLINGS_MAX && frame.angle <= ANGLES_MAX * LEVEL {
            return Ok(());
        }
        let (depth, range) = (frame.depth().div_ceil(LEVEL), self.range(start, self.at));
        Err(PrecheckError::TooDeep { range, depth, limit: self.limit / LEVEL })
    }

    fn open(&mut self, byte: u8) -> Step {
        let start = self.at;
        self.at += 1;
        if byte == b'{' {
            let (content, ends) = self.brace();
            let frame = self.top();
            frame.goes_on();
            frame.at_start = false;
            return self.push(start, content, ends);
        }
        if self.prev.may_be_operand() {
            // A call or an index: one more link of its chain.
            self.count(|frame| frame.expression += LINK, start)?;
        } else if !self.control {
            self.begin_operand();
        }
        let (prev, control) = (self.prev, self.control && byte == b'(');
        let frame = self.top();
        let ends = match (control, prev) {
            (true, _) if frame.pending == Pending::Function(Ends::Statement) => Ends::Statement,
            (true, _) => Ends::Control,
            (false, Prev::Escaped) => Ends::Unclear,
            _ => Ends::Operand,
        };
        frame.goes_on();
        frame.at_start = false;
        self.push(start, if byte == b'(' { Content::Parens } else { Content::Brackets }, ends)
    }

    /// What a `{` opens, from what stands before it.
    fn brace(&mut self) -> (Content, Ends) {
        const OBJECT: (Content, Ends) = (Content::Properties, Ends::Operand);
        const BLOCK: (Content, Ends) = (Content::Statements, Ends::Statement);
        let (prev, newline) = (self.prev, self.newline);
        let frame = self.top();
        let starts = frame.content == Content::Statements && (frame.at_start || frame.ended);
        if frame.ended {
            frame.restart();
        }
        if prev == Prev::Arrow {
            return (Content::Statements, Ends::ArrowBody);
        }
        if starts || prev == Prev::ControlParen {
            frame.pending = Pending::None;
            return BLOCK;
        }
        let heads_class = matches!(frame.pending, Pending::Class(_)) && frame.angle == 0;
        if matches!(prev, Prev::Operator | Prev::Colon | Prev::Return) && !heads_class {
            return OBJECT;
        }
        // Behind a name a brace must begin a new line, so this is no name.
        let behind = self.suspended_at..(self.at - 1).max(self.suspended_at);
        if prev == Prev::Unclear && self.suspended_at > 0 && self.bytes[behind].iter().all(|byte| matches!(byte, b' ' | b'\t')) {
            return OBJECT;
        }
        let frame = self.top();
        match std::mem::replace(&mut frame.pending, Pending::None) {
            Pending::Function(ends) => (Content::Statements, ends),
            Pending::Class(ends) => (Content::ClassMembers, ends),
            Pending::Member if frame.content == Content::ClassMembers => BLOCK,
            Pending::Member => (Content::Statements, Ends::Operand),
            // `static { … }`
            Pending::None if frame.content == Content::ClassMembers && !newline => BLOCK,
            Pending::None if frame.content == Content::Statements && matches!(frame.head, Head::TypeDeclaration | Head::Modifier) => BLOCK,
            Pending::None => (Content::Statements, Ends::Unclear),
        }
    }

    fn close(&mut self, byte: u8) -> Step {
        let start = self.at;
        self.at += 1;
        let wanted = match self.top().content {
            Content::Parens => b')',
            Content::Brackets => b']',
            _ => b'}',
        };
        if byte != wanted || self.frames.len() == 1 {
            return Err(PrecheckError::Unbalanced { range: self.range(start, self.at), bracket: byte as char });
        }
        let (content, ends) = (self.top().content, self.top().ends);
        self.frames.pop();
        if content == Content::Substitution {
            self.tokens += 1;
            return Ok(());
        }
        match ends {
            Ends::Operand => self.finish(Prev::Operand),
            Ends::ArrowBody => self.finish(Prev::ArrowBody),
            Ends::Unclear => self.finish(Prev::Unclear),
            Ends::Control => {
                self.finish(Prev::ControlParen);
                let frame = self.top();
                (frame.at_start, frame.head) = (frame.content == Content::Statements, Head::None);
            }
            Ends::Statement => {
                self.finish(Prev::StatementEnd);
                self.top().end_statement();
            }
        }
        if byte == b')' {
            self.closed_at = self.tokens;
        }
        let frame = self.top();
        let may_be_method = match frame.content {
            Content::ClassMembers => !frame.initialized,
            Content::Properties => true,
            _ => false,
        };
        if content == Content::Parens && frame.pending == Pending::None && may_be_method {
            frame.pending = Pending::Member;
        }
        Ok(())
    }

    // ---- punctuators ----

    /// A binary operator: its operands are read in a loop, but make a deep tree.
    fn binary(&mut self, start: usize, weight: u32) -> Step {
        self.at = self.at.max(start + 1);
        self.control = false;
        let frame = self.top();
        if frame.ended {
            frame.restart();
        }
        frame.prefix = 0;
        frame.goes_on();
        self.finish(Prev::Operator);
        self.count(|frame| frame.expression += weight, start)
    }

    fn punctuator(&mut self, byte: u8) -> Step {
        let start = self.at;
        match byte {
            b';' => self.semicolon(),
            b',' => self.comma(),
            b':' => return self.colon(),
            b'.' => return self.dot(),
            b'?' => return self.question(),
            b'=' => return self.equals(),
            b'<' => return self.less(),
            b'>' => return self.greater(),
            b'!' | b'~' | b'+' | b'-' => return self.sign(byte),
            b'*' if self.peek(1) == b'*' => {
                self.at += if self.peek(2) == b'=' { 3 } else { 2 };
                return self.binary(start, LEVEL);
            }
            b'*' | b'%' | b'&' | b'|' | b'^' => {
                self.at += if self.peek(1) == byte { 2 } else { 1 };
                let assigns = self.peek(0) == b'=';
                self.at += usize::from(assigns);
                return self.binary(start, if assigns { LEVEL } else { LINK });
            }
            b'@' => {
                self.at += 1;
                self.begin_operand();
                let frame = self.top();
                frame.decorated |= frame.length > 0;
                frame.decorates = true;
                self.finish(Prev::Operator);
            }
            _ => {
                // No token begins so: the parser will say it.
                self.at += 1;
                self.finish(Prev::Unclear);
            }
        }
        Ok(())
    }

    fn semicolon(&mut self) {
        self.at += 1;
        self.control = false;
        let list = matches!(self.top().content, Content::Statements | Content::ClassMembers | Content::Properties);
        self.finish(if list { Prev::StatementEnd } else { Prev::Operator });
        let frame = self.top();
        if frame.content == Content::Statements { frame.end_statement() } else { frame.restart() }
    }

    fn comma(&mut self) {
        self.at += 1;
        self.control = false;
        let frame = self.top();
        if frame.ended {
            frame.restart();
        }
        frame.end_expression();
        self.finish(Prev::Operator);
    }

    fn colon(&mut self) -> Step {
        let start = self.at;
        self.at += 1;
        let guesses_return = self.is_typescript && self.closed_at == self.tokens;
        let labelled = matches!(self.prev, Prev::Operand | Prev::Unclear | Prev::Escaped);
        let frame = self.top();
        let in_statements = frame.content == Content::Statements && frame.conditionals == 0;
        let is_label = in_statements && labelled && frame.length == 1;
        let is_case = in_statements && frame.head == Head::Case;
        frame.prefix = 0;
        frame.guesses_return = guesses_return && frame.conditionals > 0;
        frame.conditionals = frame.conditionals.saturating_sub(1);
        self.finish(if is_label || is_case { Prev::StatementEnd } else { Prev::Colon });
        if !(is_label || is_case) {
            return Ok(());
        }
        let frame = self.top();
        let statement = frame.statement;
        frame.restart();
        frame.statement = statement;
        if is_label { self.count(|frame| frame.statement += LEVEL, start) } else { Ok(()) }
    }

    fn dot(&mut self) -> Step {
        let start = self.at;
        if self.peek(1).is_ascii_digit() {
            self.at += 1;
            while self.peek(0).is_ascii_digit() {
                self.at += 1;
            }
            return self.number();
        }
        if self.peek(1) == b'.' && self.peek(2) == b'.' {
            self.at += 3;
            self.begin_operand();
            self.finish(Prev::Operator);
            return Ok(());
        }
        self.at += 1;
        self.finish(Prev::Dot);
        self.count(|frame| frame.expression += LINK, start)
    }

    fn question(&mut self) -> Step {
        let start = self.at;
        match (self.peek(1), self.peek(2)) {
            (b'?', third) => {
                self.at += if third == b'=' { 3 } else { 2 };
                self.binary(start, if third == b'=' { LEVEL } else { LINK })
            }
            (b'.', digit) if !digit.is_ascii_digit() => {
                self.at += 2;
                // `?.(` and `?.[` go on without a name.
                let named = is_name_start(self.next_significant()) || matches!(self.next_significant(), b'#' | b'/');
                self.finish(if named { Prev::Dot } else { Prev::Operand });
                self.count(|frame| frame.expression += LINK, start)
            }
            _ => {
                self.at += 1;
                // `name?: type` has its colon at once.
                let optional = matches!(self.next_significant(), b':' | b',' | b')' | b';');
                self.top().conditionals += u32::from(!optional);
                self.binary(start, LEVEL)
            }
        }
    }

    fn equals(&mut self) -> Step {
        let start = self.at;
        match self.peek(1) {
            b'>' => {
                self.at += 2;
                self.binary(start, LEVEL)?;
                self.prev = Prev::Arrow;
                let frame = self.top();
                frame.guessed_arrows += u32::from(std::mem::take(&mut frame.guesses_return));
                self.check_doublings(start)
            }
            b'=' => {
                self.at += if self.peek(2) == b'=' { 3 } else { 2 };
                self.binary(start, LINK)
            }
            _ => {
                self.at += 1;
                self.binary(start, LEVEL)?;
                self.top().initialized = true;
                Ok(())
            }
        }
    }

    fn less(&mut self) -> Step {
        let start = self.at;
        if self.bytes[start..].starts_with(b"<!--") {
            return Err(PrecheckError::HtmlLikeComment { range: self.range(start, start + 4) });
        }
        let prefix = !self.prev.is_operand();
        let run = 1 + usize::from(self.peek(1) == b'<');
        self.at += run;
        let compares = self.peek(0) == b'=';
        self.at += usize::from(compares);
        if !self.is_typescript || compares {
            return self.binary(start, if compares && run == 2 { LEVEL } else { LINK });
        }
        self.control = false;
        if prefix {
            self.begin_operand();
        }
        self.top().goes_on();
        self.finish(Prev::Operator);
        let levels = run as u32 * LEVEL;
        // `<T>x` nests what follows its `>`, type arguments only what is in them.
        let nested = if prefix { levels } else { 0 };
        let frame = self.top();
        (frame.angle, frame.assertions) = (frame.angle + levels, frame.assertions + u32::from(prefix));
        self.count(|frame| frame.expression += nested, start)?;
        self.check_doublings(start)
    }

    fn greater(&mut self) -> Step {
        let start = self.at;
        let run = self.bytes[start..].iter().take(3).take_while(|&&b| b == b'>').count();
        self.at += run;
        let assigns = self.peek(0) == b'=' && self.peek(1) != b'>';
        self.at += usize::from(assigns);
        let frame = self.top();
        let closes = frame.angle > 0;
        frame.angle = frame.angle.saturating_sub(run as u32 * LEVEL);
        self.binary(start, if assigns && run > 1 { LEVEL } else { LINK })?;
        if closes {
            // It may close type arguments, behind which `/` divides.
            self.prev = Prev::Unclear;
        }
        Ok(())
    }

    /// `! ~ + - ++ --`
    fn sign(&mut self, byte: u8) -> Step {
        let start = self.at;
        let after_operand = self.prev.may_be_operand();
        let (next, third) = (self.peek(1), self.peek(2));
        if byte == b'-' && next == b'-' && third == b'>' && self.newline {
            return Err(PrecheckError::HtmlLikeComment { range: self.range(start, start + 3) });
        }
        if matches!(byte, b'+' | b'-') && next == byte {
            self.at += 2;
            return self.unary_or_postfix(start, after_operand);
        }
        if next == b'=' && byte != b'~' {
            self.at += if byte == b'!' && third == b'=' { 3 } else { 2 };
            return self.binary(start, if byte == b'!' { LINK } else { LEVEL });
        }
        self.at += 1;
        if matches!(byte, b'+' | b'-') && after_operand {
            return self.binary(start, LINK);
        }
        // `x!` asserts that x is not null.
        self.unary_or_postfix(start, byte == b'!' && after_operand && self.is_typescript)
    }

    /// Behind an operand on the same line the operator belongs to it.
    fn unary_or_postfix(&mut self, start: usize, after_operand: bool) -> Step {
        if after_operand && !self.newline {
            let prev = self.prev;
            self.finish(prev);
            return self.count(|frame| frame.expression += LINK, start);
        }
        self.prefix(start, Prev::Operator)
    }
}

/// White space and line terminators beyond ASCII.
fn is_space(c: char) -> bool {
    matches!(
        c,
        '\u{A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{2028}' | '\u{2029}' | '\u{202F}' | '\u{205F}' | '\u{3000}' | '\u{FEFF}'
    )
}

fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'$' | b'\\' | 0x80..)
}

/// Words whose head in parentheses comes first.
fn is_control(word: &str) -> bool {
    matches!(word, "if" | "for" | "while" | "with" | "switch")
}
