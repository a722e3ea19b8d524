use forgekeep_abi::abi_stable::library::{__call_root_module_loader, RootModuleResult};
use forgekeep_abi::abi_stable::prefix_type::PrefixTypeTrait;
use forgekeep_abi::{ABI, Answer, Host, MAGIC, PluginModule, PluginModule_Ref, Request, Table};

use crate::hoster::Hoster;
use crate::panics::{Guarded, guarded};
use crate::plugin::Plugin;
use crate::wire;

/// A hoster that [`export_hoster!`](crate::export_hoster) has exported.
pub trait Exported: Hoster + Default {
    /// The one of this library.
    fn plugin() -> &'static Plugin<Self>;

    /// The table behind the symbol.
    fn table() -> &'static Table;
}

/// The table of a hoster.
pub const fn table<H: Exported>() -> Table {
    Table {
        magic: MAGIC,
        abi: ABI,
        size: size_of::<Table>() as u32,
        call: Some(call::<H>),
        drop: Some(drop_object::<H>),
    }
}

/// The root module of a hoster.
pub fn module<H: Exported>() -> PluginModule_Ref {
    PluginModule {
        table: given_table::<H>,
    }
    .leak_into_prefix()
}

/// Runs a module's constructor as abi_stable expects it, panics caught.
pub fn loader_result(module: fn() -> PluginModule_Ref) -> RootModuleResult {
    __call_root_module_loader(module)
}

extern "C" fn given_table<H: Exported>() -> *const Table {
    H::table()
}

/// [`Table::call`].
///
/// # Safety
///
/// Rules 1 and 2 of the ABI.
// SAFETY: for the host to keep, as said above.
unsafe extern "C" fn call<H: Exported>(
    host: *const Host,
    request: *const Request,
    answer: *mut Answer,
) {
    // `Plugin::call` catches the panics of the plugin's own code. One that is caught here leaves the call
    // without an answer, which the host takes for a broken plugin.
    let answered = guarded("", "call", || {
        // SAFETY: rule 2: both are valid until this returns.
        let (incoming, line) = unsafe {
            let incoming = wire::incoming(request)?;
            let line = wire::Line::of(host, incoming.call);
            (incoming, line)
        };
        Some(H::plugin().call(&incoming, line))
    });
    if let Guarded::Returned(Some(given)) = answered {
        // SAFETY: rule 1: the answer is the caller's, as large as it says.
        unsafe { wire::answer(answer, given) };
    }
}

/// [`Table::drop`].
///
/// # Safety
///
/// None is needed: the host is not used.
// SAFETY: as said above.
unsafe extern "C" fn drop_object<H: Exported>(_host: *const Host, object: u64) {
    let _ = guarded("", "drop", || H::plugin().drop_object(object));
}

#[cfg(test)]
mod tests {
    use forgekeep_abi::abi_stable::library::ROOT_MODULE_LOADER_NAME;

    #[test]
    fn the_exported_symbol_is_abi_stables() {
        assert_eq!(
            ROOT_MODULE_LOADER_NAME,
            "_1as_0lib_1header_0root_bmodule_bloader"
        );
        assert_eq!(forgekeep_abi::SYMBOL, "forgekeep_plugin_1");
    }
}
