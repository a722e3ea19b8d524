use forgekeep_abi_draft::abi_stable::library::{
    __call_root_module_loader, IntoRootModuleResult, RootModuleResult,
};
use forgekeep_abi_draft::abi_stable::prefix_type::PrefixTypeTrait;
use forgekeep_abi_draft::abi_stable::std_types::RResult;
use forgekeep_abi_draft::{HosterError, PluginBox, PluginModule};

pub use forgekeep_abi_draft::PluginModule_Ref;

use crate::Hoster;
use crate::guard::{GuardedHoster, quiet_panics};

/// Exports a [`Hoster`] from this library, as the plugin that the host loads. The type must have
/// `Default`. Exactly once in a crate of type `cdylib`.
#[macro_export]
macro_rules! export_hoster {
    ($hoster:ty) => {
        const _: () = {
            fn module() -> $crate::PluginModule_Ref {
                $crate::module::<$hoster>()
            }

            extern "C" fn loader() -> $crate::ForeignLoaderResult {
                $crate::load(module)
            }

            // This is abi_stable's `export_root_module`, written out: that macro predates edition
            // 2024 and would make every plugin depend on abi_stable. The name is checked against
            // abi_stable's own by a test of the SDK.
            //
            // SAFETY: no other symbol has this name, as a library exports one plugin; `loader`
            // returns a module of the type named.
            #[allow(unsafe_code)]
            #[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
            static HEADER: $crate::abi::abi_stable::library::LibHeader = unsafe {
                $crate::abi::abi_stable::library::LibHeader::from_constructor::<
                    $crate::PluginModule_Ref,
                >(
                    loader,
                    $crate::abi::abi_stable::library::CheckTypeLayout::Yes,
                )
            };
        };
    };
}

/// What the loader function of the exported header returns.
pub type ForeignLoaderResult = RootModuleResult;

/// Runs a module's constructor as abi_stable expects it, panics caught.
pub fn load<M: IntoRootModuleResult>(module: fn() -> M) -> RootModuleResult {
    __call_root_module_loader(module)
}

/// The root module of a hoster.
pub fn module<H: Hoster + Default>() -> PluginModule_Ref {
    PluginModule { new: new::<H> }.leak_into_prefix()
}

extern "C" fn new<H: Hoster + Default>() -> RResult<PluginBox, HosterError> {
    quiet_panics();
    match GuardedHoster::boxed(H::default) {
        Ok(plugin) => RResult::ROk(plugin),
        Err(error) => RResult::RErr(error),
    }
}

#[cfg(test)]
mod tests {
    use forgekeep_abi_draft::abi_stable::library::ROOT_MODULE_LOADER_NAME;

    #[test]
    fn the_exported_symbol_is_abi_stables() {
        assert_eq!(
            ROOT_MODULE_LOADER_NAME,
            "_1as_0lib_1header_0root_bmodule_bloader"
        );
    }
}
