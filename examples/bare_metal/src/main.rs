//! A node on a board whose drivers are stubs: the radio receives nothing, and the flash is memory. The node
//! is the only voter of its group, so it elects itself. Replace [`Stub`] by your board's drivers;
//! everything else stays.
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

/// A node takes about 500 bytes, and its messages and writes a little more. The rest is spare.
const HEAP_SIZE: usize = 8 * 1024;

/// The frequency of the core, and of the stub's clock, after a reset.
const CORE_HZ: u32 = 16_000_000;

#[global_allocator]
static HEAP: Heap = Heap::empty();

static MILLIS: Mutex<Cell<u64>> = Mutex::new(Cell::new(0));

#[entry]
fn main() -> ! {
    // SAFETY: this is called once, before anything is allocated.
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
        // Without a first state a reset would not help, so the device waits until the operator sets it up.
        Err(Failure::NoState) => loop {
            cortex_m::asm::wfi();
        },
        Err(_) => SCB::sys_reset(),
    }
}

fn serve(id: Id, board: &mut Stub) -> Result<Infallible, Failure<Infallible>> {
    // The stub forgets everything at each reset, and there is no other voter to which it could be bound. On
    // your board this is a command of the operator, and never happens by itself.
    let first = HardState::bootstrap(ClusterId(42), [id]).map_err(|error| Failure::Config(error.into()))?;
    provision(board, &first)?;
    Node::start(id, board)?.run(board)
}

/// The node never goes on after a panic. After a reset it resumes from the stored state.
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

/// Stub drivers, which need no hardware.
#[derive(Default)]
struct Stub {
    flash: [Option<[u8; SLOT]>; 2],
    /// This stands for a lamp that is lit while the node leads.
    leads: bool,
}

/// The system timer stops in deep sleep. The stub never sleeps deeply, so the timer is enough here.
impl Clock for Stub {
    fn now(&mut self) -> Timestamp {
        Duration::from_millis(free(|cs| MILLIS.borrow(cs).get())).into()
    }
}

impl Radio for Stub {
    fn send(&mut self, _to: Id, _frame: &[u8]) {}

    /// Every interrupt ends the sleep: here that of the timer, on your board that of the radio too.
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

    fn stop_leading(&mut self) {
        self.leads = false;
    }
}

/// Reports to the emulator that the node leads, and ends the emulation.
#[cfg(feature = "emulated")]
fn report(lease: Lease) {
    use cortex_m_semihosting::{debug, hprintln};
    hprintln!("leads in term {}, until {:?}", lease.term, lease.until);
    debug::exit(debug::EXIT_SUCCESS);
}

#[cfg(not(feature = "emulated"))]
fn report(_: Lease) {}
