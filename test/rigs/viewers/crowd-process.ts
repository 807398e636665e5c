import { Crowd } from './crowd.ts';
import type { FromCrowd, ToCrowd } from './crowd-messages.ts';

/** The process of the viewers who misbehave, apart from the ones who are measured. */

let crowd: Crowd | undefined;

process.on('message', async (message: ToCrowd) => {
  if (message.kind === 'misbehave') {
    crowd = new Crowd(message.plan);
    await crowd.misbehave();
    tell({ kind: 'is-there' });
    return;
  }
  const outcome = await crowd?.readOn(message.last);
  if (outcome !== undefined) tell({ kind: 'has-read', ...outcome });
});
process.on('disconnect', () => process.exit());

function tell(message: FromCrowd): void {
  process.send?.(message);
}
