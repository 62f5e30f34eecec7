//! Samples, and the table that they go into.

use std::{fmt::Write as _, fs, time::Instant};

use anyhow::Result;

/// The same thing measured several times.
#[derive(Clone)]
pub struct Sample(Vec<f64>);

impl Sample {
    /// Measures so many times.
    pub fn of(rounds: usize, measure: impl FnMut() -> Result<f64>) -> Result<Self> {
        let values: Result<Vec<_>> = std::iter::repeat_with(measure).take(rounds).collect();
        values.map(Self::from)
    }

    /// Two things in turns.
    pub fn pair(
        rounds: usize,
        mut a: impl FnMut() -> Result<f64>,
        mut b: impl FnMut() -> Result<f64>,
    ) -> Result<(Self, Self)> {
        // not measured: the first run of each fills caches
        a()?;
        b()?;
        let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            of_a.push(a()?);
            of_b.push(b()?);
        }
        Ok((of_a.into(), of_b.into()))
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

impl From<Vec<f64>> for Sample {
    fn from(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self(values)
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
}

/// One line.
pub struct Row {
    what: String,
    unit: &'static str,
    measured: Sample,
    baseline: Option<(&'static str, Sample)>,
    target: Option<Target>,
    limit: Option<&'static str>,
}

impl Row {
    /// What was measured, in which unit, and what it came to: for comparison, unless it gets a target.
    pub fn new(what: impl Into<String>, unit: &'static str, measured: Sample) -> Self {
        Self { what: what.into(), unit, measured, baseline: None, target: None, limit: None }
    }

    /// What it is compared with, in the same unit.
    pub fn against(self, name: &'static str, baseline: Sample) -> Self {
        Self { baseline: Some((name, baseline)), ..self }
    }

    /// What it should be.
    pub fn target(self, target: Target) -> Self {
        Self { target: Some(target), ..self }
    }

    /// What keeps it from being better; printed if the target is missed.
    pub fn limited_by(self, limit: &'static str) -> Self {
        Self { limit: Some(limit), ..self }
    }

    fn ratio(&self) -> Option<f64> {
        self.baseline.as_ref().map(|(_, sample)| self.measured.median() / sample.median())
    }

    /// The target in words, and whether it is met.
    fn judged(&self) -> Option<(String, bool)> {
        let (value, ratio) = (self.measured.median(), self.ratio().unwrap_or(f64::NAN));
        Some(match self.target? {
            Target::AtMost(limit) => (format!("≤ {limit} {}", self.unit), value <= limit),
            Target::AtLeast(limit) => (format!("≥ {limit} {}", self.unit), value >= limit),
            Target::RatioAtMost(limit) => (format!("≤ {limit}x"), ratio <= limit),
            Target::RatioAtLeast(limit) => (format!("≥ {limit}x"), ratio >= limit),
        })
    }

    fn to_markdown(&self) -> String {
        let measured = self.measured.shown(self.unit);
        let baseline = self.baseline.as_ref().map(|(name, sample)| format!("{name}: {}", sample.shown(self.unit)));
        let ratio = self.ratio().map(|ratio| format!("{ratio:.2}x")).unwrap_or_default();
        let (target, met) = match self.judged() {
            Some((target, true)) => (target, "met"),
            Some((target, false)) => (target, "**missed**"),
            None => (String::new(), ""),
        };
        format!("| {} | {measured} | {} | {ratio} | {target} | {met} |", self.what, baseline.unwrap_or_default())
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
            let _infallible = writeln!(text, "{}", row.to_markdown());
        }
        let missed: Vec<_> = self.0.iter().filter(|row| matches!(row.judged(), Some((_, false)))).collect();
        if !missed.is_empty() {
            text.push_str("\nWhat limits those that missed their target:\n\n");
        }
        for row in missed {
            let _infallible = writeln!(text, "- {}: {}", row.what, row.limit.unwrap_or("not known yet"));
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
