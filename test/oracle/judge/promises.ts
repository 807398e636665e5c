import type { Told } from '../actors/ledger.ts';
import type { ModelChange, StoredEntry } from '../model/history.ts';
import type { Evidence } from './evidence.ts';

/** Whether what bots were told is so: invariants 1 and 8. */
export function judgePromises(evidence: Evidence): string[] {
  const { ledger, stored, plan } = evidence;
  const copies = copiesOf(stored.events);
  const findings = [...ledger.faults, ...(plan.isLossless ? ledger.moved : [])];
  for (const told of ledger.entries) {
    const ids = copies[told.field].get(told.marker) ?? [];
    findings.push(...judgeOne(evidence, told, ids));
  }
  return findings;
}

function judgeOne(evidence: Evidence, told: Told, ids: readonly string[]): string[] {
  const { plan, settledAtMs, history } = evidence;
  const { marker, via, outcome, id, isFinal = true, atMs = 0 } = told;
  const isSure = plan.isLossless || atMs > settledAtMs;
  const findings: string[] = [];
  if (outcome === 'confirmed' && isSure && !ids.includes(id ?? '')) {
    findings.push(`${marker} was confirmed as ${id}, which is not in the stream`);
  }
  // A server may still try what it was asked before a loss, and what is known of projects is gone then.
  if (outcome === 'refused' && isFinal && plan.isLossless && ids.length > 0) {
    findings.push(`${marker} was refused and is there`);
  }
  if (outcome === 'unknown' && via !== 'raw') findings.push(`${marker} was never answered`);
  if (via === 'http' && ids.length > 1) {
    findings.push(`${marker} was posted and is there ${ids.length} times: ${ids.join(', ')}`);
  }
  const applied = ids.filter((one) => isOwn(history.changeAt(one)));
  if (via === 'package' && applied.length > 1) {
    findings.push(`${marker} was applied ${applied.length} times: ${applied.join(', ')}`);
  }
  return findings;
}

/** Of an execution that only this bot writes to: others may push a copy out of what is remembered. */
function isOwn(change: ModelChange | undefined): boolean {
  return change !== undefined && !change.item.executionId.startsWith('shared-');
}

type Copies = Record<Told['field'], Map<string, string[]>>;

/** The ids of all entries that carry a marker, by the field that carries it. */
function copiesOf(events: readonly StoredEntry[]): Copies {
  const copies: Copies = { eventId: new Map(), marker: new Map(), message: new Map() };
  for (const { id, pairs } of events) {
    for (let i = 0; i + 1 < pairs.length; i += 2) {
      const field = String(pairs[i]);
      if (field !== 'eventId' && field !== 'marker' && field !== 'message') continue;
      const text = String(pairs[i + 1]);
      const ids = copies[field].get(text);
      if (ids === undefined) copies[field].set(text, [id]);
      else ids.push(id);
    }
  }
  return copies;
}
