import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..');

interface Import {
  /** Path of the importing file below `src`, with `/`. */
  readonly from: string;
  /** Path of the imported file below `src`, or the specifier of a package or built-in module. */
  readonly to: string;
  readonly isLocal: boolean;
  /** Whether nothing of it is left at run time. */
  readonly isType: boolean;
}

const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .map((file) => file.split(sep).join('/'))
  .filter((file) => /\.(ts|js)$/.test(file) && !file.endsWith('.test.ts'))
  .sort();
const texts = new Map(files.map((file) => [file, readFileSync(join(root, 'src', file), 'utf8')]));
const imports = files.flatMap(importsOf);
const locals = imports.filter(({ isLocal }) => isLocal);
const foreign = imports.filter(({ isLocal }) => !isLocal);

/** Every static, dynamic and type import of a file, and every export from another. */
function importsOf(from: string): Import[] {
  const found: Import[] = [];
  const add = (specifier: string, isType: boolean) => {
    const isLocal = specifier.startsWith('.');
    const target = relative('.', join(dirname(from), specifier))
      .split(sep)
      .join('/');
    const to = isLocal ? (texts.has(target) ? target : target.replace(/\.js$/, '.ts')) : specifier;
    found.push({ from, to, isLocal, isType });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      add(node.moduleSpecifier.text, isTypeOnly(node.importClause));
    } else if (
      ts.isExportDeclaration(node) &&
      node.moduleSpecifier &&
      ts.isStringLiteral(node.moduleSpecifier)
    ) {
      add(node.moduleSpecifier.text, node.isTypeOnly);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      if (ts.isStringLiteral(node.argument.literal)) add(node.argument.literal.text, true);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [specifier] = node.arguments;
      if (specifier && ts.isStringLiteralLike(specifier)) add(specifier.text, false);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(from, texts.get(from) ?? '', ts.ScriptTarget.ES2022));
  return found;
}

function isTypeOnly(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.isTypeOnly) return true;
  const named = clause.namedBindings;
  return (
    clause.name === undefined &&
    named !== undefined &&
    ts.isNamedImports(named) &&
    named.elements.length > 0 &&
    named.elements.every((element) => element.isTypeOnly)
  );
}

/** `content` of `content/store.ts`, `backends/dir` of `backends/dir/store.ts`, `errors` of `errors.ts`. */
function layerOf(file: string): string {
  const parts = file.replace(/\.(ts|js)$/, '').split('/');
  return parts[0] === 'backends' ? parts.slice(0, 2).join('/') : (parts[0] ?? '');
}

const show = ({ from, to }: Import) => `${from} -> ${to}`;
const isIn = (folder: string) => (file: string) => file.startsWith(`${folder}/`);

/** Every layer with those it may import; itself and what those may import go without saying. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  oci: ['errors'],
  io: ['oci'],
  content: ['io'],
  images: ['content'],
  archive: ['images'],
  'backends/dir': ['images'],
  'backends/memory': ['images'],
  testing: ['images'],
  // The door of the library: what `import "stowage"` gives.
  index: ['archive', 'backends/dir', 'backends/memory'],
  cli: ['index', 'archive', 'backends/dir'],
};

function reachable(layer: string): Set<string> {
  const layers = new Set([layer]);
  for (const next of layers) for (const below of MAY_IMPORT[next] ?? []) layers.add(below);
  return layers;
}

describe('the layers', () => {
  it('are found', () => {
    expect(files.length).toBeGreaterThan(50);
    expect(locals.length).toBeGreaterThan(100);
    expect(foreign.some(({ to }) => to === 'valibot')).toBe(true);
  });

  it('import what exists', () => {
    expect(locals.filter(({ to }) => !texts.has(to)).map(show)).toEqual([]);
  });

  it('are all known', () => {
    expect(files.filter((file) => MAY_IMPORT[layerOf(file)] === undefined)).toEqual([]);
  });

  it('import only layers below them', () => {
    const wrong = locals.filter(({ from, to }) => !reachable(layerOf(from)).has(layerOf(to)));
    expect(wrong.map(show)).toEqual([]);
  });

  it('keep backends apart from each other and from archive', () => {
    const wrong = locals.filter(
      ({ from, to }) =>
        isIn('backends')(from) && layerOf(from) !== layerOf(to) && /^(backends|archive)\//.test(to),
    );
    expect(wrong.map(show)).toEqual([]);
  });

  it('keep archive apart from backends', () => {
    expect(locals.filter(({ from, to }) => isIn('archive')(from) && isIn('backends')(to)).map(show)).toEqual(
      [],
    );
  });

  it('have no cycles at run time', () => {
    expect(cycles()).toEqual([]);
  });
});

describe('packages and built-in modules', () => {
  const packages = foreign.filter(({ to }) => !to.startsWith('node:'));

  it('are declared as dependencies', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      dependencies: object;
      optionalDependencies?: object;
    };
    const declared = new Set(Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }));
    expect(packages.filter(({ to }) => !declared.has(to)).map(show)).toEqual([]);
  });

  it('are only errors, valibot and what touches nothing in oci', () => {
    const harmless = ['valibot', 'node:path', 'node:os'];
    expect(foreign.filter(({ from, to }) => isIn('oci')(from) && !harmless.includes(to)).map(show)).toEqual(
      [],
    );
    const host = foreign.filter(({ from, to }) => isIn('oci')(from) && to === 'node:os');
    expect(host.map(({ from }) => from)).toEqual(['oci/host-platform.ts']);
  });

  it('that touch files, network or processes are not used by content and images', () => {
    const allowed = new Set(['node:crypto', 'valibot']);
    const wrong = foreign.filter(
      ({ from, to, isType }) => /^(content|images|errors)\b/.test(from) && !isType && !allowed.has(to),
    );
    expect(wrong.map(show)).toEqual([]);
  });

  it('of SQLite are named only by the database driver', () => {
    const naming = files.filter((file) => /node:sqlite|@photostructure\/sqlite/.test(texts.get(file) ?? ''));
    expect(naming.filter((file) => !file.startsWith('backends/dir/database/'))).toEqual([]);
    expect(naming.length).toBeGreaterThan(0);
  });

  it('of the command line are used only by cli', () => {
    // process.getBuiltinModule is the only way to ask for a module that may not be there without an await.
    const exempt = ['backends/dir/database/library.ts -> node:process'];
    const wrong = foreign.filter(
      ({ from, to }) => !isIn('cli')(from) && /^(@stricli\/core|node:(process|readline|tty|repl))/.test(to),
    );
    expect(wrong.map(show).filter((each) => !exempt.includes(each))).toEqual([]);
  });

  it('of a test runner are used by nothing that is published', () => {
    expect(packages.filter(({ to }) => /^(vitest|fast-check|node:test)/.test(to)).map(show)).toEqual([]);
  });

  it('are named with their prefix', () => {
    const bare = ['fs', 'path', 'os', 'crypto', 'stream', 'util', 'http', 'events', 'process', 'fs/promises'];
    expect(packages.filter(({ to }) => bare.includes(to)).map(show)).toEqual([]);
  });
});

describe('the backends', () => {
  it('have the same file names for what every store has', () => {
    const shared = [
      'index',
      'store',
      'content',
      'images',
      'leases',
      'namespaces',
      'temporary-files',
      'place',
    ];
    const backends = Object.keys(MAY_IMPORT).filter(isIn('backends'));
    const missing = backends.flatMap((backend) =>
      shared.map((name) => `${backend}/${name}.ts`).filter((file) => !texts.has(file)),
    );
    expect(missing).toEqual([]);
  });
});

/** Cycles among imports that are still there at run time, each as `a.ts -> b.ts -> a.ts`. */
function cycles(): string[] {
  const targets = new Map<string, string[]>();
  for (const { from, to } of locals.filter(({ isType }) => !isType)) {
    targets.set(from, [...(targets.get(from) ?? []), to]);
  }
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) {
      found.push([...path.slice(path.indexOf(file)), file].join(' -> '));
      return;
    }
    if (done.has(file)) return;
    for (const next of targets.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  return found;
}
