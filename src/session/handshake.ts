// CONNECT and its answer, and what the answer says about the session on the server.
import type { Connack, Connect } from "../codec/mod.ts";
import type { ChangeLog } from "./changes.ts";
import { ConnectionRefusedError, ProtocolError } from "./error.ts";

/** What the server's acceptance means: it has the session, may have another one than ours, or has none. */
export type SessionVerdict = "resumed" | "doubtful" | "lost";

/** The handshakes of one session. */
export class Handshake {
  readonly #changes: ChangeLog;
  readonly #isSettled: () => boolean;
  #connect: Connect | undefined;
  #stage: "due" | "connect-sent" | "answered" = "answered";
  /** Whether a CONNECT got no CONNACK: Session Present may then speak of a session which that CONNECT began. */
  #isInDoubt = false;
  #isRecordedInDoubt = false;

  /**
   * @param changes Where changes are told.
   * @param isSettled Whether nothing is left of what the verdicts so far have led to.
   */
  constructor(changes: ChangeLog, isSettled: () => boolean) {
    this.#changes = changes;
    this.#isSettled = isSettled;
  }

  /** Whether there never was a connection. */
  get isNew(): boolean {
    return this.#connect === undefined;
  }

  /** Takes up what an earlier process knew. */
  restore(isInDoubt: boolean): void {
    this.#isInDoubt = isInDoubt;
    this.#isRecordedInDoubt = isInDoubt;
  }

  /** A connection is open, and CONNECT is due. @returns Whether its Client Identifier names another session than before. */
  handleOpen(connect: Connect): boolean {
    const isAnotherSession = this.#connect !== undefined && this.#connect.clientId !== connect.clientId;
    this.#connect = connect;
    this.#stage = "due";
    return isAnotherSession;
  }

  /** Takes the CONNECT if it is due. */
  takeConnect(): Connect | undefined {
    if (this.#stage !== "due") return undefined;
    this.#stage = "connect-sent";
    this.#record();
    return this.#connect;
  }

  /**
   * CONNACK: the handshake is over. What the verdict leads to is begun before the next `settleDoubt`.
   *
   * @throws {ConnectionRefusedError} If the server refuses the connection.
   * @throws {ProtocolError} If it resumes a session although a clean one was asked for.
   */
  handleConnack({ returnCode, sessionPresent }: Connack): SessionVerdict {
    this.#stage = "answered";
    if (returnCode !== 0) {
      this.#record();
      throw new ConnectionRefusedError(returnCode);
    }
    if (sessionPresent && this.#connect?.cleanSession === true) {
      throw new ProtocolError("connack", "Session Present is 1 although Clean Session was 1", "MQTT-3.2.2-1");
    }
    const verdict = !sessionPresent ? "lost" : this.#isInDoubt ? "doubtful" : "resumed";
    this.#isInDoubt = false;
    return verdict;
  }

  /** Something has happened that may have ended the last of what a verdict led to. */
  settleDoubt(): void {
    if (this.#isRecordedInDoubt) this.#record();
  }

  /** The connection is gone. */
  handleClose(): void {
    if (this.#stage === "connect-sent") this.#isInDoubt = true;
  }

  /**
   * A process that ends now leaves a doubt behind from CONNECT on until all that its answer led to is done. The next one learns from
   * Session Present only that the server has the session which this one began, not what that session still lacks.
   */
  #record(): void {
    if (!this.#changes.isRecorded) return;
    const isInDoubt = this.#isInDoubt || this.#stage === "connect-sent" || !this.#isSettled();
    if (isInDoubt === this.#isRecordedInDoubt) return;
    this.#isRecordedInDoubt = isInDoubt;
    this.#changes.push({ type: "doubt", isInDoubt });
  }
}
