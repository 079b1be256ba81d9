// What the runtimes that offer no sockets of their own cannot do, by the option that asks for it. Nothing is ignored instead.

import { type DialTarget, type TlsSettings, UnsupportedOptionError } from "./transport.ts";

/** Looks whether a target asks for something that the runtime of this name cannot do. */
export type Limit = (target: DialTarget, runtime: string) => UnsupportedOptionError | undefined;

/** No headers of ours in the upgrade request. */
export const lacksHeaders: Limit = (target, runtime) =>
  target.kind === "websocket" && target.headers !== undefined
    ? unsupported("headers", `${runtime} sends no other headers with the upgrade request than its own`)
    : undefined;

/** No choice about TCP_NODELAY, which the runtime sets. */
export const lacksNagle: Limit = (target, runtime) =>
  target.kind !== "unix" && !target.noDelay
    ? unsupported("noDelay", `${runtime} sets TCP_NODELAY by itself, and cannot leave it out`)
    : undefined;

/** No way through a proxy but one that the runtime itself is told of. */
export const lacksProxy: Limit = (target, runtime) =>
  target.kind !== "unix" && target.proxy !== undefined
    ? unsupported("proxy", `${runtime} cannot be told of a proxy`)
    : undefined;

/** Verified TLS by the runtime's own rules, and nothing else. */
export const lacksTlsSettings: Limit = (target, runtime) => {
  const setting = "tls" in target && target.tls !== undefined ? firstSetting(target.tls) : undefined;
  return setting === undefined ? undefined : unsupported(
    `tls.${setting}`,
    `${runtime} verifies servers by its own rules alone, and has no certificate of ours`,
  );
};

function firstSetting({ ca, client, alpnProtocols, serverName, insecure }: TlsSettings): string | undefined {
  if (ca.length > 0) return "ca";
  if (client !== undefined) return "cert";
  if (alpnProtocols.length > 0) return "alpnProtocols";
  if (serverName !== undefined) return "serverName";
  return insecure ? "insecure" : undefined;
}

function unsupported(option: string, state: string): UnsupportedOptionError {
  return new UnsupportedOptionError(option, `Cannot use option "${option}": ${state}`);
}
