//! Calls, by the names that the metadata have for them.

use codec::Encode;
use phala_primitives::{
    AccountId, BootKem, BootSign, ClusterId, CodeHash, ContractId, Hash256, Payload, Report, WorkerId,
    cluster::{ClusterConfig, KeyCommitment},
    message::Balance,
    worker::Endpoint,
};
use subxt::ext::scale_encode::{EncodeAsFields, Error, FieldIter, TypeResolver};

/// A call: its names, and its arguments as SCALE bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pallet: &'static str,
    name: &'static str,
    arguments: Vec<u8>,
}

macro_rules! calls {
    ($( $(#[$doc:meta])* $function:ident = $pallet:literal . $name:literal ( $($argument:ident : $kind:ty),* ); )*) => {
        impl Call { $(
            $(#[$doc])*
            #[allow(clippy::too_many_arguments, reason = "the call has as many")]
            pub fn $function($($argument: $kind),*) -> Self {
                Self { pallet: $pallet, name: $name, arguments: ($($argument,)*).encode() }
            }
        )* }
    };
}

calls! {
    /// Admits a boot of a worker.
    register = "Workers"."register"(
        worker: WorkerId, salt: [u8; 32], boot: (BootSign, BootKem), block: u32, block_hash: Hash256, evidence: Vec<u8>,
        endpoint: Option<Endpoint>
    );
    /// Forgets a worker.
    deregister = "Workers"."deregister"(worker: WorkerId);
    /// Says where a worker is reached.
    set_endpoint = "Workers"."set_endpoint"(worker: WorkerId, endpoint: Option<Endpoint>);
    /// Founds a cluster.
    create_cluster = "Phat"."create_cluster"(config: ClusterConfig);
    /// Configures a cluster.
    configure_cluster = "Phat"."configure_cluster"(cluster: ClusterId, config: ClusterConfig);
    /// Consents to a worker's joining a cluster.
    offer_worker = "Phat"."offer_worker"(worker: WorkerId, cluster: Option<ClusterId>);
    /// Takes a worker into a cluster.
    add_member = "Phat"."add_member"(cluster: ClusterId, worker: WorkerId);
    /// Takes a worker out of a cluster.
    remove_member = "Phat"."remove_member"(cluster: ClusterId, worker: WorkerId);
    /// Binds a cluster to its keys.
    commit_keys = "Phat"."commit_keys"(cluster: ClusterId, worker: WorkerId, keys: KeyCommitment, signature: [u8; 64]);
    /// Announces code.
    declare_code = "Phat"."declare_code"(
        cluster: ClusterId, code: CodeHash, size: u32, stored_bytes: u32, chunks: Vec<Hash256>
    );
    /// Uploads a chunk of code.
    upload_chunk = "Phat"."upload_chunk"(cluster: ClusterId, code: CodeHash, chunk: u32, bytes: Vec<u8>);
    /// Forgets code that nobody uses, or an upload that is not complete.
    remove_code = "Phat"."remove_code"(cluster: ClusterId, code: CodeHash);
    /// Creates a contract.
    instantiate = "Phat"."instantiate"(
        cluster: ClusterId, code: CodeHash, payload: Payload, gas_limit: u64, value: Balance, deposit: Balance
    );
    /// Calls a contract.
    command = "Phat"."command"(contract: ContractId, payload: Payload, gas_limit: u64, value: Balance);
    /// Gives a contract new code.
    upgrade = "Phat"."upgrade"(contract: ContractId, code: CodeHash, payload: Payload, gas_limit: u64);
    /// Ends a contract.
    terminate_contract = "Phat"."terminate_contract"(contract: ContractId);
    /// Moves something of what a contract owns to its owner.
    withdraw = "Phat"."withdraw"(contract: ContractId, amount: Balance);
    /// Hands in a report.
    report = "Phat"."report"(report: Report, worker: WorkerId, signature: [u8; 64]);
    /// Gives back the gas of a message without a receipt.
    refund_expired = "Phat"."refund_expired"(cluster: ClusterId, index: u64);
}

impl Call {
    /// Moves PHA to an account.
    pub fn transfer(to: AccountId, planck: Balance) -> Self {
        const ACCOUNT_ID: u8 = 0;
        let arguments = (ACCOUNT_ID, to, codec::Compact(planck)).encode();
        Self { pallet: "Balances", name: "transfer_keep_alive", arguments }
    }

    /// What it is called, `Pallet.call`.
    pub fn name(&self) -> String {
        format!("{}.{}", self.pallet, self.name)
    }
}

impl subxt::tx::Payload for Call {
    type CallData = Self;

    fn pallet_name(&self) -> &str {
        self.pallet
    }

    fn call_name(&self) -> &str {
        self.name
    }

    fn call_data(&self) -> &Self {
        self
    }
}

/// The arguments are encoded already, by the very types that the pallets decode; whether the chain's metadata mean the same is
/// settled by their hash.
impl EncodeAsFields for Call {
    fn encode_as_fields_to<R: TypeResolver>(
        &self,
        _: &mut dyn FieldIter<'_, R::TypeId>,
        _: &R,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        out.extend_from_slice(&self.arguments);
        Ok(())
    }
}
