//! Code: declared by hash, uploaded in chunks, kept by the nodes' off-chain index, and judged by the members.
//!
//! A code's hash says what its chunks are after unpacking, which the chain does not see. So whoever declares a hash
//! gets nothing but an upload of his own: any number of accounts may upload under the same hash, and none of them is in
//! another's way. A complete upload goes to the log with its chunks. Members unpack exactly these, and the receipt says
//! whether they are what the hash says. Only then is there code: of the first upload that was found right. All others
//! are dropped by their receipts, and their deposits return.

use frame_support::{BoundedVec, ensure, pallet_prelude::DispatchResult, traits::ConstU32};
use phala_primitives::{
    AccountId, ClusterId, CodeHash, Hash256,
    cluster::{ClusterConfigV1, ClusterEntryV1, Permission},
    contract::{CODE_CHUNK_BYTES, CodeEntry, CodeEntryV1, MAX_CODE_CHUNKS, UploadEntry, UploadEntryV1},
    message::{Balance, Kind, Origin, Upload},
    offchain_key::code_chunk,
    report::Status,
};
use sp_io::hashing::blake2_256;

use crate::{Chunk, Codes, Config, Error, Event, HoldReason, Judging, Pallet, Uploads};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_declare_code(
        owner: T::AccountId,
        cluster: ClusterId,
        code: CodeHash,
        size: u32,
        stored_bytes: u32,
        chunks: BoundedVec<Hash256, ConstU32<MAX_CODE_CHUNKS>>,
    ) -> DispatchResult {
        let entry = Self::living(cluster)?;
        Self::ensure_permitted(&owner, &entry)?;
        let config = entry.config.latest();
        ensure!(size > 0 && size <= config.limits.code_bytes, Error::<T>::CodeTooLarge);
        let needed = stored_bytes.div_ceil(CODE_CHUNK_BYTES) as usize;
        ensure!(stored_bytes > 0 && chunks.len() == needed, Error::<T>::BadChunks);
        ensure!(!Codes::<T>::contains_key(cluster, code), Error::<T>::CodeExists);
        let key = (code, Self::account(&owner));
        ensure!(!Uploads::<T>::contains_key(cluster, key), Error::<T>::UploadExists);
        let deposit = Self::deposit_for(stored_bytes, config)?;
        Self::hold(HoldReason::Code, &owner, deposit)?;
        let declared = UploadEntryV1 { size, stored_bytes, chunks, arrived: 0, deposit };
        Uploads::<T>::insert(cluster, key, UploadEntry::V1(declared));
        Self::deposit_event(Event::CodeDeclared { cluster, code, owner });
        Ok(())
    }

    pub(crate) fn do_upload_chunk(
        owner: T::AccountId,
        cluster: ClusterId,
        code: CodeHash,
        chunk: u32,
        bytes: Chunk,
    ) -> DispatchResult {
        Self::living(cluster)?;
        Self::ensure_room(cluster)?;
        // somebody else was faster: more chunks would be paid for nothing
        ensure!(!Codes::<T>::contains_key(cluster, code), Error::<T>::CodeExists);
        let account = Self::account(&owner);
        let UploadEntry::V1(mut entry) = Uploads::<T>::get(cluster, (code, account)).ok_or(Error::<T>::NoUpload)?;
        let length = entry.chunk_bytes(chunk).ok_or(Error::<T>::WrongChunk)?;
        let hash = blake2_256(&bytes);
        let declared = entry.chunks.get(chunk as usize) == Some(&hash) && bytes.len() == length as usize;
        ensure!(declared, Error::<T>::WrongChunk);
        let bit = 1u32.checked_shl(chunk).ok_or(Error::<T>::WrongChunk)?;
        ensure!(entry.arrived & bit == 0, Error::<T>::ChunkExists);
        entry.arrived |= bit;
        sp_io::offchain_index::set(&code_chunk(cluster, &code, &hash), &bytes);
        Self::deposit_event(Event::ChunkStored { cluster, code, chunk });
        if entry.is_complete() {
            let upload = Upload { code, size: entry.size, chunks: entry.chunks.clone() };
            let index = Self::append(cluster, Origin::Account(account), Kind::Upload(upload))?;
            Judging::<T>::insert(cluster, index, (code, account));
        }
        Uploads::<T>::insert(cluster, (code, account), UploadEntry::V1(entry));
        Ok(())
    }

    /// The receipt of an upload. One that is right becomes code, unless another one of the same bytes was first.
    pub(crate) fn settle_upload(cluster: ClusterId, code: CodeHash, owner: AccountId, status: Status) {
        let Some(UploadEntry::V1(upload)) = Uploads::<T>::take(cluster, (code, owner)) else { return };
        let who = T::AccountId::from(owner.0);
        if !status.is_success() || Codes::<T>::contains_key(cluster, code) {
            Self::release(HoldReason::Code, &who, upload.deposit);
            Self::deposit_event(Event::UploadDropped { cluster, code, owner: who, status });
            return;
        }
        let UploadEntryV1 { size, chunks, deposit, .. } = upload;
        let entry = CodeEntryV1 { owner, size, chunks, deposit, since: Self::block_number(), users: 0 };
        Codes::<T>::insert(cluster, code, CodeEntry::V1(entry));
        Self::deposit_event(Event::CodeAccepted { cluster, code, owner: who });
    }

    pub(crate) fn do_remove_code(owner: T::AccountId, cluster: ClusterId, code: CodeHash) -> DispatchResult {
        let (living, account) = (Self::living(cluster).ok(), Self::account(&owner));
        // an account that has code cannot declare it again: it has one or the other
        let deposit = match Uploads::<T>::get(cluster, (code, account)) {
            Some(UploadEntry::V1(upload)) => {
                ensure!(!upload.is_complete() || living.is_none(), Error::<T>::UploadComplete);
                Uploads::<T>::remove(cluster, (code, account));
                upload.deposit
            }
            None => {
                let CodeEntry::V1(entry) = Codes::<T>::get(cluster, code).ok_or(Error::<T>::NoCode)?;
                ensure!(entry.owner == account, Error::<T>::NotOwner);
                if let Some(living) = living {
                    ensure!(entry.users == 0, Error::<T>::CodeInUse);
                    let timeout = living.config.latest().limits.timeout_blocks;
                    let due = Self::block_number() >= entry.since.saturating_add(timeout);
                    ensure!(due, Error::<T>::CodeTooNew);
                }
                Codes::<T>::remove(cluster, code);
                entry.deposit
            }
        };
        Self::release(HoldReason::Code, &owner, deposit);
        Self::deposit_event(Event::CodeRemoved { cluster, code, owner });
        Ok(())
    }

    /// Gives back the deposit of an upload whose cluster has ended before it was judged.
    pub(crate) fn return_upload(cluster: ClusterId, code: CodeHash, owner: AccountId) {
        if let Some(UploadEntry::V1(upload)) = Uploads::<T>::take(cluster, (code, owner)) {
            Self::release(HoldReason::Code, &T::AccountId::from(owner.0), upload.deposit);
        }
    }

    /// Counts another contract, or waiting upgrade, that uses the code.
    pub(crate) fn use_code(cluster: ClusterId, code: CodeHash) -> DispatchResult {
        let CodeEntry::V1(mut entry) = Codes::<T>::get(cluster, code).ok_or(Error::<T>::NoCode)?;
        entry.users = entry.users.checked_add(1).ok_or(Error::<T>::Exhausted)?;
        Codes::<T>::insert(cluster, code, CodeEntry::V1(entry));
        Ok(())
    }

    pub(crate) fn drop_code(cluster: ClusterId, code: CodeHash) {
        Codes::<T>::mutate(cluster, code, |entry| {
            if let Some(CodeEntry::V1(entry)) = entry {
                entry.users = entry.users.saturating_sub(1);
            }
        });
    }

    pub(crate) fn ensure_permitted(caller: &T::AccountId, cluster: &ClusterEntryV1) -> DispatchResult {
        let account = Self::account(caller);
        let permitted = account == cluster.owner
            || match &cluster.config.latest().permission {
                Permission::Public => true,
                Permission::OwnerOnly => false,
                Permission::List(deployers) => deployers.contains(&account),
            };
        ensure!(permitted, Error::<T>::NotPermitted);
        Ok(())
    }

    fn deposit_for(bytes: u32, config: &ClusterConfigV1) -> Result<Balance, Error<T>> {
        Balance::from(bytes).checked_mul(config.deposit_per_byte).ok_or(Error::<T>::Overflow)
    }
}
