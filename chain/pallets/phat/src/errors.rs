//! Why a call was refused: a part of [`pallet`](crate::pallet).

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod errors {
    #[pallet::error]
    pub enum Error<T> {
        /// There is no such cluster.
        NoCluster,
        /// The cluster has ended.
        ClusterTerminated,
        /// The cluster has not ended.
        ClusterAlive,
        /// The cluster is frozen, and its quorum of 1 cannot thaw it.
        ClusterFrozen,
        /// The caller is not the owner of the cluster, code or contract.
        NotOwner,
        /// The configuration exceeds a bound of the chain.
        ConfigOutOfBounds,
        /// No cluster id, epoch or log index is left.
        Exhausted,
        /// Too many messages wait for a report.
        Backlogged,
        /// There is no such worker, or it has no live boot.
        NoWorker,
        /// The caller does not run the worker.
        NotOperator,
        /// The worker's operator has not consented.
        NoConsent,
        /// The worker is a member of a cluster already.
        AlreadyMember,
        /// The worker is not a member of the cluster.
        NotMember,
        /// The worker contradicted a quorum of this cluster.
        WorkerSuspended,
        /// The members disagree on what the worker said: it stays until this is decided.
        WordContested,
        /// The cluster has no room for another member.
        TooManyMembers,
        /// The cluster has keys already, or these are of another epoch.
        KeysRefused,
        /// The signature is not the live boot's.
        BadSignature,
        /// The caller may not deploy to this cluster.
        NotPermitted,
        /// The code is larger than the cluster allows.
        CodeTooLarge,
        /// The chunks do not cover the code, or cover more.
        BadChunks,
        /// The cluster has the code already: use it.
        CodeExists,
        /// There is no such code, or no report has found it right yet.
        NoCode,
        /// The caller is uploading this code already: send its chunks.
        UploadExists,
        /// The caller has not declared this code.
        NoUpload,
        /// All chunks are there: the next report decides.
        UploadComplete,
        /// The chunk is not the declared one.
        WrongChunk,
        /// The chunk has arrived already.
        ChunkExists,
        /// A contract uses the code.
        CodeInUse,
        /// The code came only now, and others may count on it: try again after the cluster's time-out.
        CodeTooNew,
        /// There is no such contract, or it has ended or failed.
        NoContract,
        /// Too many upgrades of the contract wait for a report.
        TooManyUpgrades,
        /// The payload is larger than the cluster allows.
        PayloadTooLarge,
        /// More gas than a message of this cluster may use.
        GasTooHigh,
        /// The price does not fit a balance.
        Overflow,
        /// The payload is sealed to an epoch that is over, or has not begun.
        WrongEpoch,
        /// The contract's command key is not known yet.
        NotReady,
        /// Constructors cannot be sealed: the contract has no key yet.
        SealedConstructor,
        /// The report does not begin where the last one ended.
        StaleReport,
        /// The report does not end where the chain says that a report may end.
        WrongBoundary,
        /// The report's outcomes are not one per message.
        WrongOutcomes,
        /// The member has reported up to here, or further.
        AlreadyVoted,
        /// There is nothing to give back, or not yet.
        NothingDue,
    }
}
