// One attempt to open a connection: credentials, then the dial. Everything that must be awaited to connect is here.
import type { Connect } from "../codec/mod.ts";
import type { Connection } from "./connection.ts";
import { type ConnectionError, ConnectionLostError } from "./error.ts";
import type { BrokerAddress, ResolvedCredentials, ResolvedOptions } from "./options.ts";
import { type HeadersProvider, TlsError, UnsupportedOptionError } from "../transport/transport.ts";

/** How an attempt ended: with the CONNECT to send on its connection, or with an error. */
export type AttemptOutcome =
  | { readonly type: "opened"; readonly connect: Connect }
  | { readonly type: "failed"; readonly error: ConnectionError };

/** An attempt to open a connection. */
export class Attempt {
  /** The connection it opens. */
  readonly connection: Connection;
  /** The address it dials, for messages; the `credentials` provider may change it. */
  label: string;
  readonly #abort: AbortController = new AbortController();
  #outcome: AttemptOutcome | undefined;

  /**
   * Starts the attempt.
   *
   * @param options The options.
   * @param address Where to dial.
   * @param number How many attempts there have been since the last accepted connection, this one included.
   * @param connection What the transport will belong to.
   * @param handleSettled Called when the outcome is known, never during the constructor.
   */
  constructor(
    options: ResolvedOptions,
    address: BrokerAddress,
    number: number,
    connection: Connection,
    handleSettled: () => void,
  ) {
    this.connection = connection;
    this.label = address.label;
    this.#open(options, address, number).then((outcome) => {
      this.#outcome = outcome;
      handleSettled();
    });
  }

  /** How it ended; `undefined` while it has not. */
  get outcome(): AttemptOutcome | undefined {
    return this.#outcome;
  }

  /** Ends the attempt now; a transport that opens all the same is destroyed. */
  abort(): void {
    this.#abort.abort(new DOMException("The attempt to connect was given up", "AbortError"));
    this.connection.destroy();
  }

  /** Never rejects. */
  async #open(options: ResolvedOptions, address: BrokerAddress, number: number): Promise<AttemptOutcome> {
    const signal = this.#abort.signal;
    let credentials: ResolvedCredentials | undefined;
    try {
      // The provider is the user's code and may call the client: it must not run inside a turn of the loop.
      await undefined;
      signal.throwIfAborted();
      credentials = await options.credentials?.({ broker: address.label, attempt: number, signal });
    } catch (error) {
      return failed("credentials-failed", "the credentials provider failed", address, error);
    }
    const target = withHeaders(credentials?.broker ?? address, credentials?.headers);
    this.label = target.label;
    const connect = connectPacket(options, target, credentials);
    const fault = credentialsFault(connect, target, credentials);
    if (fault !== undefined) return failed("credentials-failed", fault, target, undefined);
    try {
      signal.throwIfAborted();
      const transport = await options.dial(target.target, this.connection, { signal });
      this.connection.attach(transport);
      return { type: "opened", connect };
    } catch (error) {
      if (error instanceof UnsupportedOptionError || error instanceof TlsError) return { type: "failed", error };
      return failed("dial-failed", describeError(error), target, error);
    }
  }
}

function withHeaders(address: BrokerAddress, headers: HeadersProvider | undefined): BrokerAddress {
  const { target } = address;
  if (headers === undefined || target.kind !== "websocket") return address;
  return { ...address, target: { ...target, headers } };
}

function credentialsFault(
  connect: Connect,
  { target }: BrokerAddress,
  credentials: ResolvedCredentials | undefined,
): string | undefined {
  if (connect.password !== undefined && connect.username === undefined) {
    return "a password needs a username [MQTT-3.1.2-22]";
  }
  const isStray = credentials?.headers !== undefined && target.kind !== "websocket";
  return isStray ? "its headers need an address with WebSocket (ws:, wss:)" : undefined;
}

function failed(
  reason: "credentials-failed" | "dial-failed",
  state: string,
  address: BrokerAddress,
  cause: unknown,
): AttemptOutcome {
  return {
    type: "failed",
    error: new ConnectionLostError(reason, `Cannot connect to ${address.label}: ${state}`, cause),
  };
}

/** What an error says of itself, for the end of a message. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message === "" ? error.name : error.message;
}

function connectPacket(
  options: ResolvedOptions,
  address: BrokerAddress,
  credentials: ResolvedCredentials | undefined,
): Connect {
  return {
    type: "connect",
    clientId: options.clientId,
    cleanSession: options.cleanSession,
    keepAlive: options.keepAlive,
    will: options.will,
    username: credentials?.username ?? options.username ?? address.username,
    password: credentials?.password ?? options.password ?? address.password,
  };
}
