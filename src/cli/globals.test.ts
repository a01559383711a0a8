import { describe, expect, it } from 'vitest';
import { takeGlobals } from './globals.js';

describe('global flags', () => {
  it('are taken out wherever they stand, and the rest keeps its order', () => {
    const { globals, rest } = takeGlobals([
      '-n',
      'one',
      'images',
      '--json',
      'rm',
      'x',
      '--root=/r',
      '--sync',
    ]);
    expect(globals).toMatchObject({ namespace: 'one', root: '/r', json: true, debug: false });
    expect(rest).toEqual(['images', 'rm', 'x', '--sync']);
  });

  it('take a value with a space or an equals sign, long and short', () => {
    for (const words of [['--namespace', 'a'], ['--namespace=a'], ['-n', 'a'], ['-n=a']]) {
      expect(takeGlobals(words).globals.namespace).toBe('a');
    }
    expect(takeGlobals(['-a', '/run/x.sock']).globals.address).toBe('/run/x.sock');
  });

  it('of ctr that are about its daemon are accepted, with their values, and say nothing', () => {
    const { globals, rest } = takeGlobals(['--timeout', '5s', '--connect-timeout=1s', 'images', 'ls']);
    expect(rest).toEqual(['images', 'ls']);
    expect(globals).toEqual(takeGlobals([]).globals);
    expect(() => takeGlobals(['--timeout'])).toThrow(/"--timeout" needs a value/);
  });

  it('mean nothing behind --', () => {
    const { globals, rest } = takeGlobals(['rm', '--', '-n', '--json']);
    expect(globals).toMatchObject({ namespace: undefined, json: false });
    expect(rest).toEqual(['rm', '--', '-n', '--json']);
  });

  it('count the last time they are given', () => {
    expect(takeGlobals(['--root', 'a', '--root', 'b']).globals.root).toBe('b');
    expect(takeGlobals(['--json', '--json=false']).globals.json).toBe(false);
  });

  it.each([[['--root']], [['--root=']], [['--root', '']], [['-n', '--json']]])(
    'need their value: %j',
    (words) => {
      expect(() => takeGlobals(words)).toThrow(/^flag "(--root|-n)" needs a value$/);
    },
  );

  it('that are switches take none', () => {
    expect(() => takeGlobals(['--json=yes'])).toThrow('flag "--json" takes no value, and was given "yes"');
  });
});
