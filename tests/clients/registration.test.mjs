import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { ApiPromise, Keyring, WsProvider } from "@polkadot/api";
import { compactToU8a, stringToU8a, u8aConcat, u8aToHex } from "@polkadot/util";
import { blake2AsU8a } from "@polkadot/util-crypto";

import { nodeUrl, within } from "./chain.mjs";

// A worker's registration against a real node: evidence of the real format, made by the software TEE's own program and
// verified in the runtime. Each refusal names the check that failed.

const softTee = process.env.PHALA_SOFT_TEE;
const domain = (text) => u8aConcat(compactToU8a(text.length), stringToU8a(text));
const u32 = (n) => new Uint8Array(new Uint32Array([n]).buffer);

let api;
let operator;
let stranger;
let folder;
let program;

/** Submits a call and waits for its block: the events, or the name of the error. */
const submit = (call, signer) =>
  within(
    40,
    "a transaction to be in a block",
    new Promise((resolve, reject) => {
      call
        .signAndSend(signer, ({ status, dispatchError, events }) => {
          if (!status.isInBlock) return;
          if (!dispatchError) return resolve({ events });
          const name = dispatchError.isModule ? api.registry.findMetaError(dispatchError.asModule).name : dispatchError.type;
          resolve({ error: name, events });
        })
        .catch(reject);
    }),
  );

/** Sudo's inner result counts too. */
const govern = async (call) => {
  const { error, events } = await submit(api.tx.sudo.sudo(call), operator);
  assert.equal(error, undefined);
  const done = events.find(({ event }) => api.events.sudo.Sudid.is(event));
  assert.ok(done.event.data[0].isOk, done.event.data[0].toString());
};

const measure = (file) => execFileSync(softTee, ["measure", file], { encoding: "utf8" }).trim();

/** The arguments of a registration of a new boot, each of which a case may replace. */
const registration = async ({ account = operator, salt = new Uint8Array(32), at, reportData, file = program, seed } = {}) => {
  const genesis = api.genesisHash.toU8a();
  const worker = blake2AsU8a(u8aConcat(domain("phala/worker-id/v1"), genesis, account.publicKey, salt));
  const boot = { sign: randomBytes(32), kem: randomBytes(32) };
  const hash = at?.hash ?? (await api.rpc.chain.getFinalizedHead());
  const block = at?.number ?? (await api.rpc.chain.getHeader(hash)).number.toNumber();
  const bound = u8aConcat(
    domain("phala/attest/v1"),
    genesis,
    boot.sign,
    boot.kem,
    worker,
    account.publicKey,
    u32(block),
    hash.toU8a(),
  );
  const data = reportData ?? createHash("sha512").update(bound).digest("hex");
  const out = join(folder, "evidence.bin");
  const args = ["quote", "--report-data", data, "--executable", file, "--out", out];
  execFileSync(softTee, seed ? [...args, "--seed", seed] : args);
  const evidence = readFileSync(out);
  return { worker, salt, boot, block, hash, evidence };
};

const call = (r) =>
  api.tx.workers.register(r.worker, r.salt, { sign: u8aToHex(r.boot.sign), kem: u8aToHex(r.boot.kem) }, r.block, r.hash, u8aToHex(r.evidence), null);

before(async () => {
  assert.ok(softTee, "set PHALA_SOFT_TEE; the test tests/e2e/tests/clients.rs does");
  folder = mkdtempSync(join(tmpdir(), "phala-registration-"));
  program = join(folder, "worker");
  writeFileSync(program, "the program whose measurement this chain lists");
  api = await within(30, "the API", ApiPromise.create({ provider: new WsProvider(nodeUrl()), noInitWarn: true }));
  const keys = new Keyring({ type: "sr25519", ss58Format: 30 });
  operator = keys.addFromUri("//Alice");
  stranger = keys.addFromUri("//Bob");
  await govern(
    api.tx.workers.addMeasurement({
      hardware: "Tdx",
      measurement: "0x" + measure(program).replace(/^0x/, ""),
      registers: null,
      name: "test worker",
      version: "1",
    }),
  );
});

after(async () => {
  await api?.disconnect();
  if (folder) rmSync(folder, { recursive: true });
});

test("refusals name the check that failed, and change nothing", async () => {
  const other = join(folder, "other");
  writeFileSync(other, "another program");
  const good = await registration();
  const wrongHash = { ...good, hash: api.genesisHash };
  const cut = { ...good, evidence: good.evidence.subarray(0, 700) };
  for (const [name, arguments_, signer] of [
    ["WrongOperator", good, stranger],
    ["WrongBlockHash", wrongHash, operator],
    ["BlockNotRecent", { ...good, block: good.block + 10_000 }, operator],
    ["EvidenceWrongReportData", await registration({ reportData: "00".repeat(64) }), operator],
    ["EvidenceUnlistedMeasurement", await registration({ file: other }), operator],
    ["EvidenceUntrustedRoot", await registration({ seed: "another vendor" }), operator],
    ["EvidenceMalformed", cut, operator],
  ]) {
    const { error } = await submit(call(arguments_), signer);
    assert.equal(error, name);
  }
  assert.ok((await api.query.workers.registry(good.worker)).isNone);
});

test("a worker registers, comes back with a new boot, and goes", async () => {
  const first = await registration();
  const { error, events } = await submit(call(first), operator);
  assert.equal(error, undefined);
  assert.ok(events.some(({ event }) => api.events.workers.Registered.is(event)));

  const entry = (await api.query.workers.registry(first.worker)).unwrap().toJSON();
  const text = JSON.stringify(entry);
  assert.match(text, /Software/, `the assurance is shown: ${text}`);
  assert.match(text, new RegExp(measure(program).replace(/^0x/, "")));

  // a second boot over the same block would let an old quote come back
  const repeated = await registration({ at: { hash: first.hash, number: first.block } });
  assert.equal((await submit(call(repeated), operator)).error, "BlockNotLater");

  await within(
    30,
    "a later finalised block",
    new Promise((resolve) => {
      api.rpc.chain.subscribeFinalizedHeads((head) => head.number.toNumber() > first.block && resolve());
    }),
  );
  const second = await registration();
  assert.equal((await submit(call(second), operator)).error, undefined);
  const after = (await api.query.workers.registry(first.worker)).unwrap().toJSON();
  assert.match(JSON.stringify(after), new RegExp(u8aToHex(second.boot.sign).slice(2)));
  assert.doesNotMatch(JSON.stringify(after), new RegExp(u8aToHex(first.boot.sign).slice(2)), "the old boot is not live");

  assert.equal((await submit(api.tx.workers.deregister(first.worker), stranger)).error, "NotOperator");
  assert.equal((await submit(api.tx.workers.deregister(first.worker), operator)).error, undefined);
  assert.ok((await api.query.workers.registry(first.worker)).isNone);
});
