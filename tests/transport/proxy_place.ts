// Proxies of every kind for tests, with what a target needs to go through them.

import type { ProxySettings } from "../../src/transport/transport.ts";
import { type Certificate, makeCertificates } from "../support/certificates.ts";
import { startHttpProxy } from "../support/http_proxy.ts";
import { startTlsFront, type TestProxy, type TestProxyOptions } from "../support/proxy_server.ts";
import { startSocks5Proxy } from "../support/socks5_proxy.ts";
import { plainTls } from "./loopback.ts";

/** The kinds of proxies. */
export type ProxyProtocol = ProxySettings["protocol"];

/** A proxy that runs. */
export interface ProxyPlace extends AsyncDisposable {
  /** The proxy; with `https`, what is behind the TLS. */
  readonly proxy: TestProxy;
  /** How it is reached, with the user it asks for. */
  readonly settings: ProxySettings;
}

/** Starts a proxy; with `https` it shows a certificate of the authority of the tests, or another one. */
export async function startProxyPlace(
  protocol: ProxyProtocol,
  options: TestProxyOptions = {},
  certificate?: Certificate,
): Promise<ProxyPlace> {
  const proxy = protocol === "socks5" ? await startSocks5Proxy(options) : await startHttpProxy(options);
  const made = protocol === "https" ? await makeCertificates() : undefined;
  const front = made === undefined ? undefined : await startTlsFront(proxy.port, certificate ?? made.server);
  return {
    proxy,
    settings: {
      protocol,
      hostname: "127.0.0.1",
      port: front?.port ?? proxy.port,
      username: options.user?.username,
      password: options.user?.password,
      tls: { ...plainTls, ca: made === undefined ? [] : [made.ca] },
    },
    [Symbol.asyncDispose]: async () => {
      await front?.[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}
