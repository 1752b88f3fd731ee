//! Passes the memory map to the linker, for the microcontroller only.

fn main() {
    println!("cargo:rerun-if-changed=memory.x");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("none") {
        println!("cargo:rustc-link-search={}", env!("CARGO_MANIFEST_DIR"));
        println!("cargo:rustc-link-arg-bins=-Tlink.x");
        // Without this option some linkers would page-align the image for the flash.
        println!("cargo:rustc-link-arg-bins=--nmagic");
    }
}
