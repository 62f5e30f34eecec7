// What every client test is given: the address of a running node, and its raw chain spec with a boot node.

import { readFileSync } from "node:fs";

const need = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`set ${name}; the test tests/e2e/tests/clients.rs does`);
  return value;
};

/** WebSocket address of a node of the chain `dev`. */
export const nodeUrl = () => need("PHALA_NODE_URL");

/** The raw chain spec of that node, as text. */
export const chainSpec = () => readFileSync(need("PHALA_CHAIN_SPEC"), "utf8");

/** Alice on a chain with SS58 prefix 30. */
export const ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

/** The supply in planck. */
export const SUPPLY = 10n ** 21n;

/** Rejects after `seconds`, saying what was awaited. */
export const within = (seconds, what, promise) => {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${seconds} s for ${what}`)), seconds * 1000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};
