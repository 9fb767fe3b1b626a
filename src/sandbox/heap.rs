//! The counting allocator: exact bytes, and an end at the limit.
//!
//! In the parent it is the system allocator behind one relaxed load. In a worker it is armed on
//! the engine's thread, which is the only one that allocates from then on, so counters need no
//! read-modify-write.
//!
//! boa's collector counts objects but not the storage behind them: programs that make garbage
//! would run into the limit although hardly anything is live. So the allocator asks for a
//! collection when the heap has doubled since the last one, and at the limit.
#![allow(unsafe_code, reason = "a global allocator is an unsafe trait, and the end at the limit must not unwind")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::panic::catch_unwind;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicUsize};

/// The worker's exit status at the heap limit.
pub const EXIT_STATUS: i32 = 70;

/// What the worker writes on its standard error there, before the peak in bytes.
pub const EXIT_LINE: &str = "fnvet: heap limit, peak ";

/// How far allocations of the collector's own, during which it cannot run, may go past the limit;
/// and how long before the limit it is asked.
const SLACK_BYTES: isize = 512 << 10;

/// Between two collections at least so much is allocated.
const STEP_BYTES: isize = 4 << 10;

/// The heap may grow to this share of the limit before the first collection.
const FIRST_SHARE: isize = 4;

/// A program that allocates less than this share of the limit between two collections does little
/// else than collect.
const STEP_SHARE: isize = 32;

/// So many such collections in a row are made before that counts as the limit.
const TIGHT_MAX: usize = 8;

static ARMED: AtomicBool = AtomicBool::new(false);
static LEFT_OUT: AtomicBool = AtomicBool::new(false);
static COLLECTING: AtomicBool = AtomicBool::new(false);
static LIVE: AtomicIsize = AtomicIsize::new(0);
static PEAK: AtomicIsize = AtomicIsize::new(0);
static BASE: AtomicIsize = AtomicIsize::new(0);
static LIMIT: AtomicIsize = AtomicIsize::new(isize::MAX);
static COLLECT_NEXT: AtomicIsize = AtomicIsize::new(isize::MAX);
/// In use after the last collection.
static KEPT: AtomicIsize = AtomicIsize::new(0);
/// Added since then by the collector's own lists.
static OWN: AtomicIsize = AtomicIsize::new(0);
/// Collections in a row that were hardly worth it.
static TIGHT: AtomicUsize = AtomicUsize::new(0);

/// The allocator of the binary.
#[derive(Debug)]
pub struct CountingAllocator;

// SAFETY: every call goes to `System` with the caller's own arguments; the counting around it
// neither allocates nor unwinds, except for a collection, whose unwinding is caught.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !ARMED.load(Relaxed) {
            // SAFETY: the caller's obligations are those of `System`.
            return unsafe { System.alloc(layout) };
        }
        grow(layout.size());
        // SAFETY: as above.
        present(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !ARMED.load(Relaxed) {
            // SAFETY: the caller's obligations are those of `System`.
            return unsafe { System.alloc_zeroed(layout) };
        }
        grow(layout.size());
        // SAFETY: as above.
        present(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        if ARMED.load(Relaxed) {
            LIVE.store(LIVE.load(Relaxed) - layout.size() as isize, Relaxed);
        }
        // SAFETY: the caller's obligations are those of `System`.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !ARMED.load(Relaxed) {
            // SAFETY: the caller's obligations are those of `System`.
            return unsafe { System.realloc(at, layout, size) };
        }
        if size >= layout.size() {
            grow(size - layout.size());
        } else {
            LIVE.store(LIVE.load(Relaxed) - (layout.size() - size) as isize, Relaxed);
        }
        // SAFETY: as above.
        present(unsafe { System.realloc(at, layout, size) }, size)
    }
}

/// Starts counting on this thread and ends the process once more than `bytes_max` are added.
pub fn arm(bytes_max: u64) {
    if LEFT_OUT.load(Relaxed) {
        return;
    }
    let live = LIVE.load(Relaxed);
    let bytes_max = isize::try_from(bytes_max).unwrap_or(isize::MAX);
    BASE.store(live, Relaxed);
    PEAK.store(live, Relaxed);
    KEPT.store(live, Relaxed);
    OWN.store(0, Relaxed);
    TIGHT.store(0, Relaxed);
    LIMIT.store(live.saturating_add(bytes_max), Relaxed);
    COLLECT_NEXT.store(live.saturating_add(bytes_max / FIRST_SHARE), Relaxed);
    ARMED.store(true, Relaxed);
}

/// Most bytes in use at once since [`arm`], beyond those in use then.
pub fn peak_bytes() -> u64 {
    u64::try_from(PEAK.load(Relaxed) - BASE.load(Relaxed)).unwrap_or(0)
}

/// Makes [`arm`] do nothing.
pub fn leave_out() {
    LEFT_OUT.store(true, Relaxed);
}

/// Whether this process runs with the counting allocator at all.
pub fn is_installed() -> bool {
    let armed = ARMED.swap(true, Relaxed);
    let before = LIVE.load(Relaxed);
    let probe = std::hint::black_box(Box::new(0_u64));
    let counted = LIVE.load(Relaxed) != before;
    drop(probe);
    ARMED.store(armed, Relaxed);
    counted
}

/// Whether a panic right now is only the collector's refusal to run inside itself.
pub fn is_collecting() -> bool {
    COLLECTING.load(Relaxed)
}

/// Accounts for `size` more bytes.
#[inline]
fn grow(size: usize) {
    // `Layout` keeps sizes below `isize::MAX`, so this cannot wrap.
    let mut live = LIVE.load(Relaxed).saturating_add(size as isize);
    if live > COLLECT_NEXT.load(Relaxed) && !COLLECTING.load(Relaxed) {
        make_room(size);
        live = LIVE.load(Relaxed).saturating_add(size as isize);
    }
    LIVE.store(live, Relaxed);
    if live > PEAK.load(Relaxed) && !COLLECTING.load(Relaxed) {
        PEAK.store(live, Relaxed);
    }
}

/// Collects where the collector can run; ends the process where that leaves too little.
#[cold]
fn make_room(size: usize) {
    let (base, limit) = (BASE.load(Relaxed), LIMIT.load(Relaxed));
    let wanted = || LIVE.load(Relaxed).saturating_add(size as isize);
    if size as isize > limit - base {
        breach();
    }
    let asked = LIVE.load(Relaxed);
    COLLECTING.store(true, Relaxed);
    // Inside an allocation of its own the collector refuses by a panic, before it has done anything.
    let collected = catch_unwind(boa_gc::force_collect).is_ok();
    COLLECTING.store(false, Relaxed);
    let live = wanted();
    if !collected {
        if live > limit.saturating_add(SLACK_BYTES) {
            breach();
        }
        // The next allocation asks again: most likely it is the program's.
        OWN.store(OWN.load(Relaxed).saturating_add(size as isize), Relaxed);
        return;
    }
    let by_program = asked - KEPT.load(Relaxed) - OWN.load(Relaxed);
    let tight = if by_program < (limit - base) / STEP_SHARE { TIGHT.load(Relaxed) + 1 } else { 0 };
    if live > limit || tight > TIGHT_MAX {
        breach();
    }
    TIGHT.store(tight, Relaxed);
    KEPT.store(live, Relaxed);
    OWN.store(0, Relaxed);
    let next = live.saturating_add((live - base).max((limit - base) / FIRST_SHARE));
    COLLECT_NEXT.store(next.min(limit - SLACK_BYTES).max(live.saturating_add(STEP_BYTES)), Relaxed);
}

/// The allocation, or the end: an allocator that the system refuses memory is at its limit too.
#[inline]
fn present(at: *mut u8, size: usize) -> *mut u8 {
    if at.is_null() && size > 0 {
        breach();
    }
    at
}

/// Says how much was in use and ends the process: neither unwinding nor allocating.
#[cold]
fn breach() -> ! {
    let mut line = [0_u8; 64];
    let mut length = 0;
    for &byte in EXIT_LINE.as_bytes() {
        line[length] = byte;
        length += 1;
    }
    let mut digits = [0_u8; 20];
    let mut rest = peak_bytes();
    let mut count = 0;
    while count == 0 || rest > 0 {
        digits[count] = b'0' + (rest % 10) as u8;
        rest /= 10;
        count += 1;
    }
    for &digit in digits[..count].iter().rev() {
        line[length] = digit;
        length += 1;
    }
    line[length] = b'\n';
    // SAFETY: both calls take plain values and a buffer that lives long enough; `_exit` does not return.
    unsafe {
        libc::write(2, line.as_ptr().cast(), length + 1);
        libc::_exit(EXIT_STATUS)
    }
}
