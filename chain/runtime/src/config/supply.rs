//! The supply is fixed: no extrinsic may carry a call that sets balances or the issuance, however deep inside others.
//!
//! Both calls want root, and root passes every filter: a filter on these calls alone would refuse what fails anyway. So this one
//! looks at the extrinsic as it comes, from whoever signed it, and into what it carries: the development key's call, batches,
//! multisigs, proxies, calls to be scheduled.
//!
//! It guards against a mistake, not against root: who holds root can write any storage and replace this runtime. Public chains
//! have no way to root.

use frame_support::traits::Contains;

use crate::RuntimeCall;

/// The filter of every extrinsic.
pub struct FixedSupply;

impl Contains<RuntimeCall> for FixedSupply {
    fn contains(call: &RuntimeCall) -> bool {
        use pallet_balances::Call as Balances;
        use pallet_multisig::Call as Multisig;
        use pallet_proxy::Call as Proxy;
        use pallet_scheduler::Call as Scheduler;
        use pallet_sudo::Call as Sudo;
        use pallet_utility::Call as Utility;
        match call {
            RuntimeCall::Balances(
                Balances::force_set_balance { .. } | Balances::force_adjust_total_issuance { .. },
            ) => false,
            RuntimeCall::Utility(
                Utility::batch { calls } | Utility::batch_all { calls } | Utility::force_batch { calls },
            ) => calls.iter().all(Self::contains),
            RuntimeCall::Utility(Utility::if_else { main, fallback }) => {
                Self::contains(main) && Self::contains(fallback)
            }
            RuntimeCall::Utility(
                Utility::as_derivative { call, .. }
                | Utility::dispatch_as { call, .. }
                | Utility::dispatch_as_fallible { call, .. }
                | Utility::with_weight { call, .. },
            )
            | RuntimeCall::Multisig(Multisig::as_multi_threshold_1 { call, .. } | Multisig::as_multi { call, .. })
            | RuntimeCall::Proxy(Proxy::proxy { call, .. } | Proxy::proxy_announced { call, .. })
            | RuntimeCall::Scheduler(
                Scheduler::schedule { call, .. }
                | Scheduler::schedule_named { call, .. }
                | Scheduler::schedule_after { call, .. }
                | Scheduler::schedule_named_after { call, .. },
            )
            | RuntimeCall::Sudo(
                Sudo::sudo { call } | Sudo::sudo_unchecked_weight { call, .. } | Sudo::sudo_as { call, .. },
            ) => Self::contains(call),
            _ => true,
        }
    }
}
