// How a command with one client ends: by its own work, by the loss of the connection, by Ctrl-C, or because the time is up.
import type { CommandContext } from "./command.ts";
import { delay } from "./delay.ts";
import { TimeoutError } from "./exit_code.ts";
import { GRACE_MILLIS, type Link } from "./link.ts";

/** A limit for the whole of a command. */
export interface TimeLimit {
  /** How long it may take, in milliseconds. */
  readonly millis: number;
  /** What it means that the time is up: an exit code, or an error that is thrown. */
  readonly expire: () => number;
}

/** How long an end in order may take before it is explained, in milliseconds. */
const SILENT_MILLIS = 500;

/**
 * Waits for the end of a command, and ends its connection in order.
 *
 * @param context The process.
 * @param link The client.
 * @param work What the command does; its signal is aborted when the command ends before it.
 * @param limit A limit in time, if there is one.
 * @returns The exit code.
 * @throws {Error} What made the work fail or the client give up.
 */
export async function runToEnd(
  context: CommandContext,
  link: Link,
  work: (signal: AbortSignal) => Promise<number>,
  limit?: TimeLimit,
): Promise<number> {
  const over = new AbortController();
  context.interruption.take();
  const ends = [work(over.signal), link.lost, context.interruption.asked];
  if (limit !== undefined) ends.push(delay(context.io.clock, limit.millis, over.signal).then(limit.expire));
  try {
    return await Promise.race(ends);
  } catch (error) {
    // What has no time left is not finished.
    if (error instanceof TimeoutError) await link.drop();
    // Whatever failed because the client has given up, why it did is the news.
    if (link.isDone) await link.done;
    throw error;
  } finally {
    over.abort();
    await closeInOrder(context, link);
  }
}

async function closeInOrder({ io, log }: CommandContext, link: Link): Promise<void> {
  // A server that has never answered will not do so now.
  if (!link.hasConnected) return await link.drop();
  const closed = new AbortController();
  void delay(io.clock, SILENT_MILLIS, closed.signal).then(() => {
    if (closed.signal.aborted) return;
    log.note(`Finishing what was begun, for ${GRACE_MILLIS / 1000} s at most; Ctrl-C ends at once`);
  });
  if (!await link.close()) log.note("Not everything that was begun is finished");
  closed.abort();
}
