import assert from "node:assert/strict";
import { after, test } from "node:test";

import { start } from "smoldot";

import { chainSpec, within } from "./chain.mjs";

// twox128("Balances") ‖ twox128("TotalIssuance")
const TOTAL_ISSUANCE = "0xc2261276cc9d1f8598ea4b6a74b15c2f57c875e4cff74148e4628f264b974c80";

test("smoldot syncs from the genesis, follows finality and reads storage by proof", async () => {
  const client = start({ maxLogLevel: 2 });
  try {
    const chain = await client.addChain({ chainSpec: chainSpec() });
    chain.sendJsonRpc(JSON.stringify({ jsonrpc: "2.0", id: "follow", method: "chainHead_v1_follow", params: [false] }));

    let subscription;
    let finalized = 0;
    let asked = false;
    await within(
      90,
      "three finalised blocks and a storage value",
      (async () => {
        for await (const text of chain.jsonRpcResponses) {
          const message = JSON.parse(text);
          if (message.id === "follow") {
            assert.equal(message.error, undefined, text);
            subscription = message.result;
            continue;
          }
          if (message.id === "read") {
            assert.equal(message.result?.result, "started", text);
            continue;
          }
          const event = message.params?.result;
          if (event?.event === "finalized") finalized += event.finalizedBlockHashes.length;
          if (finalized >= 3 && !asked && event?.event === "finalized") {
            asked = true;
            const hash = event.finalizedBlockHashes.at(-1);
            chain.sendJsonRpc(
              JSON.stringify({
                jsonrpc: "2.0",
                id: "read",
                method: "chainHead_v1_storage",
                params: [subscription, hash, [{ key: TOTAL_ISSUANCE, type: "value" }], null],
              }),
            );
          }
          if (event?.event === "operationStorageItems") {
            // 10^21 as a little-endian u128
            assert.equal(event.items[0].value, "0x0000a0dec5adc9353600000000000000");
            return;
          }
          assert.notEqual(event?.event, "operationError", text);
          assert.notEqual(event?.event, "operationInaccessible", text);
        }
      })(),
    );
  } finally {
    await client.terminate();
  }
});

// smoldot's connections outlive its end and keep the process; by then the result has been told
after(() => setTimeout(() => process.exit(), 500));
