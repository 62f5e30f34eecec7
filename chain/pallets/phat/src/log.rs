//! Appending to a cluster's log.

use codec::Encode;
use frame_support::{ensure, traits::UnixTime};
use frame_system::pallet_prelude::BlockNumberFor;
use phala_primitives::{
    AccountId, Boundary, ClusterId, Hash256, LogHead, Message,
    message::{Kind, MessageV1, Origin},
    offchain_key::{LogBody, log_body},
    report::MAX_REPORT_MESSAGES,
};
use sp_runtime::{DispatchError, SaturatedConversion};

use crate::{Boundaries, Config, CurrentBounds, Error, Event, LogHeads, OpenBoundary, Pallet, Reported};

/// Messages by which owner and operators may change a cluster whose backlog is full: users must not lock them out.
pub(crate) const OWNER_RESERVE: u64 = 1_024;

impl<T: Config> Pallet<T> {
    /// Appends a message and gives its index.
    ///
    /// The body goes to the off-chain index under a key with the log's hash, so that forks do not overwrite each other. The
    /// boundary moves along while messages come in the same block, and stays where a report could reach no further.
    pub(crate) fn append(cluster: ClusterId, origin: Origin, kind: Kind) -> Result<u64, DispatchError> {
        let head = LogHeads::<T>::get(cluster).unwrap_or_else(|| LogHead::genesis(&Self::genesis_hash(), cluster));
        let index = head.next_index;
        let block = Self::block_number();
        let contract = kind.contract();
        let time_ms = T::Time::now().as_millis().saturated_into();
        let message = Message::V1(MessageV1 { index, block, time_ms, origin, kind }).encode();
        let next = head.append(&message).map_err(|_| Error::<T>::Exhausted)?;
        sp_io::offchain_index::set(
            &log_body(cluster, index, &next.hash),
            &LogBody { parent: head.hash, message }.encode(),
        );
        LogHeads::<T>::insert(cluster, next);

        match OpenBoundary::<T>::get(cluster) {
            Some((open, first)) if open == block && index.saturating_sub(first) < u64::from(MAX_REPORT_MESSAGES) => {
                Boundaries::<T>::remove(cluster, index);
            }
            _ => OpenBoundary::<T>::insert(cluster, (block, index)),
        }
        Boundaries::<T>::insert(cluster, next.next_index, Boundary::new(block, next));
        Self::deposit_event(Event::Message { cluster, index, log_hash: next.hash, contract });
        Ok(index)
    }

    /// Whether another message of a user may wait for a report.
    pub(crate) fn ensure_room(cluster: ClusterId) -> Result<(), DispatchError> {
        Self::ensure_room_within(cluster, 0)
    }

    /// Whether another change of the cluster itself may wait for a report.
    pub(crate) fn ensure_room_for_changes(cluster: ClusterId) -> Result<(), DispatchError> {
        Self::ensure_room_within(cluster, OWNER_RESERVE)
    }

    fn ensure_room_within(cluster: ClusterId, reserve: u64) -> Result<(), DispatchError> {
        let waiting = Self::next_index(cluster).saturating_sub(Self::reported_index(cluster));
        let most = u64::from(CurrentBounds::<T>::get().backlog).saturating_add(reserve);
        ensure!(waiting < most, Error::<T>::Backlogged);
        Ok(())
    }

    pub(crate) fn next_index(cluster: ClusterId) -> u64 {
        LogHeads::<T>::get(cluster).map_or(0, |head| head.next_index)
    }

    pub(crate) fn reported_index(cluster: ClusterId) -> u64 {
        Reported::<T>::get(cluster).map_or(0, |reported| reported.latest().boundary.index)
    }

    pub(crate) fn account(who: &T::AccountId) -> AccountId {
        AccountId(who.clone().into())
    }

    pub(crate) fn genesis_hash() -> Hash256 {
        frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::from(0u32)).0
    }

    pub(crate) fn block_number() -> u32 {
        frame_system::Pallet::<T>::block_number().saturated_into()
    }
}
