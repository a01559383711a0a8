/**
 * What commands say, word for word: one file in `golden/` a command line, with its standard output, standard error and
 * exit status. `UPDATE_GOLDEN=1` writes them anew.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { golden } from './golden-text.js';
import { ARCHIVES, DIGESTS, Homes, run } from './world.js';

const FOLDER = new URL('golden/', import.meta.url).pathname;
const UPDATE = process.env.UPDATE_GOLDEN === '1';

/** Commands that fill the store before the command under test. */
const STORES = {
  empty: [],
  filled: [
    ['images', 'import', 'example.org/team/one:latest', 'one.tar'],
    ['images', 'import', 'many.tar'],
    ['images', 'tag', 'example.org/team/one:latest', 'docker.io/library/hello:latest'],
    ['images', 'label', 'docker.io/library/hello:latest', 'team=web', 'keep'],
    ['namespaces', 'create', 'other', 'team=web'],
  ],
  leased: [
    ['leases', 'create', '--id', 'nightly', 'team=web'],
    ['leases', 'create', '--id', 'forever', '--expires', '0'],
  ],
  sparse: [['images', 'import', 'sparse.tar']],
} as const satisfies Record<string, readonly (readonly string[])[]>;

interface Line {
  /** The words; a string is split at spaces. */
  readonly line: string | readonly string[];
  /** An archive on standard input. */
  readonly stdin?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** A command line as it is given here: its words, perhaps with what is around them. */
type Given = string | readonly string[] | Line;

const LINES: Readonly<Record<keyof typeof STORES, readonly Given[]>> = {
  empty: [
    '',
    '--help',
    'help',
    'help images import',
    '--version',
    '--json --version',
    'version',
    '--json version',
    'version too-much',
    'images',
    'images --help',
    'image --help',
    'content',
    'images import --help',
    'images export --help',
    'images ls --help',
    'images rm --help',
    'images tag --help',
    'images label --help',
    'images inspect --help',
    'content ls --help',
    'content get --help',
    'content ingest --help',
    'content active --help',
    'content rm --help',
    'content label --help',
    'fsck --help',
    'fsck',
    'fsck extra',
    'gc --help',
    'content why --help',
    'content prune --help',
    'leases',
    'leases ls --help',
    'leases create --help',
    'leases rm --help',
    'version --help',
    'images import one.tar extra --bogus --help',
    'imgaes',
    'imgaes --help',
    'images imprt x',
    'images --bogus',
    'images list extra --bogus',
    '--json imgaes',
    'constructor',
    '--root',
    '--json=maybe ls',
    '--address /run/containerd/containerd.sock ls',
    '--root x --address y ls',
    { line: 'ls --debugged', env: { CONTAINERD_ADDRESS: '/run/containerd/containerd.sock' } },
    { line: 'i ls', env: { CONTAINERD_ADDRESS: '/run/containerd/containerd.sock' } },
    '-n ../up ls',
    '--root one.tar ls',
    'images import',
    'images import a b c',
    ['images', 'import', ''],
    'images import --bas x one.tar',
    'images import --constructor x',
    'images import -z one.tar',
    'images import one.tar --platform',
    'images import --platform nonsense/ one.tar',
    'images import --platform linux/s390x one.tar',
    'images import --platform linux/amd64 --all-platforms one.tar',
    'images import --on-conflict never one.tar',
    'images import --digests --digests one.tar',
    'images import --digests=3 one.tar',
    'images import --skip-digest-for-named one.tar',
    'images import --ref-object latest one.tar',
    'images import --base-name x/y foo/new:latest one.tar',
    'images import --label =x one.tar',
    'images import --label x= one.tar',
    'images import missing.tar',
    'images import folder',
    'images import not-a-tar',
    'images import cut.tar',
    'images import damaged.tar',
    'images import damaged-same-size.tar',
    '--json images import damaged-same-size.tar',
    'images import foo/new:nope one.tar',
    'images import foo/new two.tar',
    'images import foo/new:1 --ref-object nope two.tar',
    'images import foo/new:latest one.tar',
    'import foo/new:latest one.tar --no-unpack --local --sync-fs --snapshotter native --discard-unpacked-layers',
    'i import --base-name foo/new one.tar',
    'images import one.tar',
    'images import two.tar',
    'images import two.tar --base-name example.org/team/a',
    'images import two.tar --base-name example.org/nobody',
    'images import many.tar --digests',
    'images import unnamed.tar --index-name foo/whole:1 --base-name foo/new',
    'images import sparse.tar',
    'images import sparse.tar --all-platforms',
    'images import many.tar --platform linux/s390x',
    'images import unnamed.tar',
    'images import empty.tar',
    'images import stray.tar --all-blobs --base-name foo/new',
    '--json images import sparse.tar',
    '--json images import empty.tar',
    'images import sparse.tar --require all',
    'images import sparse.tar --require linux/ppc64le',
    'images import sparse.tar --require linux/s390x',
    'images import sparse.tar --require linux/s390x,',
    'images import sparse.tar --all-platforms --require present',
    'images import signed.tar',
    'images import foo/new:1 signed.tar',
    '--json images import signed.tar',
    'images import twins.tar',
    'images import twins.tar --on-conflict skip',
    'images import twins.tar --on-conflict move',
    'images import twins.tar --keep-going',
    'images import half-damaged.tar',
    'images import half-damaged.tar --keep-going',
    '--json images import half-damaged.tar --keep-going',
    'images import --dry-run one.tar',
    'images import --dry-run sparse.tar',
    'images import --dry-run sparse.tar --require all',
    '--json images import --dry-run sparse.tar',
    'images import --dry-run signed.tar',
    'images import --dry-run twins.tar',
    'images import --dry-run twins.tar --on-conflict move',
    'images import --dry-run half-damaged.tar',
    '--json images import --dry-run half-damaged.tar',
    'images import --dry-run many.tar --platform linux/s390x',
    'images import --dry-run empty.tar',
    'images import --dry-run stray.tar --all-blobs',
    { line: 'images import --dry-run -', stdin: 'sparse.tar' },
    { line: 'images import --dry-run -', stdin: 'damaged.tar' },
    { line: 'images import --keep-going -', stdin: 'damaged.tar' },
    { line: 'images import foo/new:latest -', stdin: 'one.tar' },
    { line: 'images import -', stdin: 'two.tar' },
    { line: 'images import - --json', stdin: 'cut.tar' },
    { line: 'images import foo/new:1 -' },
    'images export',
    'images export out.tar',
    'images export out.tar nothing',
    'images ls',
    'images ls -q',
    '--json images ls',
    'images ls name=x',
    ['images', 'ls', 'labels.a/b==c'],
    'images rm',
    'images rm nothing',
    'images tag',
    'images tag nothing x',
    'images tag nothing',
    'images label',
    'images label nothing a=b',
    'images inspect',
    'images inspect nothing',
    '--json images inspect nothing',
    'content ls',
    'content get',
    'content get sha256:1234',
    'content get md5:d41d8cd98f00b204e9800998ecf8427e',
    `content get ${DIGESTS.absent}`,
    'content active',
    '--json content active ref==x',
    'content active ref',
    'content active ref!',
    { line: 'content ingest blob', stdin: 'not-a-tar' },
    { line: '--json content ingest blob', stdin: 'not-a-tar' },
    { line: 'content ingest --expected-size 10 blob', stdin: 'not-a-tar' },
    { line: `content ingest --expected-digest ${DIGESTS.absent} blob`, stdin: 'not-a-tar' },
    'content ingest',
    'content ingest --expected-size 1k blob',
    'content ingest --expected-digest nonsense blob',
    { line: 'content ingest --lease nobody blob', stdin: 'not-a-tar' },
    `content rm ${DIGESTS.absent}`,
    'content rm nonsense',
    `content label ${DIGESTS.absent}`,
    `content label ${DIGESTS.absent} a=b`,
    `content why ${DIGESTS.absent}`,
    'content why nonsense',
    'content prune',
    'content prune everything',
    'gc',
    'gc --dry-run',
    '--json gc',
    'leases ls',
    'leases create --id mine',
    'leases create --id mine --expires 1h30m team=web lazy',
    '--json leases create --id mine -x 0 team=web',
    'leases create -x tomorrow',
    'leases create =x',
    'leases rm',
    'leases rm nothing',
    'namespaces',
    'ns --help',
    'namespaces create --help',
    'namespaces ls --help',
    'namespaces rm --help',
    'namespaces label --help',
    'namespaces create',
    'namespaces ls',
    'namespaces rm',
    'namespaces rm nothing -c',
    'namespaces label nothing',
    'namespaces label nothing a=b',
    'images check --help',
    'images usage --help',
    'images check',
    'images usage',
    'images usage nothing',
    'ns c team-a',
    'ns create ../up',
    '--json namespaces create team-a a=b c',
  ],
  filled: [
    'images ls',
    'ls',
    'i list -q',
    ['images', 'ls', 'name~=^example'],
    ['images', 'ls', 'labels.team==web', 'name~=many'],
    '--json images ls',
    '--json images ls -q',
    '-n elsewhere ls',
    { line: 'ls -q', env: { CONTAINERD_NAMESPACE: 'elsewhere' } },
    'images import many.tar',
    'images import example.org/team/one:latest other.tar',
    'images import other.tar --base-name example.org/team/one',
    'images import other.tar --base-name example.org/team/one --on-conflict error',
    'images import other.tar --base-name example.org/team/one --on-conflict skip',
    '--json images import other.tar --base-name example.org/team/one',
    'images import --dry-run many.tar',
    'images import --dry-run other.tar --base-name example.org/team/one',
    'images import --dry-run other.tar --base-name example.org/team/one --on-conflict error',
    'images import --dry-run other.tar --base-name example.org/team/one --on-conflict skip',
    '--json images import --dry-run other.tar --base-name example.org/team/one',
    'images export out.tar hello',
    'images export out.tar example.org/team/many:1 hello example.org/team/one',
    'images export out.tar hello nothing',
    'images export missing/out.tar hello',
    'images export layout/ example.org/team/many:1 hello',
    '--json images export layout/ hello',
    'images export layout/ hello --compress gzip',
    'images export layout/ hello --format docker',
    'images export . hello',
    'images export one.tar/ hello',
    'images export missing/layout/ hello',
    'images export out.tar hello --referrers --no-referrers',
    'images export out.tar hello --format docker --referrers',
    'images export folder hello',
    'images export out.tar hello --platform linux/riscv64',
    'images export out.tar example.org/team/many:1 --platform linux/riscv64',
    'images export out.tar hello --platform linux/amd64 --all-platforms',
    'images export out.tar hello example.org/team/one --oci-ref-name x',
    'images export out.tar hello --manifest sha256:12',
    `images export out.tar anything/at:all --manifest ${DIGESTS.amd64}`,
    `images export out.tar anything/at:all --manifest ${DIGESTS.absent}`,
    'images export out.tar hello --manifest-type x/y',
    'images export out.tar example.org/team/many:1 --platform linux/s390x --reduce-index',
    '--json images export out.tar example.org/team/many:1 --platform linux/s390x --reduce-index',
    '--json images export out.tar example.org/team/many:1 --format docker',
    'images export out.tar hello --format tar',
    'images export out.tar hello --format docker --reduce-index',
    'images export out.tar hello --format docker --oci-ref-name x',
    'images export out.tar hello --format docker --platform linux/amd64 --platform linux/arm64',
    'images export out.tar hello --format docker --skip-manifest-json',
    'images export out.tar hello --compress xz',
    'images export out.tar.gz hello --compress gzip',
    'images export out.tar hello --skip-missing --all-platforms',
    'images export out.tar hello --skip-missing --require all',
    '--json images export out.tar hello',
    'images rm hello nothing example.org/team/one',
    'images delete hello --sync',
    '--json images rm hello nothing',
    'images rm -- -x hello',
    'images rm --no-gc hello',
    'images rm hello example.org/team/one example.org/team/many:1',
    'images tag hello new/name:1 new/name:2',
    'images tag hello example.org/team/one',
    'images tag hello example.org/team/many:1',
    'images tag hello example.org/team/many:1 --force --local',
    ['images', 'tag', 'hello', 'Not A Name'],
    ['images', 'tag', 'hello', 'Not A Name', '--skip-reference-check'],
    '--json images tag hello new/name:1',
    'images label hello',
    'images label hello a=b team= c',
    'images label -r hello a=b',
    'images label hello =b',
    '--json images label hello a=b',
    'images inspect hello',
    'images inspect example.org/team/many:1',
    'inspect hello --content',
    '--json images inspect hello',
    '--json images inspect hello --content',
    'images inspect helo',
    'images inspect hello more',
    'content ls',
    'content ls -q',
    `content ls digest==${DIGESTS.amd64}`,
    '--json content ls -q',
    `content get ${DIGESTS.amd64}`,
    { line: `content ingest --expected-digest ${DIGESTS.amd64} blob`, stdin: 'not-a-tar' },
    `content label ${DIGESTS.amd64Layer} team=web keep`,
    `--json content label ${DIGESTS.amd64Layer} =x`,
    `--json content label ${DIGESTS.amd64Layer} team=web`,
    `content label ${DIGESTS.amd64Layer}`,
    `content rm ${DIGESTS.amd64Layer} ${DIGESTS.absent} ${DIGESTS.amd64Layer}`,
    `--json content del ${DIGESTS.amd64Layer}`,
    `content get ${DIGESTS.amd64} ${DIGESTS.amd64}`,
    `content get ${DIGESTS.amd64} ${DIGESTS.absent}`,
    `content why ${DIGESTS.amd64Layer}`,
    `--json content why ${DIGESTS.amd64Layer}`,
    `-n elsewhere content why ${DIGESTS.amd64Layer}`,
    'content prune references --dry',
    'content prune references',
    '--json content prune references --async',
    'gc',
    'gc --dry-run',
    '--json gc',
    'namespaces ls',
    'images check',
    'check -q',
    'images check name~=many --snapshotter x',
    '--json images check name~=many',
    'images usage',
    'images usage hello example.org/team/many:1',
    '-n other images usage',
    '--json images usage',
    'ns list -q',
    '--json namespace ls',
    'namespaces create default',
    'namespaces rm default other --cgroup',
    'namespaces rm other',
    '--json namespaces rm default other',
    'namespaces label other',
    'namespaces label other a=b team=',
    '--json namespaces label other c',
    'fsck',
    '--json fsck --no-hash',
  ],
  leased: [
    'leases ls',
    'leases list -q',
    '--json leases ls',
    ['leases', 'ls', 'labels.team==web'],
    'leases create --id nightly',
    'leases delete --sync nightly',
    '--json leases rm nightly',
    'leases rm --no-gc nightly nothing forever',
    '--json gc',
  ],
  sparse: [
    'images ls',
    'images inspect example.org/team/sparse:1',
    '--json images inspect example.org/team/sparse:1 --content',
    'images export out.tar example.org/team/sparse:1',
    'images export out.tar example.org/team/sparse:1 --all-platforms',
    'images export out.tar example.org/team/sparse:1 --platform linux/ppc64le',
    'images export out.tar example.org/team/sparse:1 --require all',
    'images export out.tar example.org/team/sparse:1 --require linux/s390x,linux/ppc64le',
    'images export out.tar example.org/team/sparse:1 --require linux/s390x --all-platforms',
    'images export out.tar example.org/team/sparse:1 --skip-missing',
    'images export out.tar example.org/team/sparse:1 --reduce-index',
    '--json images export out.tar example.org/team/sparse:1',
    'images check',
    'images check -q',
    '--json images check',
    'images usage',
  ],
};

const homes = new Homes();
const seen = new Set<string>();

for (const [store, lines] of Object.entries(LINES) as [keyof typeof STORES, (typeof LINES)['empty']][]) {
  describe(`with the store "${store}"`, () => {
    let template: string;
    beforeAll(async () => {
      template = await homes.make();
      for (const words of STORES[store]) {
        expect(await run(template, words)).toMatchObject({ status: 0 });
      }
      await mkdir(join(FOLDER, store), { recursive: true });
    });

    it.concurrent.each(lines.map(normaliseLine))('stowage $title', async ({ title, words, stdin, env }) => {
      const home = await homes.make(template);
      const input = stdin === undefined ? undefined : ARCHIVES[stdin];
      const outcome = await run(home, words, {
        ...(input && { stdin: input }),
        ...(env && { env }),
      });
      expect(outcome.stderr).not.toMatch(/\(node:\d+\)|Warning:|^\s+at /m);
      const text = golden(title, outcome, home);
      const name = `${store}/${fileName(title)}.txt`;
      seen.add(name);
      if (UPDATE) await writeFile(join(FOLDER, name), text);
      else expect(text).toBe(await readFile(join(FOLDER, name), 'utf8'));
    });
  });
}

afterAll(async () => {
  await homes.removeAll();
  if (!UPDATE) return;
  for (const store of Object.keys(STORES)) {
    for (const name of await readdir(join(FOLDER, store))) {
      if (!seen.has(`${store}/${name}`)) await rm(join(FOLDER, store, name));
    }
  }
});

describe('golden files', () => {
  it('are each of one command line', async () => {
    const names = Object.entries(LINES).flatMap(([store, lines]) =>
      lines.map((line) => `${store}/${fileName(normaliseLine(line).title)}.txt`),
    );
    expect(new Set(names).size).toBe(names.length);
    if (UPDATE) return;
    const files = await Promise.all(
      Object.keys(STORES).map(async (store) =>
        (await readdir(join(FOLDER, store))).map((name) => `${store}/${name}`),
      ),
    );
    expect(files.flat().sort()).toEqual(names.sort());
  });
});

interface NormalLine {
  readonly title: string;
  readonly words: readonly string[];
  readonly stdin: string | undefined;
  readonly env: NodeJS.ProcessEnv | undefined;
}

function normaliseLine(given: Given): NormalLine {
  const { line, stdin, env }: Line = typeof given === 'object' && 'line' in given ? given : { line: given };
  const words = typeof line === 'string' ? line.split(' ').filter((word) => word !== '') : line;
  const variables = Object.entries(env ?? {}).map(([name, value]) => `${name}=${value} `);
  const shown = words.map((word) => (/^[\w@%+=:,./~^-]+$/.test(word) ? word : `'${word}'`));
  const title = `${variables.join('')}${shown.join(' ')}${stdin === undefined ? '' : ` < ${stdin}`}`;
  return { title, words, stdin, env };
}

/** The command line with what file systems do not take written otherwise. */
function fileName(title: string): string {
  const short = title.replaceAll(/[0-9a-f]{64}/g, (hex) => hex.slice(0, 8));
  const name = short.replaceAll(
    /[^\w=+~^'.-]/g,
    (character) => ({ ' ': '_', '/': '+', ':': '.' })[character] ?? '!',
  );
  return name === '' ? '(nothing)' : name;
}
