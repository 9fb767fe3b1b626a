//! Arguments, one call, exit status. The only place that prints or exits.

use fnvet::sandbox::heap::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() {
    fnvet::sandbox::worker::main_if_worker();
}
