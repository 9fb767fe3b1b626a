//! `try`, `catch`, `finally` and the ways out of them.

use super::assert_body;

#[test]
fn catch_receives_what_the_block_throws() {
    assert_body(
        "try { f(); } catch (e) { g(e); }",
        r#"
        b0:
          jump b1
        b1: catch b2
          r0 = global f
          r1 = call r0 ()
          jump b3
        b2:
          r2 = catch
          init e, r2
          r4 = global g
          r5 = load e
          r6 = call r4 (r5)
          jump b3
        b3:
          r7 = undefined
          return r7
        "#,
    );
}

#[test]
fn catch_takes_patterns_and_nothing() {
    assert_body(
        "try { f(); } catch ({ message }) { g(message); } try { f(); } catch { h(); }",
        r#"
        b0:
          jump b1
        b1: catch b2
          r0 = global f
          r1 = call r0 ()
          jump b3
        b2:
          r2 = catch
          require r2
          r4 = get r2.message
          init message, r4
          r6 = global g
          r7 = load message
          r8 = call r6 (r7)
          jump b3
        b3:
          jump b4
        b4: catch b5
          r9 = global f
          r10 = call r9 ()
          jump b6
        b5:
          r11 = catch
          r12 = global h
          r13 = call r12 ()
          jump b6
        b6:
          r14 = undefined
          return r14
        "#,
    );
}

#[test]
fn finally_is_copied_for_each_way_out() {
    assert_body(
        "try { if (a) return f(); g(); } finally { h(); }",
        r#"
        b0:
          jump b1
        b1: catch b6
          r0 = global a
          branch r0 ? b2 : b4
        b2: catch b6
          r1 = global f
          r2 = call r1 ()
          jump b3
        b3:
          r3 = global h
          r4 = call r3 ()
          return r2
        b4: catch b6
          r5 = global g
          r6 = call r5 ()
          jump b5
        b5:
          r7 = global h
          r8 = call r7 ()
          jump b8
        b6:
          r9 = catch
          jump b7
        b7:
          r10 = global h
          r11 = call r10 ()
          throw r9
        b8:
          r12 = undefined
          return r12
        "#,
    );
}

#[test]
fn finally_runs_after_catch() {
    assert_body(
        "try { f(); } catch (e) { throw g(e); } finally { h(); }",
        r#"
        b0:
          jump b1
        b1: catch b6
          jump b2
        b2: catch b3
          r0 = global f
          r1 = call r0 ()
          jump b4
        b3: catch b6
          r2 = catch
          init e, r2
          r4 = global g
          r5 = load e
          r6 = call r4 (r5)
          throw r6
        b4: catch b6
          jump b5
        b5:
          r7 = global h
          r8 = call r7 ()
          jump b8
        b6:
          r9 = catch
          jump b7
        b7:
          r10 = global h
          r11 = call r10 ()
          throw r9
        b8:
          r12 = undefined
          return r12
        "#,
    );
}

#[test]
fn break_and_continue_pass_through_finally() {
    assert_body(
        "for (;;) { try { if (a) break; else continue; } finally { f(); } }",
        r#"
        b0:
          jump b1
        b1: loop for
          jump b2
        b2:
          jump b3
        b3: catch b8
          r0 = global a
          branch r0 ? b4 : b6
        b4: catch b8
          jump b5
        b5:
          r1 = global f
          r2 = call r1 ()
          jump b10
        b6: catch b8
          jump b7
        b7:
          r3 = global f
          r4 = call r3 ()
          jump b1
        b8:
          r5 = catch
          jump b9
        b9:
          r6 = global f
          r7 = call r6 ()
          throw r5
        b10:
          r8 = undefined
          return r8
        "#,
    );
}

#[test]
fn finally_overrides_a_return() {
    assert_body(
        "try { return f(); } finally { return g(); }",
        r#"
        b0:
          jump b1
        b1: catch b3
          r0 = global f
          r1 = call r0 ()
          jump b2
        b2:
          r2 = global g
          r3 = call r2 ()
          return r3
        b3:
          r4 = catch
          jump b4
        b4:
          r5 = global g
          r6 = call r5 ()
          return r6
        "#,
    );
}
