//! Code: declared by hash, uploaded in chunks, kept by the nodes' off-chain index.
//!
//! A code's hash says what its chunks are after unpacking, which the chain does not see. So the message of its upload names the
//! chunks: members unpack exactly these, also where the hash was removed and declared again with others.

use frame_support::{BoundedVec, ensure, pallet_prelude::DispatchResult, traits::ConstU32};
use phala_primitives::{
    ClusterId, CodeHash, Hash256,
    cluster::{ClusterConfigV1, ClusterEntryV1, ClusterStatus, Permission},
    contract::{CODE_CHUNK_BYTES, CodeEntry, CodeEntryV1, MAX_CODE_CHUNKS},
    message::{Balance, Kind, Origin, Upload},
    offchain_key::code_chunk,
};
use sp_io::hashing::blake2_256;

use crate::{Chunk, Clusters, Codes, Config, Error, Event, HoldReason, Pallet};

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
        let deposit = Self::deposit_for(stored_bytes, config)?;
        Self::hold(HoldReason::Code, &owner, deposit)?;
        let declared =
            CodeEntryV1 { owner: Self::account(&owner), size, stored_bytes, chunks, arrived: 0, deposit, users: 0 };
        Codes::<T>::insert(cluster, code, CodeEntry::V1(declared));
        Self::deposit_event(Event::CodeDeclared { cluster, code });
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
        let CodeEntry::V1(mut entry) = Codes::<T>::get(cluster, code).ok_or(Error::<T>::NoCode)?;
        ensure!(entry.owner == Self::account(&owner), Error::<T>::NotOwner);
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
            Self::append(cluster, Origin::Account(entry.owner), Kind::Upload(upload))?;
        }
        Codes::<T>::insert(cluster, code, CodeEntry::V1(entry));
        Ok(())
    }

    pub(crate) fn do_remove_code(owner: T::AccountId, cluster: ClusterId, code: CodeHash) -> DispatchResult {
        let CodeEntry::V1(entry) = Codes::<T>::get(cluster, code).ok_or(Error::<T>::NoCode)?;
        ensure!(entry.owner == Self::account(&owner), Error::<T>::NotOwner);
        let ended = Clusters::<T>::get(cluster).is_none_or(|c| c.latest().status == ClusterStatus::Terminated);
        ensure!(entry.users == 0 || ended, Error::<T>::CodeInUse);
        Codes::<T>::remove(cluster, code);
        Self::release(HoldReason::Code, &owner, entry.deposit);
        Self::deposit_event(Event::CodeRemoved { cluster, code });
        Ok(())
    }

    /// Counts another contract, or waiting upgrade, that uses complete code.
    pub(crate) fn use_code(cluster: ClusterId, code: CodeHash) -> DispatchResult {
        let CodeEntry::V1(mut entry) = Codes::<T>::get(cluster, code).ok_or(Error::<T>::NoCode)?;
        ensure!(entry.is_complete(), Error::<T>::NoCode);
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
