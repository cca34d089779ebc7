/**
 * Counts shares off the page's thread: one of several, all on the module that the coordinator has fetched and hashed. It
 * fetches public files of its own origin only and sends nothing.
 */
import { count, initSync } from '$lib/wasm/verifier.js';
import { ownEvidence } from '../evidence';
import type { CountingAnswer, CountingOrder } from '../pool';

const evidence = ownEvidence({
	fetched: (bytes, files) => tell({ type: 'fetched', bytes, files }),
	interrupted: (message) => tell({ type: 'interrupted', message })
});

self.onmessage = ({ data }: MessageEvent<CountingOrder>) => {
	if (data.type === 'start') {
		initSync({ module: data.module });
		return;
	}
	const { id, task } = data;
	count(evidence, task).then(
		(counted) => tell({ type: 'counted', id, counted }),
		(thrown: unknown) => tell({ type: 'failed', id, message: thrown instanceof Error ? thrown.message : String(thrown) })
	);
};

function tell(answer: CountingAnswer) {
	self.postMessage(answer);
}
