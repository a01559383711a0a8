/** Help texts, made from the command definitions; they fit the width they are painted for. */
import type { Paint } from './color.js';
import type { DocumentedCommand } from './command.js';
import { GLOBAL_FLAGS } from './globals.js';

/** One row of a list: a term, and what it means. */
export type Row = readonly [term: string, text: string];

export interface HelpSection {
  readonly title: string;
  readonly rows: readonly Row[];
}

export function commandHelp({ help, parameters }: DocumentedCommand, paint: Paint): string {
  const usage = help.usage.map((form) => `stowage ${help.path} ${form}`.trimEnd());
  const flags = flagRows(parameters.flags ?? {}, parameters.aliases ?? {});
  const blocks = [
    usage.map((line, index) => `${index === 0 ? paint.bold('Usage: ') : '       '}${line}`).join('\n'),
    wrap(`${help.brief}.`, 0, paint.width),
    ...(help.about ?? []).map((paragraph) => wrap(paragraph, 0, paint.width)),
    ...section({ title: 'Arguments', rows: help.arguments ?? [] }, paint),
    ...section({ title: 'Flags', rows: flags }, paint),
    [
      paint.bold('Examples:'),
      ...help.examples.flatMap(([line, does]) => [`  # ${does}`, `  stowage ${line}`]),
    ].join('\n'),
    footer(help.shortcuts ?? [], ignoredFlags(parameters.flags ?? {}), paint),
  ];
  return `${blocks.join('\n\n')}\n`;
}

/** Help of a group of commands. */
export function groupHelp(
  group: {
    readonly usage: string;
    readonly about: readonly string[];
    readonly sections: readonly HelpSection[];
  },
  examples: readonly Row[],
  last: string,
  paint: Paint,
): string {
  const blocks = [
    `${paint.bold('Usage: ')}${group.usage}`,
    ...group.about.map((paragraph) => wrap(paragraph, 0, paint.width)),
    ...group.sections.flatMap((each) => section(each, paint)),
    ...(examples.length === 0
      ? []
      : [
          [
            paint.bold('Examples:'),
            ...examples.flatMap(([line, does]) => [`  # ${does}`, `  stowage ${line}`]),
          ].join('\n'),
        ]),
    wrap(last, 0, paint.width),
  ];
  return `${blocks.join('\n\n')}\n`;
}

/** The flags of a command that are worth showing. */
export function flagRows(flags: FlagMap, aliases: Readonly<Partial<Record<string, string>>>): Row[] {
  const shortOf = new Map(Object.entries(aliases).map(([short, name]) => [name, short]));
  return Object.entries(flags)
    .filter(([, flag]) => flag.hidden !== true)
    .map(([name, flag]): Row => {
      const short = shortOf.get(name);
      const value = flag.kind === 'boolean' ? '' : ` ${flag.placeholder ?? 'VALUE'}`;
      return [`${short === undefined ? '    ' : `-${short}, `}${longName(name)}${value}`, flag.brief];
    });
}

/** The flags of a command that are worth suggesting. */
export function flagNames(flags: FlagMap): string[] {
  return Object.entries(flags)
    .filter(([, flag]) => flag.hidden !== true)
    .map(([name]) => longName(name));
}

/** The flags that are accepted for the sake of scripts written for `ctr`. */
export function ignoredFlags(flags: FlagMap): string[] {
  return Object.entries(flags)
    .filter(([, flag]) => flag.hidden === true)
    .map(([name]) => longName(name));
}

type FlagMap = Readonly<
  Record<
    string,
    {
      readonly kind: string;
      readonly brief: string;
      readonly hidden?: boolean;
      readonly placeholder?: string;
    }
  >
>;

export function globalFlagRows(): Row[] {
  return GLOBAL_FLAGS.map(({ short, long, placeholder, brief }): Row => {
    const value = placeholder === undefined ? '' : ` ${placeholder}`;
    return [`${short === undefined ? '    ' : `${short}, `}${long}${value}`, brief];
  });
}

function section({ title, rows }: HelpSection, paint: Paint): string[] {
  if (rows.length === 0) return [];
  // About a third, so that there is room for what terms mean.
  const limit = Math.round(0.35 * paint.width);
  const indent = 2 + Math.min(limit, Math.max(...rows.map(([term]) => term.length))) + 2;
  const lines = rows.map(([term, text]) => {
    const body = wrap(text, indent, paint.width);
    // A term too long for its column gets a line of its own.
    return term.length + 4 > indent
      ? `  ${term}\n${' '.repeat(indent)}${body}`
      : `  ${term.padEnd(indent - 2)}${body}`;
  });
  return [[paint.bold(wrap(`${title}:`, 0, paint.width)), ...lines].join('\n')];
}

function footer(shortcuts: readonly string[], ignored: readonly string[], paint: Paint): string {
  const lines = [];
  if (shortcuts.length > 0) lines.push(`Also: ${shortcuts.map((path) => `stowage ${path}`).join(', ')}.`);
  if (ignored.length > 0)
    lines.push(`Accepted for scripts written for ctr, without effect: ${ignored.join(', ')}.`);
  lines.push('Flags that every command takes, such as --root, -n and --json: stowage --help');
  return lines.map((line) => wrap(line, 0, paint.width)).join('\n');
}

/** Breaks at spaces; every line but the first is indented. */
function wrap(text: string, indent: number, width: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent + line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines.join(`\n${' '.repeat(indent)}`);
}

/** `--base-name` of `baseName`. */
export function longName(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
