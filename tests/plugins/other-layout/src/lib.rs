//! A plugin with the table, header symbol, base name and ABI version of a real one, whose root module
//! is laid out differently: as if the ABI had been changed without a new version.

// The derives of abi_stable and the exported header cross the plugin boundary.
#![allow(
    unsafe_code,
    non_local_definitions,
    non_camel_case_types,
    non_upper_case_globals
)]

use abi_stable::StableAbi;
use abi_stable::library::{
    __call_root_module_loader, CheckTypeLayout, LibHeader, RootModule, RootModuleResult,
};
use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::sabi_types::VersionStrings;
use forgekeep_abi::{ABI, Answer, BASE_NAME, Host, MAGIC, PluginModule_Ref, Request, Table};

/// A root module that is not the one of this version.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = OtherModule_Ref)))]
#[sabi(missing_field(panic))]
pub struct OtherModule {
    /// Called if the host does not compare layouts; nothing must.
    #[sabi(last_prefix_field)]
    pub new: extern "C" fn(u64) -> u64,
}

impl RootModule for OtherModule_Ref {
    abi_stable::declare_root_module_statics! {OtherModule_Ref}
    const BASE_NAME: &'static str = BASE_NAME;
    const NAME: &'static str = "Forgekeep hoster plugin";
    const VERSION_STRINGS: VersionStrings = <PluginModule_Ref as RootModule>::VERSION_STRINGS;
}

/// The plain entrance, which is right.
// SAFETY: no other symbol of this library has this name.
#[unsafe(no_mangle)]
pub static forgekeep_plugin_1: Table = Table {
    magic: MAGIC,
    abi: ABI,
    size: size_of::<Table>() as u32,
    call: Some(call),
    drop: Some(drop_object),
};

// SAFETY: it touches nothing.
unsafe extern "C" fn call(_: *const Host, _: *const Request, _: *mut Answer) {}

// SAFETY: the same.
unsafe extern "C" fn drop_object(_: *const Host, _: u64) {}

extern "C" fn new(anything: u64) -> u64 {
    anything
}

fn module() -> OtherModule_Ref {
    OtherModule { new }.leak_into_prefix()
}

extern "C" fn loader() -> RootModuleResult {
    __call_root_module_loader(module)
}

// SAFETY: no other symbol of this library has this name; `loader` returns a module of the type
// named.
#[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
static HEADER: LibHeader =
    unsafe { LibHeader::from_constructor::<OtherModule_Ref>(loader, CheckTypeLayout::Yes) };
