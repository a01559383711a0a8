/**
 * Bundles the command into a few files. What most commands need is one file, because every file costs half a millisecond
 * to find and to open; what few need are others, because so does every 30 kB of source. In a file, modules run when
 * something that needs them does, and what belongs to Node is loaded where it is first used: the sources say what they
 * need, not when.
 */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { build, transform } from 'esbuild';

const SETTINGS = {
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  external: ['@cloudpss/zstd', '@photostructure/sqlite'],
  logLevel: 'warning',
  bundle: true,
  write: false,
};

/**
 * Files with the modules they begin with. A module is in the first file that needs it, not counting what is needed only
 * by something that another file begins with; what is left is in the last one. So what a list or an import with nothing
 * to do does not come to lies apart. Definitions of commands lie with the commands.
 */
const FILES = {
  stowage: ['cli/main.js'],
  start: [
    'cli/command-line.js',
    'backends/dir/open-store.js',
    'cli/commands/images/ls.command.js',
    'cli/commands/images/ls.js',
  ],
  // A store that may be written to.
  open: [
    'backends/dir/index-file.js',
    'backends/dir/layout.js',
    'backends/dir/reserve.js',
    'images/change.js',
    'images/gc-labels.js',
    'io/copy-lanes.js',
  ],
  import: [
    'archive/names/reference-object.js',
    'cli/commands/images/import.command.js',
    'cli/commands/images/import.js',
  ],
  // A store that is written to.
  write: [
    'archive/import-move.js',
    'backends/dir/collector.js',
    'backends/dir/ingests.js',
    'backends/dir/leases.js',
    'backends/dir/namespaces.js',
    'backends/dir/put-blob.js',
    'backends/dir/stored-ingests.js',
    'backends/dir/temporary-files.js',
    'content/copy.js',
    'content/read-outline.js',
    'images/lease-terms.js',
  ],
  // A store that is made.
  first: ['backends/memory/index.js', 'cli/store-to-be.js'],
  // Archives of every other form.
  archives: [
    'archive/docker/docker-archive.js',
    'archive/import-documents.js',
    'archive/import-dry-run.js',
    'archive/layout/directory-layout.js',
    'archive/layout/stream-layout.js',
    'cli/commands/images/import-report.js',
    'content/referrers.js',
    'io/compression/compress.js',
    'io/compression/decompress.js',
  ],
  export: ['cli/commands/images/export.command.js', 'cli/commands/images/export.js'],
  more: ['cli/help.js'],
};

const LAST = Object.keys(FILES).at(-1);

/** What Node has loaded before any program, or as good as. */
const LOADED = ['fs', 'path', 'url', 'util', 'events'];

/** Writes the command into `dist/bin`, from the compiled modules in `dist`. */
export async function bundle(dist) {
  const imports = await importsOf(dist);
  const fileOf = assign(imports);
  const bin = join(dist, 'bin');
  await mkdir(bin);
  await writeFile(join(bin, 'package.json'), '{"type":"commonjs"}\n');
  for (const file of Object.keys(FILES))
    await writeFile(join(bin, `${file}.js`), await linked(dist, file, imports, fileOf));
  await chmod(join(bin, 'stowage.js'), 0o755);
  // The program of the threads is looked for beside the module that starts them.
  const worker = await readFile(join(dist, 'io/copy-worker.js'), 'utf8');
  const { platform, target, format } = SETTINGS;
  await writeFile(join(bin, 'copy-worker.js'), (await transform(worker, { platform, target, format })).code);
}

/** What each module imports, by paths relative to `dist`. Of packages every file gets a copy, of just what it uses. */
async function importsOf(dist) {
  const { metafile } = await build({
    ...SETTINGS,
    entryPoints: ['cli/main.js'],
    absWorkingDir: dist,
    format: 'esm',
    metafile: true,
  });
  const isOwn = (path) => !path.startsWith('..');
  return new Map(
    Object.entries(metafile.inputs)
      .filter(([path]) => isOwn(path))
      .map(([path, { imports }]) => [path, imports.filter((each) => !each.external && isOwn(each.path))]),
  );
}

function assign(imports) {
  const fileOf = new Map();
  for (const module of imports.keys()) if (module.endsWith('.command.js')) fileOf.set(module, LAST);
  for (const [file, modules] of Object.entries(FILES)) {
    for (const module of modules) {
      if (!imports.has(module))
        throw new Error(`scripts/bundle.js names ${module}, which is not there any more`);
      fileOf.set(module, file);
    }
  }
  const visit = (module, file) => {
    for (const { path, kind } of imports.get(module)) {
      if (kind === 'dynamic-import' || fileOf.has(path)) continue;
      fileOf.set(path, file);
      visit(path, file);
    }
  };
  for (const [file, modules] of Object.entries(FILES)) for (const module of modules) visit(module, file);
  for (const module of imports.keys()) if (!fileOf.has(module)) fileOf.set(module, LAST);
  return fileOf;
}

/** The text of one file: its modules, and doors to those that are asked for from others. */
async function linked(dist, file, imports, fileOf) {
  const asked = new Set();
  for (const [from, all] of imports) {
    for (const { path } of all) if (fileOf.get(path) === file && fileOf.get(from) !== file) asked.add(path);
  }
  const doors = [...asked].map(
    (module) => `exports[${JSON.stringify(module)}] = () => require('./${module}');`,
  );
  // The command itself begins when its file is loaded.
  if (file === 'stowage') doors.push(`require('./cli/main.js');`);
  const elsewhere = {
    name: 'elsewhere',
    setup(builder) {
      builder.onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
        const module = relative(dist, join(resolveDir, path));
        const home = fileOf.get(module);
        return home === undefined || home === file
          ? undefined
          : { path: `./${home}.js#${module}`, external: true };
      });
    },
  };
  const { outputFiles, metafile } = await build({
    ...SETTINGS,
    metafile: true,
    stdin: { contents: doors.join('\n'), resolveDir: dist, sourcefile: `${file}.js` },
    absWorkingDir: dist,
    plugins: [elsewhere],
    supported: { 'dynamic-import': false },
    minifyWhitespace: true,
    minifySyntax: true,
    define: { 'import.meta.url': 'importMetaUrl' },
    banner: { js: file === 'stowage' ? `#!/usr/bin/env node\n${HEAD}` : HEAD },
  });
  // For who looks for something in it.
  const modules = Object.keys(metafile.inputs).map((path) => `\n// ${path}`);
  return whenUsed(outputFiles[0].text) + modules.join('');
}

/** `__at` gives a module that is in another file. */
const HEAD = `const importMetaUrl = require('node:url').pathToFileURL(__filename).href;
const __found = {};
const __at = (file, module) => (__found[module] ??= require(file)[module]());`;

/** Has everything that is elsewhere loaded where it is used, not where it is imported. */
function whenUsed(text) {
  const places = new Map();
  const placeOf = (name) => {
    const [file, module] = name.split('#');
    return module === undefined ? `require("${name}")` : `__at("${file}","${module}")`;
  };
  return (
    text
      .replaceAll(
        /\b(import_\w+)=(?:__toESM\()?require\("((?:node:|\.\/)[^"]+)"\)(?:,1\))?/g,
        (all, variable, name) => {
          if (LOADED.some((module) => name === `node:${module}`)) return all;
          places.set(variable, placeOf(name));
          return `${variable}=0`;
        },
      )
      .replaceAll(/\b(new )?(import_\w+)\.([\w$]+)/g, (all, isNew, variable, name) => {
        const place = places.get(variable);
        if (place === undefined) return all;
        const value = name === 'default' && place.startsWith('require') ? place : `${place}.${name}`;
        return isNew ? `new (${value})` : value;
      })
      // What may be an ES module is imported also from CommonJS.
      .replaceAll(/__toESM\(require\("(@[^"]+)"\)(?:,1)?\)/g, (_, name) => `import("${name}")`)
      .replaceAll(/__toESM\(require\("(\.\/[^"]+)"\)(?:,1)?\)/g, (_, name) => placeOf(name))
  );
}
