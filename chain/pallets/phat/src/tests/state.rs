//! The invariants themselves: each finds what it is there for.

use super::*;

#[test]
fn what_nothing_accounts_for_is_found() {
    let breaks: [fn(); 4] = [
        || Phat::hold(HoldReason::Gas, &account(7), 5).unwrap(),
        || CommandKeys::<Test>::insert(ContractId([1; 32]), CommandKey { epoch: 0, kem: [0; 32] }),
        || OpenBoundary::<Test>::insert(C0, (1, 99)),
        || Contested::<Test>::insert(C0, worker(9), Vote { index: 1, digest: [0; 32], boot: BootSign([0; 32]) }),
    ];
    for break_it in breaks {
        ext().execute_with(|| {
            assert_eq!(Phat::do_try_state(), Ok(()));
            break_it();
            assert!(Phat::do_try_state().is_err());
        });
    }
}
