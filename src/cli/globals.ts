import { usageError } from './usage-error.js';

/** What the flags that every command takes said. */
export interface Globals {
  readonly root: string | undefined;
  readonly namespace: string | undefined;
  readonly address: string | undefined;
  readonly json: boolean;
  readonly debug: boolean;
  readonly help: boolean;
  readonly version: boolean;
}

type ValueFlag = 'root' | 'namespace' | 'address';
type SwitchFlag = 'json' | 'debug' | 'help' | 'version';

interface GlobalFlag {
  readonly name: ValueFlag | SwitchFlag;
  readonly long: string;
  readonly short?: string;
  /** Of the value; a flag without one is a switch. */
  readonly placeholder?: string;
  readonly brief: string;
}

export const GLOBAL_FLAGS: readonly GlobalFlag[] = [
  {
    name: 'root',
    long: '--root',
    placeholder: 'DIR',
    brief: 'Where the store is (STOWAGE_ROOT; default ~/.local/share/stowage)',
  },
  {
    name: 'namespace',
    long: '--namespace',
    short: '-n',
    placeholder: 'NAME',
    brief: 'Whose names and labels (CONTAINERD_NAMESPACE; default "default")',
  },
  { name: 'json', long: '--json', brief: 'Print one JSON value; errors become one JSON line each' },
  {
    name: 'address',
    long: '--address',
    short: '-a',
    placeholder: 'SOCKET',
    brief: 'A containerd to work on (CONTAINERD_ADDRESS); refused by this version',
  },
  { name: 'debug', long: '--debug', brief: 'Say with an error where it came from' },
  { name: 'help', long: '--help', short: '-h', brief: 'Help for the command before it' },
  { name: 'version', long: '--version', short: '-v', brief: 'Print the version' },
];

/** How long ctr waits for its daemon; accepted for scripts written for it. */
const IGNORED_VALUES: ReadonlySet<string> = new Set(['--timeout', '--connect-timeout']);

const VALUES = new Map<string, ValueFlag>();
const SWITCHES = new Map<string, SwitchFlag>();
for (const { name, long, short, placeholder } of GLOBAL_FLAGS) {
  const map: Map<string, ValueFlag | SwitchFlag> = placeholder === undefined ? SWITCHES : VALUES;
  map.set(long, name);
  if (short !== undefined) map.set(short, name);
}

/**
 * Takes the global flags out of a command line, wherever they stand before `--`, and leaves the rest in its order.
 * Where one is given twice the last counts.
 *
 * @throws {StowageError} INVALID where a value is missing, or given to a flag that takes none.
 */
export function takeGlobals(argv: readonly string[]): { globals: Globals; rest: string[] } {
  const values: { [K in ValueFlag]: string | undefined } = {
    root: undefined,
    namespace: undefined,
    address: undefined,
  };
  const switches: { [K in SwitchFlag]: boolean } = { json: false, debug: false, help: false, version: false };
  const rest: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index]!;
    if (word === '--') {
      rest.push(...argv.slice(index));
      break;
    }
    const equals = word.startsWith('-') ? word.indexOf('=') : -1;
    const name = equals < 0 ? word : word.slice(0, equals);
    const attached = equals < 0 ? undefined : word.slice(equals + 1);
    const valueFlag = VALUES.get(name);
    const switchFlag = SWITCHES.get(name);
    if (valueFlag !== undefined || IGNORED_VALUES.has(name)) {
      let value = attached;
      if (value === undefined) {
        const next = argv[index + 1];
        if (next !== undefined && !next.startsWith('-')) {
          value = next;
          index++;
        }
      }
      if (!value) throw usageError(`flag "${name}" needs a value`);
      if (valueFlag !== undefined) values[valueFlag] = value;
    } else if (switchFlag !== undefined) {
      if (attached !== undefined && attached !== 'true' && attached !== 'false') {
        throw usageError(`flag "${name}" takes no value, and was given ${JSON.stringify(attached)}`);
      }
      switches[switchFlag] = attached !== 'false';
    } else {
      rest.push(word);
    }
  }
  return { globals: { ...values, ...switches }, rest };
}
