// Whether a certificate is for the name the server was asked for. `node:tls` and Bun go by the Common Name where a certificate has no
// name of another kind; here only the subject alternative names count, as they do for Deno.

import type { TlsTarget } from "./transport.ts";

/** A certificate as `getPeerCertificate` gives it. */
export type PeerCertificate = Readonly<Record<string, unknown>>;

/** What is used of `node:tls` and `node:net`. */
interface NodeScope {
  readonly process: {
    getBuiltinModule(name: "node:tls"): {
      checkServerIdentity(name: string, certificate: object): Error | undefined;
    };
    getBuiltinModule(name: "node:net"): { isIP(name: string): number };
  };
}

/**
 * Compares the certificate with the name the server must prove.
 *
 * @param target The server.
 * @param certificate Its certificate.
 * @returns What is wrong with it, if anything is.
 */
export function findNameFault({ hostname, tls }: TlsTarget, certificate: PeerCertificate): Error | undefined {
  const { process } = globalThis as unknown as NodeScope;
  const { checkServerIdentity } = process.getBuiltinModule("node:tls");
  return checkServerIdentity(tls.serverName ?? hostname, { ...certificate, subject: {} });
}

/**
 * Tells what `node:tls` sends as the name the server is asked for, which must not be an address.
 *
 * @param target The server.
 * @returns The name, or an empty one for none.
 */
export function requestedName({ hostname, tls }: TlsTarget): string {
  const { process } = globalThis as unknown as NodeScope;
  const name = tls.serverName ?? hostname;
  return process.getBuiltinModule("node:net").isIP(name) === 0 ? name : "";
}
