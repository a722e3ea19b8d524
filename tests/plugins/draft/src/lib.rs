//! A plugin of the draft ABI, which came before ABI 1: it has abi_stable's header alone, with version
//! 0.1.0.

// The derives of abi_stable and the exported header cross the plugin boundary.
#![allow(unsafe_code, non_local_definitions, non_camel_case_types)]

use abi_stable::StableAbi;
use abi_stable::library::{
    __call_root_module_loader, CheckTypeLayout, LibHeader, RootModule, RootModuleResult,
};
use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::sabi_types::VersionStrings;

/// A root module that is not that of ABI 1.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = DraftModule_Ref)))]
#[sabi(missing_field(panic))]
pub struct DraftModule {
    /// Called if the host does not look at the version; nothing must.
    #[sabi(last_prefix_field)]
    pub new: extern "C" fn(u64) -> u64,
}

impl RootModule for DraftModule_Ref {
    abi_stable::declare_root_module_statics! {DraftModule_Ref}
    const BASE_NAME: &'static str = "forgekeep_hoster";
    const NAME: &'static str = "Forgekeep hoster plugin";
    const VERSION_STRINGS: VersionStrings = VersionStrings::new("0.1.0");
}

extern "C" fn new(anything: u64) -> u64 {
    anything
}

fn module() -> DraftModule_Ref {
    DraftModule { new }.leak_into_prefix()
}

extern "C" fn loader() -> RootModuleResult {
    __call_root_module_loader(module)
}

// SAFETY: no other symbol of this library has this name; `loader` returns a module of the type
// named.
#[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
static HEADER: LibHeader =
    unsafe { LibHeader::from_constructor::<DraftModule_Ref>(loader, CheckTypeLayout::Yes) };
