/** What an import writes beside blobs: names and labels. */
import type { ContentStore, Labels } from '../content/store.js';
import { assignNames, type NameOutcome, type WantedName } from '../images/put-names.js';
import type { Store } from '../images/store.js';
import { GC_REF_CONTENT } from '../oci/children.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import type { ImportOptions } from './import-options.js';
import { policyFor, type PlannedImage } from './import-plan-image.js';
import type { ImportPlan } from './import-plan.js';
import type { PlannedReferrer } from './import-referrers.js';

/** The names an import assigns, in the order of `images`: of all that is neither skipped nor refused. */
export function wantedNames(
  images: readonly PlannedImage[],
  plan: ImportPlan,
  options: ImportOptions,
): readonly WantedName[] {
  const holding = options.allBlobs === true ? holdingLabels(plan.others) : {};
  return images.filter(isNamed).map((image): WantedName => {
    const { name, target } = image;
    return { name, target, policy: policyFor(image, options), labels: { ...options.labels, ...holding } };
  });
}

/** Names everything that is neither skipped nor refused, in one step. */
export async function nameImages(
  view: Store,
  images: readonly PlannedImage[],
  plan: ImportPlan,
  options: ImportOptions,
): Promise<ReadonlyMap<PlannedImage, NameOutcome>> {
  const assigned = await assignNames(view.images, wantedNames(images, plan, options), options);
  const outcomes = new Map(
    images.filter(isNamed).flatMap((image, at) => {
      const outcome = assigned[at];
      return outcome === undefined ? [] : [[image, outcome] as const];
    }),
  );
  for (const image of images) {
    const { name, target, outcome, previous } = image;
    if (outcome === 'skipped') outcomes.set(image, { name, target, outcome, ...(previous && { previous }) });
  }
  return outcomes;
}

function isNamed({ outcome, problem }: PlannedImage): boolean {
  return outcome !== 'skipped' && problem === undefined;
}

/** On an image record, these keep what nothing else refers to. */
function holdingLabels(blobs: readonly Descriptor[]): Labels {
  return Object.fromEntries(blobs.map(({ digest }, at) => [`${GC_REF_CONTENT}.unreferenced.${at}`, digest]));
}

/** Labels the store does not have yet, so that repeating an import writes nothing. */
export async function lackingLabels(
  store: ContentStore,
  plan: ImportPlan,
  options: ImportOptions,
): Promise<ReadonlyMap<Digest, Labels>> {
  const lacking = new Map<Digest, Labels>();
  for (const [digest, wanted] of plan.labels) {
    const present = (await store.info(digest, options))?.labels ?? {};
    const entries = Object.entries(wanted).filter(([key, value]) => present[key] !== value);
    if (entries.length > 0) lacking.set(digest, Object.fromEntries(entries));
  }
  return lacking;
}

/** What the store had before learns of what refers to it; everything else got its labels as it was moved. */
export async function labelSubjects(
  store: ContentStore,
  labels: ReadonlyMap<Digest, Labels>,
  moved: readonly Descriptor[],
  referrers: readonly PlannedReferrer[],
  options: ImportOptions,
): Promise<void> {
  const done = new Set(moved.map(({ digest }) => digest));
  for (const { subject, state } of referrers) {
    const lacking = labels.get(subject);
    if (state !== 'complete' || lacking === undefined || done.has(subject)) continue;
    await store.setLabels(subject, lacking, options);
    done.add(subject);
  }
}
