import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import { AsyncClient, type MqttOptions, parseBrokerUrl, type TlsOptions } from "../../mod.ts";
import { resolveOptions } from "../../src/client/mod.ts";
import { makeCertificates, opensslMissing } from "../support/certificates.ts";
import { test } from "../support/test.ts";

const skip = opensslMissing();
const base: MqttOptions = { clientId: "secure", broker: "mqtts://broker.test" };

function settingsOf(tls: TlsOptions | undefined): unknown {
  const { target } = resolveOptions({ ...base, tls }).brokers[0]!;
  return target.kind === "tls" ? target.tls : undefined;
}

for (const scheme of ["mqtts", "ssl", "tls"]) {
  test(`${scheme}: is TLS at port 8883, verified`, () => {
    const tls = { ca: [], client: undefined, alpnProtocols: [], serverName: undefined, insecure: false };
    const { address } = parseBrokerUrl(`${scheme}://ann:secret@broker.test?no_delay=0`);
    assertEquals(address.target, { kind: "tls", hostname: "broker.test", port: 8883, noDelay: false, tls });
    assertEquals(address.label, `${scheme}://broker.test:8883`);
    const { target } = parseBrokerUrl(`${scheme}://[::1]:1234`).address;
    assertEquals(target, { kind: "tls", hostname: "::1", port: 1234, noDelay: true, tls });
  });
}

test("tls: every field reaches the target, text and bytes alike", async () => {
  const { ca, otherCa, client } = await makeCertificates();
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const tls: TlsOptions = {
    ca: [ca, bytes(otherCa)],
    cert: bytes(client.cert),
    key: bytes(client.key),
    alpnProtocols: ["mqtt"],
    serverName: "name.test",
    insecure: true,
  };
  assertEquals(settingsOf(tls), {
    ca: [ca, otherCa],
    client: { cert: client.cert, key: client.key },
    alpnProtocols: ["mqtt"],
    serverName: "name.test",
    insecure: true,
  });
  assertEquals(settingsOf({ ca: ca + otherCa }), settingsOf({ ca: [ca + otherCa] }));
}, { skip });

test("tls: it needs an address with TLS, or a provider that may give one", () => {
  for (const broker of ["mqtt://broker.test", "unix:///run/mqtt.sock", ["mqtt://a.test", "tcp://b.test"]]) {
    const error = assertThrows(() => resolveOptions({ ...base, broker, tls: {} }), TypeError);
    assertEquals(
      error.message,
      'Cannot use option "tls": no address in "broker" speaks TLS (mqtts:, ssl:, tls:, wss:)',
    );
  }
  resolveOptions({ ...base, broker: ["mqtt://a.test", "mqtts://b.test"], tls: {} });
  resolveOptions({ ...base, broker: "mqtt://a.test", tls: {}, credentials: () => ({}) });
});

test("tls: it holds for the address that a provider gives", async () => {
  const credentials = () => ({ broker: "mqtts://other.test" });
  const resolved = resolveOptions({ ...base, broker: "mqtt://a.test", tls: { serverName: "x.test" }, credentials });
  const request = { broker: "", attempt: 1, signal: new AbortController().signal };
  const { broker } = await resolved.credentials!(request);
  assert(broker?.target.kind === "tls");
  assertEquals(broker.target.tls.serverName, "x.test");
});

const PEM = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
const KEY = "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n";

const refused: readonly (readonly [name: string, tls: unknown, option: string, state: string])[] = [
  ["no object", "yes", "tls", '"yes" is no object'],
  ["an unknown field", { certificate: PEM }, "tls.certificate", "there is no such option"],
  ["a path for a ca", { ca: "/etc/ca.pem" }, "tls.ca", 'it has no "-----BEGIN CERTIFICATE-----"'],
  ["a ca of another kind", { ca: 7 }, "tls.ca", "it is neither PEM text nor its bytes"],
  ["an empty list", { ca: [] }, "tls.ca", "the list is empty"],
  ["a ca that is cut", { ca: PEM + PEM.replace("MAA=", "!!") }, "tls.ca", "certificate 2 in it is not readable"],
  ["a ca that is no certificate", { ca: PEM.replace("MAA=", "AAAA") }, "tls.ca", "certificate 1 in it is not readable"],
  ["a cert alone", { cert: PEM }, "tls.cert", "it needs tls.key"],
  ["a key alone", { key: KEY }, "tls.key", "it needs tls.cert"],
  ["a key for a cert", { cert: KEY, key: KEY }, "tls.cert", 'it has no "-----BEGIN CERTIFICATE-----"'],
  ["a cert for a key", { cert: PEM, key: PEM }, "tls.key", 'it has no "-----BEGIN PRIVATE KEY-----"'],
  [
    "an encrypted key",
    { cert: PEM, key: KEY.replaceAll("PRIVATE", "ENCRYPTED PRIVATE") },
    "tls.key",
    "it is encrypted; decrypt it first",
  ],
  ["one protocol as text", { alpnProtocols: "mqtt" }, "tls.alpnProtocols", "it is no list of names"],
  ["no protocol", { alpnProtocols: [] }, "tls.alpnProtocols", "it is no list of names"],
  ["an empty protocol", { alpnProtocols: [""] }, "tls.alpnProtocols", "a name in it has not from 1 to 255 bytes"],
  [
    "a long protocol",
    { alpnProtocols: ["é".repeat(128)] },
    "tls.alpnProtocols",
    "a name in it has not from 1 to 255 bytes",
  ],
  ["an empty server name", { serverName: "" }, "tls.serverName", "it is no host name"],
  ["an address for a server name", { serverName: "mqtts://a" }, "tls.serverName", "it is no host name"],
  ["insecure as a word", { insecure: "no" }, "tls.insecure", '"no" is neither true nor false'],
];

for (const [name, tls, option, state] of refused) {
  test(`tls: ${name} is refused`, () => {
    const error = assertThrows(() => resolveOptions({ ...base, tls: tls as TlsOptions }), TypeError);
    assertEquals(error.message, `Cannot use option "${option}": ${state}`);
    assertFalse(error.message.includes("secret"));
  });
}

test("a client takes an address with TLS on this runtime", () => {
  AsyncClient.create({ ...base, tls: { insecure: true } }).eventLoop.close();
});
