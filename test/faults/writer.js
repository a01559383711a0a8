// Uses the library, and tells a line when a promise is kept, as the judge of a power cut would see it:
// `node writer.js ROOT`. What is told before the store is closed has to be durable all the same.
import { writeSync } from 'node:fs';
import { openStore } from '../../dist/index.js';

const store = await openStore({ root: process.argv[2] ?? '' });
const tell = (/** @type {string} */ line) => writeSync(1, `${line}\n`);

for (const text of ['a first blob', 'another blob', 'and a third one']) {
  const { digest, size } = await store.content.put(undefined, () => Buffer.from(text), {
    labels: { 'containerd.io/gc.root': 'now' },
  });
  tell(`default blob ${digest}`);
  const name = `example.com/${text.replaceAll(' ', '-')}:1`;
  const target = { mediaType: 'application/octet-stream', digest, size };
  await store.images.apply([{ op: 'create', name, target }]);
  tell(`default ${name} ${digest} {}`);
}
const other = await store.content.put(undefined, () => Buffer.from('by another algorithm'), {
  algorithm: 'sha512',
});
tell(`default blob ${other.digest}`);
await store.close();
