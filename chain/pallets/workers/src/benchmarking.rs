//! Benchmarks of all calls, each on its longest way. `cargo xtask weights` runs them.
//!
//! Evidence is verified as on a chain, so it must be real. The host makes it, for bindings that it can compute: see
//! [`BenchmarkHelper::evidence`].

use alloc::vec;

use codec::Encode;
use frame_benchmarking::v2::*;
use frame_support::{
    BoundedVec,
    traits::{EnsureOrigin, Get, fungible},
};
use frame_system::{RawOrigin, pallet_prelude::BlockNumberFor};
use phala_attestation::{Hardware, MAX_MEASUREMENTS, MAX_ROOT_CERTIFICATE, MAX_ROOTS};
use phala_primitives::{
    AccountId, Assurance, BootKem, BootSign, Hash256, WorkerId,
    worker::{MAX_ENDPOINT, Measurement},
};
use sp_core::H256;
use sp_io::hashing::blake2_256;

use super::*;

/// The salt of the benchmarks' worker.
const SALT: [u8; 32] = [5; 32];

/// What the benchmarks need of the runtime and its host.
pub trait BenchmarkHelper {
    /// The evidence number `n`, and the longest policy that it satisfies.
    ///
    /// It binds worker `H(operator ‖ [5; 32])` of the operator `whitelisted_caller()`, a boot whose keys are both `[n; 32]`, and
    /// block `n` with hash `[n; 32]`.
    fn evidence(n: u32, binding: &BootBinding) -> Option<(Evidence, phala_attestation::Policy)>;
    /// Makes somebody count on the worker, in the way that costs most to end.
    fn bind(worker: &WorkerId);
}

/// The longest policy. It admits nothing that is real.
fn longest() -> Policy {
    let measurement = |i: u32| AllowedMeasurement {
        hardware: Hardware::Tdx,
        measurement: Measurement([i as u8; 48]),
        registers: Some([[i as u8; 48]; 4]),
        name: BoundedVec::truncate_from(vec![b'a'; 64]),
        version: BoundedVec::truncate_from(vec![b'1'; 32]),
    };
    let root = |i: u32| TrustedRoot { certificate: certificate(i), assurance: Assurance::Hardware };
    let attestation = phala_attestation::Policy {
        roots: BoundedVec::truncate_from((0..MAX_ROOTS).map(root).collect()),
        measurements: BoundedVec::truncate_from((0..MAX_MEASUREMENTS).map(measurement).collect()),
        tcb: Default::default(),
    };
    Policy { attestation, max_evidence_age: 100, reattestation_period: 10 }
}

fn certificate(i: u32) -> BoundedVec<u8, ConstU32<MAX_ROOT_CERTIFICATE>> {
    BoundedVec::truncate_from(vec![i as u8; MAX_ROOT_CERTIFICATE as usize])
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
fn registration<T: Config>(number: u8) -> Result<Registration<T>, BenchmarkError>
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
    let (evidence, attestation) =
        T::BenchmarkHelper::evidence(block, &binding).ok_or("the host has made no such evidence")?;
    CurrentPolicy::<T>::put(Policy { attestation, max_evidence_age: 100, reattestation_period: 10 });
    Ok(Registration { operator, worker, boot, block, block_hash, evidence })
}

fn registered<T: Config>(number: u8) -> Result<Registration<T>, BenchmarkError>
where
    T::Currency: fungible::Mutate<T::AccountId, Balance = u128>,
{
    let r = registration::<T>(number)?;
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

    /// Of a second boot, in the place of the first.
    #[benchmark]
    fn register() -> Result<(), BenchmarkError> {
        registered::<T>(1)?;
        let r = registration::<T>(2)?;
        let mut url = b"https://".to_vec();
        url.resize(MAX_ENDPOINT as usize, b'a');
        let endpoint = url.try_into().ok();
        let origin = RawOrigin::Signed(r.operator.clone());
        #[extrinsic_call]
        register(origin, r.worker, SALT, r.boot, r.block, r.block_hash, r.evidence, endpoint);
        assert_eq!(Pallet::<T>::live_boot(&r.worker), Some(r.boot.sign));
        Ok(())
    }

    /// What a byte of evidence costs, whatever is in it.
    #[benchmark]
    fn store_evidence(e: Linear<0, 65_536>) -> Result<(), BenchmarkError> {
        let bytes = Evidence::truncate_from(vec![7; e as usize]).encode();
        let mut hash = None::<Hash256>;
        #[block]
        {
            let evidence: Result<Evidence, _> = codec::Decode::decode(&mut bytes.as_slice());
            hash = evidence.ok().map(|evidence| Pallet::<T>::store_evidence(&evidence));
        }
        assert!(hash.is_some());
        Ok(())
    }

    #[benchmark]
    fn deregister() -> Result<(), BenchmarkError> {
        let r = registered::<T>(1)?;
        #[extrinsic_call]
        deregister(RawOrigin::Signed(r.operator), r.worker);
        assert!(Pallet::<T>::live_boot(&r.worker).is_none());
        Ok(())
    }

    #[benchmark]
    fn set_endpoint() -> Result<(), BenchmarkError> {
        let r = registered::<T>(1)?;
        let mut url = b"https://".to_vec();
        url.resize(MAX_ENDPOINT as usize, b'a');
        let endpoint = url.try_into().ok();
        #[extrinsic_call]
        set_endpoint(RawOrigin::Signed(r.operator), r.worker, endpoint);
        Ok(())
    }

    /// Of a worker that others count on.
    #[benchmark]
    fn expire() -> Result<(), BenchmarkError> {
        let r = registered::<T>(1)?;
        T::BenchmarkHelper::bind(&r.worker);
        CurrentPolicy::<T>::put(longest());
        #[extrinsic_call]
        expire(RawOrigin::Signed(r.operator), r.worker);
        assert!(Pallet::<T>::live_boot(&r.worker).is_none());
        assert!(!T::Obligations::bound(&r.worker));
        Ok(())
    }

    #[benchmark]
    fn set_policy() -> Result<(), BenchmarkError> {
        let origin = T::AdminOrigin::try_successful_origin().map_err(|()| BenchmarkError::Weightless)?;
        #[extrinsic_call]
        set_policy(origin as T::RuntimeOrigin, longest());
        assert_eq!(CurrentPolicy::<T>::get(), longest());
        Ok(())
    }

    /// Removes the last root: the certificates of all are hashed.
    #[benchmark]
    fn change_policy() -> Result<(), BenchmarkError> {
        let origin = T::AdminOrigin::try_successful_origin().map_err(|()| BenchmarkError::Weightless)?;
        CurrentPolicy::<T>::put(longest());
        let last = blake2_256(&certificate(MAX_ROOTS.saturating_sub(1)));
        #[block]
        {
            Pallet::<T>::remove_root(origin, last)?;
        }
        assert!(CurrentPolicy::<T>::get() != longest());
        Ok(())
    }
}
