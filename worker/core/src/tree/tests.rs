#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic here is a failed test"
)]

use std::collections::BTreeMap;

use phala_crypto::ClusterKeys;
use phala_primitives::ClusterId;
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{memory::MemoryStore, store::Store as _, testing::Rng};

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

/// Keys of which nothing was opened yet: what is read comes from the store.
fn keys() -> Arc<TreeKeys> {
    let keys = ClusterKeys::generate(&mut Rng(1));
    let (genesis, cluster) = ([1; 32], ClusterId(0));
    Arc::new(TreeKeys::new(keys.state_key(&genesis, cluster), keys.commitment_key(&genesis, cluster)))
}

fn commit(tree: &mut Tree, store: &MemoryStore) {
    let mut changes = Commit::default();
    tree.drain_into(&mut changes);
    assert!(changes.nodes.is_sorted_by(|(one, _), (other, _)| one < other));
    store.commit(changes).unwrap();
    tree.rebase(store.snapshot().unwrap());
}

fn nodes(store: &MemoryStore) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut all = BTreeMap::new();
    store.tamper(|nodes| all = nodes.clone());
    all
}

#[derive(Clone, Debug)]
enum Step {
    Apply(Vec<(Vec<u8>, Option<Vec<u8>>)>),
    Commit,
}

/// Few and short keys, so that they meet, are prefixes of each other, and go away again; values on both sides of what a
/// node takes in.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = vec(0u8..4, 0..4);
    let value = prop_oneof![vec(any::<u8>(), 0..8), vec(any::<u8>(), 30..70)];
    let change = (key, prop_oneof![2 => value.prop_map(Some), 1 => Just(None)]);
    let step = prop_oneof![3 => vec(change, 1..8).prop_map(Step::Apply), 1 => Just(Step::Commit)];
    vec(step, 1..24)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Whatever was written and removed in which order: the entries are those of a map, the root is that of the entries alone,
    /// and the store has the nodes of this tree and no others.
    #[test]
    fn a_tree_is_a_map_and_leaves_no_rubbish_behind(steps in steps()) {
        let store = MemoryStore::default();
        let mut tree = Tree::new(store.snapshot().unwrap(), keys(), None);
        let mut model = Model::new();
        for step in steps.into_iter().chain([Step::Commit]) {
            match step {
                Step::Apply(changes) => {
                    for (key, value) in &changes {
                        match value {
                            Some(value) => model.insert(key.clone(), value.clone()),
                            None => model.remove(key),
                        };
                    }
                    tree.apply(changes).unwrap();
                }
                Step::Commit => commit(&mut tree, &store),
            }
        }

        let fresh = MemoryStore::default();
        let mut at_once = Tree::new(fresh.snapshot().unwrap(), keys(), None);
        at_once.apply(model.clone().into_iter().map(|(key, value)| (key, Some(value)))).unwrap();
        commit(&mut at_once, &fresh);
        prop_assert_eq!(tree.root(), at_once.root());
        prop_assert_eq!(nodes(&store), nodes(&fresh));

        // with keys that have opened nothing, as after a restart
        let again = Tree::new(store.snapshot().unwrap(), keys(), Some(tree.root()));
        let (mut found, mut after) = (Model::new(), None);
        while let Some((key, value)) = again.next(&[], after.as_deref()).unwrap() {
            prop_assert_eq!(again.get(&key).unwrap(), Some(value.clone()));
            found.insert(key.clone(), value);
            after = Some(key);
        }
        prop_assert_eq!(found, model);
    }
}

#[test]
fn a_node_that_was_changed_on_disk_is_found_out_by_whoever_has_not_opened_it() {
    let store = MemoryStore::default();
    let mut tree = Tree::new(store.snapshot().unwrap(), keys(), None);
    tree.apply((0..100u8).map(|key| (vec![key; 3], Some(vec![key; 40])))).unwrap();
    commit(&mut tree, &store);
    store.tamper(|nodes| nodes.values_mut().for_each(|node| *node.last_mut().unwrap() ^= 1));
    let after_restart = Tree::new(store.snapshot().unwrap(), keys(), Some(tree.root()));
    assert!(matches!(after_restart.get(&[7; 3]), Err(StateFault::Damaged(_))));
    // what this process has opened is right whatever the host does
    tree.rebase(store.snapshot().unwrap());
    assert_eq!(tree.get(&[7; 3]).unwrap().unwrap(), [7; 40]);
}

#[test]
fn to_remove_what_is_not_there_removes_nothing() {
    let store = MemoryStore::default();
    let mut tree = Tree::new(store.snapshot().unwrap(), keys(), None);
    tree.apply([(vec![0, 3], Some(vec![1])), (vec![0, 3, 0], Some(vec![2])), (vec![1], Some(vec![3]))]).unwrap();
    commit(&mut tree, &store);
    let before = tree.root();
    // the key ends in the middle of a branch that has a value
    tree.apply([(vec![0], None)]).unwrap();
    assert_eq!(tree.root(), before);
    assert_eq!(tree.get(&[0, 3]).unwrap().unwrap(), [1]);
}
