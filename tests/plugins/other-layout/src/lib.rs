//! A plugin with the header symbol, base name and ABI version of a real one, whose root module is
//! laid out differently: as if the ABI had been changed without a new version.

// The derives of abi_stable and the exported header cross the plugin boundary.
#![allow(unsafe_code, non_local_definitions, non_camel_case_types)]

use abi_stable::StableAbi;
use abi_stable::library::{CheckTypeLayout, LibHeader, RootModule};
use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::sabi_types::VersionStrings;
use forgekeep_plugin_sdk_draft::{ForeignLoaderResult, abi, load};

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
    const BASE_NAME: &'static str = abi::BASE_NAME;
    const NAME: &'static str = "Forgekeep hoster plugin";
    const VERSION_STRINGS: VersionStrings = <abi::PluginModule_Ref as RootModule>::VERSION_STRINGS;
}

extern "C" fn new(anything: u64) -> u64 {
    anything
}

fn module() -> OtherModule_Ref {
    OtherModule { new }.leak_into_prefix()
}

extern "C" fn loader() -> ForeignLoaderResult {
    load(module)
}

// As forgekeep_plugin_sdk_draft::export_hoster does it, for another root module.
//
// SAFETY: no other symbol of this library has this name; `loader` returns a module of the type
// named.
#[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
static HEADER: LibHeader =
    unsafe { LibHeader::from_constructor::<OtherModule_Ref>(loader, CheckTypeLayout::Yes) };
