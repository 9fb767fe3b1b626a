//! Imports and exports.

use super::assert_module;

#[test]
fn imports() {
    assert_module(
        "import a, { b as c, default as d } from 'x'; import * as e from 'y'; import 'z'; a(c, d, e);",
        r#"
        f0 () initializer strict
          b0:
            r0 = load a
            r1 = load c
            r2 = load d
            r3 = load e
            r4 = call r0 (r1, r2, r3)
            r5 = undefined
            return r5

        import "x" (a, c, d)
        import "y" (e)
        import "z" ()
        "#,
    );
}

#[test]
fn exports() {
    assert_module(
        "export const a = 1, { b } = a; export function f() {} export class C {} export { a as c, f as 'd e' };",
        r#"
        f0 () initializer strict
          b0:
            r0 = function f1
            init f, r0
            r2 = 1
            init a, r2
            r4 = load a
            require r4
            r6 = get r4.b
            init b, r6
            r8 = class c0
            init C, r8
            r10 = undefined
            return r10

        f1 f() strict in f0
          b0:
            r0 = undefined
            return r0

        c0 C

        export f = f
        export a = a
        export b = b
        export C = C
        export c = a
        export d e = f
        "#,
    );
}

#[test]
fn default_expressions_get_a_temporary() {
    assert_module(
        "export default (input) => input;",
        r#"
        f0 () initializer strict
          b0:
            r0 = function f1
            init t1, r0
            r2 = undefined
            return r2

        f1 default(input) arrow strict in f0
          b0:
            r0 = param 0
            init input, r0
            r2 = load input
            return r2

        export default = t1
        "#,
    );
}

#[test]
fn default_functions_are_hoisted() {
    assert_module(
        "f(); export default function f() {}",
        r#"
        f0 () initializer strict
          b0:
            r0 = function f1
            init f, r0
            r2 = load f
            r3 = call r2 ()
            r4 = undefined
            return r4

        f1 f() strict in f0
          b0:
            r0 = undefined
            return r0

        export default = f
        "#,
    );
}

#[test]
fn exports_from_elsewhere() {
    assert_module(
        "export { a, b as c } from 'x'; export * from 'y'; export * as n from 'z';",
        r#"
        f0 () initializer strict
          b0:
            r0 = undefined
            return r0

        import "x" (t0, t1)
        import "y" ()
        import "z" (t2)
        export a = t0
        export c = t1
        export n = t2
        "#,
    );
}
