// mosquitto with a listener that speaks TLS.

import { writeFile } from "node:fs/promises";
import type { ConnectionError, MqttOptions, TlsOptions } from "../../mod.ts";
import { type Certificates, makeCertificates } from "../support/certificates.ts";
import { findFreePort, type Mosquitto, startMosquitto } from "../support/mosquitto.ts";
import { PolledClient } from "../support/polled_client.ts";
import { makeTemporaryFolder, type TemporaryFolder } from "../support/temporary_folder.ts";

/** A mosquitto that runs. */
export interface TlsServer extends AsyncDisposable {
  /** The certificates, one of which it shows. */
  readonly made: Certificates;
  /** Its address. */
  readonly broker: string;
  /** A client that trusts the authority of the server. */
  connect(tls?: TlsOptions, options?: MqttOptions): Promise<PolledClient>;
  /** What ends the first attempt of a client. */
  refusal(tls: TlsOptions): Promise<ConnectionError>;
}

/** Starts mosquitto, with these lines for the listener that speaks TLS. */
export async function startTlsServer(config: readonly string[]): Promise<TlsServer> {
  const made = await makeCertificates();
  const folder: TemporaryFolder = await makeTemporaryFolder();
  await writeFile(folder.file("ca.pem"), made.ca);
  await writeFile(folder.file("server.pem"), made.server.cert);
  await writeFile(folder.file("server.key"), made.server.key);
  const port = await findFreePort();
  const listener = [
    `listener ${port} 127.0.0.1`,
    `certfile ${folder.file("server.pem")}`,
    `keyfile ${folder.file("server.key")}`,
  ];
  // Started by root, mosquitto else becomes a user that may not read here.
  const server: Mosquitto = await startMosquitto({
    config: ["user root", ...listener, `cafile ${folder.file("ca.pem")}`, ...config],
  });
  const broker = `mqtts://localhost:${port}`;
  return {
    made,
    broker,
    connect: (tls = {}, options = {}) =>
      PolledClient.connect(0, { clientId: "secure", broker, tls: { ca: made.ca, ...tls }, ...options }),
    refusal: async (tls) => {
      await using client = new PolledClient(0, {
        clientId: "secure",
        broker,
        tls: { ca: made.ca, ...tls },
        reconnect: false,
      });
      return await client.finished.then(() => {
        throw new Error("The server has accepted it");
      }, (error) => error);
    },
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
