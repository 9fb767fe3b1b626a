//! Classes.

use super::assert_script;

#[test]
fn members() {
    assert_script(
        "class A { constructor() { this.#p = 1; } m() { return this.#p; } static s() {} get g() { return 1; } set g(v) {} #p = 0; f; static h = A; [k] = 2; static { A.h(); } }",
        r#"
        f0 () initializer
          b0:
            r0 = global k
            r1 = class c0
            init A, r1
            r3 = undefined
            return r3

        f1 A() method constructor strict in f0
          b0:
            r0 = this
            r1 = 1
            set r0.#p, r1
            r3 = undefined
            return r3

        f2 m() method strict in f0
          b0:
            r0 = this
            r1 = get r0.#p
            return r1

        f3 s() method strict in f0
          b0:
            r0 = undefined
            return r0

        f4 g() method strict in f0
          b0:
            r0 = 1
            return r0

        f5 g(v) method strict in f0
          b0:
            r0 = param 0
            init v, r0
            r2 = undefined
            return r2

        f6 #p() initializer strict in f0
          b0:
            r0 = 0
            return r0

        f7 h() initializer strict in f0
          b0:
            r0 = load A
            return r0

        f8 () initializer strict in f0
          b0:
            r0 = 2
            return r0

        f9 () initializer strict in f0
          b0:
            r0 = load A
            r1 = get r0.h
            r2 = call r1 this r0 ()
            r3 = undefined
            return r3

        c0 A constructor f1
          m f2
          static s f3
          get g f4
          set g f5
          field #p = f6
          field f
          static field h = f7
          field [r0] = f8
          static block f9
        "#,
    );
}

#[test]
fn derived_classes() {
    assert_script(
        "const B = class extends A { constructor(...a) { super(...a); super.m(); super.x = super[k]; } };",
        r#"
        f0 () initializer
          b0:
            r0 = global A
            r1 = class c0 extends r0
            init B, r1
            r3 = undefined
            return r3

        f1 B(...a) method constructor strict in f0
          b0:
            r0 = rest 0
            init a, r0
            r2 = load a
            r3 = supercall (...r2)
            r4 = this
            r5 = get super.m
            r6 = call r5 this r4 ()
            r7 = global k
            r8 = get super[r7]
            r9 = this
            set r9.x, r8
            r11 = undefined
            return r11

        c0 B constructor f1
        "#,
    );
}

#[test]
fn private_names() {
    assert_script(
        "class A { #p; has(o) { return #p in o; } }",
        r#"
        f0 () initializer
          b0:
            r0 = class c0
            init A, r0
            r2 = undefined
            return r2

        f1 has(o) method strict in f0
          b0:
            r0 = param 0
            init o, r0
            r2 = "p"
            r3 = load o
            r4 = r2 private-in r3
            return r4

        c0 A
          field #p
          has f1
        "#,
    );
}
