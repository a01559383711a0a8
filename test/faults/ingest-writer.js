// Writes a part of an ingest, and tells a line when that is a promise, as the judge of a power cut would see it:
// `node ingest-writer.js ROOT REF TEXT commit|fail| [DIGEST]`. With `fail` it is a put whose source ends too early.
import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { openStore, parseDigest } from '../../dist/index.js';

const [root = '', ref = '', text = '', end = '', expect] = process.argv.slice(2);
const store = await openStore({ root });
const tell = (/** @type {string} */ line) => writeSync(1, `${line}\n`);

if (end === 'fail') {
  const whole = Buffer.from(text.repeat(2));
  const digest = parseDigest(`sha256:${createHash('sha256').update(whole).digest('hex')}`);
  const half = async function* () {
    yield whole.subarray(0, whole.length / 2);
    throw new Error('the source is gone');
  };
  await store.content.put({ digest, size: whole.length }, half).then(
    () => process.exit(1),
    () => {},
  );
} else {
  const ingest = await store.content.openIngest(ref, expect ? { expect: parseDigest(expect) } : {});
  await ingest.write(Buffer.from(text));
  if (end === 'commit') {
    const { digest } = await ingest.commit({ labels: { 'containerd.io/gc.root': 'now' } });
    tell(`default blob ${digest}`);
  } else {
    const { offset } = ingest.status;
    await ingest.close();
    tell(`default ingest ${ref} ${offset}`);
  }
}
await store.close();
