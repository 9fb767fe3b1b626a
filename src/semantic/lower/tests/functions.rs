//! Functions and closures.

use super::{assert_body, assert_script};

#[test]
fn names_come_from_bindings() {
    assert_script(
        "const a = () => 1; let b; b = function () {}; ({ c: () => 2, d() {} }); const { e = () => 3 } = a;",
        r#"
        f0 () initializer
          b0:
            r0 = function f1
            init a, r0
            r2 = function f2
            store b, r2
            r4 = function f3
            r5 = function f4
            r6 = object {c: r4, d: r5}
            r7 = load a
            require r7
            r9 = get r7.e
            r10 = undefined
            r11 = r9 === r10
            branch r11 ? b1 : b2
          b1:
            r12 = function f5
            init e, r12
            jump b3
          b2:
            init e, r9
            jump b3
          b3:
            r15 = undefined
            return r15

        f1 a() arrow in f0
          b0:
            r0 = 1
            return r0

        f2 b() in f0
          b0:
            r0 = undefined
            return r0

        f3 c() arrow in f0
          b0:
            r0 = 2
            return r0

        f4 d() method in f0
          b0:
            r0 = undefined
            return r0

        f5 e() arrow in f0
          b0:
            r0 = 3
            return r0
        "#,
    );
}

#[test]
fn function_expressions_know_their_own_name() {
    assert_script(
        "(function self() { self = 1; return self; });",
        r#"
        f0 () initializer
          b0:
            r0 = function f1
            init self, r0
            r2 = undefined
            return r2

        f1 self() in f0
          b0:
            r0 = 1
            r1 = load self
            return r1
        "#,
    );
}

#[test]
fn arrows_share_this_and_arguments() {
    assert_script(
        "function f() { return () => [this, arguments, new.target]; }",
        r#"
        f0 () initializer
          b0:
            r0 = function f1
            init f, r0
            r2 = undefined
            return r2

        f1 f() in f0
          b0:
            r0 = function f2
            return r0

        f2 () arrow in f1
          b0:
            r0 = this
            r1 = arguments
            r2 = new.target
            r3 = array [r0, r1, r2]
            return r3
        "#,
    );
}

#[test]
fn generators_yield() {
    assert_script(
        "function* f() { const a = yield 1; yield* a; yield; }",
        r#"
        f0 () initializer
          b0:
            r0 = function f1
            init f, r0
            r2 = undefined
            return r2

        f1 f() generator in f0
          b0:
            r0 = 1
            r1 = yield r0
            init a, r1
            r3 = load a
            r4 = yield* r3
            r5 = undefined
            r6 = yield r5
            r7 = undefined
            return r7
        "#,
    );
}

#[test]
fn async_functions_await() {
    assert_script(
        "const f = async (x) => await x;",
        r#"
        f0 () initializer
          b0:
            r0 = function f1
            init f, r0
            r2 = undefined
            return r2

        f1 f(x) async arrow in f0
          b0:
            r0 = param 0
            init x, r0
            r2 = load x
            r3 = await r2
            return r3
        "#,
    );
}

#[test]
fn block_functions_are_stored_at_the_start_of_their_block() {
    assert_body(
        "if (a) { g(); function g() {} }",
        r#"
        f1 outer() in f0
          b0:
            r0 = global a
            branch r0 ? b1 : b2
          b1:
            r1 = function f2
            init g, r1
            r3 = load g
            r4 = call r3 ()
            jump b2
          b2:
            r5 = undefined
            return r5

        f2 g() in f1
          b0:
            r0 = undefined
            return r0
        "#,
    );
}

#[test]
fn closures_in_finally_are_lowered_once() {
    assert_script(
        "function f() { try { a(); } finally { b(() => 1); } }",
        r#"
        f0 () initializer
          b0:
            r0 = function f1
            init f, r0
            r2 = undefined
            return r2

        f1 f() in f0
          b0:
            jump b1
          b1: catch b3
            r0 = global a
            r1 = call r0 ()
            jump b2
          b2:
            r2 = global b
            r3 = function f2
            r4 = call r2 (r3)
            jump b5
          b3:
            r5 = catch
            jump b4
          b4:
            r6 = global b
            r7 = function f2
            r8 = call r6 (r7)
            throw r5
          b5:
            r9 = undefined
            return r9

        f2 () arrow in f1
          b0:
            r0 = 1
            return r0
        "#,
    );
}
