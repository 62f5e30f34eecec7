//! A registration as the chain runs it: a signed transaction with real evidence, applied by the runtime's Wasm in the node's
//! executor, in block 1 of a development chain whose state is a trie in memory. The baseline is the verification alone, natively.

use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, ensure};
use codec::{Decode, Encode};
use phala_attestation::{AllowedMeasurement, Evidence, Hardware, Policy, verify};
use phala_extrinsics::Signer;
use phala_primitives::{
    BootKem, BootSign, WorkerId,
    report_data::BootBinding,
    worker::{Measurement, TcbStatus},
};
use phala_runtime::{
    Address, Header, RuntimeCall, Signature, TxExtension, UncheckedExtrinsic, VERSION, WASM_BINARY, presets,
    timing::Timing,
};
use phala_soft_tee::{Seed, Statement, Td, Vendor};
use sc_chain_spec::GenesisConfigBuilderRuntimeCaller;
use sc_executor::WasmExecutor;
use serde_json::Value;
use sp_consensus_babe::digests::{CompatibleDigestItem as _, PreDigest, SecondaryPlainPreDigest};
use sp_core::{
    H256,
    storage::Storage,
    traits::{CallContext, CodeExecutor as _, RuntimeCode, WrappedRuntimeCode},
};
use sp_io::{SubstrateHostFunctions, TestExternalities};
use sp_runtime::{
    ApplyExtrinsicResult, Digest, DigestItem, ExtrinsicInclusionMode,
    generic::{Era, SignedPayload},
    traits::Header as _,
};

use crate::report::{Row, Sample, Target};

const ROUNDS: usize = 15;
/// The chain's time, in milliseconds since the Unix epoch.
const NOW_MS: u64 = 1_800_000_000_000;
/// The hash of block 0: the runtime knows it from the header of block 1.
const GENESIS: H256 = H256([1; 32]);
const PROGRAM: Measurement = Measurement([7; 48]);
const SALT: [u8; 32] = [2; 32];

/// A chain before its first block, and the registration that is measured.
struct Registration {
    wasm: &'static [u8],
    executor: WasmExecutor<SubstrateHostFunctions>,
    genesis: Storage,
    extrinsic: UncheckedExtrinsic,
    evidence: Evidence,
    policy: Policy,
    report_data: [u8; 64],
}

impl Registration {
    fn new() -> Result<Self> {
        let wasm = WASM_BINARY.context("this program was built without the runtime")?;
        let vendor = Vendor::new(Seed::development())?;
        let policy = policy(&vendor)?;
        let operator = Signer::from_uri("//Alice")?;
        let binding = BootBinding {
            genesis: GENESIS.0,
            boot_sign: BootSign([3; 32]),
            boot_kem: BootKem([4; 32]),
            worker: WorkerId::derive(&GENESIS.0, &operator.account(), &SALT),
            operator: operator.account(),
            block: 0,
            block_hash: GENESIS.0,
        };
        let report_data = binding.report_data();
        let evidence = vendor.evidence(&Td::new(PROGRAM, report_data), &Statement::at(NOW_MS / 1000))?;
        let genesis = genesis(wasm, &policy)?;
        let extrinsic = signed(register(&binding, &evidence)?, &operator);
        Ok(Self { wasm, executor: WasmExecutor::builder().build(), genesis, extrinsic, evidence, policy, report_data })
    }

    fn call<T: Decode>(&self, state: &mut TestExternalities, method: &str, argument: &impl Encode) -> Result<T> {
        let code = WrappedRuntimeCode(self.wasm.into());
        let code = RuntimeCode { code_fetcher: &code, heap_pages: None, hash: b"the one that there is".to_vec() };
        let context = CallContext::Onchain { import: true };
        let (output, _) = self.executor.call(&mut state.ext(), &code, method, &argument.encode(), context);
        let output = output.map_err(|error| anyhow!("{method}: {error}"))?;
        Ok(T::decode(&mut output.as_slice())?)
    }

    fn apply(&self, state: &mut TestExternalities, extrinsic: &UncheckedExtrinsic) -> Result<()> {
        let applied: ApplyExtrinsicResult = self.call(state, "BlockBuilder_apply_extrinsic", extrinsic)?;
        ensure!(applied == Ok(Ok(())), "{applied:?}");
        Ok(())
    }

    /// Milliseconds in the runtime, from the genesis' state.
    fn in_the_runtime(&self) -> Result<f64> {
        let mut state = TestExternalities::from(self.genesis.clone());
        let slot = (NOW_MS / Timing::DEVELOPMENT.slot_ms).into();
        let digest = PreDigest::SecondaryPlain(SecondaryPlainPreDigest { authority_index: 0, slot });
        let digest = Digest { logs: vec![DigestItem::babe_pre_digest(digest)] };
        let header = Header::new(1, Default::default(), Default::default(), GENESIS, digest);
        let _all: ExtrinsicInclusionMode = self.call(&mut state, "Core_initialize_block", &header)?;
        let time = RuntimeCall::Timestamp(pallet_timestamp::Call::set { now: NOW_MS });
        self.apply(&mut state, &UncheckedExtrinsic::new_bare(time))?;

        let start = Instant::now();
        self.apply(&mut state, &self.extrinsic)?;
        Ok(start.elapsed().as_secs_f64() * 1e3)
    }

    /// Milliseconds of the verification alone.
    fn natively(&self) -> Result<f64> {
        let start = Instant::now();
        verify(&self.evidence, &self.policy, &self.report_data, NOW_MS / 1000)?;
        Ok(start.elapsed().as_secs_f64() * 1e3)
    }
}

/// The software vendor's root and one program.
fn policy(vendor: &Vendor) -> Result<Policy> {
    let program = AllowedMeasurement {
        hardware: Hardware::Tdx,
        measurement: PROGRAM,
        registers: None,
        name: bounded(b"phala-worker".to_vec())?,
        version: bounded(b"0.1.0".to_vec())?,
    };
    Ok(Policy {
        roots: bounded(vec![vendor.trusted_root()?])?,
        measurements: bounded(vec![program])?,
        tcb: bounded(vec![TcbStatus::UpToDate])?,
    })
}

fn bounded<T, B: TryFrom<Vec<T>>>(items: Vec<T>) -> Result<B> {
    B::try_from(items).map_err(|_| anyhow!("more than there may be"))
}

/// The state of a new development chain that accepts evidence by this policy.
fn genesis(wasm: &[u8], policy: &Policy) -> Result<Storage> {
    let preset = presets::get(&presets::DEV.into()).context("the development preset")?;
    let mut patch: Value = serde_json::from_slice(&preset)?;
    *patch.pointer_mut("/workers/policy/attestation").context("a preset with a policy")? =
        serde_json::to_value(policy)?;
    let builder = <GenesisConfigBuilderRuntimeCaller>::new(wasm);
    builder.get_storage_for_patch(patch).map_err(anyhow::Error::msg)
}

fn register(binding: &BootBinding, evidence: &Evidence) -> Result<RuntimeCall> {
    Ok(RuntimeCall::Workers(pallet_workers::Call::register {
        worker: binding.worker,
        salt: SALT,
        boot: pallet_workers::Boot { sign: binding.boot_sign, kem: binding.boot_kem },
        block: binding.block,
        block_hash: GENESIS,
        evidence: bounded(evidence.encode())?,
        endpoint: None,
    }))
}

/// A call as the account's first transaction.
fn signed(call: RuntimeCall, account: &Signer) -> UncheckedExtrinsic {
    let extension: TxExtension = (
        frame_system::AuthorizeCall::new(),
        frame_system::CheckNonZeroSender::new(),
        frame_system::CheckSpecVersion::new(),
        frame_system::CheckTxVersion::new(),
        frame_system::CheckGenesis::new(),
        frame_system::CheckEra::from(Era::Immortal),
        frame_system::CheckNonce::from(0),
        frame_system::CheckWeight::new(),
        pallet_transaction_payment::ChargeTransactionPayment::from(0),
        frame_metadata_hash_extension::CheckMetadataHash::new(false),
        frame_system::WeightReclaim::new(),
    );
    let (spec, format) = (VERSION.spec_version, VERSION.transaction_version);
    let implicit = ((), (), spec, format, GENESIS, GENESIS, (), (), (), None, ());
    let payload: SignedPayload<RuntimeCall, TxExtension> =
        SignedPayload::from_raw(call.clone(), extension.clone(), implicit);
    let signature = payload.using_encoded(|bytes| account.sign(bytes));
    let signature = Signature::Sr25519(sp_core::sr25519::Signature::from_raw(signature));
    UncheckedExtrinsic::new_signed(call, Address::Id(account.account().0.into()), signature, extension)
}

/// See the [module's documentation](self).
pub fn rows() -> Result<Vec<Row>> {
    let registration = Registration::new()?;
    let (wasm, native) = Sample::pair(ROUNDS, || registration.in_the_runtime(), || registration.natively())?;
    Ok(vec![
        Row::new("registration verified in the runtime (Wasm), the whole transaction", "ms", wasm)
            .against("its evidence verified natively", native)
            .target(Target::AtMost(15.0))
            .limited_by(
                "the signatures over P-256 of certificates, revocation lists, collateral and quote, checked in Wasm",
            ),
    ])
}
