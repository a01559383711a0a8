/**
 * The run itself: makes case after case, each from the seed and its number alone, until the time is up. Started by
 * scripts/fuzz.js, which watches over it from outside: told of every case before it begins, it sees one that hangs.
 *
 * Environment: FUZZ_SEED, FUZZ_FIRST (first case), FUZZ_CASES or FUZZ_SECONDS (how long), FUZZ_FOLDER (the only place
 * that may be written to), FUZZ_STORE (memory or dir), CORPUS_DIR.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { ImportOptions } from '../../src/archive/index.js';
import { openStore } from '../../src/backends/dir/index.js';
import { openMemoryStore } from '../../src/backends/memory/index.js';
import { parsePlatform } from '../../src/oci/platform-specifier.js';
import { checkImport, type Form } from './check-import.js';
import { checkTar } from './check-tar.js';
import { mutateMembers, OUTSIDE } from './mutate-members.js';
import { tarOfMembers } from './mutate-tar.js';
import { randomOf, type Random } from './random.js';
import { corpusSeeds, ownSeeds } from './seeds.js';

/** What the whole process may take; it starts at about 100 MiB. */
const MEMORY_LIMIT = 512 * 1024 * 1024;
const MOST_FINDINGS = 10;

const number = (name: string, otherwise: number) => Number(process.env[name] ?? otherwise);
const seed = number('FUZZ_SEED', 1);
const first = number('FUZZ_FIRST', 0);
const last = first + number('FUZZ_CASES', Number.MAX_SAFE_INTEGER);
const deadline = Date.now() + 1000 * number('FUZZ_SECONDS', 30);
const folder = process.env.FUZZ_FOLDER ?? '.';
const onDisk = process.env.FUZZ_STORE === 'dir';

const own = ownSeeds();
const corpus = await corpusSeeds(process.env.CORPUS_DIR ?? '../shared/corpus');
const seeds = [...own, ...corpus];

let cases = 0;
let imported = 0;
let findings = 0;
for (let at = first; at < last && Date.now() < deadline && findings < MOST_FINDINGS; at++) {
  process.send?.({ begins: at });
  cases += 1;
  try {
    if (await runCase(randomOf(seed, at))) imported += 1;
    checkMemory();
  } catch (error) {
    findings += 1;
    console.error(`case ${at} of seed ${seed}:`, error);
  }
}
const peak = Math.round(process.resourceUsage().maxRSS / 1024);
console.log(
  `${onDisk ? 'on disk' : 'in memory'}: ${cases} cases (${imported} imported), ${findings} findings, at most ${peak} MiB; ` +
    `${own.length} seeds of our own, ${corpus.length} of the corpus`,
);
process.exitCode = findings === 0 ? 0 : 1;
process.disconnect?.();

async function runCase(random: Random): Promise<boolean> {
  const origin = random.pick(random.chance(0.6) ? own : seeds);
  const tar = tarOfMembers(mutateMembers(origin.members, random, seeds), random);
  const plain = join(folder, 'case.tar');
  const zipped = join(folder, 'case.tar.gz');
  await writeFile(plain, tar);
  const size = random.pick([1, 100, 512, 700, 4096, 1 << 16]);
  await checkTar(plain, () => inPieces(tar, Math.max(size, tar.byteLength >> 12)));
  const forms: Form[] = [
    { title: 'the file', source: () => plain },
    { title: 'the stream', source: () => inPieces(tar, Math.max(size, 512)) },
  ];
  if (random.chance(0.15)) {
    const bytes = gzipSync(tar, { level: 1 });
    await writeFile(zipped, bytes);
    forms.push({ title: 'the gzip file', source: () => zipped });
    forms.push({ title: 'the gzip stream', source: () => inPieces(bytes, size) });
  }
  const newStore = onDisk ? newStoreOnDisk : async () => openMemoryStore();
  const isImported = await checkImport(plain, forms, newStore, optionsOf(random));
  if (onDisk) await checkPlaces();
  return isImported;
}

async function newStoreOnDisk() {
  const root = join(folder, 'deep', 'root');
  await rm(root, { recursive: true, force: true });
  await mkdir(root, { recursive: true });
  return openStore({ root });
}

/** Hostile names climb out of the root to here. */
async function checkPlaces(): Promise<void> {
  const found = [...(await readdir(folder)), ...(await readdir(join(folder, 'deep')))];
  const strange = found.filter((name) => !['case.tar', 'case.tar.gz', 'deep', 'root'].includes(name));
  if (existsSync(OUTSIDE)) strange.push(OUTSIDE);
  if (strange.length > 0) throw new Error(`written outside the root: ${strange.join(', ')}`);
}

function optionsOf(random: Random): ImportOptions {
  const base: ImportOptions = { baseName: 'fuzz' };
  return random.pick<ImportOptions>([
    {},
    {},
    {},
    base,
    { digests: true },
    { allBlobs: true },
    { indexName: 'fuzz/index:latest' },
    { allPlatforms: true },
    { platforms: [parsePlatform('linux/amd64')] },
    { ref: 'fuzz/new:latest' },
    { ref: 'fuzz/new:v1', refObject: 'latest' },
  ]);
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.slice(at, at + size);
}

function checkMemory(): void {
  const { rss } = process.memoryUsage();
  if (rss > MEMORY_LIMIT) throw new Error(`the process takes ${rss} bytes, the limit is ${MEMORY_LIMIT}`);
}
