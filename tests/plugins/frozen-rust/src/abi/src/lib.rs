//! ABI 1: what crosses the boundary between Forgekeep and a hoster plugin, as C sees it.
//!
//! A plugin is a table of two functions, `call` and `drop`; the host offers one, `call`, the other way.
//! A call carries the name of a method, a document (JSON) and raw bytes. What the documents mean is in
//! `forgekeep-plugin-documents`, and grows; what stands here is frozen and never changes.
//!
//! A plugin exports its table twice: as the data symbol `forgekeep_plugin_1`, which is found without
//! running any of its code, and by abi_stable's root module ([`PluginModule`]), whose header and layout
//! are checked. One in C has the symbol alone.
//!
//! The same in C, with the rules, is `forgekeep_plugin.h`:
//!
//! ```c
#![doc = include_str!("../forgekeep_plugin.h")]
//! ```

// abi_stable's derive expands to unsafe impls and to impls inside constants, and names the generated
// type with an underscore. What else is unsafe are the few functions that read what came across.
#![allow(unsafe_code, non_local_definitions, non_camel_case_types)]

use std::ffi::c_void;

use abi_stable::StableAbi;
use abi_stable::library::RootModule;
use abi_stable::sabi_types::VersionStrings;

pub use abi_stable;

/// The symbol of a [`Table`].
pub const SYMBOL: &str = "forgekeep_plugin_1";

/// What a [`Table`] begins with.
pub const MAGIC: [u8; 8] = *b"FORGEKP1";

/// The number in [`Table::abi`] and [`Host::abi`].
pub const ABI: u32 = 1;

/// Base name in abi_stable's header, by which a plugin is told from any other library made with it.
pub const BASE_NAME: &str = "forgekeep_hoster";

/// [`Answer::status`]: the caller's own, from before the call.
pub const NOT_ANSWERED: u32 = 0;

/// [`Answer::status`]: the document is the method's result.
pub const RESULT: u32 = 1;

/// [`Answer::status`]: the document is an error.
pub const ERROR: u32 = 2;

/// Bytes that somebody else owns, for the duration of a call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    /// The first of them. Not looked at where `len` is 0.
    pub ptr: *const u8,
    /// How many.
    pub len: usize,
}

/// Bytes that are handed over.
#[repr(C)]
#[derive(Debug)]
pub struct Bytes {
    /// The first of them. Not looked at where `len` is 0.
    pub ptr: *mut u8,
    /// How many.
    pub len: usize,
    /// Whatever `free` needs.
    pub context: usize,
    /// Gives them back to whoever made them. `None`: nothing to free.
    pub free: Option<unsafe extern "C" fn(ptr: *mut u8, len: usize, context: usize)>,
}

/// What is asked.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// `size_of::<Request>()`, as the caller knows it.
    pub size: u32,
    /// 0.
    pub flags: u32,
    /// Who is asked: 0 is the plugin; for the host, 0.
    pub object: u64,
    /// Number of the call, which the host gives; in a request to the host, the number of the call it
    /// is made within.
    pub call: u64,
    /// Name of the method, UTF-8.
    pub method: Slice,
    /// A JSON object, UTF-8.
    pub doc: Slice,
    /// Raw bytes that the document speaks of.
    pub body: Slice,
}

/// What is answered.
#[repr(C)]
#[derive(Debug)]
pub struct Answer {
    /// `size_of::<Answer>()`, as the caller knows it.
    pub size: u32,
    /// [`NOT_ANSWERED`], [`RESULT`] or [`ERROR`].
    pub status: u32,
    /// A JSON object, UTF-8.
    pub doc: Bytes,
    /// Raw bytes that the document speaks of.
    pub body: Bytes,
}

/// What a plugin may ask of the host, for the duration of a call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// `size_of::<Host>()`, as the host knows it.
    pub size: u32,
    /// [`ABI`].
    pub abi: u32,
    /// The host's own; goes back with each call.
    pub context: *const c_void,
    /// Asks the host.
    pub call: Option<unsafe extern "C" fn(*const c_void, *const Request, *mut Answer)>,
}

/// A plugin.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// [`ABI`].
    pub abi: u32,
    /// `size_of::<Table>()`, as the plugin knows it.
    pub size: u32,
    /// Asks the plugin, or one of its objects.
    pub call: Option<unsafe extern "C" fn(*const Host, *const Request, *mut Answer)>,
    /// An object is no longer needed.
    pub drop: Option<unsafe extern "C" fn(*const Host, object: u64)>,
}

const _: () = {
    assert!(cfg!(not(target_pointer_width = "64")) || size_of::<Slice>() == 16);
    assert!(cfg!(not(target_pointer_width = "64")) || size_of::<Bytes>() == 32);
    assert!(cfg!(not(target_pointer_width = "64")) || size_of::<Request>() == 72);
    assert!(cfg!(not(target_pointer_width = "64")) || size_of::<Answer>() == 72);
    assert!(cfg!(not(target_pointer_width = "64")) || size_of::<Host>() == 24);
    assert!(cfg!(not(target_pointer_width = "64")) || size_of::<Table>() == 32);
};

/// abi_stable's root module: the second way to the same table.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginModule_Ref)))]
#[sabi(missing_field(panic))]
pub struct PluginModule {
    /// The plugin's [`Table`], the one behind [`SYMBOL`]. abi_stable takes it as it is: what is in it is
    /// checked by its own magic, number and size.
    #[sabi(unsafe_opaque_field)]
    #[sabi(last_prefix_field)]
    pub table: extern "C" fn() -> *const Table,
}

impl RootModule for PluginModule_Ref {
    abi_stable::declare_root_module_statics! {PluginModule_Ref}
    const BASE_NAME: &'static str = BASE_NAME;
    const NAME: &'static str = "Forgekeep hoster plugin";
    const VERSION_STRINGS: VersionStrings = abi_stable::package_version_strings!();
}

/// Bytes came that cannot be: more than there is memory, or none where there should be some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokenBytes;

impl Slice {
    /// These bytes, for as long as they are borrowed: the caller sees to that.
    pub const fn of(bytes: &[u8]) -> Self {
        Self {
            ptr: bytes.as_ptr(),
            len: bytes.len(),
        }
    }

    /// The bytes.
    ///
    /// # Errors
    ///
    /// [`BrokenBytes`] if there are too many, or no address for them.
    ///
    /// # Safety
    ///
    /// Rule 2: `ptr` is good for `len` bytes for as long as `'a`, and nobody writes to them.
    // SAFETY: for the callers to keep, as said above.
    pub unsafe fn bytes<'a>(self) -> Result<&'a [u8], BrokenBytes> {
        match self.len {
            0 => Ok(&[]),
            len if isize::try_from(len).is_err() || self.ptr.is_null() => Err(BrokenBytes),
            // SAFETY: by the caller's promise; neither too long nor null.
            len => Ok(unsafe { std::slice::from_raw_parts(self.ptr, len) }),
        }
    }
}

impl Bytes {
    /// None.
    pub const fn none() -> Self {
        Self {
            ptr: std::ptr::null_mut(),
            len: 0,
            context: 0,
            free: None,
        }
    }

    /// Hands these over.
    pub fn give(bytes: Vec<u8>) -> Self {
        let mut bytes = std::mem::ManuallyDrop::new(bytes);
        Self {
            ptr: bytes.as_mut_ptr(),
            len: bytes.len(),
            context: bytes.capacity(),
            free: Some(free),
        }
    }

    /// Takes them: a copy of our own, and theirs are freed.
    ///
    /// # Errors
    ///
    /// [`BrokenBytes`] if there are too many, or no address for them. Then nothing is freed.
    ///
    /// # Safety
    ///
    /// Rule 3: they are what a callee has answered, `ptr` is good for `len` bytes, and they have not been
    /// taken before.
    // SAFETY: for the callers to keep, as said above.
    pub unsafe fn take(self) -> Result<Vec<u8>, BrokenBytes> {
        let slice = Slice {
            ptr: self.ptr,
            len: self.len,
        };
        // SAFETY: by the caller's promise; copied before they are freed.
        let copy = unsafe { slice.bytes() }?.to_vec();
        if let Some(free) = self.free {
            // SAFETY: rule 3, once, with the values that came with it.
            unsafe { free(self.ptr, self.len, self.context) };
        }
        Ok(copy)
    }
}

/// Frees what [`Bytes::give`] has handed over.
unsafe extern "C" fn free(ptr: *mut u8, len: usize, capacity: usize) {
    // SAFETY: rule 3: the values of a vector that `give` has forgotten, and they come once.
    drop(unsafe { Vec::from_raw_parts(ptr, len, capacity) });
}

impl Answer {
    /// As the caller hands it over.
    pub fn blank() -> Self {
        Self {
            size: size_of::<Self>() as u32,
            status: NOT_ANSWERED,
            doc: Bytes::none(),
            body: Bytes::none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn every_field_is_where_the_header_has_it() {
        assert_eq!((offset_of!(Slice, ptr), offset_of!(Slice, len)), (0, 8));
        let bytes = (
            offset_of!(Bytes, ptr),
            offset_of!(Bytes, len),
            offset_of!(Bytes, context),
            offset_of!(Bytes, free),
        );
        assert_eq!(bytes, (0, 8, 16, 24));
        let request = [
            offset_of!(Request, size),
            offset_of!(Request, flags),
            offset_of!(Request, object),
            offset_of!(Request, call),
            offset_of!(Request, method),
            offset_of!(Request, doc),
            offset_of!(Request, body),
        ];
        assert_eq!(request, [0, 4, 8, 16, 24, 40, 56]);
        let answer = (
            offset_of!(Answer, size),
            offset_of!(Answer, status),
            offset_of!(Answer, doc),
            offset_of!(Answer, body),
        );
        assert_eq!(answer, (0, 4, 8, 40));
        let host = (
            offset_of!(Host, size),
            offset_of!(Host, abi),
            offset_of!(Host, context),
            offset_of!(Host, call),
        );
        assert_eq!(host, (0, 4, 8, 16));
        let table = [
            offset_of!(Table, magic),
            offset_of!(Table, abi),
            offset_of!(Table, size),
            offset_of!(Table, call),
            offset_of!(Table, drop),
        ];
        assert_eq!(table, [0, 8, 12, 16, 24]);
    }

    #[test]
    fn bytes_go_across_once() {
        let mut long = Vec::with_capacity(100);
        long.extend_from_slice(b"abc");
        for bytes in [long, Vec::new(), vec![7; 4096]] {
            let expected = bytes.clone();
            let given = Bytes::give(bytes);
            // SAFETY: just given, taken once.
            assert_eq!(unsafe { given.take() }, Ok(expected));
        }
        // SAFETY: there is nothing to look at.
        assert_eq!(unsafe { Bytes::none().take() }, Ok(Vec::new()));
    }

    #[test]
    fn bytes_that_cannot_be_are_refused() {
        let null = Slice {
            ptr: std::ptr::null(),
            len: 1,
        };
        let endless = Slice {
            ptr: [0_u8].as_ptr(),
            len: usize::MAX,
        };
        for slice in [null, endless] {
            // SAFETY: refused before it is looked at.
            assert_eq!(unsafe { slice.bytes() }, Err(BrokenBytes));
        }
        let dangling = Slice {
            ptr: std::ptr::without_provenance(1),
            len: 0,
        };
        // SAFETY: no byte is looked at.
        assert_eq!(unsafe { dangling.bytes() }, Ok(&[][..]));
    }
}
