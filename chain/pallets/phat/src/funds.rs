//! Holds and payments.

use frame_support::{
    pallet_prelude::DispatchResult,
    traits::{
        Get, Imbalance, OnUnbalanced,
        fungible::{Inspect, Mutate, MutateHold, hold::Balanced},
        tokens::{Fortitude, Precision, Preservation, Restriction},
    },
};
use phala_primitives::{cluster::GAS_PRICE_UNIT, message::Balance};
use sp_runtime::traits::AccountIdConversion;

use crate::{Config, Error, HoldReason, Pallet};

impl<T: Config> Pallet<T> {
    /// The account that keeps what contracts own.
    pub fn pot() -> T::AccountId {
        T::PalletId::get().into_account_truncating()
    }

    /// Gives the pot the existential deposit that it needs to take smaller amounts, if it has none yet.
    pub(crate) fn open_pot(payer: &T::AccountId) -> DispatchResult {
        let minimum = T::Currency::minimum_balance();
        if T::Currency::total_balance(&Self::pot()) < minimum {
            T::Currency::transfer(payer, &Self::pot(), minimum, Preservation::Preserve)?;
        }
        Ok(())
    }

    /// The price of gas, rounded up.
    pub(crate) fn price(gas: u64, gas_price: Balance) -> Result<Balance, Error<T>> {
        let planck = Balance::from(gas).checked_mul(gas_price).ok_or(Error::<T>::Overflow)?;
        Ok(planck.div_ceil(GAS_PRICE_UNIT.into()))
    }

    pub(crate) fn hold(reason: HoldReason, who: &T::AccountId, amount: Balance) -> DispatchResult {
        if amount == 0 {
            return Ok(());
        }
        T::Currency::hold(&reason.into(), who, amount)
    }

    /// Releases what was held. That as much is on hold is an invariant; a shortfall must not stop the settlement of others.
    pub(crate) fn release(reason: HoldReason, who: &T::AccountId, amount: Balance) {
        if amount == 0 {
            return;
        }
        if let Err(error) = T::Currency::release(&reason.into(), who, amount, Precision::BestEffort) {
            ::log::error!(target: "runtime::phat", "cannot release {amount} of {who:?}: {error:?}");
        }
    }

    /// Takes held gas and shares it between workers and treasury.
    pub(crate) fn pay_gas(payer: &T::AccountId, amount: Balance) {
        if amount == 0 {
            return;
        }
        let (fee, _) = T::Currency::slash(&HoldReason::Gas.into(), payer, amount);
        let (workers, treasury) = {
            let share = T::WorkersShare::get().mul_floor(fee.peek());
            fee.split(share)
        };
        T::WorkersPot::on_unbalanced(workers);
        T::Treasury::on_unbalanced(treasury);
    }

    /// Moves held value to the pot, and says how much arrived.
    pub(crate) fn pay_value(payer: &T::AccountId, amount: Balance) -> Balance {
        if amount == 0 {
            return 0;
        }
        let moved = T::Currency::transfer_on_hold(
            &HoldReason::Value.into(),
            payer,
            &Self::pot(),
            amount,
            Precision::BestEffort,
            Restriction::Free,
            Fortitude::Polite,
        );
        moved.unwrap_or_else(|error| {
            ::log::error!(target: "runtime::phat", "cannot move {amount} of {payer:?}: {error:?}");
            0
        })
    }

    /// Pays out of the pot, and says whether it arrived. An amount that cannot, since it is too small for an account that is gone,
    /// stays.
    pub(crate) fn pay_out(to: &T::AccountId, amount: Balance) -> bool {
        if amount == 0 {
            return true;
        }
        match T::Currency::transfer(&Self::pot(), to, amount, Preservation::Preserve) {
            Ok(_) => true,
            Err(error) => {
                ::log::error!(target: "runtime::phat", "cannot pay {amount} to {to:?}: {error:?}");
                false
            }
        }
    }
}
