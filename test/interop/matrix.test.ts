import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { CONSUMERS, FORM_NAMES, FORMS, type Consumer, type Form } from './matrix/consumers.js';
import { ONE, prepare, type Inputs } from './matrix/inputs.js';
import { pageOf, withoutVersions, type Table } from './matrix/page.js';
import { FUNCTIONS, PRODUCERS, type Producer } from './matrix/producers.js';
import { factsOf, gathered, type Facts, type Row, type Verdict } from './matrix/verdict.js';
import { emptyNamespace, interop, openSandbox, type Sandbox } from './sandbox.js';

const PAGE = fileURLToPath(new URL('../../docs/interop.md', import.meta.url));

let inputs: Inputs;
beforeAll(async () => {
  inputs = await prepare();
});
afterAll(() => inputs.close());

/** A script with everything that it may use defined before it. */
const script = (lines: string) => `${inputs.variables}\n${FUNCTIONS}\n${lines}`;

/** Ways to hand an archive to `stowage images import`. */
const WAYS = {
  file: (args: string) => `stowage images import --json ${args} archive`,
  pipe: (args: string) => `cat archive | stowage images import --json ${args} -`,
  gzip: (args: string) => `gzip -1 <archive >packed; stowage images import --json ${args} packed`,
  zstd: (args: string) => `zstd -q -1 <archive | stowage images import --json ${args} -`,
  xz: (args: string) => `xz -0 <archive >packed; stowage images import --json ${args} packed`,
  bzip2: (args: string) => `bzip2 -1 <archive | stowage images import --json ${args} -`,
} as const;

type Way = keyof typeof WAYS;

const imported: Row[] = [];
const exported: Row[] = [];

/** The part of `stowage images import --json` that is compared. */
interface ImportReport {
  readonly images: readonly {
    readonly name: string;
    readonly target: { readonly digest: string };
    readonly platforms: readonly { readonly platform: string; readonly state: string }[];
  }[];
}

describe('stowage images import reads what is written by', () => {
  for (const producer of PRODUCERS) {
    const needs = [producer.tool, ...(producer.needs ?? []), 'skopeo', 'busybox', 'umoci', 'oras'] as const;
    interop(`${producer.tool} ${producer.way}`, needs, async (box) => {
      await box.sh(script(producer.make));
      const says = factsOf(await box.sh(script(producer.says)));
      const ways = (Object.keys(WAYS) as Way[]).filter((way) => producer.shape === 'tar' || way === 'file');
      const verdicts = await gathered(ways, (way) => importVerdict(box, producer, way, says));
      imported.push({ tool: producer.tool, way: producer.way, verdicts });
    });
  }
});

async function importVerdict(box: Sandbox, producer: Producer, way: Way, says: Facts): Promise<Verdict> {
  const into = `export STOWAGE_ROOT="$PWD/root of ${way}"`;
  const { status, stdout, stderr } = await box.attempt(script(`${into}\n${WAYS[way](producer.args ?? '')}`));
  if (producer.refused !== undefined) {
    expect(status).not.toBe(0);
    expect(stderr).toMatch(producer.refused.message);
    return { limit: producer.refused.reason };
  }
  if (way === 'bzip2') {
    expect(stderr).toMatch(/bunzip2/);
    return { limit: NO_BZIP2 };
  }
  expect(status, stderr).toBe(0);
  const { images } = JSON.parse(stdout) as ImportReport;
  const facts = new Set<string>();
  for (const { name, target, platforms } of images) {
    const complete = platforms.filter(({ state }) => state === 'complete').map(({ platform }) => platform);
    facts.add(`manifest ${name} ${target.digest}`);
    facts.add(`platforms ${name} ${complete.join(',')}`);
    if (complete.length > 1) continue;
    const manifest = await box.sh(`${into}\nstowage content get ${target.digest}`);
    const { config } = JSON.parse(manifest) as { readonly config: { readonly digest: string } };
    facts.add(`config ${name} ${config.digest}`);
  }
  const platforms = namesIn(says).map((name) => `platforms ${name} linux/amd64`);
  const unsaid = platforms.filter((fact) => ![...says].some((said) => said.startsWith(fact.slice(0, -11))));
  // Every fact the tool told holds, and no image came that it did not tell of.
  expect([...facts]).toEqual(expect.arrayContaining([...says, ...unsaid]));
  expect(namesIn(facts)).toEqual(namesIn(says));
  return 'ok';
}

const NO_BZIP2 =
  'not read by stowage, which has no decoder that tells a file that was cut off from a whole one: `bunzip2 -c FILE | stowage images import -`';

const namesIn = (facts: Facts) => [...new Set([...facts].map((fact) => fact.split(' ')[1]))].sort();

describe('what stowage images export writes is read by', () => {
  let out: Sandbox;
  const failed = new Map<Form, string>();
  beforeAll(async () => {
    out = await openSandbox();
    await out.sh(
      script(`
        stowage images import docker.io/interop/matrix:1 --ref-object latest "$BUSYBOX/archive.tar"
        stowage images import docker.io/interop/matrix:2 --ref-object latest "$BUSYBOX/other.tar"
        stowage images import docker.io/interop/platforms:1 --ref-object latest "$PLATFORMS/archive.tar"`),
    );
    for (const form of FORM_NAMES) {
      const { args, names } = FORMS[form];
      const made = await out.attempt(`stowage images export ${args.replace('OUT', form)} ${names.join(' ')}`);
      if (made.status !== 0) failed.set(form, made.stderr);
    }
  });
  afterAll(() => out.close());

  /** What is true of the images in a form; which of it a tool tells is its own affair. */
  const truths = (form: Form): Facts =>
    new Set(
      FORMS[form].names.flatMap((name) => {
        const { manifest, config } = inputs.digests[name] ?? { manifest: 'unknown', config: 'unknown' };
        return [
          `manifest ${name} ${manifest}`,
          `config ${name} ${config}`,
          `prints ${name} ${name === ONE ? 'carried by stowage' : name.endsWith(':2') ? 'the other image' : 'amd64'}`,
        ];
      }),
    );

  for (const consumer of CONSUMERS) {
    const needs = [consumer.tool, ...(consumer.needs ?? []), 'skopeo', 'busybox', 'umoci', 'oras'] as const;
    interop(`${consumer.tool} ${consumer.way}`, needs, async (box) => {
      const verdicts = await gathered(FORM_NAMES, async (form) => {
        expect(failed.get(form), 'export').toBeUndefined();
        return exportVerdict(box, consumer, form, truths(form), out);
      });
      exported.push({ tool: consumer.tool, way: consumer.way, verdicts });
    });
  }
});

async function exportVerdict(
  box: Sandbox,
  consumer: Consumer,
  form: Form,
  truths: Facts,
  out: Sandbox,
): Promise<Verdict> {
  const reading = consumer.reads[form];
  const namespace = `export INTEROP_NAMESPACE="$INTEROP_NAMESPACE-${form}"`;
  if (consumer.tool === 'ctr' || consumer.tool === 'ctr2') {
    box.finally(`${namespace}\n${emptyNamespace(consumer.tool)}`);
  }
  const run = (lines: string) =>
    box.attempt(
      script(`
        ${namespace}
        A='${out.path(form)}'
        mkdir '${form}' && cd '${form}'
        ${lines}`),
    );
  if (typeof reading !== 'string' && 'limit' in reading) {
    if (reading.script !== undefined) {
      const { status, stdout, stderr } = await run(reading.script);
      expect(status, `it reads what it could not, and says: ${stdout}`).not.toBe(0);
      expect(stderr).toMatch(reading.message ?? /./);
    }
    return { limit: reading.limit };
  }
  const { status, stdout, stderr } = await run(typeof reading === 'string' ? reading : reading.script);
  expect(status, stderr).toBe(0);
  const facts = factsOf(stdout);
  expect([...truths]).toEqual(expect.arrayContaining([...facts]));
  expect(namesIn(facts)).toEqual(namesIn(truths));
  return typeof reading === 'string' ? 'ok' : { remark: reading.remark };
}

test('docs/interop.md tells the verdicts of this run', async (context) => {
  if (imported.length < PRODUCERS.length || exported.length < CONSUMERS.length) {
    context.skip('not every row was run');
  }
  const tables: Table[] = [
    {
      title: 'Into stowage',
      about: [
        'Read by `stowage images import`: the file, a pipe, and the same archive compressed as a whole. Directories are read as they are.',
      ],
      columns: Object.keys(WAYS),
      titles: Object.keys(WAYS),
      rows: imported,
    },
    {
      title: 'Out of stowage',
      about: [
        'Written by `stowage images export`, which by default makes one tar that is an OCI layout and a Docker archive at the same time.',
      ],
      columns: FORM_NAMES,
      titles: FORM_NAMES.map((form) => FORMS[form].title),
      rows: exported,
    },
  ];
  const page = await pageOf(tables, inject('run').tools, PAGE);
  if (process.env['STOWAGE_INTEROP_PAGE'] === 'write') await writeFile(PAGE, page);
  const committed = await readFile(PAGE, 'utf8');
  expect(withoutVersions(page), 'out of date: npm run build && node scripts/docs-interop.js').toBe(
    withoutVersions(committed),
  );
});
