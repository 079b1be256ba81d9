// Who may go next. Publishes keep their order; a control request may pass only publishes that the window holds back.
import type { QoS } from "../codec/mod.ts";

/** A lane in which requests wait. */
export type Lane = "publish" | "control";

/** The request at the front of a lane. */
export interface LaneHead {
  /** Its place among all requests, counting both lanes. */
  readonly order: number;
}

/** The publish at the front of its lane. */
export interface PublishHead extends LaneHead {
  /** The QoS it asks for. */
  readonly qos: QoS;
}

/** What a session takes at the moment. */
export interface AdmissionGate {
  /** Whether a publish at this QoS can be taken now. */
  canPublish(qos: QoS): boolean;
  /** Whether a SUBSCRIBE or UNSUBSCRIBE can be taken now. */
  canControl(): boolean;
}

/**
 * Chooses the lane whose front request goes next.
 *
 * The older of the two goes first if it can. A control request also passes a publish that cannot go, because a full window must not
 * keep a subscription waiting. A publish never passes anything: not a control request that waits for a Packet Identifier, and not
 * another publish, whatever its QoS.
 *
 * @param publish The front of the publish lane, if any waits.
 * @param control The front of the control lane, if any waits.
 * @param gate What the session takes at the moment.
 * @returns The lane, or `undefined` if nothing can go.
 */
export function nextLane(
  publish: PublishHead | undefined,
  control: LaneHead | undefined,
  gate: AdmissionGate,
): Lane | undefined {
  if (
    publish !== undefined && (control === undefined || publish.order < control.order) && gate.canPublish(publish.qos)
  ) {
    return "publish";
  }
  return control !== undefined && gate.canControl() ? "control" : undefined;
}
