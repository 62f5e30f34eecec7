//! Contracts: what users send, up to the log.

use frame_support::{
    ensure,
    pallet_prelude::{DispatchError, DispatchResult},
    traits::Get,
};
use phala_primitives::{
    ClusterId, CodeHash, ContractId, Payload,
    cluster::{ClusterEntryV1, ClusterStatus},
    contract::{ContractEntry, ContractEntryV1, ContractStatus, PendingUpgrade},
    message::{Balance, Command, Instantiate, Kind, Origin, Upgrade, Withdraw},
};

use crate::{Clusters, CommandKeys, Config, Contracts, Error, Event, HoldReason, Pallet, Pending, Pendings, Work};

impl<T: Config> Pallet<T> {
    #[allow(clippy::too_many_arguments, reason = "the arguments of the call")]
    pub(crate) fn do_instantiate(
        owner: T::AccountId,
        cluster: ClusterId,
        code: CodeHash,
        payload: Payload,
        gas_limit: u64,
        value: Balance,
        deposit: Balance,
    ) -> DispatchResult {
        let entry = Self::living(cluster)?;
        Self::ensure_permitted(&owner, &entry)?;
        ensure!(matches!(payload, Payload::Plain(_)), Error::<T>::SealedConstructor);
        Self::ensure_sendable(cluster, &entry, &payload, gas_limit)?;
        Self::use_code(cluster, code)?;
        let account = Self::account(&owner);
        let contract = ContractId::derive(&Self::genesis_hash(), cluster, &account, Self::next_index(cluster));
        let total = deposit.checked_add(T::ContractDeposit::get()).ok_or(Error::<T>::Overflow)?;
        Self::hold(HoldReason::Contract, &owner, total)?;
        let live = ContractEntryV1 {
            cluster,
            owner: account,
            code,
            upgrades: Default::default(),
            status: ContractStatus::Pending,
            deposit: total,
            balance: 0,
        };
        Contracts::<T>::insert(contract, ContractEntry::V1(live));
        let message = Instantiate { contract, code, owner: account, payload, gas_limit, deposit, value };
        Self::send(
            owner,
            cluster,
            &entry,
            (contract, gas_limit, value, Work::Instantiate),
            Kind::Instantiate(message),
        )?;
        Ok(())
    }

    pub(crate) fn do_command(
        sender: T::AccountId,
        contract: ContractId,
        payload: Payload,
        gas_limit: u64,
        value: Balance,
    ) -> DispatchResult {
        let (cluster, entry, _) = Self::reachable(contract)?;
        Self::ensure_sendable(cluster, &entry, &payload, gas_limit)?;
        Self::ensure_sealed_right(contract, &entry, &payload)?;
        let message = Command { contract, payload, gas_limit, value };
        Self::send(sender, cluster, &entry, (contract, gas_limit, value, Work::Command), Kind::Command(message))?;
        Ok(())
    }

    pub(crate) fn do_upgrade(
        owner: T::AccountId,
        contract: ContractId,
        code: CodeHash,
        payload: Payload,
        gas_limit: u64,
    ) -> DispatchResult {
        let (cluster, entry, mut live) = Self::reachable(contract)?;
        ensure!(live.owner == Self::account(&owner), Error::<T>::NotOwner);
        ensure!(!live.upgrades.is_full(), Error::<T>::TooManyUpgrades);
        Self::ensure_sendable(cluster, &entry, &payload, gas_limit)?;
        Self::ensure_sealed_right(contract, &entry, &payload)?;
        Self::use_code(cluster, code)?;
        let message = Upgrade { contract, code, payload, gas_limit };
        let work = (contract, gas_limit, 0, Work::Upgrade(code));
        let index = Self::send(owner, cluster, &entry, work, Kind::Upgrade(message))?;
        // workers will run the new code before a report says so: whoever checks an answer must find it here
        live.upgrades.try_push(PendingUpgrade { index, code }).map_err(|_| Error::<T>::TooManyUpgrades)?;
        Contracts::<T>::insert(contract, ContractEntry::V1(live));
        Ok(())
    }

    pub(crate) fn do_terminate_contract(owner: T::AccountId, contract: ContractId) -> DispatchResult {
        let ContractEntry::V1(mut live) = Contracts::<T>::get(contract).ok_or(Error::<T>::NoContract)?;
        ensure!(live.owner == Self::account(&owner), Error::<T>::NotOwner);
        let (cluster, entry) = (live.cluster, Self::living(live.cluster)?);
        match live.status {
            ContractStatus::Terminating => Err(Error::<T>::NoContract.into()),
            ContractStatus::Failed => {
                Self::close(contract);
                Ok(())
            }
            ContractStatus::Pending | ContractStatus::Live => {
                live.status = ContractStatus::Terminating;
                Contracts::<T>::insert(contract, ContractEntry::V1(live));
                Self::send(
                    owner,
                    cluster,
                    &entry,
                    (contract, 0, 0, Work::Terminate),
                    Kind::TerminateContract(contract),
                )?;
                Ok(())
            }
        }
    }

    pub(crate) fn do_withdraw(owner: T::AccountId, contract: ContractId, amount: Balance) -> DispatchResult {
        let (cluster, entry, live) = Self::reachable(contract)?;
        ensure!(live.owner == Self::account(&owner), Error::<T>::NotOwner);
        Self::ensure_room(cluster)?;
        // the workers' own count decides, which earlier messages may still change: what is never there is refused at once
        ensure!(amount > 0, Error::<T>::NothingDue);
        let message = Withdraw { contract, amount };
        Self::send(owner, cluster, &entry, (contract, 0, 0, Work::Withdraw(amount)), Kind::Withdraw(message))?;
        Ok(())
    }

    pub(crate) fn do_reclaim_contract(contract: ContractId) -> DispatchResult {
        let entry = Contracts::<T>::get(contract).ok_or(Error::<T>::NoContract)?;
        let ended = Clusters::<T>::get(entry.latest().cluster)
            .is_none_or(|cluster| cluster.latest().status == ClusterStatus::Terminated);
        ensure!(ended, Error::<T>::ClusterAlive);
        Self::close(contract);
        Ok(())
    }

    /// Removes a contract; its owner gets the deposit and what it owns.
    pub(crate) fn close(contract: ContractId) {
        let Some(ContractEntry::V1(entry)) = Contracts::<T>::take(contract) else { return };
        let owner = T::AccountId::from(entry.owner.0);
        CommandKeys::<T>::remove(contract);
        Self::release(HoldReason::Contract, &owner, entry.deposit);
        let _said = Self::pay_out(&owner, entry.balance);
        if entry.status != ContractStatus::Failed {
            Self::drop_code(entry.cluster, entry.code);
        }
        Self::deposit_event(Event::ContractClosed { contract });
    }

    /// Holds what the message may cost, appends it, and notes what its receipt will settle. Gives the message's index.
    fn send(
        payer: T::AccountId,
        cluster: ClusterId,
        entry: &ClusterEntryV1,
        (contract, gas_limit, value, work): (ContractId, u64, Balance, Work),
        kind: Kind,
    ) -> Result<u64, DispatchError> {
        let config = entry.config.latest();
        let gas = Self::price(gas_limit, config.gas_price)?;
        Self::hold(HoldReason::Gas, &payer, gas)?;
        Self::hold(HoldReason::Value, &payer, value)?;
        let index = Self::append(cluster, Origin::Account(Self::account(&payer)), kind)?;
        let expires = Self::block_number().saturating_add(config.limits.timeout_blocks);
        let pending = Pending { payer, contract, gas, gas_limit, gas_price: config.gas_price, value, expires, work };
        Pendings::<T>::insert(cluster, index, pending);
        Ok(index)
    }

    /// A contract that takes messages, with its cluster.
    fn reachable(contract: ContractId) -> Result<(ClusterId, ClusterEntryV1, ContractEntryV1), DispatchError> {
        let ContractEntry::V1(live) = Contracts::<T>::get(contract).ok_or(Error::<T>::NoContract)?;
        let reachable = matches!(live.status, ContractStatus::Pending | ContractStatus::Live);
        ensure!(reachable, Error::<T>::NoContract);
        Ok((live.cluster, Self::living(live.cluster)?, live))
    }

    fn ensure_sendable(
        cluster: ClusterId,
        entry: &ClusterEntryV1,
        payload: &Payload,
        gas_limit: u64,
    ) -> DispatchResult {
        let limits = &entry.config.latest().limits;
        ensure!(payload.len() <= limits.payload_bytes as usize, Error::<T>::PayloadTooLarge);
        ensure!(gas_limit <= limits.gas_per_message, Error::<T>::GasTooHigh);
        Self::ensure_room(cluster)
    }

    fn ensure_sealed_right(contract: ContractId, entry: &ClusterEntryV1, payload: &Payload) -> DispatchResult {
        if let Payload::Sealed(sealed) = payload {
            ensure!(sealed.epoch == entry.epoch, Error::<T>::WrongEpoch);
            let key = CommandKeys::<T>::get(contract).ok_or(Error::<T>::NotReady)?;
            ensure!(key.epoch == sealed.epoch, Error::<T>::NotReady);
        }
        Ok(())
    }
}
