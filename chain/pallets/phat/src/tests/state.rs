//! The invariants themselves: each finds what it is there for.

use phala_primitives::contract::PendingUpgrade;

use super::*;

#[test]
fn what_nothing_accounts_for_is_found() {
    let breaks: [fn(); 8] = [
        || Phat::hold(HoldReason::Gas, &account(7), 5).unwrap(),
        || CommandKeys::<Test>::insert(ContractId([1; 32]), CommandKey { epoch: 0, kem: [0; 32] }),
        || OpenBoundary::<Test>::insert(C0, (1, 99)),
        || Contested::<Test>::insert(C0, worker(9), Vote { index: 1, digest: [0; 32], boot: BootSign([0; 32]) }),
        || Judging::<Test>::insert(C0, 99, (CodeHash([1; 32]), phala_primitives::AccountId([OWNER; 32]))),
        || Judging::<Test>::remove(C0, send_code(OWNER, CodeHash([1; 32]), 1)),
        || {
            let (id, new) = (instantiate(upload(1)), upload(2));
            Phat::change_contract(id, |c| c.upgrades.try_push(PendingUpgrade { index: 9, code: new }).unwrap());
        },
        || {
            let (id, new) = (instantiate(upload(1)), upload(2));
            assert_ok!(Phat::upgrade(signed(USER), id, new, plain(1), 10));
            Phat::change_contract(id, |c| c.upgrades = Default::default());
        },
    ];
    for break_it in breaks {
        ext().execute_with(|| {
            assert_eq!(Phat::do_try_state(), Ok(()));
            break_it();
            assert!(Phat::do_try_state().is_err());
        });
    }
}
