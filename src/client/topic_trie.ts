// Topic Filters as a tree of levels, so that finding those that match a Topic Name takes as long as the name has levels, not as long
// as there are filters.

const SLASH = "/";
const DOLLAR = 0x24;

interface Node<Value> {
  /** The next level as it is written, if there is but one: most have no more, and a map for each would fill the caches. */
  onlyLevel: string | undefined;
  /** What follows it. */
  only: Node<Value> | undefined;
  /** The next levels as they are written, if there are several. */
  literals: Map<string, Node<Value>> | undefined;
  /** The next level is `+`. */
  single: Node<Value> | undefined;
  /** Values of filters that go on with `#`, and then end. */
  rest: Value[] | undefined;
  /** Values of filters that end here. */
  values: Value[] | undefined;
}

/** Topic Filters and their values. Filters and names have to be valid. */
export class TopicTrie<Value> {
  readonly #root: Node<Value> = emptyNode();
  /** What `match` still has to look at: nodes, and how many levels lead to them. Empty between calls. */
  readonly #pendingNodes: Node<Value>[] = [];
  readonly #pendingDepths: number[] = [];

  /** Adds a value under a filter; one filter may have several, and the same one several times. */
  add(topicFilter: string, value: Value): void {
    const { levels, isRest } = parseFilter(topicFilter);
    let node = this.#root;
    for (const level of levels) node = childOf(node, level) ?? addChild(node, level);
    if (isRest) (node.rest ??= []).push(value);
    else (node.values ??= []).push(value);
  }

  /** Removes a value from a filter, once. @returns Whether it was there. */
  remove(topicFilter: string, value: Value): boolean {
    const { levels, isRest } = parseFilter(topicFilter);
    const path = [this.#root];
    for (const level of levels) {
      const child = childOf(path.at(-1)!, level);
      if (child === undefined) return false;
      path.push(child);
    }
    const node = path.at(-1)!;
    const values = isRest ? node.rest : node.values;
    const index = values === undefined ? -1 : values.indexOf(value);
    if (values === undefined || index < 0) return false;
    values.splice(index, 1);
    if (values.length === 0) {
      if (isRest) node.rest = undefined;
      else node.values = undefined;
    }
    for (let i = levels.length - 1; i >= 0 && isEmpty(path[i + 1]!); i--) removeChild(path[i]!, levels[i]!);
    return true;
  }

  /** The values of all filters that match a name, in no particular order. */
  match(topicName: string): Value[] {
    const found: Value[] = [];
    const levels = topicName.split(SLASH);
    // A leading wildcard does not match a leading "$" [MQTT-4.7.2-1].
    const isReserved = topicName.charCodeAt(0) === DOLLAR;
    let node: Node<Value> | undefined = this.#root;
    let depth = 0;
    while (node !== undefined) {
      const sees = depth > 0 || !isReserved;
      // "a/#" also matches "a": the level above is the same node.
      if (node.rest !== undefined && sees) append(found, node.rest);
      if (depth === levels.length) {
        if (node.values !== undefined) append(found, node.values);
        node = undefined;
      } else {
        const literal: Node<Value> | undefined = literalOf(node, levels[depth]!);
        const single: Node<Value> | undefined = sees ? node.single : undefined;
        depth++;
        if (literal !== undefined && single !== undefined) {
          this.#pendingNodes.push(single);
          this.#pendingDepths.push(depth);
        }
        node = literal ?? single;
      }
      if (node === undefined) {
        node = this.#pendingNodes.pop();
        depth = this.#pendingDepths.pop() ?? 0;
      }
    }
    return found;
  }
}

/** Not by spreading: that takes the stack, and there may be any number. */
function append<Value>(found: Value[], values: readonly Value[]): void {
  for (let i = 0; i < values.length; i++) found.push(values[i]!);
}

function emptyNode<Value>(): Node<Value> {
  return {
    onlyLevel: undefined,
    only: undefined,
    literals: undefined,
    single: undefined,
    rest: undefined,
    values: undefined,
  };
}

function isEmpty({ only, literals, single, rest, values }: Node<unknown>): boolean {
  return only === undefined && literals === undefined && single === undefined && rest === undefined &&
    values === undefined;
}

function literalOf<Value>(node: Node<Value>, level: string): Node<Value> | undefined {
  if (node.literals !== undefined) return node.literals.get(level);
  return node.onlyLevel === level ? node.only : undefined;
}

function parseFilter(topicFilter: string): { readonly levels: readonly string[]; readonly isRest: boolean } {
  const levels = topicFilter.split(SLASH);
  const isRest = levels.at(-1) === "#";
  if (isRest) levels.pop();
  return { levels, isRest };
}

function childOf<Value>(node: Node<Value>, level: string): Node<Value> | undefined {
  return level === "+" ? node.single : literalOf(node, level);
}

function addChild<Value>(node: Node<Value>, level: string): Node<Value> {
  const child = emptyNode<Value>();
  if (level === "+") {
    node.single = child;
  } else if (node.literals !== undefined) {
    node.literals.set(level, child);
  } else if (node.onlyLevel === undefined) {
    node.onlyLevel = level;
    node.only = child;
  } else {
    node.literals = new Map([[node.onlyLevel, node.only!], [level, child]]);
    node.onlyLevel = undefined;
    node.only = undefined;
  }
  return child;
}

function removeChild(node: Node<unknown>, level: string): void {
  if (level === "+") {
    node.single = undefined;
  } else if (node.literals === undefined) {
    node.onlyLevel = undefined;
    node.only = undefined;
  } else {
    node.literals.delete(level);
    if (node.literals.size === 0) node.literals = undefined;
  }
}
