//! Reports: each member's word, and what a quorum of equal words does.

use frame_support::{ensure, pallet_prelude::DispatchResult};
use phala_primitives::{
    ClusterId, Hash256, Report, WorkerId,
    cluster::{ClusterEntryV1, ClusterStatus, Members as MemberList},
    message::Origin,
    report::{MAX_REPORT_MESSAGES, ReportV1, Reported as ReportedWire, ReportedV1},
};

use crate::{
    Boundaries, Clusters, Config, Error, Event, LastReport, Members, Pallet, Reported, Suspended, Vote, Votes,
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_report(report: Report, worker: WorkerId, signature: [u8; 64]) -> DispatchResult {
        let digest = report.digest(&Self::genesis_hash());
        let Report::V1(report) = report;
        let cluster = report.cluster;
        let entry = Self::living(cluster)?;
        Self::ensure_member_signed(cluster, &worker, digest, signature)?;
        let quorum = usize::from(entry.config.latest().quorum);
        // A quorum of 1 cannot outvote anybody.
        ensure!(entry.status == ClusterStatus::Active || quorum > 1, Error::<T>::ClusterFrozen);
        if report.boundary.index <= Self::reported_index(cluster) {
            return Self::judge_late(&report, worker, digest, quorum);
        }
        Self::ensure_well_placed(&report)?;
        Self::vote(&report, worker, digest)?;

        let votes = Self::votes(cluster);
        let here = |vote: &Vote| vote.index == report.boundary.index;
        let agreeing = votes.iter().filter(|(_, vote)| vote.digest == digest).count();
        if agreeing >= quorum {
            return Self::take_effect(&report, digest, &entry, &votes);
        }
        let contradicted = votes.iter().any(|(_, vote)| here(vote) && vote.digest != digest);
        if contradicted && entry.status == ClusterStatus::Active {
            Self::freeze(cluster);
        }
        Ok(())
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

    /// A member has one word at a time, and only further words replace it: it cannot take one back.
    fn vote(report: &ReportV1, worker: WorkerId, digest: Hash256) -> DispatchResult {
        let (cluster, index) = (report.cluster, report.boundary.index);
        let before = Votes::<T>::get(cluster, worker);
        ensure!(before.is_none_or(|before| before.index < index), Error::<T>::AlreadyVoted);
        Votes::<T>::insert(cluster, worker, Vote { index, digest });
        Self::deposit_event(Event::Voted { cluster, worker, index });
        Ok(())
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
        ensure!(LastReport::<T>::get(cluster) != Some(digest), Error::<T>::AlreadyVoted);
        if quorum > 1 {
            Self::suspend(cluster, worker)
        } else {
            Self::freeze(cluster);
            Ok(())
        }
    }

    fn take_effect(
        report: &ReportV1,
        digest: Hash256,
        entry: &ClusterEntryV1,
        votes: &[(WorkerId, Vote)],
    ) -> DispatchResult {
        let cluster = report.cluster;
        let index = report.boundary.index;
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
        // Words that end earlier or later say nothing about this one; they begin where no report begins any more.
        for (worker, vote) in votes {
            Votes::<T>::remove(cluster, worker);
            if vote.index == index && vote.digest != digest {
                Self::suspend(cluster, *worker)?;
            }
        }
        if entry.status == ClusterStatus::Frozen {
            Self::thaw(cluster);
        }
        Ok(())
    }

    pub(crate) fn do_resolve(cluster: ClusterId, suspended: MemberList) -> DispatchResult {
        Self::living(cluster)?;
        for worker in suspended {
            Self::suspend(cluster, worker)?;
        }
        for worker in Members::<T>::get(cluster) {
            Votes::<T>::remove(cluster, worker);
        }
        Self::thaw(cluster);
        Ok(())
    }

    fn votes(cluster: ClusterId) -> alloc::vec::Vec<(WorkerId, Vote)> {
        let members = Members::<T>::get(cluster);
        members.into_iter().filter_map(|worker| Some((worker, Votes::<T>::get(cluster, worker)?))).collect()
    }

    fn suspend(cluster: ClusterId, worker: WorkerId) -> DispatchResult {
        Self::drop_member(cluster, worker, Origin::Chain)?;
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
