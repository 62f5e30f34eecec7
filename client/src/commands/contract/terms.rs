//! What a cluster takes, looked at before anything is paid. The chain looks again; but who is refused there has paid for a transaction,
//! and whom the workers refuse for gas as well.

use phala_client::{Because as _, Fault, Node, Result};
use phala_primitives::{
    AccountId, ClusterId,
    cluster::{ClusterEntry, ClusterEntryV1, ClusterStatus, GAS_PRICE_UNIT, Limits, Permission},
    message::Balance,
    storage_key,
};

use super::pha;
use crate::commands::account;

/// A cluster that takes messages.
pub struct Terms {
    pub cluster: ClusterId,
    pub entry: ClusterEntryV1,
}

impl Terms {
    /// Those of a cluster, unless it is at a standstill.
    pub async fn of(node: &Node, cluster: ClusterId) -> Result<Self> {
        let entry: Option<ClusterEntry> = node.get(storage_key::cluster(cluster)).await?;
        let entry = entry
            .ok_or_else(|| Fault::NoSuchCluster.because(format!("there is no cluster {cluster}")))?
            .latest()
            .clone();
        match entry.status {
            ClusterStatus::Active => Ok(Self { cluster, entry }),
            ClusterStatus::Frozen => Err(Fault::FrozenCluster.because(format!(
                "cluster {cluster} is frozen: its members have reported different states, and until enough of them agree nothing takes \
                 effect"
            ))),
            ClusterStatus::Terminated => Err(Fault::Ended.because(format!("cluster {cluster} has ended"))),
        }
    }

    /// What its contracts may use.
    pub fn limits(&self) -> &Limits {
        &self.entry.config.latest().limits
    }

    /// Refuses an account that may not bring code and contracts here.
    pub fn admit(&self, account: AccountId) -> Result<()> {
        let permission = &self.entry.config.latest().permission;
        let permitted = account == self.entry.owner
            || match permission {
                Permission::Public => true,
                Permission::OwnerOnly => false,
                Permission::List(deployers) => deployers.contains(&account),
            };
        if permitted {
            return Ok(());
        }
        let who = match permission {
            Permission::List(_) => "its owner and a list of accounts",
            _ => "its owner",
        };
        Err(Fault::NotPermitted
            .because(format!("cluster {} takes contracts of {who} only, and {account} is none of them", self.cluster)))
    }

    /// Refuses a component that is too long.
    pub fn take_code(&self, bytes: usize) -> Result<()> {
        fits("the component", bytes, self.limits().code_bytes)
    }

    /// Refuses a payload that is too long.
    pub fn take_payload(&self, bytes: usize) -> Result<()> {
        fits("the arguments", bytes, self.limits().payload_bytes)
    }

    /// The gas that is paid for: as much as is wanted, or as a message may use.
    pub fn gas(&self, wanted: Option<u64>) -> Result<u64> {
        let limit = self.limits().gas_per_message;
        match wanted {
            Some(gas) if gas > limit => Err(Fault::OverLimit
                .because(format!("--gas {gas} is more than a message of cluster {} may use: {limit}", self.cluster))),
            wanted => Ok(wanted.unwrap_or(limit)),
        }
    }

    /// What gas costs, in planck.
    pub fn gas_price(&self, gas: u64) -> Balance {
        let planck = Balance::from(gas).saturating_mul(self.entry.config.latest().gas_price);
        planck.div_ceil(Balance::from(GAS_PRICE_UNIT))
    }

    /// What is held for stored code, in planck.
    pub fn code_deposit(&self, bytes: u32) -> Balance {
        Balance::from(bytes).saturating_mul(self.entry.config.latest().deposit_per_byte)
    }
}

fn fits(what: &str, bytes: usize, limit: u32) -> Result<()> {
    if bytes <= usize::try_from(limit).unwrap_or(usize::MAX) {
        return Ok(());
    }
    Err(Fault::OverLimit.because(format!("{what}: {bytes} bytes, and the cluster takes {limit}")))
}

/// Refuses what an account cannot pay. This is a lower bound: fees come on top, and what the chain itself wants held.
pub async fn affordable(node: &Node, account: AccountId, parts: &[(&str, Balance)]) -> Result<()> {
    let free = account::funds(node, &account).await?.free;
    match missing(free, parts) {
        None => Ok(()),
        Some(text) => Err(Fault::NotEnoughFunds.because(format!("{account} cannot pay for this: {text}"))),
    }
}

/// What there is too little of, in words.
fn missing(free: Balance, parts: &[(&str, Balance)]) -> Option<String> {
    let needed = parts.iter().fold(Balance::default(), |sum, (_, part)| sum.saturating_add(*part));
    let missing = needed.checked_sub(free).filter(|missing| *missing > 0)?;
    let parts: Vec<String> =
        parts.iter().filter(|(_, part)| *part > 0).map(|(name, part)| format!("{name} {}", pha(*part))).collect();
    Some(format!(
        "it has {} free and needs at least {} ({}); {} are missing",
        pha(free),
        pha(needed),
        parts.join(", "),
        pha(missing)
    ))
}

#[cfg(test)]
pub mod tests {
    use phala_primitives::cluster::{ClusterConfig, ClusterConfigV1, HttpPolicy, SealingMode};

    use super::*;

    const OWNER: AccountId = AccountId([1; 32]);

    /// A small cluster.
    pub fn config(permission: Permission) -> ClusterConfigV1 {
        let limits = Limits {
            code_bytes: 1000,
            memory_bytes: 1 << 20,
            key_bytes: 256,
            value_bytes: 1024,
            output_bytes: 1024,
            payload_bytes: 100,
            gas_per_message: 5_000_000,
            timeout_blocks: 10,
        };
        ClusterConfigV1 {
            permission,
            gas_price: 3,
            deposit_per_byte: 2,
            quorum: 1,
            limits,
            engine_revision: 1,
            http: HttpPolicy::default(),
            sealing: SealingMode::Peers,
        }
    }

    fn terms(permission: Permission) -> Terms {
        let entry = ClusterEntryV1 {
            owner: OWNER,
            config: ClusterConfig::V1(config(permission)),
            status: ClusterStatus::Active,
            epoch: 0,
            keys: None,
            created_at: 1,
        };
        Terms { cluster: ClusterId(3), entry }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_limit() {
        let terms = terms(Permission::Public);
        terms.take_code(1000).unwrap();
        let refused = terms.take_code(1001).unwrap_err();
        assert_eq!(refused.message, "the component: 1001 bytes, and the cluster takes 1000");
        terms.take_payload(100).unwrap();
        assert!(terms.take_payload(101).unwrap_err().message.contains("takes 100"));
        assert_eq!(terms.gas(None), Ok(5_000_000));
        assert_eq!(terms.gas(Some(7)), Ok(7));
        assert!(terms.gas(Some(5_000_001)).unwrap_err().message.contains("5000000"));
    }

    #[test]
    fn prices_are_those_of_the_chain() {
        let terms = terms(Permission::Public);
        // a price is for a million gas, and is rounded up
        assert_eq!([0, 1, 1_000_000, 1_000_001].map(|gas| terms.gas_price(gas)), [0, 1, 3, 4]);
        assert_eq!(terms.code_deposit(10), 20);
    }

    #[test]
    fn who_may_deploy() {
        let (other, listed) = (AccountId([2; 32]), AccountId([4; 32]));
        let list = Permission::List(vec![listed].try_into().unwrap());
        for (permission, account, permitted) in [
            (Permission::Public, other, true),
            (Permission::OwnerOnly, OWNER, true),
            (Permission::OwnerOnly, other, false),
            (list.clone(), listed, true),
            (list.clone(), OWNER, true),
            (list, other, false),
        ] {
            assert_eq!(terms(permission).admit(account).is_ok(), permitted);
        }
    }

    #[test]
    fn what_is_missing_is_said() {
        const PHA: Balance = 1_000_000_000_000;
        let parts = [("gas", 2 * PHA), ("value", 0), ("deposit", PHA)];
        assert_eq!(missing(3 * PHA, &parts), None);
        assert_eq!(
            missing(PHA / 2, &parts).unwrap(),
            "it has 0.5 PHA free and needs at least 3 PHA (gas 2 PHA, deposit 1 PHA); 2.5 PHA are missing"
        );
        assert_eq!(missing(0, &[]), None);
    }
}
