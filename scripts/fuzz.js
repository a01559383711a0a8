// Throws hostile archives at the tar reader and the importer for a while: npm run fuzz -- [--seconds 30] [--seed N]
// [--case N] to repeat one. A process imports into memory and may write nowhere but in one folder, which Node itself
// enforces; a second one, for a shorter time, imports into a store on disk, whose syncs Node does not allow there.
// Either is ended when a case takes too long. What is checked: test/fuzz/main.ts.
import { fork } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { REPOSITORY, withBundle } from './with-bundle.js';

const SECONDS_PER_CASE = 20;
const SHARE_ON_DISK = 0.25;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    case: { type: 'string' },
  },
});
const folder = await mkdtemp(join(tmpdir(), 'stowage-fuzz-'));
const work = join(folder, 'work');
const [major = 0] = process.versions.node.split('.').map(Number);
const confined = [
  major < 23 ? '--experimental-permission' : '--permission',
  '--allow-addons',
  '--allow-fs-read=*',
  `--allow-fs-write=${work}/*`,
];

try {
  await mkdir(work);
  await withBundle('test/fuzz/main.ts', async (bundle) => {
    console.log(`seed ${values.seed}`);
    const seconds = Number(values.seconds);
    const sound =
      (await run(bundle, 'memory', seconds * (1 - SHARE_ON_DISK), confined)) &&
      (await run(bundle, 'dir', seconds * SHARE_ON_DISK, []));
    process.exitCode = sound ? 0 : 1;
  });
} finally {
  if (values.case === undefined) await rm(folder, { recursive: true, force: true });
  else console.log(`its archive: ${join(work, 'case.tar')}`);
}

/** Whether nothing was found. */
function run(bundle, store, duration, flags) {
  const child = fork(bundle, [], {
    cwd: REPOSITORY,
    execArgv: [
      ...flags,
      '--disable-warning=ExperimentalWarning',
      '--disable-warning=SecurityWarning',
      '--max-old-space-size=400',
    ],
    env: {
      ...process.env,
      FUZZ_STORE: store,
      FUZZ_SEED: values.seed,
      FUZZ_SECONDS: String(duration),
      FUZZ_FOLDER: work,
      TMPDIR: work,
      ...(values.case === undefined ? {} : { FUZZ_FIRST: values.case, FUZZ_CASES: '1' }),
    },
  });
  let begun = 'none';
  let hangs;
  const watch = () => {
    clearTimeout(hangs);
    hangs = setTimeout(() => {
      console.error(`case ${begun} of seed ${values.seed} takes longer than ${SECONDS_PER_CASE} s`);
      child.kill('SIGKILL');
    }, SECONDS_PER_CASE * 1000);
  };
  watch();
  child.on('message', ({ begins }) => {
    begun = begins;
    watch();
  });
  return new Promise((resolve) => {
    child.on('exit', (status, signal) => {
      clearTimeout(hangs);
      if (signal !== null) console.error(`ended by ${signal} in case ${begun}`);
      if (status !== 0) console.error(`repeat one: npm run fuzz -- --seed ${values.seed} --case N`);
      resolve(status === 0);
    });
  });
}
