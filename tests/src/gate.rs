//! What stands before the hoster: it writes down every request, and lets the faults happen.

use std::sync::Arc;

use forgekeep_demo_hoster::{Handler, Reply, Request, Site};
use parking_lot::{Mutex, MutexGuard};

use crate::fault::{Fault, Release};
use crate::logged::Logged;

/// The handler in front of the site.
pub(crate) struct Gate {
    pub(crate) site: Arc<Site>,
    pub(crate) release: Arc<Release>,
    log: Mutex<Vec<Logged>>,
    faults: Mutex<Vec<Fault>>,
}

impl Gate {
    pub(crate) fn new(site: Arc<Site>) -> Self {
        Self {
            site,
            release: Arc::default(),
            log: Mutex::default(),
            faults: Mutex::default(),
        }
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Vec<Logged>> {
        self.log.lock()
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.faults.lock()
    }
}

impl Handler for Gate {
    fn handle(&self, request: Request) -> Reply {
        let logged = Logged::of(&request);
        // All rules count, also behind one that strikes.
        let mut faults = self.faults();
        let mut striking: Vec<_> = faults
            .iter_mut()
            .filter_map(|f| f.strikes(&logged))
            .collect();
        drop(faults);
        self.log().push(logged.clone());
        match striking.is_empty() {
            true => self.site.handle(request),
            false => striking
                .swap_remove(0)
                .perform(&logged, request, &self.site, &self.release),
        }
    }
}
