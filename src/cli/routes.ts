import { buildRouteMap, type Command, type RouteMap } from '@stricli/core';
import type { Paint } from './color.js';
import { commandHelp, globalFlagRows, groupHelp, type HelpSection, type Row } from './help.js';
import type { DocumentedCommand } from './command.js';
import type { Context } from './context.js';
import { contentActive } from './commands/content/active.command.js';
import { contentGet } from './commands/content/get.command.js';
import { contentIngest } from './commands/content/ingest.command.js';
import { contentLabel } from './commands/content/label.command.js';
import { contentList } from './commands/content/ls.command.js';
import { contentRemove } from './commands/content/rm.command.js';
import { contentPrune } from './commands/content/prune.command.js';
import { contentWhy } from './commands/content/why.command.js';
import { imagesCheck } from './commands/images/check.command.js';
import { imagesExport } from './commands/images/export.command.js';
import { imagesImport } from './commands/images/import.command.js';
import { imagesInspect } from './commands/images/inspect.command.js';
import { imagesLabel } from './commands/images/label.command.js';
import { imagesList } from './commands/images/ls.command.js';
import { imagesRemove } from './commands/images/rm.command.js';
import { imagesTag } from './commands/images/tag.command.js';
import { leasesCreate } from './commands/leases/create.command.js';
import { leasesList } from './commands/leases/ls.command.js';
import { leasesRemove } from './commands/leases/rm.command.js';
import { namespacesCreate } from './commands/namespaces/create.command.js';
import { namespacesLabel } from './commands/namespaces/label.command.js';
import { namespacesList } from './commands/namespaces/ls.command.js';
import { namespacesRemove } from './commands/namespaces/rm.command.js';
import { gc } from './commands/gc.command.js';
import { fsck } from './commands/fsck.command.js';
import { imagesUsage } from './commands/images/usage.command.js';
import { verify } from './commands/verify.command.js';
import { version } from './commands/version.command.js';

/** A group of commands that are about the same thing. */
export interface Noun {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly brief: string;
  readonly about: readonly string[];
  readonly commands: readonly Entry[];
}

/** A command by the verb that is best typed, with other spellings. Its definition is asked for when it is needed. */
export interface Entry {
  readonly verb: string;
  readonly aliases: readonly string[];
  readonly command: () => DocumentedCommand;
}

export const NOUNS: readonly Noun[] = [
  {
    name: 'images',
    aliases: ['image', 'i'],
    brief: 'Names for what the store holds',
    about: [
      'An image is a name for content: a manifest, or an index of one manifest a platform, with a configuration and layers below it.',
      'A name may be typed short: "busybox" finds "busybox", else "busybox:latest", else "docker.io/library/busybox:latest".',
    ],
    commands: [
      { verb: 'import', aliases: [], command: () => imagesImport },
      { verb: 'export', aliases: [], command: () => imagesExport },
      { verb: 'ls', aliases: ['list'], command: () => imagesList },
      { verb: 'rm', aliases: ['delete', 'del', 'remove'], command: () => imagesRemove },
      { verb: 'tag', aliases: [], command: () => imagesTag },
      { verb: 'label', aliases: [], command: () => imagesLabel },
      { verb: 'inspect', aliases: ['i'], command: () => imagesInspect },
      { verb: 'check', aliases: [], command: () => imagesCheck },
      { verb: 'usage', aliases: [], command: () => imagesUsage },
    ],
  },
  {
    name: 'content',
    aliases: [],
    brief: 'The blobs themselves, by digest',
    about: ['Blobs are manifests, configurations and layers; each is kept once, however many images use it.'],
    commands: [
      { verb: 'ls', aliases: ['list'], command: () => contentList },
      { verb: 'get', aliases: [], command: () => contentGet },
      { verb: 'ingest', aliases: [], command: () => contentIngest },
      { verb: 'active', aliases: [], command: () => contentActive },
      { verb: 'rm', aliases: ['delete', 'del', 'remove'], command: () => contentRemove },
      { verb: 'label', aliases: [], command: () => contentLabel },
      { verb: 'why', aliases: [], command: () => contentWhy },
      { verb: 'prune', aliases: [], command: () => contentPrune },
    ],
  },
  {
    name: 'leases',
    aliases: ['lease'],
    brief: 'What keeps content without a name',
    about: [
      'A lease keeps what is put under it until it is removed or expires. Imports and exports have one of their own while they run.',
    ],
    commands: [
      { verb: 'create', aliases: [], command: () => leasesCreate },
      { verb: 'ls', aliases: ['list'], command: () => leasesList },
      { verb: 'rm', aliases: ['delete', 'del', 'remove'], command: () => leasesRemove },
    ],
  },
  {
    name: 'namespaces',
    aliases: ['namespace', 'ns'],
    brief: 'Who shares the store without seeing the others',
    about: [
      'Each namespace has its own names, labels, leases and unfinished writes; bytes are on the disk once for all of them. Other commands work in the one that --namespace says.',
    ],
    commands: [
      { verb: 'create', aliases: ['c'], command: () => namespacesCreate },
      { verb: 'ls', aliases: ['list'], command: () => namespacesList },
      { verb: 'rm', aliases: ['remove'], command: () => namespacesRemove },
      { verb: 'label', aliases: [], command: () => namespacesLabel },
    ],
  },
];

/** Commands that stand by themselves. */
export const SINGLE: readonly Entry[] = [
  { verb: 'gc', aliases: [], command: () => gc },
  { verb: 'fsck', aliases: [], command: () => fsck },
  { verb: 'verify', aliases: [], command: () => verify },
  { verb: 'version', aliases: [], command: () => version },
];

/** Its verbs need no noun. */
const IMAGES = NOUNS[0]!;

const TOP_EXAMPLES: readonly Row[] = [
  ['import busybox.tar', 'import what an archive holds, under the names it has there'],
  ['images import foo/new:latest /tmp/busybox.tar', 'name what the archive calls "latest"'],
  ['images export /tmp/out.tar busybox', 'write an archive that every tool reads'],
  ['export - busybox | ssh host docker load', 'or pipe it on'],
  ['verify busybox.tar', 'check an archive, with no store at all'],
];

/**
 * The command that words begin with, and the words behind its name. Undefined if they name none, be it that they are
 * about several or wrong: then {@link buildRoutes} knows what to say.
 */
export function findCommand(
  words: readonly string[],
): { readonly command: DocumentedCommand; readonly rest: readonly string[] } | undefined {
  const noun = findNoun(words[0] ?? '');
  const word = words[noun ? 1 : 0] ?? '';
  const entries = noun ? noun.commands : [...IMAGES.commands, ...SINGLE];
  const entry = entries.find(({ verb, aliases }) => verb === word || aliases.includes(word));
  return entry && { command: entry.command(), rest: words.slice(noun ? 2 : 1) };
}

export function findNoun(word: string): Noun | undefined {
  return NOUNS.find(({ name, aliases }) => name === word || aliases.includes(word));
}

/** A tree of one command. */
export function buildRoute(verb: string, command: DocumentedCommand, paint: Paint): RouteMap<Context> {
  return buildRouteMap<string, Context>({
    routes: bare({ [verb]: withHelp(command, paint) }),
    docs: { brief: '' },
  });
}

/** The tree of everything that can be typed. */
export function buildRoutes(paint: Paint): RouteMap<Context> {
  const routes: Record<string, RouteMap<Context> | Command<Context>> = {};
  const aliases: Record<string, string> = {};
  for (const noun of NOUNS) {
    routes[noun.name] = nounRoutes(noun, paint);
    for (const alias of noun.aliases) aliases[alias] = noun.name;
  }
  for (const { verb, aliases: others, command } of IMAGES.commands) {
    routes[verb] = withHelp(command(), paint);
    for (const alias of others) if (!(alias in aliases)) aliases[alias] = verb;
  }
  for (const { verb, command } of SINGLE) routes[verb] = withHelp(command(), paint);
  const map = buildRouteMap<string, Context>({
    routes: bare(routes),
    aliases: bare(aliases),
    docs: { brief: '' },
  });
  return { ...map, formatHelp: () => topHelp(paint) };
}

function nounRoutes(noun: Noun, paint: Paint): RouteMap<Context> {
  const routes = Object.fromEntries(
    noun.commands.map(({ verb, command }) => [verb, withHelp(command(), paint)]),
  );
  const aliases = Object.fromEntries(
    noun.commands.flatMap(({ verb, aliases }) => aliases.map((alias) => [alias, verb])),
  );
  const map = buildRouteMap<string, Context>({
    routes: bare(routes),
    aliases: bare(aliases),
    docs: { brief: noun.brief },
  });
  return { ...map, formatHelp: () => nounHelp(noun, paint) };
}

function withHelp(command: DocumentedCommand, paint: Paint): DocumentedCommand {
  return { ...command, formatHelp: () => commandHelp(command, paint) };
}

/** Without a prototype, so that a command called `constructor` is as unknown as it should be. */
function bare<T>(record: Record<string, T>): Record<string, T> {
  return Object.assign(Object.create(null) as Record<string, T>, record);
}

function topHelp(paint: Paint): string {
  const sections: HelpSection[] = NOUNS.map((noun) => ({
    title: `${noun.brief} (stowage ${noun.name} ...)`,
    rows: commandRows(noun),
  }));
  sections.push(
    { title: 'Others', rows: SINGLE.map(({ verb, command }): Row => [verb, command().help.brief]) },
    { title: 'Flags that every command takes, before or after it', rows: globalFlagRows() },
  );
  return groupHelp(
    {
      usage: 'stowage [flags] <noun> <verb> [arguments]',
      about: ['Keeps container images, and moves them in and out as archives, without a daemon.'],
      sections,
    },
    TOP_EXAMPLES,
    'The verbs of images work without the noun, too: stowage import x.tar. ' +
      'For more on one command: stowage images import --help',
    paint,
  );
}

function nounHelp(noun: Noun, paint: Paint): string {
  const spelling = noun.aliases.length === 0 ? '' : `Also: stowage ${noun.aliases.join(', stowage ')}. `;
  return groupHelp(
    {
      usage: `stowage ${noun.name} <verb> [arguments]`,
      about: noun.about,
      sections: [{ title: 'Commands', rows: commandRows(noun) }],
    },
    [],
    `${spelling}For more on one command: stowage ${noun.name} ${noun.commands[0]!.verb} --help`,
    paint,
  );
}

function commandRows(noun: Noun): Row[] {
  return noun.commands.map(({ verb, aliases, command }) => {
    const others = aliases.length === 0 ? '' : ` (also: ${aliases.join(', ')})`;
    return [verb, `${command().help.brief}${others}`];
  });
}
