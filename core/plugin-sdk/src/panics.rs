//! The guard against panics. One that leaves a plugin's method ends the process, and nothing on the
//! host's side can catch it; so each call is wrapped here, on the plugin's side.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use forgekeep_plugin_documents::{ErrorKind, HosterError};

/// What to do about a panic.
const REPORT_IT: &str = "report it to its authors: this is a bug of the plugin";

thread_local! {
    /// How many guards are open in this thread.
    static GUARDS: Cell<u32> = const { Cell::new(0) };
    /// Where the last panic under a guard happened.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps panics under a guard off the terminal, and remembers where they happened. Others, those of a
/// plugin's own threads and of its tests, are told as before.
fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if GUARDS.get() == 0 {
                before(info);
                return;
            }
            let place = info.location().map(ToString::to_string);
            PLACE.with(|cell| *cell.borrow_mut() = place);
        }));
    });
}

/// What became of a call under the guard.
pub(crate) enum Guarded<T> {
    Returned(T),
    Panicked(HosterError),
}

/// Calls, and catches a panic. `plugin` and `method` name it.
pub(crate) fn guarded<T>(plugin: &str, method: &str, call: impl FnOnce() -> T) -> Guarded<T> {
    quiet_panics();
    GUARDS.set(GUARDS.get() + 1);
    let returned = catch_unwind(AssertUnwindSafe(call));
    let guarded = match returned {
        Ok(value) => Guarded::Returned(value),
        Err(payload) => {
            let said = payload
                .downcast_ref::<&str>()
                .map(ToString::to_string)
                .or_else(|| payload.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "no message".to_owned());
            // Dropping the payload runs the plugin's code once more.
            if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                std::mem::forget(again);
            }
            let place = PLACE.with(|cell| cell.borrow_mut().take());
            let at = place.map_or_else(String::new, |place| format!(" at {place}"));
            Guarded::Panicked(
                HosterError::new(
                    ErrorKind::Plugin,
                    format!("plugin {plugin} panicked in {method}{at}: {said}"),
                )
                .with_hint(REPORT_IT),
            )
        }
    };
    GUARDS.set(GUARDS.get() - 1);
    guarded
}
