/** Mutations that know what an image archive is made of: its entries, their names, the documents in them. */
import { createHash } from 'node:crypto';
import { mutateJson } from './mutate-json.js';
import type { Random } from './random.js';
import { file, type Member, type Seed } from './seeds.js';

type Members = readonly Member[];
type Mutation = (members: Members, random: Random, seeds: readonly Seed[]) => Members;

/** Where an absolute name would lead. */
export const OUTSIDE = '/tmp/stowage-fuzz-outside';

const HEX = 'a'.repeat(64);
const NAMES: readonly string[] = [
  '../outside',
  `../../../../..${OUTSIDE}`,
  OUTSIDE,
  'blobs/../../outside',
  'blobs/sha256/../../../outside',
  `blobs/sha256/${HEX}`,
  `blobs/sha256/${HEX.toUpperCase()}`,
  `blobs/sha256/${HEX.slice(1)}`,
  `blobs/sha512/${HEX}${HEX}`,
  `blobs/md5/${HEX.slice(32)}`,
  `blobs//sha256/${HEX}`,
  'blobs',
  'blobs/',
  'blobs/sha256',
  './index.json',
  './/./index.json',
  'index.json/',
  'INDEX.JSON',
  'sub/index.json',
  'index.json',
  'manifest.json',
  'repositories',
  'oci-layout',
  `${HEX}.json`,
  `${HEX}/layer.tar`,
  `${HEX}/json`,
  '..\\..\\outside',
  'C:\\outside',
  '',
  '.',
  './',
  'x'.repeat(300),
  'ümläut\u202e\u0007',
  '__proto__',
  'constructor',
];
const TYPEFLAGS = ['0', '1', '2', '3', '4', '5', '6', '7', '\0', 'S', 'x', 'g', 'L', 'K', 'V', 'D', '?'];
const DOCUMENT_BYTES = 256 * 1024;

const MUTATIONS: readonly Mutation[] = [
  editDocument,
  editDocument,
  editDocument,
  editDocument,
  (members, random) => replaced(members, random, (member) => ({ ...member, name: random.pick(NAMES) })),
  (members, random) =>
    replaced(members, random, (member) => ({ ...member, typeflag: random.pick(TYPEFLAGS) })),
  (members, random) =>
    replaced(members, random, (member) => ({
      ...member,
      typeflag: random.pick(['1', '2']),
      linkName: random.chance(0.5) ? random.pick(NAMES) : random.pick(members).name,
      content: Buffer.alloc(0),
    })),
  (members, random) =>
    replaced(members, random, (member) => ({ ...member, name: random.pick(members).name })),
  (members, random) => replaced(members, random, (member) => ({ ...member, name: `./${member.name}` })),
  (members, random) =>
    replaced(members, random, (member) => ({ ...member, content: damaged(member.content, random) })),
  (members, random) => {
    const at = random.int(members.length);
    return repaired(members, at, damaged(members[at]?.content ?? Buffer.alloc(0), random));
  },
  (members, random) => [...members].sort(() => random.int(3) - 1),
  (members) => [...members].reverse(),
  (members, random) => inserted(members, random, random.pick(members)),
  (members, random) => {
    const twin = random.pick(members);
    return inserted(members, random, { ...twin, content: damaged(twin.content, random) });
  },
  (members, random) => {
    const gone = random.int(members.length);
    return members.filter((_, at) => at !== gone);
  },
  (members, random, seeds) => [
    ...members.slice(0, random.int(members.length + 1)),
    ...random.pick(seeds).members.slice(random.int(3)),
  ],
  (members, random, seeds) => [...members, ...random.pick(seeds).members],
  (members, random) => inserted(members, random, file(random.pick(NAMES), random.bytes(random.int(600)))),
];

/** A few mutations on the entries of a seed. */
export function mutateMembers(members: Members, random: Random, seeds: readonly Seed[]): Members {
  let mutated = members;
  for (let left = random.int(4); left > 0 && mutated.length > 0; left--) {
    mutated = random.pick(MUTATIONS)(mutated, random, seeds);
  }
  return mutated;
}

function replaced(members: Members, random: Random, change: (member: Member) => Member): Members {
  const chosen = random.int(members.length);
  return members.map((member, at) => (at === chosen ? change(member) : member));
}

function inserted(members: Members, random: Random, member: Member): Members {
  const at = random.int(members.length + 1);
  return [...members.slice(0, at), member, ...members.slice(at)];
}

function damaged(content: Buffer, random: Random): Buffer {
  if (content.byteLength === 0 || random.chance(0.1)) return random.bytes(random.int(40));
  const copy = Buffer.from(content);
  const at = random.int(copy.byteLength);
  switch (random.int(4)) {
    case 0:
      return copy.subarray(0, at);
    case 1:
      return Buffer.concat([copy, random.bytes(1 + random.int(9))]);
    case 2:
      return Buffer.concat([copy.subarray(0, at), copy]);
    default:
      copy[at] = (copy[at] ?? 0) ^ (1 << random.int(8));
      return copy;
  }
}

/** Changes a document, and mostly everything that refers to it, so that what is wrong lies deeper than its digest. */
function editDocument(members: Members, random: Random): Members {
  const documents = members.flatMap((member, at) => (isDocument(member) ? [at] : []));
  if (documents.length === 0) return members;
  const at = random.pick(documents);
  const edited = mutateJson(members[at]?.content ?? Buffer.alloc(0), random);
  if (random.chance(0.8)) return repaired(members, at, edited);
  return members.map((member, place) => (place === at ? { ...member, content: edited } : member));
}

function isDocument({ content }: Member): boolean {
  return content.byteLength < DOCUMENT_BYTES && (content[0] === 0x7b || content[0] === 0x5b);
}

/**
 * Gives one entry new content, and wherever its digest stands (in names, in documents) the new digest and size; and
 * so on for the documents that were changed by that.
 */
function repaired(members: Members, changed: number, content: Buffer): Members {
  const result = [...members];
  const queue: [at: number, content: Buffer][] = [[changed, content]];
  // Every round goes one level up; images are not deeper, and what is would be a loop.
  for (let rounds = 0; rounds < 12; rounds++) {
    const next = queue.shift();
    if (next === undefined) break;
    const [at, bytes] = next;
    const before = result[at];
    if (before === undefined) break;
    const [old, fresh] = [sha256(before.content), sha256(bytes)];
    result[at] = { ...before, content: bytes };
    for (const [place, member] of result.entries()) {
      const name = member.name.replaceAll(old, fresh);
      const linkName = member.linkName.replaceAll(old, fresh);
      result[place] = { ...member, name, linkName };
      if (place === at || !isDocument(member) || !member.content.includes(old)) continue;
      const text = member.content.toString('latin1').replaceAll(old, fresh);
      queue.push([place, Buffer.from(resized(text, fresh, bytes.byteLength), 'latin1')]);
    }
  }
  return result;
}

function resized(text: string, digest: string, size: number): string {
  return text
    .replaceAll(new RegExp(`("digest":"sha256:${digest}"[^{}]*?"size":)\\d+`, 'g'), `$1${size}`)
    .replaceAll(new RegExp(`("size":)\\d+([^{}]*?"digest":"sha256:${digest}")`, 'g'), `$1${size}$2`);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
