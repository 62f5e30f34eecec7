//! Measures a benchmark.

use std::fmt;

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    fit::{Line, median},
    runtime::{Counting, Runtime},
    wire::{self, Benchmark, List},
};

/// How much is measured.
#[derive(Clone, Copy)]
pub struct Plan {
    /// Values of each component.
    pub steps: u32,
    /// Measurements at each of them; 0: only whether it runs.
    pub repeat: u32,
}

/// What a benchmark measured.
pub struct Weight {
    /// The benchmark.
    pub name: String,
    /// What it depends on: a letter, with the least and the greatest value.
    pub component: Option<(char, u32, u32)>,
    /// The medians at these two, in nanoseconds.
    pub ends: [f64; 2],
    /// Picoseconds.
    pub time: Line,
    /// Values read from the database.
    pub reads: Line,
    /// Values written to it.
    pub writes: Line,
    /// Bytes of a proof of what was read.
    pub proof: Line,
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [least, greatest] = self.ends.map(|nanoseconds| nanoseconds / 1e3);
        write!(f, "{}: {least:.1} µs", self.name)?;
        if let Some((letter, from, to)) = self.component {
            write!(f, " to {greatest:.1} µs for {letter} from {from} to {to}")?;
        }
        Ok(())
    }
}

/// Runs a benchmark for some values of its component and lays lines through what it measured.
pub fn measure(runtime: &Runtime, list: &List, benchmark: &Benchmark, plan: Plan) -> Result<Weight> {
    let component = match benchmark.components.as_slice() {
        [] => None,
        [one] => Some(*one),
        // a plane through points on its edges says little of what lies between them
        _ => bail!("it has more than one component: make one of each, and add their weights in the pallet"),
    };
    let mut times = Vec::new();
    let (mut reads, mut writes, mut proof) = (Vec::new(), Vec::new(), Vec::new());
    for value in values(component.map(|(_, from, to)| (from, to)), plan.steps) {
        let run = |counting, verify, repeats| {
            let components = component.map(|(letter, ..)| (letter, value)).into_iter().collect();
            let config = wire::Config {
                pallet: list.pallet.clone(),
                instance: list.instance.clone(),
                benchmark: benchmark.name.clone(),
                components,
                verify,
                repeats,
            };
            runtime.run(counting, &config).with_context(|| format!("at {value}"))
        };
        let counted = run(Counting::On, true, 1)?;
        let counted = counted.first().context("it gave no result")?;
        ensure!(counted.nanoseconds > 0, "it took no time: the runtime left it out");
        reads.push((value, counted.reads.into()));
        writes.push((value, counted.writes.into()));
        proof.push((value, counted.proof.into()));
        let measured = match plan.repeat {
            0 => vec![counted.nanoseconds],
            repeat => run(Counting::Off, false, repeat)?.into_iter().map(|run| run.nanoseconds).collect(),
        };
        times.push((value, median(measured)));
    }
    let ends = [times.first(), times.last()].map(|point| point.map_or(0.0, |(_, nanoseconds)| *nanoseconds));
    let picoseconds: Vec<_> = times.into_iter().map(|(value, nanoseconds)| (value, nanoseconds * 1e3)).collect();
    Ok(Weight {
        name: wire::text(&benchmark.name),
        component: component.map(|(letter, from, to)| (wire::letter(letter), from, to)),
        ends,
        time: Line::above(&picoseconds),
        reads: Line::above(&reads),
        writes: Line::above(&writes),
        proof: Line::above(&proof),
    })
}

/// So many values between the ends, with both of them; one that does not matter where there is no component.
fn values(range: Option<(u32, u32)>, steps: u32) -> Vec<u32> {
    let Some((from, to)) = range else { return vec![0] };
    let (width, gaps) = (u64::from(to.saturating_sub(from)), u64::from(steps.saturating_sub(1).max(1)));
    let mut values: Vec<u32> = (0..=gaps).map(|i| from + (width * i / gaps) as u32).collect();
    values.dedup();
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_reach_from_end_to_end() {
        assert_eq!(values(Some((0, 100)), 5), [0, 25, 50, 75, 100]);
        assert_eq!(values(Some((1, 1_048_576)), 2), [1, 1_048_576]);
        assert_eq!(values(Some((0, 2)), 20), [0, 1, 2]);
        assert_eq!(values(Some((3, 3)), 20), [3]);
        assert_eq!(values(None, 20), [0]);
    }
}
