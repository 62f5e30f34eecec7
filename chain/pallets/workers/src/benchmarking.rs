//! Benchmarks of all calls, each on its longest way.

use alloc::vec;
use frame_benchmarking::v2::*;
use frame_support::traits::{EnsureOrigin, Get, fungible};
use frame_system::{RawOrigin, pallet_prelude::BlockNumberFor};
use phala_primitives::{AccountId, Assurance, BootKem, BootSign, WorkerId, worker::*};
use sp_core::H256;

use super::*;

const SALT: [u8; 32] = [5; 32];

/// A policy that holds all it can, around the one that matters.
fn fill(attestation: phala_attestation::Policy) -> Policy {
    let mut policy = Policy { attestation, max_evidence_age: 100, reattestation_period: 10 };
    for i in 0..63 {
        let allowed = AllowedMeasurement {
            hardware: phala_attestation::Hardware::Tdx,
            measurement: Measurement([i; 48]),
            registers: Some([[i; 48]; 4]),
            name: vec![i; 64].try_into().unwrap_or_default(),
            version: vec![i; 32].try_into().unwrap_or_default(),
        };
        policy.add_measurement(allowed);
    }
    for i in 0..7 {
        let certificate = vec![i; 2048].try_into().unwrap_or_default();
        policy.add_root(TrustedRoot { certificate, assurance: Assurance::Hardware });
    }
    policy
}

struct Registration<T: Config> {
    operator: T::AccountId,
    worker: WorkerId,
    boot: Boot,
    block: u32,
    block_hash: H256,
    evidence: Evidence,
}

/// A registration that will pass, of a worker that has the funds and the policy in its favour.
fn registration<T: Config>(number: u8) -> Registration<T>
where
    T::Currency: fungible::Mutate<T::AccountId, Balance = u128>,
{
    use fungible::{Inspect, Mutate};
    let operator: T::AccountId = whitelisted_caller();
    let funds = T::Deposit::get().saturating_add(T::Currency::minimum_balance()).saturating_mul(10);
    T::Currency::set_balance(&operator, funds);
    let block = u32::from(number);
    let block_hash = H256([number; 32]);
    frame_system::BlockHash::<T>::insert(BlockNumberFor::<T>::from(block), block_hash);
    frame_system::Pallet::<T>::set_block_number(BlockNumberFor::<T>::from(block.saturating_add(1)));
    let account = AccountId(operator.clone().into());
    let genesis = Pallet::<T>::genesis_hash();
    let worker = WorkerId::derive(&genesis, &account, &SALT);
    let boot = Boot { sign: BootSign([number; 32]), kem: BootKem([number; 32]) };
    let binding = BootBinding {
        genesis,
        boot_sign: boot.sign,
        boot_kem: boot.kem,
        worker,
        operator: account,
        block,
        block_hash: block_hash.0,
    };
    let (evidence, attestation) = T::BenchmarkHelper::make(&binding);
    CurrentPolicy::<T>::put(fill(attestation));
    Registration { operator, worker, boot, block, block_hash, evidence }
}

fn register<T: Config>(number: u8) -> Result<Registration<T>, BenchmarkError>
where
    T::Currency: fungible::Mutate<T::AccountId, Balance = u128>,
{
    let r = registration::<T>(number);
    Pallet::<T>::register(
        RawOrigin::Signed(r.operator.clone()).into(),
        r.worker,
        SALT,
        r.boot,
        r.block,
        r.block_hash,
        r.evidence.clone(),
        None,
    )?;
    Ok(r)
}

#[benchmarks(where T::Currency: fungible::Mutate<T::AccountId, Balance = u128>)]
mod benches {
    use super::*;

    #[benchmark]
    fn register() -> Result<(), BenchmarkError> {
        super::register::<T>(1)?;
        let r = registration::<T>(2);
        let endpoint = b"https://worker.example".to_vec().try_into().ok();
        let origin = RawOrigin::Signed(r.operator.clone());
        #[extrinsic_call]
        register(origin, r.worker, SALT, r.boot, r.block, r.block_hash, r.evidence, endpoint);
        assert_eq!(Pallet::<T>::live_boot(&r.worker), Some(r.boot.sign));
        Ok(())
    }

    #[benchmark]
    fn deregister() -> Result<(), BenchmarkError> {
        let r = super::register::<T>(1)?;
        #[extrinsic_call]
        deregister(RawOrigin::Signed(r.operator.clone()), r.worker);
        assert!(Pallet::<T>::live_boot(&r.worker).is_none());
        Ok(())
    }

    #[benchmark]
    fn set_endpoint() -> Result<(), BenchmarkError> {
        let r = super::register::<T>(1)?;
        let mut url = b"https://".to_vec();
        url.resize(MAX_ENDPOINT as usize, b'a');
        let endpoint = url.try_into().ok();
        #[extrinsic_call]
        set_endpoint(RawOrigin::Signed(r.operator.clone()), r.worker, endpoint);
        Ok(())
    }

    #[benchmark]
    fn expire() -> Result<(), BenchmarkError> {
        let r = super::register::<T>(1)?;
        CurrentPolicy::<T>::put(fill(Default::default()));
        #[extrinsic_call]
        expire(RawOrigin::Signed(r.operator.clone()), r.worker);
        assert!(Pallet::<T>::live_boot(&r.worker).is_none());
        Ok(())
    }

    #[benchmark]
    fn set_policy() -> Result<(), BenchmarkError> {
        let origin = T::AdminOrigin::try_successful_origin().map_err(|()| BenchmarkError::Weightless)?;
        #[extrinsic_call]
        set_policy(origin as T::RuntimeOrigin, fill(Default::default()));
        Ok(())
    }

    #[benchmark]
    fn change_policy() -> Result<(), BenchmarkError> {
        let origin = T::AdminOrigin::try_successful_origin().map_err(|()| BenchmarkError::Weightless)?;
        CurrentPolicy::<T>::put(fill(Default::default()));
        #[block]
        {
            Pallet::<T>::remove_measurement(origin, Measurement([62; 48]))?;
        }
        Ok(())
    }

    impl_benchmark_test_suite!(Pallet, crate::tests::ext(), crate::tests::Test);
}
