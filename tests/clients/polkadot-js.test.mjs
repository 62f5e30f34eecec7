import assert from "node:assert/strict";
import { test } from "node:test";

import { ApiPromise, Keyring, WsProvider } from "@polkadot/api";

import { ALICE, SUPPLY, nodeUrl, within } from "./chain.mjs";

test("@polkadot/api connects, follows finality, reads storage and transfers", async () => {
  const api = await within(30, "the API", ApiPromise.create({ provider: new WsProvider(nodeUrl()), noInitWarn: true }));
  try {
    assert.equal(api.registry.chainSS58, 30);
    assert.equal(api.registry.chainTokens[0], "PHA");
    assert.equal(api.registry.chainDecimals[0], 12);

    const heights = [];
    await within(
      30,
      "three finalised heads",
      new Promise((resolve) => {
        api.rpc.chain.subscribeFinalizedHeads((head) => {
          heights.push(head.number.toNumber());
          if (heights.length === 3) resolve();
        });
      }),
    );
    assert.ok(heights[2] > heights[0], `finality moves: ${heights}`);

    assert.equal((await api.query.balances.totalIssuance()).toBigInt(), SUPPLY);
    const before = (await api.query.system.account(ALICE)).data.free.toBigInt();
    assert.ok(before > 0n);

    const alice = new Keyring({ type: "sr25519", ss58Format: 30 }).addFromUri("//Alice");
    const bob = new Keyring({ type: "sr25519", ss58Format: 30 }).addFromUri("//Bob");
    const amount = 10n ** 12n;
    const transfer = api.tx.balances.transferKeepAlive(bob.address, amount);
    await within(
      30,
      "a transfer to be finalised",
      new Promise((resolve, reject) => {
        transfer
          .signAndSend(alice, ({ status, dispatchError }) => {
            if (dispatchError) reject(new Error(dispatchError.toString()));
            else if (status.isFinalized) resolve();
          })
          .catch(reject);
      }),
    );
    const after = (await api.query.system.account(ALICE)).data.free.toBigInt();
    assert.ok(after < before - amount, "the amount and a fee have left");
    assert.equal((await api.query.balances.totalIssuance()).toBigInt(), SUPPLY, "fees burn nothing");
  } finally {
    await api.disconnect();
  }
});
