import assert from "node:assert/strict";
import { test } from "node:test";

import { createClient } from "polkadot-api";
import { getWsProvider } from "polkadot-api/ws";
import { WebSocket } from "ws";

import { ALICE, SUPPLY, nodeUrl, within } from "./chain.mjs";

test("polkadot-api connects, follows finality and reads storage", async () => {
  const client = createClient(getWsProvider(nodeUrl(), { websocketClass: WebSocket }));
  try {
    const first = await within(30, "a finalised block", client.getFinalizedBlock());
    await within(
      30,
      "finality to move by three blocks",
      new Promise((resolve, reject) => {
        client.finalizedBlock$.subscribe({
          next: (block) => block.number >= first.number + 3 && resolve(),
          error: reject,
        });
      }),
    );
    const api = client.getUnsafeApi();
    assert.equal(await within(30, "the supply", api.query.Balances.TotalIssuance.getValue()), SUPPLY);
    const account = await within(30, "an account", api.query.System.Account.getValue(ALICE));
    assert.ok(account.data.free > 0n);
    const version = await within(30, "a constant", api.constants.System.Version());
    assert.equal(version.spec_name, "phala");
  } finally {
    client.destroy();
  }
});
