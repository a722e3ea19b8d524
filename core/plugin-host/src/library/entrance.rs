//! The ways into a library: the symbol with the table, and abi_stable's header, where there is one.

// Reading symbols cannot be safe.
#![allow(unsafe_code)]

use forgekeep_abi::abi_stable::library::{
    AbiHeaderRef, LibHeader, LibraryError, ROOT_MODULE_LOADER_NAME_WITH_NUL,
};
use forgekeep_abi::{ABI, BASE_NAME, MAGIC, PluginModule_Ref, SYMBOL, Table};
use libloading::Library;

use crate::unfit::{Unfit, one_line};

/// The table behind the plain symbol: data, so that none of the plugin's code runs for it.
pub(super) fn table(library: &'static Library) -> Result<&'static Table, Unfit> {
    // SAFETY: nothing is read yet; the address of the symbol is looked at as one.
    let symbol = unsafe { library.get::<*const Table>(SYMBOL.as_bytes()) };
    let Ok(symbol) = symbol else {
        return Err(without_symbol(library));
    };
    let table: *const Table = *symbol;
    if table.is_null() || !table.is_aligned() {
        return Err(Unfit::NotATable("it has no proper address".to_owned()));
    }
    // Magic, number and size come first, and lie in any table of any number.
    // SAFETY: a symbol of this name is a table by the ABI; libraries are never unloaded. A symbol that
    // is none and shorter than these 16 bytes lies in the same page of data as what follows it.
    let (magic, abi, size) = unsafe {
        (
            (&raw const (*table).magic).read(),
            (&raw const (*table).abi).read(),
            (&raw const (*table).size).read(),
        )
    };
    if magic != MAGIC {
        return Err(Unfit::NotATable(
            "it does not begin with FORGEKP1".to_owned(),
        ));
    }
    if abi != ABI {
        return Err(Unfit::OtherAbi {
            theirs: abi.to_string(),
            ours: ABI,
        });
    }
    let needed = size_of::<Table>();
    if usize::try_from(size).is_ok_and(|size| size < needed) {
        return Err(Unfit::NotATable(format!(
            "it has {size} bytes, and {needed} are needed"
        )));
    }
    // SAFETY: as long as it has to be, by its own word; function pointers may be null, as they are
    // `Option`s.
    Ok(unsafe { &*table })
}

/// Why a library without the symbol cannot be used: one of the draft is told by its version.
fn without_symbol(library: &'static Library) -> Unfit {
    let Some(header) = header(library) else {
        return Unfit::NoSymbol;
    };
    match check_identity(header) {
        Ok(()) => Unfit::OtherAbi {
            theirs: version(header),
            ours: ABI,
        },
        Err(unfit) => unfit,
    }
}

/// Where abi_stable's header is there and can be read, it must lead to the same table.
pub(super) fn check_header(library: &'static Library, table: &'static Table) -> Result<(), Unfit> {
    let Some(header) = header(library) else {
        return Ok(());
    };
    check_identity(header)?;
    let theirs = version(header);
    if theirs.split('.').next() != Some(ABI.to_string().as_str()) {
        return Err(Unfit::OtherAbi { theirs, ours: ABI });
    }
    let module = header
        .init_root_module::<PluginModule_Ref>()
        .map_err(module_error)?;
    match std::ptr::eq(module.table()(), table) {
        true => Ok(()),
        false => Err(Unfit::TwoTables),
    }
}

/// abi_stable's header, if there is one and this version of abi_stable can read it.
fn header(library: &'static Library) -> Option<&'static LibHeader> {
    // SAFETY: the symbol is a static `LibHeader`, of which `AbiHeaderRef` is the address; its first
    // field is a magic string, which `upgrade` compares before it looks at anything else.
    let header =
        unsafe { library.get::<AbiHeaderRef>(ROOT_MODULE_LOADER_NAME_WITH_NUL.as_bytes()) };
    match header.ok()?.upgrade() {
        Ok(header) => Some(header),
        Err(error) => {
            log::debug!("abi_stable's header cannot be read: {error}");
            None
        }
    }
}

fn check_identity(header: &LibHeader) -> Result<(), Unfit> {
    let name = header.root_mod_consts().base_name();
    match name.as_str() == BASE_NAME {
        true => Ok(()),
        false => Err(Unfit::NotOurs(format!(
            "its header says \"{}\"",
            one_line(name.as_str())
        ))),
    }
}

fn version(header: &LibHeader) -> String {
    one_line(header.version_strings().version.as_str())
}

fn module_error(error: LibraryError) -> Unfit {
    log::debug!("{error}");
    match error {
        LibraryError::AbiInstability(_) => Unfit::OtherLayout(ABI),
        other => Unfit::Failed(one_line(&other.to_string())),
    }
}
