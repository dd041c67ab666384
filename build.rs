//! Links the unwinder into the binary, so that it needs nothing but libc: with GNU libc the standard library would take
//! it from libgcc_s.so. The archive is part of the compiler that links every Rust program.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let gnu = std::env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|env| env == "gnu");
    if gnu {
        println!("cargo:rustc-link-arg-bins=-Wl,--push-state,--whole-archive,-l:libgcc_eh.a,--pop-state");
    }
}
