// The types of the parameters in a pattern of topics.

/**
 * The parameters of a pattern: a string for `{id}`, the levels that are left for `{path...}`. A pattern that is not known when the
 * program is compiled has any.
 */
export type TopicParams<Pattern extends string> = string extends Pattern
  ? { readonly [name: string]: string | readonly string[] }
  : Pattern extends `${infer First}/${infer Rest}` ? TopicParams<First> & TopicParams<Rest>
  : Pattern extends `{${infer Name}...}` ? { readonly [Key in Name]: readonly string[] }
  : Pattern extends `{${infer Name}}` ? { readonly [Key in Name]: string }
  : object;

/** What a pattern is filled in with: numbers may stand for text. */
export type TopicArguments<Pattern extends string> = {
  readonly [Name in keyof TopicParams<Pattern>]: TopicParams<Pattern>[Name] extends string ? string | number
    : TopicParams<Pattern>[Name] extends readonly string[] ? readonly (string | number)[]
    : string | number | readonly (string | number)[];
};
