//! Short-circuits: control flow where they decide, a temporary where they give a value.

use super::assert_body;

#[test]
fn logical_operators_decide_directly() {
    assert_body(
        "if (a && (b || !c)) f();",
        r#"
        b0:
          r0 = global a
          branch r0 ? b1 : b4
        b1:
          r1 = global b
          branch r1 ? b3 : b2
        b2:
          r2 = global c
          r3 = ! r2
          branch r3 ? b3 : b4
        b3:
          r4 = global f
          r5 = call r4 ()
          jump b4
        b4:
          r6 = undefined
          return r6
        "#,
    );
}

#[test]
fn negation_of_a_test_stays_a_register() {
    assert_body(
        "if (!a) f(); else g();",
        r#"
        b0:
          r0 = global a
          r1 = ! r0
          branch r1 ? b1 : b2
        b1:
          r2 = global f
          r3 = call r2 ()
          jump b3
        b2:
          r4 = global g
          r5 = call r4 ()
          jump b3
        b3:
          r6 = undefined
          return r6
        "#,
    );
}

#[test]
fn negation_of_a_short_circuit_swaps() {
    assert_body(
        "if (!(a && b)) f();",
        r#"
        b0:
          r0 = global a
          branch r0 ? b1 : b2
        b1:
          r1 = global b
          branch r1 ? b3 : b2
        b2:
          r2 = global f
          r3 = call r2 ()
          jump b3
        b3:
          r4 = undefined
          return r4
        "#,
    );
}

#[test]
fn logical_values_meet_in_one_temporary() {
    assert_body(
        "return a && b || c;",
        r#"
        b0:
          r0 = global a
          store t1, r0
          branch r0 ? b1 : b2
        b1:
          r2 = global b
          store t1, r2
          branch r2 ? b3 : b2
        b2:
          r4 = global c
          store t1, r4
          jump b3
        b3:
          r6 = load t1
          return r6
        "#,
    );
}

#[test]
fn nullish_values() {
    assert_body(
        "return a ?? b;",
        r#"
        b0:
          r0 = global a
          r1 = null
          r2 = r0 == r1
          branch r2 ? b2 : b1
        b1:
          store t1, r0
          jump b3
        b2:
          r4 = global b
          store t1, r4
          jump b3
        b3:
          r6 = load t1
          return r6
        "#,
    );
}

#[test]
fn nullish_conditions() {
    assert_body(
        "if (a ?? b) f();",
        r#"
        b0:
          r0 = global a
          r1 = null
          r2 = r0 == r1
          branch r2 ? b2 : b1
        b1:
          branch r0 ? b3 : b4
        b2:
          r3 = global b
          branch r3 ? b3 : b4
        b3:
          r4 = global f
          r5 = call r4 ()
          jump b4
        b4:
          r6 = undefined
          return r6
        "#,
    );
}

#[test]
fn conditional_chains_share_a_temporary() {
    assert_body(
        "return a ? 1 : b ? 2 : 3;",
        r#"
        b0:
          r0 = global a
          branch r0 ? b1 : b2
        b1:
          r1 = 1
          store t1, r1
          jump b5
        b2:
          r3 = global b
          branch r3 ? b3 : b4
        b3:
          r4 = 2
          store t1, r4
          jump b5
        b4:
          r6 = 3
          store t1, r6
          jump b5
        b5:
          r8 = load t1
          return r8
        "#,
    );
}

#[test]
fn conditional_conditions() {
    assert_body(
        "if (a ? b : c) f();",
        r#"
        b0:
          r0 = global a
          branch r0 ? b1 : b2
        b1:
          r1 = global b
          branch r1 ? b3 : b4
        b2:
          r2 = global c
          branch r2 ? b3 : b4
        b3:
          r3 = global f
          r4 = call r3 ()
          jump b4
        b4:
          r5 = undefined
          return r5
        "#,
    );
}

#[test]
fn effects_need_no_temporary() {
    assert_body(
        "a && f(); a ? g() : h(); b?.c();",
        r#"
        b0:
          r0 = global a
          branch r0 ? b1 : b2
        b1:
          r1 = global f
          r2 = call r1 ()
          jump b2
        b2:
          r3 = global a
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
          r8 = global b
          r9 = null
          r10 = r8 == r9
          branch r10 ? b7 : b6
        b6:
          r11 = get? r8.c
          r12 = call r11 this r8 ()
          jump b7
        b7:
          r13 = undefined
          return r13
        "#,
    );
}

#[test]
fn optional_chains_short_circuit_as_a_whole() {
    assert_body(
        "return a?.b.c?.(d).e;",
        r#"
        b0:
          r0 = global a
          r1 = null
          r2 = r0 == r1
          branch r2 ? b3 : b1
        b1:
          r3 = get? r0.b
          r4 = get r3.c
          r5 = null
          r6 = r4 == r5
          branch r6 ? b3 : b2
        b2:
          r7 = global d
          r8 = call? r4 this r3 (r7)
          r9 = get r8.e
          store t1, r9
          jump b4
        b3:
          r11 = undefined
          store t1, r11
          jump b4
        b4:
          r13 = load t1
          return r13
        "#,
    );
}

#[test]
fn parenthesised_chains_end_but_keep_the_receiver() {
    assert_body(
        "return (a?.b)();",
        r#"
        b0:
          r0 = global a
          r1 = null
          r2 = r0 == r1
          branch r2 ? b2 : b1
        b1:
          r3 = get? r0.b
          store t1, r0
          store t2, r3
          jump b3
        b2:
          r6 = undefined
          store t1, r6
          store t2, r6
          jump b3
        b3:
          r9 = load t1
          r10 = load t2
          r11 = call r10 this r9 ()
          return r11
        "#,
    );
}

#[test]
fn optional_calls_keep_the_receiver() {
    assert_body(
        "a.b?.(1); a?.[k]?.();",
        r#"
        b0:
          r0 = global a
          r1 = get r0.b
          r2 = null
          r3 = r1 == r2
          branch r3 ? b2 : b1
        b1:
          r4 = 1
          r5 = call? r1 this r0 (r4)
          jump b2
        b2:
          r6 = global a
          r7 = null
          r8 = r6 == r7
          branch r8 ? b5 : b3
        b3:
          r9 = global k
          r10 = get? r6[r9]
          r11 = null
          r12 = r10 == r11
          branch r12 ? b5 : b4
        b4:
          r13 = call? r10 this r6 ()
          jump b5
        b5:
          r14 = undefined
          return r14
        "#,
    );
}

#[test]
fn chains_as_conditions() {
    assert_body(
        "if (a?.b) f();",
        r#"
        b0:
          r0 = global a
          r1 = null
          r2 = r0 == r1
          branch r2 ? b3 : b1
        b1:
          r3 = get? r0.b
          branch r3 ? b2 : b3
        b2:
          r4 = global f
          r5 = call r4 ()
          jump b3
        b3:
          r6 = undefined
          return r6
        "#,
    );
}

#[test]
fn chains_compared_with_literals() {
    assert_body(
        "if (a?.b > 1 && typeof c?.d === 'string' && e?.f == null) f();",
        r#"
        b0:
          r0 = global a
          r1 = null
          r2 = r0 == r1
          branch r2 ? b7 : b1
        b1:
          r3 = get? r0.b
          r4 = 1
          r5 = r3 > r4
          branch r5 ? b2 : b7
        b2:
          r6 = global c
          r7 = null
          r8 = r6 == r7
          branch r8 ? b7 : b3
        b3:
          r9 = get? r6.d
          r10 = typeof r9
          r11 = "string"
          r12 = r10 === r11
          branch r12 ? b4 : b7
        b4:
          r13 = global e
          r14 = null
          r15 = r13 == r14
          branch r15 ? b6 : b5
        b5:
          r16 = get? r13.f
          r17 = null
          r18 = r16 == r17
          branch r18 ? b6 : b7
        b6:
          r19 = global f
          r20 = call r19 ()
          jump b7
        b7:
          r21 = undefined
          return r21
        "#,
    );
}

#[test]
fn chains_before_nullish_defaults() {
    assert_body(
        "return a?.b ?? c;",
        r#"
        b0:
          r0 = global a
          r1 = null
          r2 = r0 == r1
          branch r2 ? b3 : b1
        b1:
          r3 = get? r0.b
          r4 = null
          r5 = r3 == r4
          branch r5 ? b3 : b2
        b2:
          store t1, r3
          jump b4
        b3:
          r7 = global c
          store t1, r7
          jump b4
        b4:
          r9 = load t1
          return r9
        "#,
    );
}

#[test]
fn delete_of_a_chain() {
    assert_body(
        "return delete a?.b.c;",
        r#"
        b0:
          r0 = global a
          r1 = null
          r2 = r0 == r1
          branch r2 ? b2 : b1
        b1:
          r3 = get? r0.b
          r4 = delete r3.c
          store t1, r4
          jump b3
        b2:
          r6 = true
          store t1, r6
          jump b3
        b3:
          r8 = load t1
          return r8
        "#,
    );
}
