use quorate_register::MemoryCell;

use crate::contract;

#[test]
fn a_register_in_memory_keeps_the_contract() {
    let register = MemoryCell::default();
    contract::keep(&|| Box::new(register.clone()));
}
