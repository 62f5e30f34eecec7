//! What the pallet says of what it did: a part of [`pallet`](crate::pallet).

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod events {
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A message is in the log.
        Message {
            /// The cluster.
            cluster: ClusterId,
            /// The message's index.
            index: u64,
            /// The log's hash after it.
            log_hash: Hash256,
            /// The contract that it concerns.
            contract: Option<ContractId>,
        },
        /// A cluster exists.
        ClusterCreated {
            /// The cluster.
            cluster: ClusterId,
            /// Its owner.
            owner: T::AccountId,
        },
        /// An operator lets a worker join, or takes that back.
        WorkerOffered {
            /// The worker.
            worker: WorkerId,
            /// The cluster.
            cluster: Option<ClusterId>,
        },
        /// The cluster is bound to its keys.
        KeysCommitted {
            /// The cluster.
            cluster: ClusterId,
            /// The commitment.
            keys: KeyCommitment,
        },
        /// An upload is announced.
        CodeDeclared {
            /// The cluster.
            cluster: ClusterId,
            /// The code that it is to be.
            code: CodeHash,
            /// Who uploads it.
            owner: T::AccountId,
        },
        /// A chunk of code is in the off-chain index.
        ChunkStored {
            /// The cluster.
            cluster: ClusterId,
            /// The code.
            code: CodeHash,
            /// The chunk.
            chunk: u32,
        },
        /// Members have found an upload to be what its hash says: contracts can be made of it.
        CodeAccepted {
            /// The cluster.
            cluster: ClusterId,
            /// The code.
            code: CodeHash,
            /// Who has uploaded it.
            owner: T::AccountId,
        },
        /// An upload is gone with its receipt, and its deposit has returned: it was something else than its hash says,
        /// or the same code had come before it.
        UploadDropped {
            /// The cluster.
            cluster: ClusterId,
            /// The code that it was to be.
            code: CodeHash,
            /// Who has uploaded it.
            owner: T::AccountId,
            /// What members have found.
            status: Status,
        },
        /// Code, or an upload that was not complete, is gone, and its deposit has returned.
        CodeRemoved {
            /// The cluster.
            cluster: ClusterId,
            /// The code.
            code: CodeHash,
            /// Who had uploaded it.
            owner: T::AccountId,
        },
        /// A member has reported.
        Voted {
            /// The cluster.
            cluster: ClusterId,
            /// The member.
            worker: WorkerId,
            /// The index after the last message that it speaks of.
            index: u64,
        },
        /// A report has taken effect.
        ReportApplied {
            /// The cluster.
            cluster: ClusterId,
            /// Where it ends.
            boundary: Boundary,
            /// The contracts' state there.
            state_root: Hash256,
            /// The root of the receipts.
            receipts_root: Hash256,
        },
        /// A message has its receipt, and its holds are settled.
        Settled {
            /// The cluster.
            cluster: ClusterId,
            /// The message.
            index: u64,
            /// How it ended.
            status: Status,
            /// What was paid for gas.
            fee: Balance,
        },
        /// Members disagree.
        Frozen {
            /// The cluster.
            cluster: ClusterId,
        },
        /// Members agree again, or were made to.
        Thawed {
            /// The cluster.
            cluster: ClusterId,
        },
        /// A member contradicted a quorum and is out.
        MemberSuspended {
            /// The cluster.
            cluster: ClusterId,
            /// The member.
            worker: WorkerId,
        },
        /// Gas of a message without a receipt was given back.
        GasRefunded {
            /// The cluster.
            cluster: ClusterId,
            /// The message.
            index: u64,
        },
        /// What an ended cluster still held for a message was given back.
        Reclaimed {
            /// The cluster.
            cluster: ClusterId,
            /// The message.
            index: u64,
        },
        /// A contract is gone, and its owner has got what it owned.
        ContractClosed {
            /// The contract.
            contract: ContractId,
        },
        /// The bounds of clusters have changed.
        BoundsChanged,
    }
}
