// What other folders may use of the client.
export { parseBrokerUrl, type ParsedBrokerUrl } from "./broker_url.ts";
export { AsyncClient, type ClientPair, type CreateOptions, type RequestOptions } from "./client.ts";
export { resolveOptions } from "./options.ts";
export {
  bytesPayload,
  jsonPayload,
  type PayloadCodec,
  PayloadError,
  type StandardIssue,
  type StandardResult,
  type StandardSchema,
  textPayload,
} from "./payload_codec.ts";
export type { PublishOptions } from "./request_builder.ts";
export { topic, type TopicArguments, type TopicParams, TopicPattern } from "./topic_pattern.ts";
