/**
 * Whether what several processes did to one name at the same time could have happened one after the other: every
 * operation somewhere between its start and its end, and each having seen what the one before it left.
 */

/** A digest; null where the name is not there. */
export type Value = string | null;

export interface Operation {
  /** What did it, for a person. */
  readonly label: string;
  /** On one clock. */
  readonly start: number;
  readonly end: number;
  /** What it found, as far as it said: a value, `any`, or `some` for any but null. */
  readonly found: Value;
  /** What it left: a value, or `same` for what it found. */
  readonly left: Value;
  /** It may have happened or not: whoever did it was killed. */
  readonly uncertain?: boolean;
}

/** More orders than this at one moment are not followed up. */
const LIMIT = 200_000;

/**
 * The first operation that fits into no order, or undefined if there is one for all of them.
 * @param initial what was there before.
 */
export function findDisorder(operations: readonly Operation[], initial: Value): Operation | undefined {
  const events = operations
    .flatMap((operation) => [
      { at: operation.start, operation, starts: true },
      { at: operation.end, operation, starts: false },
    ])
    // What ended when another began may have been at the same time.
    .sort((one, other) => one.at - other.at || Number(other.starts) - Number(one.starts));
  const open = new Set<Operation>();
  let orders: readonly Order[] = [{ value: initial, done: new Set() }];
  for (const { operation, starts } of events) {
    if (starts) {
      open.add(operation);
      continue;
    }
    orders = unique(orders.flatMap((order) => extensions(order, operation, open)));
    if (orders.length === 0) return operation;
    if (orders.length > LIMIT) throw new RangeError('too many orders to follow');
    open.delete(operation);
  }
  return undefined;
}

/** A beginning of an order: what is there after it, and which of the open operations are part of it. */
interface Order {
  readonly value: Value;
  readonly done: ReadonlySet<Operation>;
}

/** Every way to go on by which `ending` is done; it is over then, and no longer of interest. */
function extensions(order: Order, ending: Operation, open: ReadonlySet<Operation>): Order[] {
  const found: Order[] = [];
  const seen = new Set<string>();
  const numbers = new Map([...open].map((operation, number) => [operation, number]));
  const visit = ({ value, done }: Order): void => {
    const key = `${value} ${[...done]
      .map((operation) => numbers.get(operation))
      .sort()
      .join()}`;
    if (seen.has(key)) return;
    seen.add(key);
    if (done.has(ending) || ending.uncertain === true) {
      const rest = new Set(done);
      rest.delete(ending);
      found.push({ value, done: rest });
      if (done.has(ending)) return;
    }
    for (const next of open) {
      if (done.has(next) || !fits(next, value)) continue;
      visit({ value: next.left === 'same' ? value : next.left, done: new Set(done).add(next) });
    }
  };
  visit(order);
  return found;
}

function fits({ found }: Operation, value: Value): boolean {
  return found === 'any' || (found === 'some' ? value !== null : found === value);
}

function unique(orders: readonly Order[]): readonly Order[] {
  const numbers = new Map<Operation, number>();
  const numberOf = (operation: Operation) => {
    const number = numbers.get(operation) ?? numbers.size;
    numbers.set(operation, number);
    return number;
  };
  const known = new Map(
    orders.map((order) => [`${order.value} ${[...order.done].map(numberOf).sort().join()}`, order]),
  );
  return [...known.values()];
}
