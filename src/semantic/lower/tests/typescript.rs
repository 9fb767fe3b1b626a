//! TypeScript: what is erased and what is not.

use super::assert_ts;

#[test]
fn casts_are_erased() {
    assert_ts(
        "function f(this: any, x: unknown): asserts x is string { return (x as any)!.a<string>((<any>x) satisfies any); }",
        r#"
        f0 () initializer
          b0:
            r0 = function f1
            init f, r0
            r2 = undefined
            return r2

        f1 f(x) in f0 asserts 0
          b0:
            r0 = param 0
            init x, r0
            r2 = load x
            r3 = get r2.a
            r4 = load x
            r5 = call r3 this r2 (r4)
            return r5
        "#,
    );
}

#[test]
fn declarations_without_values_are_erased() {
    assert_ts(
        "interface I {} type T = I; declare const eval: any; declare function g(): void; function h(): void; function h() { eval('1'); g(); }",
        r#"
        f0 () initializer
          b0:
            r0 = function f1
            init h, r0
            r2 = undefined
            return r2

        f1 h() in f0
          b0:
            r0 = global eval
            r1 = "1"
            r2 = call r0 (r1)
            r3 = global g
            r4 = call r3 ()
            r5 = undefined
            return r5
        "#,
    );
}

#[test]
fn types_are_not_imported() {
    assert_ts(
        "import type { A } from 'a'; import { type B, C } from 'b'; import { D } from 'd'; const x: C = D;",
        r#"
        f0 () initializer strict
          b0:
            r0 = load D
            init x, r0
            r2 = undefined
            return r2

        import "d" (D)
        "#,
    );
}

#[test]
fn enums_map_both_ways() {
    assert_ts(
        "enum E { A, B = 3, C, D = A | B, S = 's', F = g() } const enum G { A = E.A }",
        r#"
        f0 () initializer
          b0:
            r0 = 0
            r1 = "A"
            r2 = 3
            r3 = "B"
            r4 = 4
            r5 = "C"
            r6 = r0 | r2
            r7 = "D"
            r8 = "s"
            r9 = global g
            r10 = call r9 ()
            r11 = "F"
            r12 = object {A: r0, 0: r1, B: r2, 3: r3, C: r4, 4: r5, D: r6, [r6]: r7, S: r8, F: r10, [r10]: r11}
            init E, r12
            r14 = load E
            r15 = get r14.A
            r16 = "A"
            r17 = object {A: r15, [r15]: r16}
            init G, r17
            r19 = undefined
            return r19
        "#,
    );
}

#[test]
fn enums_merge() {
    assert_ts(
        "enum E { A = 1 } enum E { B = A + 1 }",
        r#"
        f0 () initializer
          b0:
            r0 = 1
            r1 = "A"
            r2 = object {A: r0, 1: r1}
            init E, r2
            r4 = load E
            r5 = get r4.A
            r6 = 1
            r7 = r5 + r6
            r8 = "B"
            r9 = load E
            set r9.B, r7
            set r9[r7], r8
            r12 = undefined
            return r12
        "#,
    );
}

#[test]
fn namespaces_are_objects() {
    assert_ts(
        "namespace N { export const a = 1; const b = a; export function f() { return b; } interface I {} } namespace N.M { export enum E { A } } namespace T { export type Q = 1 }",
        r#"
        f0 () initializer
          b0:
            r0 = object {}
            init N, r0
            r2 = function f1
            init f, r2
            r4 = load N
            r5 = load f
            set r4.f, r5
            r7 = 1
            init a, r7
            r9 = load N
            r10 = load a
            set r9.a, r10
            r12 = load a
            init b, r12
            r14 = object {}
            init M, r14
            r16 = load N
            r17 = load M
            set r16.M, r17
            r19 = 0
            r20 = "A"
            r21 = object {A: r19, 0: r20}
            init E, r21
            r23 = load M
            r24 = load E
            set r23.E, r24
            r26 = undefined
            return r26

        f1 f() in f0
          b0:
            r0 = load b
            return r0
        "#,
    );
}

#[test]
fn parameter_properties() {
    assert_ts(
        "class A { constructor(private a: number, readonly b = 1) { f(); } } class B extends A { constructor(public c: any) { super(1); f(); } }",
        r#"
        f0 () initializer
          b0:
            r0 = class c0
            init A, r0
            r2 = load A
            r3 = class c1 extends r2
            init B, r3
            r5 = undefined
            return r5

        f1 A(a, b = …) method constructor strict in f0
          b0:
            r0 = param 0
            init a, r0
            r2 = param 1
            r3 = undefined
            r4 = r2 === r3
            branch r4 ? b1 : b2
          b1:
            r5 = 1
            init b, r5
            jump b3
          b2:
            init b, r2
            jump b3
          b3:
            r8 = this
            r9 = load a
            set r8.a, r9
            r11 = this
            r12 = load b
            set r11.b, r12
            r14 = global f
            r15 = call r14 ()
            r16 = undefined
            return r16

        f2 B(c) method constructor strict in f0
          b0:
            r0 = param 0
            init c, r0
            r2 = 1
            r3 = supercall (r2)
            r4 = this
            r5 = load c
            set r4.c, r5
            r7 = global f
            r8 = call r7 ()
            r9 = undefined
            return r9

        c0 A constructor f1

        c1 B constructor f2
        "#,
    );
}

#[test]
fn abstract_members_are_erased() {
    assert_ts(
        "abstract class A<T> { abstract a: T; declare b: T; c?: T; [key: string]: any; abstract m(): void; n(): void; n() {} }",
        r#"
        f0 () initializer
          b0:
            r0 = class c0
            init A, r0
            r2 = undefined
            return r2

        f1 n() method strict in f0
          b0:
            r0 = undefined
            return r0

        c0 A
          field c
          n f1
        "#,
    );
}

#[test]
fn local_declarations_without_a_value_are_unsupported() {
    assert_ts(
        "const e = 1; function f() { declare const e: any; return e; }",
        r#"
        f0 () initializer
          b0:
            r0 = function f1
            init f, r0
            r2 = 1
            init e, r2
            r4 = undefined
            return r4

        f1 f() in f0
          b0:
            r0 = global e
            return r0

        unsupported a local declaration without a value
        "#,
    );
}

#[test]
fn what_the_sandbox_cannot_run() {
    assert_ts(
        "import a = require('a'); import b = N.c; @dec class D { @dec m() {} } a; export = b;",
        r#"
        f0 () initializer strict
          b0:
            r0 = global N
            r1 = get r0.c
            init b, r1
            r3 = global dec
            r4 = global dec
            r5 = class c0
            init D, r5
            r7 = load a
            r8 = load b
            r9 = undefined
            return r9

        f1 m() method strict in f0
          b0:
            r0 = undefined
            return r0

        c0 D
          m f1

        import "a" (a)
        unsupported import =
        unsupported import =
        unsupported decorators
        unsupported decorators
        unsupported export =
        "#,
    );
}
