//! Reports: each member's word, and what a quorum of equal words does.

use alloc::vec::Vec;

use frame_support::{
    ensure,
    pallet_prelude::{DispatchError, DispatchResult},
};
use phala_primitives::{
    ClusterId, Hash256, Report, WorkerId,
    cluster::{ClusterEntryV1, ClusterStatus, Members as MemberList},
    message::Origin,
    report::{MAX_REPORT_MESSAGES, ReportV1, Reported as ReportedWire, ReportedV1},
};

use crate::{
    Boundaries, Clusters, Config, Contested, Effect, Error, Event, LastReport, MemberOf, Members, Pallet, Reported,
    Suspended, Vote, Votes, WorkerRegistry,
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_report(report: Report, worker: WorkerId, signature: [u8; 64]) -> Result<Effect, DispatchError> {
        let digest = report.digest(&Self::genesis_hash());
        let Report::V1(report) = report;
        let cluster = report.cluster;
        let entry = Self::living(cluster)?;
        let boot = Self::ensure_member_signed(cluster, &worker, digest, signature)?;
        let quorum = usize::from(entry.config.latest().quorum);
        // A quorum of 1 cannot outvote anybody.
        ensure!(entry.status == ClusterStatus::Active || quorum > 1, Error::<T>::ClusterFrozen);
        if report.boundary.index <= Self::reported_index(cluster) {
            Self::judge_late(&report, worker, digest, quorum)?;
            return Ok(Effect::Late);
        }
        Self::ensure_well_placed(&report)?;
        let index = report.boundary.index;
        Self::vote(cluster, worker, Vote { index, digest, boot })?;

        let votes = Self::votes(cluster);
        let agreeing = votes.iter().filter(|(_, vote)| vote.digest == digest).count();
        if agreeing >= quorum {
            let suspended = Self::take_effect(&report, digest, &entry)?;
            let (messages, keys) = (report.outcomes.len() as u32, report.command_keys.len() as u32);
            return Ok(Effect::Applied { messages, keys, suspended });
        }
        let here = || votes.iter().filter(move |(_, vote)| vote.index == index);
        if here().any(|(_, vote)| vote.digest != digest) {
            for (member, vote) in here() {
                Self::contest(cluster, member, vote);
            }
            if entry.status == ClusterStatus::Active {
                Self::freeze(cluster);
            }
        }
        Ok(Effect::Voted)
    }

    /// Begins where the last report ended, ends at a boundary, and has an outcome per message.
    fn ensure_well_placed(report: &ReportV1) -> DispatchResult {
        ensure!(report.first_index == Self::reported_index(report.cluster), Error::<T>::StaleReport);
        let boundary = Boundaries::<T>::get(report.cluster, report.boundary.index);
        ensure!(boundary == Some(report.boundary), Error::<T>::WrongBoundary);
        let messages = report.boundary.index.saturating_sub(report.first_index);
        let outcomes = report.outcomes.len() as u64;
        ensure!(messages == outcomes && messages <= u64::from(MAX_REPORT_MESSAGES), Error::<T>::WrongOutcomes);
        Ok(())
    }

    /// A member has one word at a time, and only further words replace it, or those of its next boot: it cannot take one back.
    fn vote(cluster: ClusterId, worker: WorkerId, vote: Vote) -> DispatchResult {
        let before = Votes::<T>::get(cluster, worker);
        let replaces = |before: Vote| before.index < vote.index || before.boot != vote.boot;
        ensure!(before.is_none_or(replaces), Error::<T>::AlreadyVoted);
        Votes::<T>::insert(cluster, worker, vote);
        Self::deposit_event(Event::Voted { cluster, worker, index: vote.index });
        Ok(())
    }

    /// Keeps a word that another member contradicts, until it is judged.
    fn contest(cluster: ClusterId, worker: &WorkerId, vote: &Vote) {
        if !Contested::<T>::contains_key(cluster, worker) {
            Contested::<T>::insert(cluster, worker, vote);
        }
    }

    /// A word on what has taken effect already: the same is nothing new, another one contradicts.
    fn judge_late(report: &ReportV1, worker: WorkerId, digest: Hash256, quorum: usize) -> DispatchResult {
        let cluster = report.cluster;
        let last = Reported::<T>::get(cluster);
        let same_place = last.is_some_and(|last| {
            let last = last.latest();
            last.first_index == report.first_index && last.boundary.index == report.boundary.index
        });
        ensure!(same_place, Error::<T>::StaleReport);
        let agreed = LastReport::<T>::get(cluster).ok_or(Error::<T>::StaleReport)?;
        ensure!(agreed != digest, Error::<T>::AlreadyVoted);
        Self::condemn(cluster, &[worker], quorum)
    }

    /// What follows for members that contradicted what took effect: they are out if others agreed on it. One word against one
    /// decides nothing.
    fn condemn(cluster: ClusterId, liars: &[WorkerId], quorum: usize) -> DispatchResult {
        if quorum > 1 {
            liars.iter().try_for_each(|worker| Self::suspend(cluster, *worker))
        } else if liars.is_empty() {
            Ok(())
        } else {
            Self::freeze(cluster);
            Ok(())
        }
    }

    /// Settles what a quorum agrees on, and gives the number of members that contradicted it.
    fn take_effect(report: &ReportV1, digest: Hash256, entry: &ClusterEntryV1) -> Result<u32, DispatchError> {
        let cluster = report.cluster;
        Self::settle_all(report, entry.epoch);
        let reported = ReportedV1 {
            boundary: report.boundary,
            state_root: report.state_root,
            receipts_root: report.receipts_root,
            first_index: report.first_index,
        };
        Reported::<T>::insert(cluster, ReportedWire::V1(reported));
        LastReport::<T>::insert(cluster, digest);
        Self::deposit_event(Event::ReportApplied {
            cluster,
            boundary: report.boundary,
            state_root: report.state_root,
            receipts_root: report.receipts_root,
        });
        if entry.status == ClusterStatus::Frozen {
            Self::thaw(cluster);
        }
        let liars = Self::judge(cluster, report.boundary.index, digest);
        Self::condemn(cluster, &liars, entry.config.latest().quorum.into())?;
        Ok(liars.len() as u32)
    }

    /// Forgets all words, and names the members that said something else about this place. Words that end earlier or later say
    /// nothing about it; they begin where no report begins any more.
    fn judge(cluster: ClusterId, index: u64, digest: Hash256) -> Vec<WorkerId> {
        let lies = |vote: Vote| vote.index == index && vote.digest != digest;
        let mut liars = Self::forget_words(cluster);
        liars.retain(|(_, words)| words.iter().flatten().copied().any(lies));
        liars.into_iter().map(|(worker, _)| worker).collect()
    }

    /// Takes the last word of each member, where it counts, and the one that others contradicted.
    fn forget_words(cluster: ClusterId) -> Vec<(WorkerId, [Option<Vote>; 2])> {
        let words = |worker: WorkerId| {
            let last = Votes::<T>::take(cluster, worker).filter(|vote| Self::counts(&worker, vote));
            (worker, [last, Contested::<T>::take(cluster, worker)])
        };
        Members::<T>::get(cluster).into_iter().map(words).collect()
    }

    pub(crate) fn do_resolve(cluster: ClusterId, suspended: MemberList) -> DispatchResult {
        Self::living(cluster)?;
        for worker in suspended {
            Self::suspend(cluster, worker)?;
        }
        Self::forget_words(cluster);
        Self::thaw(cluster);
        Ok(())
    }

    /// The last word of each member, where it counts.
    fn votes(cluster: ClusterId) -> Vec<(WorkerId, Vote)> {
        let vote = |worker: WorkerId| {
            let vote = Votes::<T>::get(cluster, worker).filter(|vote| Self::counts(&worker, vote))?;
            Some((worker, vote))
        };
        Members::<T>::get(cluster).into_iter().filter_map(vote).collect()
    }

    /// Whether the boot that gave its word is the live one still.
    fn counts(worker: &WorkerId, vote: &Vote) -> bool {
        T::Workers::live_boot(worker) == Some(vote.boot)
    }

    /// Keeps a worker out of the cluster, now and later.
    fn suspend(cluster: ClusterId, worker: WorkerId) -> DispatchResult {
        if MemberOf::<T>::get(worker) == Some(cluster) {
            Self::drop_member(cluster, worker, Origin::Chain)?;
        }
        Suspended::<T>::insert(cluster, worker, ());
        Self::deposit_event(Event::MemberSuspended { cluster, worker });
        Ok(())
    }

    fn freeze(cluster: ClusterId) {
        Self::change(cluster, |entry| entry.status = ClusterStatus::Frozen);
        Self::deposit_event(Event::Frozen { cluster });
    }

    fn thaw(cluster: ClusterId) {
        let frozen = Clusters::<T>::get(cluster).is_some_and(|entry| entry.latest().status == ClusterStatus::Frozen);
        if frozen {
            Self::change(cluster, |entry| entry.status = ClusterStatus::Active);
            Self::deposit_event(Event::Thawed { cluster });
        }
    }
}
