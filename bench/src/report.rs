//! Samples, and the table that they go into.

use std::{fmt::Write as _, fs, time::Instant};

/// The same thing measured several times.
pub struct Sample(Vec<f64>);

impl Sample {
    /// Measures so many times.
    pub fn of(rounds: usize, mut measure: impl FnMut() -> f64) -> Self {
        Self((0..rounds).map(|_| measure()).collect::<Vec<_>>()).sorted()
    }

    /// Two things in turns.
    pub fn pair(rounds: usize, mut a: impl FnMut() -> f64, mut b: impl FnMut() -> f64) -> (Self, Self) {
        // not measured: the first run of each fills caches
        a();
        b();
        let (a, b): (Vec<_>, Vec<_>) = (0..rounds).map(|_| (a(), b())).unzip();
        (Self(a).sorted(), Self(b).sorted())
    }

    /// What was measured once.
    pub fn once(value: f64) -> Self {
        Self(vec![value])
    }

    fn sorted(mut self) -> Self {
        self.0.sort_by(f64::total_cmp);
        self
    }

    /// The middle one.
    pub fn median(&self) -> f64 {
        self.0.get(self.0.len() / 2).copied().unwrap_or(f64::NAN)
    }

    fn shown(&self, unit: &str) -> String {
        match self.0.as_slice() {
            [one] => format!("{} {unit}", figure(*one)),
            [least, .., greatest] => {
                format!("{} {unit} ({}–{})", figure(self.median()), figure(*least), figure(*greatest))
            }
            [] => "nothing".into(),
        }
    }
}

fn figure(value: f64) -> String {
    match value.abs() {
        large if large >= 1000.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Seconds that something takes.
pub fn seconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

/// What a target asks for.
#[derive(Clone, Copy)]
pub enum Target {
    /// Of the figure itself.
    AtMost(f64),
    /// Of the figure itself.
    AtLeast(f64),
    /// Of its ratio to the baseline.
    RatioAtMost(f64),
    /// Of its ratio to the baseline.
    RatioAtLeast(f64),
    /// For comparison.
    None,
}

/// One line.
pub struct Row {
    /// What is measured.
    pub what: &'static str,
    /// Of the figure and its baseline.
    pub unit: &'static str,
    /// What it came to.
    pub measured: Sample,
    /// What it is compared with.
    pub baseline: Option<(&'static str, Sample)>,
    /// What it should be.
    pub target: Target,
}

impl Row {
    fn ratio(&self) -> Option<f64> {
        self.baseline.as_ref().map(|(_, sample)| self.measured.median() / sample.median())
    }

    fn target(&self) -> (String, &'static str) {
        let (value, ratio) = (self.measured.median(), self.ratio().unwrap_or(f64::NAN));
        let (text, met) = match self.target {
            Target::AtMost(limit) => (format!("≤ {limit} {}", self.unit), value <= limit),
            Target::AtLeast(limit) => (format!("≥ {limit} {}", self.unit), value >= limit),
            Target::RatioAtMost(limit) => (format!("≤ {limit}x"), ratio <= limit),
            Target::RatioAtLeast(limit) => (format!("≥ {limit}x"), ratio >= limit),
            Target::None => return (String::new(), ""),
        };
        (text, if met { "met" } else { "**missed**" })
    }
}

/// All lines.
#[derive(Default)]
pub struct Table(Vec<Row>);

impl Table {
    /// Adds rows.
    pub fn extend(&mut self, rows: Vec<Row>) {
        self.0.extend(rows);
    }

    /// As Markdown.
    pub fn to_markdown(&self) -> String {
        let mut text = format!(
            "# Results\n\nWritten by `cargo xtask bench` on {}.\nMedians, with the least and the greatest in brackets. A ratio is the \
             figure over its baseline, both measured in turns in the same run.\n\n\
             | what | measured | baseline | ratio | target | |\n|---|---|---|---|---|---|\n",
            machine()
        );
        for row in &self.0 {
            let measured = row.measured.shown(row.unit);
            let baseline = row
                .baseline
                .as_ref()
                .map(|(name, sample)| format!("{name}: {}", sample.shown(row.unit)))
                .unwrap_or_default();
            let ratio = row.ratio().map(|ratio| format!("{ratio:.2}x")).unwrap_or_default();
            let (target, met) = row.target();
            let _infallible = writeln!(text, "| {} | {measured} | {baseline} | {ratio} | {target} | {met} |", row.what);
        }
        text
    }
}

/// The processor and the number of its cores.
fn machine() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let model = model.trim_start_matches(['\t', ' ', ':']);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{cores} cores of {}", if model.is_empty() { "an unnamed processor" } else { model })
}
