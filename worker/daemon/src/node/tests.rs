//! Against real WebSocket servers on loopback.

use jsonrpsee::{
    RpcModule, SubscriptionMessage,
    server::{Server, ServerHandle},
    types::ErrorObjectOwned,
};

use super::*;

const GENESIS: Hash256 = [7; 32];

/// A node with this genesis that answers what `more` adds.
async fn node(genesis: Hash256, more: impl FnOnce(&mut RpcModule<()>)) -> (String, ServerHandle) {
    let mut module = RpcModule::new(());
    let text = format!("0x{}", hex::encode(genesis));
    module.register_method("chain_getBlockHash", move |_, (), _| text.clone()).unwrap();
    more(&mut module);
    let server = Server::builder().max_response_body_size(64 * 1024 * 1024).build("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", server.local_addr().unwrap());
    (url, server.start(module))
}

#[tokio::test]
async fn requests_have_the_nodes_shape_and_answers_are_bytes() {
    let (url, _server) = node(GENESIS, |module| {
        module
            .register_method("phat_messages", |params, (), _| {
                let asked: (u32, String, u64, u64, u32) = params.parse().unwrap();
                assert_eq!(asked, (3, format!("0x{}", "05".repeat(32)), 9, 7, 2));
                serde_json::json!({ "before": format!("0x{}", "06".repeat(32)), "messages": ["0x0102", "0x"] })
            })
            .unwrap();
        module
            .register_method("state_getReadProof", |params, (), _| {
                let (keys, at): (Vec<String>, String) = params.parse().unwrap();
                assert_eq!((keys, at), (vec!["0xaabb".to_owned()], format!("0x{}", "09".repeat(32))));
                serde_json::json!({ "at": "0x00", "proof": ["0x03"] })
            })
            .unwrap();
        module.register_method("phat_handoffs", |_, (), _| "no hex").unwrap();
        module
            .register_method("phat_code", |_, (), _| {
                Err::<String, _>(ErrorObjectOwned::owned(-32002, "lacking ".repeat(100), None::<()>))
            })
            .unwrap();
    })
    .await;
    let mut nodes = Nodes::new(vec![url.clone()], GENESIS);
    let head = LogHead { next_index: 9, hash: [5; 32] };
    let page = Page { before: [6; 32], bodies: vec![vec![1, 2], vec![]] };
    assert_eq!(nodes.messages(ClusterId(3), &head, 7, 2).await, Ok(page));
    assert_eq!(nodes.read_proof(&[9; 32], &[vec![0xaa, 0xbb]]).await, Ok(vec![vec![3]]));
    let refused = |reason: String, method| NodeError::Refused { url: url.clone(), method, reason };
    assert_eq!(nodes.handoffs(0, 1).await, Err(refused("the answer is no hex".into(), "phat_handoffs")));
    let said: String = "lacking ".repeat(100).chars().take(300).collect();
    assert_eq!(nodes.code_chunk(ClusterId(3), &CodeHash([1; 32]), &[2; 32]).await, Err(refused(said, "phat_code")));
}

#[tokio::test]
async fn a_node_of_another_chain_is_left_for_the_next() {
    let (foreign, _foreign) = node([8; 32], |_| {}).await;
    let (good, _good) = node(GENESIS, |module| {
        module.register_method("phat_handoffs", |_, (), _| "0x2a").unwrap();
    })
    .await;
    let mut nodes = Nodes::new(vec![foreign.clone(), good.clone()], GENESIS);
    let error = nodes.handoffs(0, 1).await.unwrap_err();
    let (found, expected) = (hex::encode([8; 32]), hex::encode(GENESIS));
    assert_eq!(error, NodeError::OtherGenesis { url: foreign, found, expected });
    nodes.leave(&error.to_string());
    assert_eq!(nodes.url(), good);
    assert_eq!(nodes.handoffs(0, 1).await, Ok(vec![42]));
}

#[tokio::test]
async fn a_node_that_went_away_is_connected_again() {
    let (url, server) = node(GENESIS, |module| {
        module.register_method("phat_handoffs", |_, (), _| "0x01").unwrap();
    })
    .await;
    let mut nodes = Nodes::new(vec![url.clone()], GENESIS);
    assert_eq!(nodes.handoffs(0, 1).await, Ok(vec![1]));
    server.stop().unwrap();
    server.stopped().await;
    assert!(matches!(nodes.handoffs(0, 1).await, Err(NodeError::Unreachable { .. })));
    nodes.leave("gone");
    let mut module = RpcModule::new(());
    let text = format!("0x{}", hex::encode(GENESIS));
    module.register_method("chain_getBlockHash", move |_, (), _| text.clone()).unwrap();
    module.register_method("phat_handoffs", |_, (), _| "0x02").unwrap();
    let address = url.trim_start_matches("ws://").to_owned();
    let _server = Server::builder().build(address).await.unwrap().start(module);
    assert_eq!(nodes.handoffs(0, 1).await, Ok(vec![2]));
}

#[tokio::test]
async fn an_endless_answer_is_not_taken() {
    let (url, _server) = node(GENESIS, |module| {
        let long = MAX_ANSWER as usize;
        module.register_method("phat_handoffs", move |_, (), _| format!("0x{}", "00".repeat(long / 2))).unwrap();
    })
    .await;
    let mut nodes = Nodes::new(vec![url], GENESIS);
    assert!(matches!(nodes.handoffs(0, 1).await, Err(NodeError::Unreachable { .. })));
}

#[tokio::test]
async fn a_finalised_head_wakes() {
    let (url, _server) = node(GENESIS, |module| {
        module.register_method("phat_handoffs", |_, (), _| "0x").unwrap();
        module
            .register_subscription(
                "chain_subscribeFinalizedHeads",
                "chain_finalizedHead",
                "chain_unsubscribeFinalizedHeads",
                |_, pending, _, _| async move {
                    let Ok(sink) = pending.accept().await else { return };
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    let _gone = sink.send(SubscriptionMessage::from_json(&"head").unwrap()).await;
                    sink.closed().await;
                },
            )
            .unwrap();
    })
    .await;
    let mut nodes = Nodes::new(vec![url], GENESIS);
    nodes.handoffs(0, 1).await.unwrap();
    let started = std::time::Instant::now();
    nodes.wait(Duration::from_secs(20)).await;
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    let started = std::time::Instant::now();
    nodes.wait(Duration::from_millis(200)).await;
    assert!(started.elapsed() >= Duration::from_millis(200));
}
