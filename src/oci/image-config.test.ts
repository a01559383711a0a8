import { describe, expect, it } from 'vitest';
import { parseImageConfig, platformOfConfig } from './image-config.js';

const diffId = `sha256:${'d'.repeat(64)}`;
const parse = (config: unknown) => parseImageConfig(Buffer.from(JSON.stringify(config)), 'config "x"');

describe('parseImageConfig', () => {
  it('reads platform, layers and origin, and keeps the bytes', () => {
    const config = parse({
      created: '2024-01-02T03:04:05Z',
      author: 'me',
      architecture: 'arm64',
      os: 'windows',
      variant: 'v8',
      'os.version': '10.0.17763',
      'os.features': ['win32k'],
      rootfs: { type: 'layers', diff_ids: [diffId] },
      config: { Env: ['A=b'] },
    });
    expect(config.rootfs.diff_ids).toEqual([diffId]);
    expect([config.created, config.author]).toEqual(['2024-01-02T03:04:05Z', 'me']);
    expect(JSON.parse(Buffer.from(config.raw).toString())).toHaveProperty('config.Env');
    expect(platformOfConfig(config)).toEqual({
      architecture: 'arm64',
      os: 'windows',
      variant: 'v8',
      'os.version': '10.0.17763',
      'os.features': ['win32k'],
    });
  });

  it('takes what is missing for empty, and then knows no platform', () => {
    const config = parse({});
    expect(config.rootfs).toEqual({ type: 'layers', diff_ids: [] });
    expect(platformOfConfig(config)).toBeUndefined();
    expect(platformOfConfig(parse({ os: 'linux' }))).toBeUndefined();
    expect(platformOfConfig(parse({ os: 'linux', architecture: 'amd64' }))).toBeDefined();
  });

  it.each([
    [{ rootfs: { diff_ids: ['x'] } }, 'rootfs.diff_ids[0]: Cannot read digest "x"'],
    [{ rootfs: { diff_ids: [1] } }, 'rootfs.diff_ids[0] must be a string, not 1'],
    [{ os: 1 }, 'os must be a string, not 1'],
    [{ 'os.features': 'win32k' }, 'os.features must be a list'],
    [[], 'it must be an object, not a list'],
  ])('refuses %j: %s', (config, reason) => {
    expect(() => parse(config)).toThrow(`Cannot read config "x": ${reason}`);
  });
});
