//! Expressions in evaluation order.

use super::{assert_body, assert_module};

#[test]
fn constants_and_globals() {
    assert_body(
        "[undefined, null, true, 1.5, 10n, 's', /a/g, NaN, missing, typeof missing, this, arguments];",
        r#"
        b0:
          r0 = undefined
          r1 = null
          r2 = true
          r3 = 1.5
          r4 = 10n
          r5 = "s"
          r6 = /a/g
          r7 = NaN
          r8 = global missing
          r9 = typeof global missing
          r10 = this
          r11 = arguments
          r12 = array [r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11]
          r13 = undefined
          return r13
        "#,
    );
}

#[test]
fn members_and_literal_keys() {
    assert_body(
        "return o.a['b'][0][k].c;",
        r#"
        b0:
          r0 = global o
          r1 = get r0.a
          r2 = get r1.b
          r3 = get r2.0
          r4 = global k
          r5 = get r3[r4]
          r6 = get r5.c
          return r6
        "#,
    );
}

#[test]
fn method_calls_keep_the_receiver() {
    assert_body(
        "a.b(1, ...c); (a.b)(2); (0, a.b)(3);",
        r#"
        b0:
          r0 = global a
          r1 = get r0.b
          r2 = 1
          r3 = global c
          r4 = call r1 this r0 (r2, ...r3)
          r5 = global a
          r6 = get r5.b
          r7 = 2
          r8 = call r6 this r5 (r7)
          r9 = global a
          r10 = get r9.b
          r11 = 3
          r12 = call r10 (r11)
          r13 = undefined
          return r13
        "#,
    );
}

#[test]
fn new_and_tagged_templates() {
    assert_body(
        r#"new A.B(x, ...y); tag`a${1}\n`; o.tag`b`;"#,
        r#"
        b0:
          r0 = global A
          r1 = get r0.B
          r2 = global x
          r3 = global y
          r4 = new r1 (r2, ...r3)
          r5 = global tag
          r6 = strings ["a", "\\n"]
          r7 = 1
          r8 = call r5 (r6, r7)
          r9 = global o
          r10 = get r9.tag
          r11 = strings ["b"]
          r12 = call r10 this r9 (r11)
          r13 = undefined
          return r13
        "#,
    );
}

#[test]
fn templates() {
    assert_body(
        "return `a${b}c${d}` + `e`;",
        r#"
        b0:
          r0 = global b
          r1 = global d
          r2 = template ["a", "c", ""] (r0, r1)
          r3 = "e"
          r4 = r2 + r3
          return r4
        "#,
    );
}

#[test]
fn objects() {
    assert_body(
        "const k = 1; return { a: 1, 'b': 2, [k]: 3, k, ...k, __proto__: k, m() {}, get g() { return 1 }, set g(v) {} };",
        r#"
        f1 outer() in f0
          b0:
            r0 = 1
            init k, r0
            r2 = 1
            r3 = 2
            r4 = load k
            r5 = 3
            r6 = load k
            r7 = load k
            r8 = load k
            r9 = function f2
            r10 = function f3
            r11 = function f4
            r12 = object {a: r2, b: r3, [r4]: r5, k: r6, ...r7, prototype: r8, m: r9, get g: r10, set g: r11}
            return r12

        f2 m() method in f1
          b0:
            r0 = undefined
            return r0

        f3 g() method in f1
          b0:
            r0 = 1
            return r0

        f4 g(v) method in f1
          b0:
            r0 = param 0
            init v, r0
            r2 = undefined
            return r2
        "#,
    );
}

#[test]
fn arrays_with_holes_and_spreads() {
    assert_body(
        "return [1, , ...a];",
        r#"
        b0:
          r0 = 1
          r1 = global a
          r2 = array [r0, , ...r1]
          return r2
        "#,
    );
}

#[test]
fn binary_chains_lean_left() {
    assert_body(
        "return a + b * c - d;",
        r#"
        b0:
          r0 = global a
          r1 = global b
          r2 = global c
          r3 = r1 * r2
          r4 = r0 + r3
          r5 = global d
          r6 = r4 - r5
          return r6
        "#,
    );
}

#[test]
fn assignments_evaluate_the_target_first() {
    assert_body(
        "let x; x = 1; o[k()] = v(); o.a += 2; missing = 3;",
        r#"
        b0:
          r0 = 1
          store x, r0
          r2 = global o
          r3 = global k
          r4 = call r3 ()
          r5 = global v
          r6 = call r5 ()
          set r2[r4], r6
          r8 = global o
          r9 = get r8.a
          r10 = 2
          r11 = r9 + r10
          set r8.a, r11
          r13 = 3
          store global missing, r13
          r15 = undefined
          return r15
        "#,
    );
}

#[test]
fn updates() {
    assert_body(
        "let x = 1; x++; const y = x++; const z = --o.a;",
        r#"
        b0:
          r0 = 1
          init x, r0
          r2 = load x
          r3 = 1
          r4 = r2 increment r3
          store x, r4
          r6 = load x
          r7 = + r6
          r8 = 1
          r9 = r6 increment r8
          store x, r9
          init y, r7
          r12 = global o
          r13 = get r12.a
          r14 = -1
          r15 = r13 increment r14
          set r12.a, r15
          init z, r15
          r18 = undefined
          return r18
        "#,
    );
}

#[test]
fn logical_assignment() {
    assert_body(
        "let x; x ||= 1; o.a ??= f(); return x &&= 2;",
        r#"
        b0:
          r0 = load x
          branch r0 ? b2 : b1
        b1:
          r1 = 1
          store x, r1
          jump b2
        b2:
          r3 = global o
          r4 = get r3.a
          r5 = null
          r6 = r4 == r5
          branch r6 ? b3 : b4
        b3:
          r7 = global f
          r8 = call r7 ()
          set r3.a, r8
          jump b4
        b4:
          r10 = load x
          store t2, r10
          branch r10 ? b5 : b6
        b5:
          r12 = 2
          store x, r12
          store t2, r12
          jump b6
        b6:
          r15 = load t2
          return r15
        "#,
    );
}

#[test]
fn delete_void_and_comma() {
    assert_body(
        "delete o.a; delete o[k]; return (f(), void g(), 1);",
        r#"
        b0:
          r0 = global o
          r1 = delete r0.a
          r2 = global o
          r3 = global k
          r4 = delete r2[r3]
          r5 = global f
          r6 = call r5 ()
          r7 = global g
          r8 = call r7 ()
          r9 = 1
          return r9
        "#,
    );
}

#[test]
fn import_meta_and_dynamic_import() {
    assert_module(
        "import.meta.url; await import('x');",
        r#"
        f0 () initializer strict
          b0:
            r0 = import.meta
            r1 = get r0.url
            r2 = "x"
            r3 = import r2
            r4 = await r3
            r5 = undefined
            return r5
        "#,
    );
}
