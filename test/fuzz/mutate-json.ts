/** Mutations of a JSON document: values nobody expects, keys twice or in another case, shapes that do not fit. */
import type { Random } from './random.js';

type Holder = Record<string, unknown> | unknown[];

const HEX = 'b'.repeat(64);
const VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  2 ** 53,
  2 ** 63,
  4 * 1024 * 1024 + 1,
  '',
  'x',
  'x'.repeat(5000),
  '\u0000\u001b[2J\u202e',
  [],
  {},
  [[]],
  [null],
  { digest: `sha256:${HEX}` },
  `sha256:${HEX}`,
  `sha256:${HEX.toUpperCase()}`,
  `sha512:${HEX}${HEX}`,
  `sha256:../../../../../${HEX.slice(15)}`,
  'sha256:',
  ':',
  `md5:${HEX.slice(32)}`,
  '../../../tmp/stowage-fuzz-outside',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
  'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
  'application/vnd.oci.image.layer.v1.tar+zstd',
  'application/vnd.oci.image.config.v1+json',
  'unknown',
  { architecture: 'amd64', os: 'linux' },
  { architecture: 'unknown', os: 'unknown' },
  { 'org.opencontainers.image.ref.name': 'again' },
  { 'io.containerd.image.name': 'docker.io/library/again:latest' },
];
const KEYS: readonly string[] = [
  'schemaVersion',
  'mediaType',
  'manifests',
  'layers',
  'config',
  'digest',
  'size',
  'data',
  'urls',
  'subject',
  'platform',
  'annotations',
  'fsLayers',
  'Config',
  'Layers',
  'RepoTags',
  'Parent',
  'parent',
  'id',
  'rootfs',
  'diff_ids',
  '__proto__',
  'constructor',
  'toString',
];

/** The document with one to three things wrong. What is no JSON comes back as it is. */
export function mutateJson(content: Buffer, random: Random): Buffer {
  let root: unknown;
  try {
    root = JSON.parse(content.toString());
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return content;
  }
  for (let left = 1 + random.int(3); left > 0; left--) mutateTree(root, random);
  if (random.chance(0.02)) root = nested(root, 20 + random.int(200));
  const text = JSON.stringify(root);
  return Buffer.from(random.chance(0.15) ? mutateText(text, random) : text);
}

function mutateTree(root: unknown, random: Random): void {
  const holders = holdersOf(root);
  if (holders.length === 0) return;
  const holder = random.pick(holders);
  if (Array.isArray(holder)) mutateList(holder, holders, random);
  else mutateObject(holder, holders, random);
}

function mutateList(list: unknown[], holders: readonly Holder[], random: Random): void {
  const at = random.int(list.length + 1);
  switch (random.int(5)) {
    case 0:
      list.splice(at, 1);
      break;
    case 1:
      list.splice(at, 0, copyOf(list[random.int(Math.max(list.length, 1))] ?? null));
      break;
    case 2:
      list.splice(at, 0, copyOf(random.pick(holders)));
      break;
    case 3:
      list.reverse();
      break;
    default:
      list[at] = copyOf(random.pick(VALUES));
  }
}

function mutateObject(object: Record<string, unknown>, holders: readonly Holder[], random: Random): void {
  const keys = Object.keys(object);
  const key = keys.length === 0 || random.chance(0.15) ? random.pick(KEYS) : random.pick(keys);
  const value = Object.hasOwn(object, key) ? object[key] : null;
  switch (random.int(6)) {
    case 0:
      Reflect.deleteProperty(object, key);
      break;
    case 1:
      Reflect.deleteProperty(object, key);
      define(object, random.chance(0.5) ? key.toUpperCase() : random.pick(KEYS), value);
      break;
    case 2:
      define(object, key, copyOf(random.pick(holders)));
      break;
    case 3:
      if (typeof value === 'number') {
        define(object, key, random.pick([value + 1, value - 1, -value, value * 2 ** 32, String(value)]));
        break;
      }
      define(object, key, [value]);
      break;
    default:
      define(object, key, copyOf(random.pick(VALUES)));
  }
}

function copyOf(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value)) as unknown;
}

/** As an own property, whatever the key is. */
function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

function holdersOf(value: unknown, found: Holder[] = []): Holder[] {
  if (typeof value !== 'object' || value === null || found.length > 500) return found;
  found.push(value as Holder);
  for (const child of Object.values(value)) holdersOf(child, found);
  return found;
}

function nested(value: unknown, depth: number): unknown {
  return depth === 0
    ? value
    : depth % 2 === 0
      ? [nested(value, depth - 1)]
      : { manifests: nested(value, depth - 1) };
}

/** What no serialiser would write. */
function mutateText(text: string, random: Random): string {
  const at = random.int(text.length);
  switch (random.int(6)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return `\ufeff${text}`;
    case 2:
      return `${text}${text}`;
    case 3:
      // The first key once more.
      return text.replace(/^\{("[^"]*":)/, '{$1null,$1');
    case 4:
      return text.replace(/"([a-z])/, '"\\u0000$1');
    default:
      return `${text.slice(0, at)}${random.pick(['{', '}', '"', '[', ',', '\\', '9'.repeat(400)])}${text.slice(at)}`;
  }
}
