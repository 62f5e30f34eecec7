//! What a report came to, and what it weighs by that.

use frame_support::weights::Weight;
use phala_primitives::{cluster::MAX_MEMBERS, report::ReportV1};

use crate::{Config, WeightInfo};

/// The most members that one report can suspend: two at least agree on it.
const MOST_SUSPENDED: u32 = MAX_MEMBERS.saturating_sub(2);

/// What a report came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It waits for a quorum. Members may have fallen out over it.
    Voted,
    /// It contradicts one that has taken effect.
    Late,
    /// It has taken effect.
    Applied {
        /// The messages that it settled.
        messages: u32,
        /// The command keys in it.
        keys: u32,
        /// The members that contradicted it.
        suspended: u32,
    },
}

impl Effect {
    /// What it weighs. The benchmarks settle messages of one kind each, and in a report with many messages there may be any: the
    /// heaviest kind counts. What each of two benchmarks has measured of the report itself is counted twice.
    pub fn weight<T: Config>(self) -> Weight {
        match self {
            Self::Voted => T::WeightInfo::report_vote(),
            Self::Late => T::WeightInfo::report_late(),
            Self::Applied { messages, keys, suspended } => T::WeightInfo::report_instantiates(messages)
                .max(T::WeightInfo::report_upgrades(messages))
                .max(T::WeightInfo::report_terminates(messages))
                .max(T::WeightInfo::report_uploads(messages))
                .saturating_add(T::WeightInfo::report_keys(keys).saturating_sub(T::WeightInfo::report_keys(0)))
                .saturating_add(T::WeightInfo::report_suspends(suspended)),
        }
    }

    /// The most that this report can weigh, before anything is known of it.
    pub fn most<T: Config>(report: &ReportV1) -> Weight {
        let applied = Self::Applied {
            messages: report.outcomes.len() as u32,
            keys: report.command_keys.len() as u32,
            suspended: MOST_SUSPENDED,
        };
        applied.weight::<T>().max(Self::Voted.weight::<T>()).max(Self::Late.weight::<T>())
    }
}
