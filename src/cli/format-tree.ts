import type { ImageRecord } from '../images/store.js';
import type { TreeNode } from './image-tree.js';
import { sortLabels } from './labels.js';
import { printable } from './printable.js';

/** What a line begins with, below everything above it. */
const BRANCH = { middle: '├── ', last: '└── ', pass: '│   ', none: '    ' } as const;
const BOX = {
  labels: '┌────────Labels─────────',
  content: '┌────────Content────────',
  end: '└───────────────────────',
} as const;

/** An image as the tree of spec 9.4, labels sorted and times in UTC. */
export function formatTree(record: ImageRecord, tree: TreeNode): string {
  const lines = [record.name];
  const detail = `${BRANCH.pass} `;
  lines.push(`${detail}Created: ${record.createdAt.toISOString()}`);
  lines.push(`${detail}Updated: ${record.updatedAt.toISOString()}`);
  for (const [key, value] of Object.entries(sortLabels(record.labels))) {
    lines.push(`${detail}Label ${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  }
  addNode(lines, tree, '', true);
  return lines.map((line) => `${printable(line)}\n`).join('');
}

function addNode(lines: string[], node: TreeNode, prefix: string, isLast: boolean): void {
  lines.push(
    `${prefix}${isLast ? BRANCH.last : BRANCH.middle}${node.mediaType} @${node.digest} (${node.size} bytes)`,
  );
  const below = prefix + (isLast ? BRANCH.none : BRANCH.pass);
  const detail = below + (node.children.length > 0 ? BRANCH.pass : BRANCH.none);
  if (node.platform !== undefined) lines.push(`${detail} Platform: ${node.platform}`);
  if (!node.present) lines.push(`${below}${BRANCH.last} Content does not exist locally, skipping`);
  addBoxes(lines, node, detail);
  node.children.forEach((child, index) => addNode(lines, child, below, index === node.children.length - 1));
}

function addBoxes(lines: string[], { labels, content }: TreeNode, prefix: string): void {
  const entries = Object.entries(labels ?? {});
  if (entries.length > 0) {
    const rows = entries.map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`);
    addBox(lines, prefix, BOX.labels, rows);
  }
  if (content !== undefined) addBox(lines, prefix, BOX.content, JSON.stringify(content, null, 3).split('\n'));
}

function addBox(lines: string[], prefix: string, head: string, rows: readonly string[]): void {
  lines.push(`${prefix}${head}`, ...rows.map((row) => `${prefix}│${row}`), `${prefix}${BOX.end}`);
}
