//! What nobody thought of.

use abi_stable::std_types::{RString, RVec, Tuple2};

/// Key and value for what a structure has no field for; see the head of this crate.
pub type Extras = RVec<Tuple2<RString, RString>>;
