// `npm start`: the main job on the bundled sample, through the doors that any user of the library has. Works in a
// temporary folder, shows the command for every step, and checks what came out. Fails with a non-zero exit status.
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SAMPLE = fileURLToPath(new URL('../samples/hello.tar', import.meta.url));
const NAME = 'example/hello:latest';

const built = await access(new URL('../dist/index.js', import.meta.url)).then(
  () => true,
  () => false,
);
if (!built) {
  console.error('stowage is not built yet: run "npm ci" first (it builds), then "npm start" again');
  process.exit(1);
}

const { exportArchive, importArchive, openStore } = await import('stowage');

/** A step as a user would type it. */
const step = (command, ...lines) => {
  console.log(`$ stowage ${command}`);
  for (const line of lines) console.log(`  ${line}`);
  console.log();
};

const dir = await mkdtemp(join(tmpdir(), 'stowage-start-'));
try {
  const archive = join(dir, 'hello.tar');
  const store = await openStore({ root: join(dir, 'store') });
  const second = await openStore({ root: join(dir, 'second') });
  try {
    console.log('The main job on samples/hello.tar, an archive made by umoci and skopeo:\n');

    const imported = await importArchive(store, SAMPLE, { ref: NAME });
    step(
      `images import ${NAME} samples/hello.tar`,
      ...imported.images.map((image) => `${image.name} ${image.target.digest}`),
      `${imported.blobs.written} blobs, ${imported.bytes.written} bytes, each verified while it was written`,
    );

    const names = [];
    const lines = [];
    for await (const image of store.images.list()) {
      names.push(image.name);
      lines.push(`${image.name}  ${image.target.mediaType}`);
    }
    step('images ls', ...lines);

    const exported = await exportArchive(store, names, archive);
    step(
      `images export hello.tar ${names.join(' ')}`,
      `${exported.blobs} blobs in an archive of ${exported.size} bytes`,
    );

    const again = await importArchive(second, archive, { onConflict: 'error' });
    step(
      '--root second images import hello.tar',
      ...again.images.map((image) => `${image.name} ${image.target.digest}`),
    );

    const [before, after] = [await digests(store), await digests(second)];
    if (before.length === 0) throw new Error('the first store is empty after an import');
    if (before.join() !== after.join()) {
      throw new Error(`the two stores differ:\n${before.join('\n')}\n\n${after.join('\n')}`);
    }
    if (imported.images[0]?.target.digest !== again.images[0]?.target.digest) {
      throw new Error('the image has another digest in the second store');
    }
    console.log(`Both stores hold the same ${before.length} blobs, and the same name for the same digest:`);
    for (const digest of before) console.log(`  ${digest}`);
  } finally {
    await store.close();
    await second.close();
  }
} finally {
  await rm(dir, { recursive: true, force: true });
}

/** Every blob of a store, read to its end, which verifies it. */
async function digests(store) {
  const found = [];
  for await (const { digest } of store.content.list()) {
    for await (const _chunk of store.content.read({ digest }));
    found.push(digest);
  }
  return found;
}
