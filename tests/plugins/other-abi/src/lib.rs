//! A plugin built for another major of the plugin ABI: the header symbol and base name of a real
//! one, and version 99.

// The derives of abi_stable and the exported header cross the plugin boundary.
#![allow(unsafe_code, non_local_definitions, non_camel_case_types)]

use abi_stable::StableAbi;
use abi_stable::library::{CheckTypeLayout, LibHeader, RootModule};
use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::sabi_types::VersionStrings;
use forgekeep_plugin_sdk_draft::{ForeignLoaderResult, abi, load};

/// What a root module of the far future may look like.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = FutureModule_Ref)))]
#[sabi(missing_field(panic))]
pub struct FutureModule {
    /// Called if the host does not look at the version; nothing must.
    #[sabi(last_prefix_field)]
    pub new: extern "C" fn(u64) -> u64,
}

impl RootModule for FutureModule_Ref {
    abi_stable::declare_root_module_statics! {FutureModule_Ref}
    const BASE_NAME: &'static str = abi::BASE_NAME;
    const NAME: &'static str = "Forgekeep hoster plugin";
    const VERSION_STRINGS: VersionStrings = VersionStrings::new("99.0.0");
}

extern "C" fn new(anything: u64) -> u64 {
    anything
}

fn module() -> FutureModule_Ref {
    FutureModule { new }.leak_into_prefix()
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
    unsafe { LibHeader::from_constructor::<FutureModule_Ref>(loader, CheckTypeLayout::Yes) };
