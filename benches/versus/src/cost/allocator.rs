//! The allocator of the system. It counts while it is asked to, and costs a branch otherwise.
#![allow(unsafe_code, reason = "an allocator is unsafe to implement")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static COUNTS: Cell<bool> = const { Cell::new(false) };
    static COUNTED: Cell<Counted> = const { Cell::new(Counted { allocations: 0, bytes: 0 }) };
}

// SAFETY: every call is passed on unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as i64);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, -(layout.size() as i64));
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as i64);
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, size as i64 - layout.size() as i64);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

fn count(allocations: u64, bytes: i64) {
    if COUNTS.get() {
        let before = COUNTED.get();
        let allocations = before.allocations + allocations;
        COUNTED.set(Counted { allocations, bytes: before.bytes + bytes });
    }
}

/// What a thread allocated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counted {
    /// Calls of the allocator for memory, growing included.
    pub allocations: u64,
    /// The growth of the bytes in use.
    pub bytes: i64,
}

/// Counts what `work` allocates on this thread. Calls must not be nested.
pub fn counted(work: impl FnOnce()) -> Counted {
    COUNTED.set(Counted { allocations: 0, bytes: 0 });
    COUNTS.set(true);
    work();
    COUNTS.set(false);
    COUNTED.get()
}

/// The bytes on the heap that dropping `value` frees.
pub fn freed<T>(value: T) -> usize {
    counted(|| drop(value)).bytes.unsigned_abs() as usize
}
