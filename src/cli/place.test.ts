import { describe, expect, it } from 'vitest';
import { isStowageError } from '../errors.js';
import { findPlace } from './place.js';

const NONE = { root: undefined, namespace: undefined, address: undefined };

describe('the place a command works on', () => {
  it('is the flag, else STOWAGE_ROOT, else the XDG data folder, else the one in the home', () => {
    const env = { STOWAGE_ROOT: '/env', XDG_DATA_HOME: '/xdg', HOME: '/home/me' };
    expect(findPlace({ ...NONE, root: '/flag' }, env).root).toBe('/flag');
    expect(findPlace(NONE, env).root).toBe('/env');
    expect(findPlace(NONE, { ...env, STOWAGE_ROOT: '' }).root).toBe('/xdg/stowage');
    expect(findPlace(NONE, { HOME: '/home/me', XDG_DATA_HOME: 'relative' }).root).toBe(
      '/home/me/.local/share/stowage',
    );
  });

  it('has the namespace of the flag, else of the environment, else the default one', () => {
    const env = { CONTAINERD_NAMESPACE: 'k8s.io', HOME: '/' };
    expect(findPlace({ ...NONE, namespace: 'mine' }, env).namespace).toBe('mine');
    expect(findPlace(NONE, env).namespace).toBe('k8s.io');
    expect(findPlace(NONE, { HOME: '/', CONTAINERD_NAMESPACE: '' }).namespace).toBe('default');
  });

  it('is never silently another one than the containerd that was asked for', () => {
    const env = { CONTAINERD_ADDRESS: '/run/c.sock', HOME: '/' };
    const unsupported = (run: () => unknown) => {
      try {
        run();
      } catch (error) {
        return isStowageError(error, 'UNSUPPORTED');
      }
      return false;
    };
    expect(unsupported(() => findPlace(NONE, env))).toBe(true);
    expect(unsupported(() => findPlace({ ...NONE, address: '/x' }, { STOWAGE_ROOT: '/r' }))).toBe(true);
    expect(findPlace({ ...NONE, root: '/r' }, env).root).toBe('/r');
    expect(findPlace(NONE, { ...env, STOWAGE_ROOT: '/r' }).root).toBe('/r');
    expect(() => findPlace({ ...NONE, root: '/r', address: '/x' }, {})).toThrow('two different stores');
  });
});
