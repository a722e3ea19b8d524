//! The macro that authors write. What it expands to is in `__private`.

/// Exports a [`Hoster`](crate::Hoster) from this library, as the plugin that the host loads. The type must have
/// `Default`. Exactly once in a crate of type `cdylib`.
#[macro_export]
macro_rules! export_hoster {
    ($hoster:ty) => {
        const _: () = {
            #[cfg(panic = "abort")]
            compile_error!(
                "a Forgekeep plugin cannot be built with panic = \"abort\": a panic of it would end the \
                 process instead of failing one call; remove `panic = \"abort\"` from the profile"
            );

            // The symbol of ABI 1. It is data, so that it is found without running any code.
            //
            // SAFETY: no other symbol has this name, as a library exports one plugin.
            #[allow(unsafe_code)]
            #[unsafe(export_name = "forgekeep_plugin_1")]
            static TABLE: $crate::__private::abi::Table = $crate::__private::table::<$hoster>();

            impl $crate::__private::Exported for $hoster {
                fn plugin() -> &'static $crate::__private::Plugin<Self> {
                    static PLUGIN: ::std::sync::OnceLock<$crate::__private::Plugin<$hoster>> =
                        ::std::sync::OnceLock::new();
                    PLUGIN.get_or_init(::std::default::Default::default)
                }

                fn table() -> &'static $crate::__private::abi::Table {
                    &TABLE
                }
            }

            fn module() -> $crate::__private::abi::PluginModule_Ref {
                $crate::__private::module::<$hoster>()
            }

            extern "C" fn loader()
            -> $crate::__private::abi::abi_stable::library::RootModuleResult {
                $crate::__private::loader_result(module)
            }

            // This is abi_stable's `export_root_module`, written out: that macro predates edition
            // 2024 and would make every plugin depend on abi_stable. The name is checked against
            // abi_stable's own by a test of the SDK.
            //
            // SAFETY: no other symbol has this name, as a library exports one plugin; `loader`
            // returns a module of the type named.
            #[allow(unsafe_code)]
            #[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
            static HEADER: $crate::__private::abi::abi_stable::library::LibHeader = unsafe {
                $crate::__private::abi::abi_stable::library::LibHeader::from_constructor::<
                    $crate::__private::abi::PluginModule_Ref,
                >(
                    loader,
                    $crate::__private::abi::abi_stable::library::CheckTypeLayout::Yes,
                )
            };
        };
    };
}
