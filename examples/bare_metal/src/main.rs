//! A node on a board whose drivers are stubs: its radio hears nobody, its flash is memory. It is the only
//! voter of its group, so it elects itself. Put your board's drivers where [`Stub`] is; everything
//! else stays.
#![no_std]
#![no_main]

use core::cell::Cell;
use core::convert::Infallible;
use core::time::Duration;

use bare_metal::{Clock, Duty, FRAME, Failure, Flash, Id, Node, Radio, Random, SLOT, Slot, provision};
use cortex_m::Peripherals;
use cortex_m::interrupt::{Mutex, free};
use cortex_m::peripheral::SCB;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::{entry, exception};
use embedded_alloc::LlffHeap as Heap;
use quorate::{ClusterId, HardState, Lease, Timestamp};

/// A node takes some 500 bytes, what it says and stores a little more. The rest is room to spare.
const HEAP_SIZE: usize = 8 * 1024;

/// How fast the core, and with it the stub's clock, runs after a reset.
const CORE_HZ: u32 = 16_000_000;

#[global_allocator]
static HEAP: Heap = Heap::empty();

static MILLIS: Mutex<Cell<u64>> = Mutex::new(Cell::new(0));

#[entry]
fn main() -> ! {
    // SAFETY: once, and before anything is allocated.
    unsafe {
        embedded_alloc::init!(HEAP, HEAP_SIZE);
    }
    let Some(peripherals) = Peripherals::take() else { SCB::sys_reset() };
    let mut timer = peripherals.SYST;
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(CORE_HZ / 1_000 - 1);
    timer.clear_current();
    timer.enable_counter();
    timer.enable_interrupt();
    match serve(1, &mut Stub::default()) {
        // Where there was no state to begin with, a reset would not help: wait for whoever sets it up.
        Err(Failure::NoState) => loop {
            cortex_m::asm::wfi();
        },
        Err(_) => SCB::sys_reset(),
    }
}

fn serve(id: Id, board: &mut Stub) -> Result<Infallible, Failure<Infallible>> {
    // The stub forgets everything at each reset, and has nobody to be bound to. On your board this is a
    // command of whoever sets it up, and never happens by itself.
    let first = HardState::bootstrap(ClusterId(42), [id]).map_err(|error| Failure::Config(error.into()))?;
    provision(board, &first)?;
    Node::start(id, board)?.run(board)
}

/// After a reset the node resumes from what it has stored. It never goes on after a panic.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    SCB::sys_reset()
}

#[exception]
fn SysTick() {
    free(|cs| {
        let millis = MILLIS.borrow(cs);
        millis.set(millis.get().wrapping_add(1));
    });
}

/// Drivers of a board that is not there.
#[derive(Default)]
struct Stub {
    flash: [Option<[u8; SLOT]>; 2],
    /// A lamp, for one.
    leads: bool,
}

/// The system timer stops in deep sleep. It will do here, as the stub sleeps but lightly.
impl Clock for Stub {
    fn now(&mut self) -> Timestamp {
        Duration::from_millis(free(|cs| MILLIS.borrow(cs).get())).into()
    }
}

impl Radio for Stub {
    fn send(&mut self, _to: Id, _frame: &[u8]) {}

    /// Every interrupt ends the sleep: the timer's, here, and that of a radio.
    fn receive(&mut self, until: Option<Timestamp>, _frame: &mut [u8; FRAME]) -> Option<(Id, usize)> {
        while until.is_none_or(|until| self.now() < until) {
            cortex_m::asm::wfi();
        }
        None
    }
}

impl Flash for Stub {
    type Error = Infallible;

    fn write(&mut self, slot: Slot, bytes: &[u8]) -> Result<(), Infallible> {
        let mut whole = [0xFF; SLOT];
        whole.iter_mut().zip(bytes).for_each(|(to, &from)| *to = from);
        let [a, b] = &mut self.flash;
        *(if slot == Slot::A { a } else { b }) = Some(whole);
        Ok(())
    }

    fn read(&mut self, slot: Slot, bytes: &mut [u8; SLOT]) -> Result<(), Infallible> {
        let [a, b] = &self.flash;
        *bytes = (if slot == Slot::A { a } else { b }).unwrap_or([0xFF; SLOT]);
        Ok(())
    }
}

impl Random for Stub {
    fn seed(&mut self) -> [u8; 32] {
        [42; 32]
    }
}

impl Duty for Stub {
    fn lead(&mut self, lease: Lease) {
        self.leads = true;
        report(lease);
    }

    fn rest(&mut self) {
        self.leads = false;
    }
}

/// To whoever emulates this board, which is over then.
#[cfg(feature = "emulated")]
fn report(lease: Lease) {
    use cortex_m_semihosting::{debug, hprintln};
    hprintln!("leads in term {}, until {:?}", lease.term, lease.until);
    debug::exit(debug::EXIT_SUCCESS);
}

#[cfg(not(feature = "emulated"))]
fn report(_: Lease) {}
