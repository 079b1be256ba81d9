// The blocking pair over TLS: certificates cross to the worker, and what TLS has against a server comes back.

import { Client } from "@petrel/mqtt/sync";
import { TlsError } from "@petrel/mqtt";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import process from "node:process";
import { check, finishChecks, keep } from "./checks.ts";

const [, , broker = "", trusted = ""] = process.argv;

for (const [form, ca] of [["bytes", readFileSync(trusted)], ["text", readFileSync(trusted, "utf8")]] as const) {
  check(`a server whose authority is trusted, as ${form}, is spoken with`, () => {
    const { client } = keep(Client.create({ clientId: `sync-tls-${form}`, broker, tls: { ca } }));
    assert.equal(client.publishTracked("a", "secret", { qos: 2 }).wait().type, "qos2-completed");
  });
}

check("a server whose authority is not trusted is a TlsError", () => {
  const { connection } = keep(Client.create({ clientId: "sync-tls", broker, reconnect: false }));
  assert.throws(() => connection.recv(), (error) => {
    assert.ok(error instanceof TlsError);
    assert.ok(error.reason === "unknown-ca" || error.reason === "self-signed", error.reason);
    return true;
  });
});

finishChecks();
