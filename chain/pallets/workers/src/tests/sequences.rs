//! Any sequence of calls leaves the invariants standing.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Register { operator: u8, boot: u8, age: u32 },
    Deregister { caller: u8, worker: u8 },
    Expire { worker: u8 },
    ToggleMeasurement,
    Blocks(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..4u8, 0..6u8, 0..25u32).prop_map(|(operator, boot, age)| Step::Register { operator, boot, age }),
        1 => (0..4u8, 0..4u8).prop_map(|(caller, worker)| Step::Deregister { caller, worker }),
        1 => (0..4u8).prop_map(|worker| Step::Expire { worker }),
        1 => Just(Step::ToggleMeasurement),
        2 => (1..12u8).prop_map(Step::Blocks),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn hold_the_invariants(steps in prop::collection::vec(step(), 1..40)) {
        ext().execute_with(|| {
            let mut counts = std::collections::BTreeMap::new();
            for step in steps {
                // Refusals are part of the game; what counts is the state they leave.
                let _ = match step {
                    Step::Register { operator, boot, age } => {
                        Registration::new(operator, boot, System::block_number().saturating_sub(age)).send()
                    }
                    Step::Deregister { caller, worker } => {
                        Workers::deregister(RuntimeOrigin::signed(account(caller)), worker_of(worker))
                    }
                    Step::Expire { worker } => Workers::expire(RuntimeOrigin::signed(account(0)), worker_of(worker)),
                    Step::ToggleMeasurement => {
                        let measurement = Measurement([7; 48]);
                        Workers::remove_measurement(RuntimeOrigin::root(), measurement).or_else(|_| {
                            Workers::add_measurement(RuntimeOrigin::root(), measured(7))
                        })
                    }
                    Step::Blocks(blocks) => {
                        (0..blocks).for_each(|_| next_block());
                        Ok(())
                    }
                };
                Workers::do_try_state().unwrap();
                for (worker, entry) in Registry::<Test>::iter() {
                    let count = counts.entry(worker).or_insert(0);
                    prop_assert!(entry.latest().boot_count >= *count, "a boot count fell back");
                    *count = entry.latest().boot_count;
                }
            }
            Ok::<(), TestCaseError>(())
        })?;
    }
}
