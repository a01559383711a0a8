import { describe, expect, it } from 'vitest';
import { fileOfBytes } from '../layout/archive-file.js';
import { cleanPath, EntryNames } from './entry-names.js';

const file = fileOfBytes(Buffer.from('layer'));
const other = fileOfBytes(Buffer.from('other'));

function names(fill: (names: EntryNames) => void): EntryNames {
  const found = new EntryNames('"x.tar"');
  fill(found);
  return found;
}

describe('EntryNames', () => {
  it.each([
    ['./a/layer.tar', 'a/layer.tar'],
    ['a/layer.tar', './a//b/../layer.tar'],
    ['/a/layer.tar', 'a/layer.tar'],
  ])('knows %s as %s', (added, asked) => {
    expect(names((all) => all.addFile(added, file)).find(asked)).toBe(file);
  });

  it('follows links whatever the order, from their folder or from the top', () => {
    const found = names((all) => {
      all.addLink('three/layer.tar', '../two/layer.tar', 'symlink');
      all.addLink('two/layer.tar', 'one/layer.tar', 'hard-link');
      all.addLink('four/layer.tar', 'three/layer.tar', 'symlink');
      all.addLink('five/layer.tar', '/one/layer.tar', 'symlink');
      all.addFile('one/layer.tar', file);
    });
    for (const name of ['two', 'three', 'four', 'five']) expect(found.find(`${name}/layer.tar`)).toBe(file);
  });

  it('prefers what is beside a link to what is at the top', () => {
    const found = names((all) => {
      all.addLink('a/link', 'x', 'symlink');
      all.addFile('x', other);
      all.addFile('a/x', file);
    });
    expect(found.find('a/link')).toBe(file);
  });

  it('finds nothing where nothing is', () => {
    expect(names((all) => all.addFile('a', file)).find('b')).toBeUndefined();
  });

  it.each([
    [
      'a link that leads nowhere',
      (all: EntryNames) => all.addLink('a', '../../etc/passwd', 'symlink'),
      /no target/,
    ],
    ['a link to itself', (all: EntryNames) => all.addLink('a', 'a', 'hard-link'), /no target/],
    [
      'links in a circle',
      (all: EntryNames) => {
        all.addLink('a', 'b', 'symlink');
        all.addLink('b', 'a', 'symlink');
      },
      /circle/,
    ],
  ])('refuses %s, but only when it is used', (_, fill, message) => {
    const found = names(fill);
    expect(() => found.find('a')).toThrow(message);
    found.addFile('c', file);
    expect(found.find('c')).toBe(file);
  });

  it('takes the later of two entries with one name', () => {
    const found = names((all) => {
      all.addLink('a', 'nowhere', 'symlink');
      all.addFile('a', other);
      all.addFile('./a', file);
    });
    expect(found.find('a')).toBe(file);
  });

  it('never leaves the top', () => {
    expect(cleanPath('../../a/../b')).toBe('b');
    expect(cleanPath('./')).toBe('');
  });
});
