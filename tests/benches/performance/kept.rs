//! Whether a change has made it slower: processor time of ours against git's, compared with what is kept in
//! `kept.toml`.
//!
//! Processor time hardly depends on what else the machine does, and its ratio to git's little on which machine
//! it is. Still a ratio may be twice the kept one before it counts.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::works::Work;

/// How many times the kept ratio is too much.
const TOO_MUCH: f64 = 2.0;

const FILE: &str = "benches/performance/kept.toml";

const HEAD: &str = "\
# Processor time of forgekeep against git's for the same, as .ci/run measures it, which fails at twice of these.
# Written anew by: FORGEKEEP_UPDATE_DOCS=1, and the command that .ci/run has for it.
";

/// Keeps what was measured, or fails.
pub fn compare(works: &[Work]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let ratios = works.iter().map(|work| {
        let ratio = work.ratio(|one| one.cost.processor);
        assert!(ratio.is_finite() && ratio > 0.0, "{}: no time", work.name);
        (work, ratio)
    });
    if crate::writes() {
        let mut text = HEAD.to_owned();
        for (work, ratio) in ratios {
            let _ = writeln!(text, "{} = {ratio:.3}", work.name);
        }
        fs::write(&path, text).expect("the file can be written");
        return;
    }
    let text = fs::read_to_string(&path).expect("the file is there");
    let kept: BTreeMap<String, f64> = toml::from_str(&text).expect("names and ratios");
    let mut slower = Vec::new();
    println!("processor time against git's:");
    for (work, ratio) in ratios {
        let kept = kept.get(work.name).copied();
        let kept = kept.unwrap_or_else(|| panic!("{FILE} has no line for {}", work.name));
        println!(
            "  {}: {ratio:.3}; kept {kept:.3}; time {:.2}",
            work.name,
            work.ratio(|one| one.cost.time)
        );
        if ratio > kept * TOO_MUCH {
            slower.push(work.name);
        }
    }
    assert!(
        slower.is_empty(),
        "{slower:?}: more than {TOO_MUCH} times the processor time that is kept in {FILE}, against git's; make \
         it faster again, or keep the new ratio and say in the change why"
    );
}
