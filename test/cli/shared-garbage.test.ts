/** Garbage of one namespace that is content of another, with the built command. */
import { afterAll, expect, it } from 'vitest';
import { Homes, run } from './world.js';

const homes = new Homes();
afterAll(() => homes.removeAll());

it('gc tells of blobs that a namespace lets go of and another one keeps', async () => {
  const home = await homes.make();
  for (const namespace of ['a', 'b']) {
    expect(await run(home, ['-n', namespace, 'import', 'hello:latest', 'one.tar'])).toMatchObject({
      status: 0,
    });
  }
  expect(await run(home, ['-n', 'a', 'images', 'rm', '--no-gc', 'hello:latest'])).toMatchObject({
    status: 0,
  });
  const dry = await run(home, ['gc', '--dry-run']);
  expect(dry.stdout).toMatch(/^would remove 3 records of blobs that other namespaces keep: 0\.0 B\n3 blobs /);
  const done = await run(home, ['gc']);
  expect(done.stdout).toMatch(/^removed 3 records of blobs that other namespaces keep: 0\.0 B\n3 blobs /);
  expect((await run(home, ['gc'])).stdout).toMatch(/^nothing to remove\n3 blobs /);
});
