//! Statements and loops.

use super::{assert_body, assert_module, assert_script};

#[test]
fn if_else_chains() {
    assert_body(
        "if (a) f(); else if (b) g(); else h();",
        r#"
        b0:
          r0 = global a
          branch r0 ? b1 : b2
        b1:
          r1 = global f
          r2 = call r1 ()
          jump b5
        b2:
          r3 = global b
          branch r3 ? b3 : b4
        b3:
          r4 = global g
          r5 = call r4 ()
          jump b5
        b4:
          r6 = global h
          r7 = call r6 ()
          jump b5
        b5:
          r8 = undefined
          return r8
        "#,
    );
}

#[test]
fn while_loops() {
    assert_body(
        "while (a) { if (b) continue; if (c) break; f(); }",
        r#"
        b0:
          jump b1
        b1: loop while
          r0 = global a
          branch r0 ? b2 : b7
        b2:
          r1 = global b
          branch r1 ? b3 : b4
        b3:
          jump b1
        b4:
          r2 = global c
          branch r2 ? b5 : b6
        b5:
          jump b7
        b6:
          r3 = global f
          r4 = call r3 ()
          jump b1
        b7:
          r5 = undefined
          return r5
        "#,
    );
}

#[test]
fn endless_loops_have_no_exit_edge() {
    assert_body(
        "while (true) { f(); } ",
        r#"
        b0:
          jump b1
        b1: loop while
          jump b2
        b2:
          r0 = global f
          r1 = call r0 ()
          jump b1
        "#,
    );
}

#[test]
fn do_while_loops() {
    assert_body(
        "do { f(); if (b) continue; } while (a);",
        r#"
        b0:
          jump b1
        b1: loop do
          r0 = global f
          r1 = call r0 ()
          r2 = global b
          branch r2 ? b2 : b3
        b2:
          jump b4
        b3:
          jump b4
        b4:
          r3 = global a
          branch r3 ? b1 : b5
        b5:
          r4 = undefined
          return r4
        "#,
    );
}

#[test]
fn do_while_false_does_not_loop() {
    assert_body(
        "do { if (a) break; f(); } while (false);",
        r#"
        b0:
          jump b1
        b1: loop do
          r0 = global a
          branch r0 ? b2 : b3
        b2:
          jump b5
        b3:
          r1 = global f
          r2 = call r1 ()
          jump b4
        b4:
          jump b5
        b5:
          r3 = undefined
          return r3
        "#,
    );
}

#[test]
fn for_loops_update_in_a_block_of_their_own() {
    assert_body(
        "for (let i = 0; i < n; i++) { if (a) continue; f(i); }",
        r#"
        b0:
          r0 = 0
          init i, r0
          jump b1
        b1: loop for
          r2 = load i
          r3 = global n
          r4 = r2 < r3
          branch r4 ? b2 : b6
        b2:
          r5 = global a
          branch r5 ? b3 : b4
        b3:
          jump b5
        b4:
          r6 = global f
          r7 = load i
          r8 = call r6 (r7)
          jump b5
        b5:
          r9 = load i
          r10 = 1
          r11 = r9 increment r10
          store i, r11
          jump b1
        b6:
          r13 = undefined
          return r13
        "#,
    );
}

#[test]
fn for_loops_without_parts() {
    assert_body(
        "for (;;) { if (a) break; }",
        r#"
        b0:
          jump b1
        b1: loop for
          jump b2
        b2:
          r0 = global a
          branch r0 ? b3 : b4
        b3:
          jump b5
        b4:
          jump b1
        b5:
          r1 = undefined
          return r1
        "#,
    );
}

#[test]
fn for_of_binds_each_value() {
    assert_body(
        "for (const [k, { v }] of m) f(k, v);",
        r#"
        b0:
          r0 = global m
          r1 = iterate of r0
          jump b1
        b1: loop for-of
          next r1 ? b2 : b3
        b2:
          r2 = value r1
          r3 = iterate pattern r2
          r4 = element r3 0
          init k, r4
          r6 = element r3 1
          require r6
          r8 = get r6.v
          init v, r8
          r10 = global f
          r11 = load k
          r12 = load v
          r13 = call r10 (r11, r12)
          jump b1
        b3:
          r14 = undefined
          return r14
        "#,
    );
}

#[test]
fn for_of_assigns_to_targets() {
    assert_body(
        "for (o.a of m) ;",
        r#"
        b0:
          r0 = global m
          r1 = iterate of r0
          jump b1
        b1: loop for-of
          next r1 ? b2 : b3
        b2:
          r2 = value r1
          r3 = global o
          set r3.a, r2
          jump b1
        b3:
          r5 = undefined
          return r5
        "#,
    );
}

#[test]
fn for_in_loops() {
    assert_body(
        "for (var k in o) f(k);",
        r#"
        b0:
          r0 = global o
          r1 = iterate in r0
          jump b1
        b1: loop for-in
          next r1 ? b2 : b3
        b2:
          r2 = value r1
          init k, r2
          r4 = global f
          r5 = load k
          r6 = call r4 (r5)
          jump b1
        b3:
          r7 = undefined
          return r7
        "#,
    );
}

#[test]
fn for_await_loops() {
    assert_module(
        "for await (const x of m) f(x);",
        r#"
        f0 () initializer strict
          b0:
            r0 = global m
            r1 = iterate async of r0
            jump b1
          b1: loop for-of
            next r1 ? b2 : b3
          b2:
            r2 = value r1
            init x, r2
            r4 = global f
            r5 = load x
            r6 = call r4 (r5)
            jump b1
          b3:
            r7 = undefined
            return r7
        "#,
    );
}

#[test]
fn labels() {
    assert_body(
        "a: for (;;) { b: for (const x of m) { if (x) continue a; break a; } }",
        r#"
        b0:
          jump b1
        b1: loop for
          jump b2
        b2:
          r0 = global m
          r1 = iterate of r0
          jump b3
        b3: loop for-of
          next r1 ? b4 : b7
        b4:
          r2 = value r1
          init x, r2
          r4 = load x
          branch r4 ? b5 : b6
        b5:
          jump b1
        b6:
          jump b8
        b7:
          jump b1
        b8:
          r5 = undefined
          return r5
        "#,
    );
}

#[test]
fn labelled_blocks() {
    assert_body(
        "a: { if (b) break a; f(); }",
        r#"
        b0:
          r0 = global b
          branch r0 ? b1 : b2
        b1:
          jump b3
        b2:
          r1 = global f
          r2 = call r1 ()
          jump b3
        b3:
          r3 = undefined
          return r3
        "#,
    );
}

#[test]
fn switch_falls_through_past_a_default_in_the_middle() {
    assert_body(
        "switch (a) { case 1: f(); default: g(); break; case b: h(); }",
        r#"
        b0:
          r0 = global a
          r1 = 1
          r2 = r0 === r1
          branch r2 ? b3 : b1
        b1:
          r3 = global b
          r4 = r0 === r3
          branch r4 ? b5 : b2
        b2:
          jump b4
        b3:
          r5 = global f
          r6 = call r5 ()
          jump b4
        b4:
          r7 = global g
          r8 = call r7 ()
          jump b6
        b5:
          r9 = global h
          r10 = call r9 ()
          jump b6
        b6:
          r11 = undefined
          return r11
        "#,
    );
}

#[test]
fn switch_true_is_a_chain_of_conditions() {
    assert_body(
        "switch (true) { case a > 1 && b: f(); break; case a > 2: g(); case c: h(); }",
        r#"
        b0:
          r0 = true
          r1 = global a
          r2 = 1
          r3 = r1 > r2
          store t1, r3
          branch r3 ? b1 : b2
        b1:
          r5 = global b
          store t1, r5
          jump b2
        b2:
          r7 = load t1
          r8 = r0 === r7
          branch r8 ? b6 : b3
        b3:
          r9 = global a
          r10 = 2
          r11 = r9 > r10
          branch r11 ? b7 : b4
        b4:
          r12 = global c
          r13 = r0 === r12
          branch r13 ? b8 : b5
        b5:
          jump b9
        b6:
          r14 = global f
          r15 = call r14 ()
          jump b9
        b7:
          r16 = global g
          r17 = call r16 ()
          jump b8
        b8:
          r18 = global h
          r19 = call r18 ()
          jump b9
        b9:
          r20 = undefined
          return r20
        "#,
    );
}

#[test]
fn dead_code_is_kept_apart() {
    assert_body(
        "return 1; f();",
        r#"
        b0:
          r0 = 1
          return r0
        b1:
          r1 = global f
          r2 = call r1 ()
          unreachable
        "#,
    );
}

#[test]
fn var_is_hoisted_and_functions_come_first() {
    assert_body(
        "f(x); var x = 1; function f() { return x; }",
        r#"
        f1 outer() in f0
          b0:
            r0 = function f2
            init f, r0
            r2 = load f
            r3 = load x
            r4 = call r2 (r3)
            r5 = 1
            init x, r5
            r7 = undefined
            return r7

        f2 f() in f1
          b0:
            r0 = load x
            return r0
        "#,
    );
}

#[test]
fn with_is_unsupported() {
    assert_script(
        "with (o) { x; }",
        r#"
        f0 () initializer
          b0:
            r0 = global o
            r1 = global x
            r2 = undefined
            return r2

        unsupported with
        "#,
    );
}

#[test]
fn a_script_var_keeps_the_value_of_a_global() {
    assert_script(
        "var eval; var ours;",
        r#"
        f0 () initializer
          b0:
            r0 = global eval
            init eval, r0
            r2 = undefined
            return r2
        "#,
    );
}

#[test]
fn a_function_in_a_block_of_a_script_does_not_replace_a_global() {
    assert_script(
        "if (a) { function eval() {} }",
        r#"
        f0 () initializer
          b0:
            r0 = global eval
            init eval, r0
            r2 = global a
            branch r2 ? b1 : b2
          b1:
            r3 = function f1
            init eval, r3
            jump b2
          b2:
            r5 = undefined
            return r5

        f1 eval() in f0
          b0:
            r0 = undefined
            return r0
        "#,
    );
}

#[test]
fn a_script_var_that_is_set_at_once_does_not() {
    assert_script(
        "'use strict'; var escape = s => s; var parseInt = f();",
        r#"
        f0 () initializer strict
          b0:
            r0 = global parseInt
            init parseInt, r0
            r2 = function f1
            init escape, r2
            r4 = global f
            r5 = call r4 ()
            init parseInt, r5
            r7 = undefined
            return r7

        f1 escape(s) arrow strict in f0
          b0:
            r0 = param 0
            init s, r0
            r2 = load s
            return r2
        "#,
    );
}
