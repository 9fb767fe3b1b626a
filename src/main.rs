//! Arguments, one call, exit status. The only place that prints or exits.

fn main() {}
