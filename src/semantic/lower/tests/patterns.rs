//! Destructuring.

use super::{assert_body, assert_script};

#[test]
fn object_patterns() {
    assert_body(
        "const { a, b: { c }, ['d']: d, [k]: e, ...r } = o;",
        r#"
        b0:
          r0 = global o
          require r0
          r2 = get r0.a
          init a, r2
          r4 = get r0.b
          require r4
          r6 = get r4.c
          init c, r6
          r8 = get r0.d
          init d, r8
          r10 = global k
          r11 = get r0[r10]
          init e, r11
          r13 = rest r0 but {a, b, d, [r10]}
          init r, r13
          r15 = undefined
          return r15
        "#,
    );
}

#[test]
fn array_patterns() {
    assert_body(
        "let [a, , [b], ...r] = o;",
        r#"
        b0:
          r0 = global o
          r1 = iterate pattern r0
          r2 = element r1 0
          init a, r2
          r4 = element r1 2
          r5 = iterate pattern r4
          r6 = element r5 0
          init b, r6
          r8 = elements r1 3...
          init r, r8
          r10 = undefined
          return r10
        "#,
    );
}

#[test]
fn defaults_replace_undefined() {
    assert_body(
        "const { a = 1, b: [c] = [] } = o;",
        r#"
        b0:
          r0 = global o
          require r0
          r2 = get r0.a
          r3 = undefined
          r4 = r2 === r3
          branch r4 ? b1 : b2
        b1:
          r5 = 1
          init a, r5
          jump b3
        b2:
          init a, r2
          jump b3
        b3:
          r8 = get r0.b
          r9 = undefined
          r10 = r8 === r9
          branch r10 ? b4 : b5
        b4:
          r11 = array []
          store t3, r11
          jump b6
        b5:
          store t3, r8
          jump b6
        b6:
          r14 = load t3
          r15 = iterate pattern r14
          r16 = element r15 0
          init c, r16
          r18 = undefined
          return r18
        "#,
    );
}

#[test]
fn assignment_patterns_evaluate_targets_first() {
    assert_body(
        "[o.a, p[q()] = 1] = v; ({ a: o.b, ...o.c } = w);",
        r#"
        b0:
          r0 = global v
          r1 = iterate pattern r0
          r2 = global o
          r3 = element r1 0
          set r2.a, r3
          r5 = global p
          r6 = global q
          r7 = call r6 ()
          r8 = element r1 1
          r9 = undefined
          r10 = r8 === r9
          branch r10 ? b1 : b2
        b1:
          r11 = 1
          set r5[r7], r11
          jump b3
        b2:
          set r5[r7], r8
          jump b3
        b3:
          r14 = global w
          require r14
          r16 = global o
          r17 = get r14.a
          set r16.b, r17
          r19 = global o
          r20 = rest r14 but {a}
          set r19.c, r20
          r22 = undefined
          return r22
        "#,
    );
}

#[test]
fn parameters() {
    assert_script(
        "function f(a, { b } = {}, [c], d = a, ...r) {}",
        r#"
        f0 () initializer
          b0:
            r0 = function f1
            init f, r0
            r2 = undefined
            return r2

        f1 f(a, _ = …, _, d = …, ...r) in f0
          b0:
            r0 = param 0
            init a, r0
            r2 = param 1
            r3 = undefined
            r4 = r2 === r3
            branch r4 ? b1 : b2
          b1:
            r5 = object {}
            store t6, r5
            jump b3
          b2:
            store t6, r2
            jump b3
          b3:
            r8 = load t6
            require r8
            r10 = get r8.b
            init b, r10
            r12 = param 2
            r13 = iterate pattern r12
            r14 = element r13 0
            init c, r14
            r16 = param 3
            r17 = undefined
            r18 = r16 === r17
            branch r18 ? b4 : b5
          b4:
            r19 = load a
            init d, r19
            jump b6
          b5:
            init d, r16
            jump b6
          b6:
            r22 = rest 4
            init r, r22
            r24 = undefined
            return r24
        "#,
    );
}
