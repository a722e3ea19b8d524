//! FROZEN. abi_stable knows a type by its name and by the package it is from, as the compiler was told it.
//! The copy of ABI 1 is here in another package than the original, and says that it is from that.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=CARGO_PKG_NAME=forgekeep-abi");
}
